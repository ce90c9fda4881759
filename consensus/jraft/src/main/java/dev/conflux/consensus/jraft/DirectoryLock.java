package dev.conflux.consensus.jraft;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Keeps a second process out of a data directory. Released by {@link #close} or by the end of the process. */
final class DirectoryLock implements AutoCloseable {

    static final String FILE = "lock";

    private final FileChannel channel;
    private final FileLock lock;

    private DirectoryLock(FileChannel channel, FileLock lock) {
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Takes the lock.
     *
     * @throws IdentityException when somebody else holds it
     */
    static DirectoryLock acquire(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // Held by another node in this JVM: the same refusal.
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
        if (lock == null) {
            throw new IdentityException("data directory " + directory + " is in use by " + holder(file)
                    + "; two processes on one directory would destroy it");
        }
        channel.truncate(0);
        channel.write(
                ByteBuffer.wrap(Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
        channel.force(false);
        return new DirectoryLock(channel, lock);
    }

    /**
     * Keeps every process from acquiring, without writing anything; several may share.
     *
     * @return null when there is no lock file: nobody has ever acquired, as in most copies
     * @throws IdentityException when somebody has acquired
     */
    static @Nullable DirectoryLock share(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        FileLock lock = null;
        try {
            lock = channel.tryLock(0, Long.MAX_VALUE, true);
        } catch (OverlappingFileLockException e) {
            // Held by a node in this JVM: the same refusal.
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
        if (lock == null) {
            throw new IdentityException(
                    "data directory " + directory + " is in use by " + holder(file) + "; stop it, or read a copy");
        }
        return new DirectoryLock(channel, lock);
    }

    private static String holder(Path file) {
        try {
            String pid = Files.readString(file).trim();
            if (!pid.isEmpty()) {
                return "process " + pid;
            }
        } catch (IOException e) {
            // The pid is a courtesy.
        }
        return "another process";
    }

    @Override
    public void close() throws IOException {
        lock.release();
        channel.close();
    }
}
