/*
 * Preloaded into a process: while the file $FAIL_FLAG exists, fsync, fdatasync and msync fail with EIO for files whose
 * path contains $FAIL_PATH, as on a disk that has lost what it was given to write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int on(void) {
    const char *flag = getenv("FAIL_FLAG");
    return flag && getenv("FAIL_PATH") && access(flag, F_OK) == 0;
}

static int failing(int fd) {
    char link[64], path[4096];
    if (!on()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, getenv("FAIL_PATH")) != NULL;
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    if (failing(fd)) { errno = EIO; return -1; }
    return real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    if (failing(fd)) { errno = EIO; return -1; }
    return real(fd);
}

/* The only mapping that is ever synced is the high-water mark. */
int msync(void *address, size_t length, int flags) {
    int (*real)(void *, size_t, int) = dlsym(RTLD_NEXT, "msync");
    if (on() && strcmp(getenv("FAIL_PATH"), "/high-water") == 0) { errno = EIO; return -1; }
    return real(address, length, flags);
}
