package dev.conflux.qa.bench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Base64;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/**
 * What a generator measured at one concurrency.
 *
 * @param nanos how long
 * @param latencies in nanoseconds
 */
record Level(int concurrency, long operations, long errors, long nanos, Histogram latencies) {

    private static final long LEAST_OPERATIONS = 2;

    private static final Duration PATIENCE = Duration.ofSeconds(40);

    /** Nanoseconds up to a minute in steps of 1 ‰: nothing here waits longer. */
    static Histogram histogram() {
        return new Histogram(Duration.ofMinutes(1).toNanos(), 3);
    }

    /**
     * Whether a generator's connection has measured enough. Usually that is when the time is over; on a starved machine
     * it goes on until there is something to report, within bounds.
     */
    static boolean isOver(long now, long end, Histogram latencies) {
        return now >= end && (latencies.getTotalCount() >= LEAST_OPERATIONS || now >= end + PATIENCE.toNanos());
    }

    double perSecond() {
        return operations * 1e9 / nanos;
    }

    double percentileMillis(double percentile) {
        return latencies.getValueAtPercentile(percentile) / 1e6;
    }

    double maxMillis() {
        return latencies.getMaxValue() / 1e6;
    }

    /** One line, for the way from the generator's process to the benchmark's. */
    String encode() {
        ByteBuffer buffer = ByteBuffer.allocate(latencies.getNeededByteBufferCapacity());
        int length = latencies.encodeIntoCompressedByteBuffer(buffer);
        byte[] bytes = new byte[length];
        buffer.flip();
        buffer.get(bytes, 0, Math.min(length, buffer.remaining()));
        return concurrency + " " + operations + " " + errors + " " + nanos + " "
                + Base64.getEncoder().encodeToString(bytes);
    }

    static Level decode(String line) {
        String[] fields = line.split(" ", -1);
        try {
            return new Level(
                    Integer.parseInt(fields[0]),
                    Long.parseLong(fields[1]),
                    Long.parseLong(fields[2]),
                    Long.parseLong(fields[3]),
                    Histogram.decodeFromCompressedByteBuffer(
                            ByteBuffer.wrap(Base64.getDecoder().decode(fields[4])), 0));
        } catch (DataFormatException e) {
            throw new BenchException("a generator's answer cannot be read", e);
        }
    }
}
