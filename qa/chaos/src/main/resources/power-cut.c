/*
 * Preloaded into a node: notes for every file how long it was when it was last made durable, in a file named by its
 * inode under POWER_CUT_DIR. A harness that kills the node cuts each file back to that length: what a power failure
 * leaves of files that are only appended to.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int noted(int fd, const char *name) {
    int (*sync)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    struct stat before; /* what is written while it is being synced need not be durable */
    const char *directory = getenv("POWER_CUT_DIR");
    int watched = directory != NULL && fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
    int result = sync(fd);
    if (watched && result == 0) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%llu", directory, (unsigned long long) before.st_ino);
        int note = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (note >= 0) {
            char text[32];
            int length = snprintf(text, sizeof text, "%020llu", (unsigned long long) before.st_size);
            if (pwrite(note, text, (size_t) length, 0) != length) {
                abort();
            }
            close(note);
        }
    }
    return result;
}

int fsync(int fd) {
    return noted(fd, "fsync");
}

int fdatasync(int fd) {
    return noted(fd, "fdatasync");
}
