package dev.conflux.consensus.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Records a history while it happens, append-only. Any thread may call any method at any time. Each record reaches the
 * operating system in one write before the method returns: when this process is killed, everything recorded before is in
 * the file, and an operation under way is there as a call without a return. Nothing is synced: a history need not
 * survive the machine.
 */
public final class HistoryWriter implements AutoCloseable {

    private final FileChannel file;
    private final LongSupplier nanoClock;
    private final AtomicLong lastId = new AtomicLong();

    /** Creates the file, which must not exist, with {@link System#nanoTime} as its clock. */
    public HistoryWriter(Path path) throws IOException {
        this(path, System::nanoTime);
    }

    /** As {@link #HistoryWriter(Path)} with another clock. */
    public HistoryWriter(Path path, LongSupplier nanoClock) throws IOException {
        this.nanoClock = nanoClock;
        file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        write(ByteBuffer.wrap(HistoryFile.MAGIC));
    }

    /**
     * Records that an operation is about to be sent. Send it afterwards, then tell the returned call how it ended.
     *
     * @param process the client; it must not have another operation under way
     * @param node who is asked
     */
    public Call call(int process, Operation.Kind kind, List<String> keys, List<Long> args, int node) {
        long id;
        long now;
        var out = new HistoryFile.Output();
        synchronized (file) {
            // Ids, times and places in the file agree in their order.
            id = lastId.incrementAndGet();
            now = nanoClock.getAsLong();
            out.call(id, process, kind, keys, args, now, node);
            write(out.frame());
        }
        return new Call(id, kind, keys.size(), node);
    }

    public void frame(WatchFrame frame) {
        var out = new HistoryFile.Output();
        out.frame(frame);
        append(out);
    }

    public void log(NodeLog log) {
        var out = new HistoryFile.Output();
        out.log(log);
        append(out);
    }

    public void membership(Membership membership) {
        var out = new HistoryFile.Output();
        out.membership(membership);
        append(out);
    }

    /** Records a fault once it has been healed, or at the end. */
    public void fault(Fault fault) {
        var out = new HistoryFile.Output();
        out.fault(fault);
        append(out);
    }

    /** The time, by the clock of this history. */
    public long nanos() {
        return nanoClock.getAsLong();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private void append(HistoryFile.Output out) {
        synchronized (file) {
            write(out.frame());
        }
    }

    private void write(ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the history cannot be written: a run without it proves nothing", e);
        }
    }

    /** An operation under way. Exactly one of its methods is called, once; a call that is never told is unknown. */
    public final class Call {

        private final long id;
        private final Operation.Kind kind;
        private final int keys;
        private final int node;
        private final AtomicBoolean ended = new AtomicBoolean();

        private Call(long id, Operation.Kind kind, int keys, int node) {
            this.id = id;
            this.kind = kind;
            this.keys = keys;
            this.node = node;
        }

        public long id() {
            return id;
        }

        /** See {@link Operation} for the parameters; {@code node} is who answered. */
        public void ok(List<Long> results, long revision, long term, int node) {
            if (results.size() != kind.resultsPerKey * keys) {
                throw new IllegalArgumentException("results of operation " + id + ": " + results.size() + " (expected: "
                        + kind.resultsPerKey + " per key, " + keys + " keys)");
            }
            end(Operation.Status.OK, results, revision, term, node);
        }

        /** It certainly had no effect and never will. */
        public void fail() {
            end(Operation.Status.FAIL, List.of(), 0, 0, node);
        }

        /** It may have had its effect, or may have it yet. */
        public void unknown() {
            end(Operation.Status.UNKNOWN, List.of(), 0, 0, node);
        }

        private void end(Operation.Status status, List<Long> results, long revision, long term, int answeredBy) {
            if (ended.getAndSet(true)) {
                throw new IllegalStateException("operation " + id + " has ended already");
            }
            var out = new HistoryFile.Output();
            synchronized (file) {
                out.end(id, status, results, nanoClock.getAsLong(), revision, term, answeredBy);
                write(out.frame());
            }
        }
    }
}
