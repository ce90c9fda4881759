package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.HdrHistogram.Histogram;

/** The physical limit: how often this disk makes 4 KiB at the end of a growing file durable. */
final class DiskProbe {

    private static final int BLOCK = 4096;

    private DiskProbe() {}

    /** @param streams files at once, each with a thread; three is what three nodes on one disk do */
    static Level run(Path directory, int streams, Duration duration) throws IOException, InterruptedException {
        Files.createDirectories(directory);
        long end = System.nanoTime() + duration.toNanos();
        try (var executor = Executors.newFixedThreadPool(streams)) {
            var tasks = new ArrayList<Callable<Histogram>>();
            for (int i = 0; i < streams; i++) {
                Path file = directory.resolve("probe-" + i);
                tasks.add(() -> append(file, end));
            }
            Histogram latencies = Level.histogram();
            for (Future<Histogram> task : executor.invokeAll(tasks)) {
                latencies.add(task.get());
            }
            return new Level(streams, latencies.getTotalCount(), 0, duration.toNanos(), latencies);
        } catch (ExecutionException e) {
            throw new BenchException("the disk cannot be probed in " + directory, e.getCause());
        }
    }

    private static Histogram append(Path file, long end) throws IOException {
        Histogram latencies = Level.histogram();
        ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
        byte[] random = new byte[BLOCK];
        new SplittableRandom(2).nextBytes(random);
        block.put(random);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            while (System.nanoTime() < end) {
                long start = System.nanoTime();
                block.clear();
                channel.write(block);
                channel.force(false); // fdatasync
                latencies.recordValue(System.nanoTime() - start);
            }
        }
        Files.delete(file);
        return latencies;
    }
}
