package dev.conflux.consensus.testkit;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The file: a magic of eight bytes, then records {length (4), CRC-32C of the body (4), body}. A body begins with its
 * type. Integers are big-endian.
 */
final class HistoryFile {

    static final byte[] MAGIC = "CFXHIST1".getBytes(StandardCharsets.US_ASCII);

    /** Longer than any record that is written: a dumped log of a million changes takes 40 MB. */
    private static final int MAX_RECORD_BYTES = 1 << 29;

    private static final byte CALL = 1;
    private static final byte END = 2;
    private static final byte FRAME = 3;
    private static final byte LOG = 4;
    private static final byte MEMBERSHIP = 5;
    private static final byte FAULT = 6;

    private static final int HEADER_BYTES = 8;

    private HistoryFile() {}

    /** One record being made. */
    static final class Output {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
        private final DataOutputStream out = new DataOutputStream(bytes);

        Output() {
            bytes.writeBytes(new byte[HEADER_BYTES]);
        }

        void call(
                long id,
                int process,
                Operation.Kind kind,
                List<String> keys,
                List<Long> args,
                long callNanos,
                int node) {
            write(() -> {
                out.writeByte(CALL);
                out.writeLong(id);
                out.writeInt(process);
                out.writeByte(kind.tag);
                strings(keys);
                longs(args);
                out.writeLong(callNanos);
                out.writeInt(node);
            });
        }

        void end(
                long id,
                Operation.Status status,
                List<Long> results,
                long returnNanos,
                long revision,
                long term,
                int node) {
            write(() -> {
                out.writeByte(END);
                out.writeLong(id);
                out.writeByte(status.tag);
                longs(results);
                out.writeLong(returnNanos);
                out.writeLong(revision);
                out.writeLong(term);
                out.writeInt(node);
            });
        }

        void frame(WatchFrame frame) {
            write(() -> {
                out.writeByte(FRAME);
                out.writeInt(frame.watcher());
                out.writeInt(frame.node());
                out.writeLong(frame.nanos());
                out.writeByte(frame.kind().tag);
                out.writeLong(frame.revision());
                strings(frame.keys());
                changes(frame.changes());
            });
        }

        void log(NodeLog log) {
            write(() -> {
                out.writeByte(LOG);
                out.writeInt(log.node());
                out.writeLong(log.afterRevision());
                out.writeLong(log.lastRevision());
                changes(log.changes());
            });
        }

        void membership(Membership membership) {
            write(() -> {
                out.writeByte(MEMBERSHIP);
                out.writeInt(membership.node());
                out.writeLong(membership.index());
                strings(membership.voters());
                strings(membership.learners());
            });
        }

        void fault(Fault fault) {
            write(() -> {
                out.writeByte(FAULT);
                out.writeUTF(fault.name());
                out.writeInt(fault.nodes().size());
                for (int node : fault.nodes()) {
                    out.writeInt(node);
                }
                out.writeLong(fault.startNanos());
                out.writeLong(fault.endNanos());
                out.writeUTF(fault.detail());
            });
        }

        ByteBuffer frame() {
            byte[] all = bytes.toByteArray();
            var crc = new CRC32C();
            crc.update(all, HEADER_BYTES, all.length - HEADER_BYTES);
            return ByteBuffer.wrap(all).putInt(0, all.length - HEADER_BYTES).putInt(4, (int) crc.getValue());
        }

        private void strings(List<String> values) throws IOException {
            out.writeInt(values.size());
            for (String value : values) {
                out.writeUTF(value);
            }
        }

        private void longs(List<Long> values) throws IOException {
            out.writeInt(values.size());
            for (long value : values) {
                out.writeLong(value);
            }
        }

        private void changes(List<Change> changes) throws IOException {
            out.writeInt(changes.size());
            for (Change change : changes) {
                out.writeLong(change.revision());
                out.writeUTF(change.key());
                out.writeLong(change.value());
            }
        }

        private static void write(Body body) {
            try {
                body.write();
            } catch (IOException e) {
                throw new UncheckedIOException("a key or detail is too long for a history", e);
            }
        }

        private interface Body {
            void write() throws IOException;
        }
    }

    static History read(Path path) throws IOException {
        var reader = new Reader();
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(path), 1 << 16))) {
            if (!Arrays.equals(in.readNBytes(MAGIC.length), MAGIC)) {
                throw new IOException(path + " (expected: a history, which begins with CFXHIST1)");
            }
            for (long position = MAGIC.length; ; ) {
                byte[] header = in.readNBytes(HEADER_BYTES);
                if (header.length < HEADER_BYTES) {
                    break;
                }
                int length = ByteBuffer.wrap(header).getInt(0);
                if (length < 1 || length > MAX_RECORD_BYTES) {
                    throw new IOException(path + " is damaged at byte " + position + ": a record of " + length
                            + " bytes (expected: 1 to " + MAX_RECORD_BYTES + ")");
                }
                byte[] body = in.readNBytes(length);
                if (body.length < length) {
                    break;
                }
                var crc = new CRC32C();
                crc.update(body);
                if ((int) crc.getValue() != ByteBuffer.wrap(header).getInt(4)) {
                    throw new IOException(path + " is damaged at byte " + position + ": checksum differs");
                }
                reader.record(body);
                position += HEADER_BYTES + length;
            }
        } catch (EOFException e) {
            throw new IOException(path + " is damaged: a record is shorter than it says", e);
        }
        return reader.history();
    }

    /** Calls wait here for their returns. */
    private static final class Reader {

        private record Call(
                long id,
                int process,
                Operation.Kind kind,
                List<String> keys,
                List<Long> args,
                long callNanos,
                int node) {}

        private final Map<Long, Call> open = new HashMap<>();
        private final Map<String, String> names = new HashMap<>();
        private final List<Operation> operations = new ArrayList<>();
        private final List<WatchFrame> frames = new ArrayList<>();
        private final List<NodeLog> logs = new ArrayList<>();
        private final List<Membership> memberships = new ArrayList<>();
        private final List<Fault> faults = new ArrayList<>();

        void record(byte[] body) throws IOException {
            var in = new DataInputStream(new ByteArrayInputStream(body));
            byte type = in.readByte();
            switch (type) {
                case CALL -> {
                    var call = new Call(
                            in.readLong(),
                            in.readInt(),
                            kind(in.readByte()),
                            strings(in),
                            longs(in),
                            in.readLong(),
                            in.readInt());
                    open.put(call.id, call);
                }
                case END -> end(in);
                case FRAME ->
                    frames.add(new WatchFrame(
                            in.readInt(),
                            in.readInt(),
                            in.readLong(),
                            frameKind(in.readByte()),
                            in.readLong(),
                            strings(in),
                            changes(in)));
                case LOG -> logs.add(new NodeLog(in.readInt(), in.readLong(), in.readLong(), changes(in)));
                case MEMBERSHIP ->
                    memberships.add(new Membership(in.readInt(), in.readLong(), strings(in), strings(in)));
                case FAULT -> {
                    String name = in.readUTF();
                    var nodes = new ArrayList<Integer>();
                    for (int left = in.readInt(); left > 0; left--) {
                        nodes.add(in.readInt());
                    }
                    faults.add(new Fault(name, nodes, in.readLong(), in.readLong(), in.readUTF()));
                }
                default -> throw new IOException("record type: " + type + " (expected: 1 to 6)");
            }
        }

        private void end(DataInputStream in) throws IOException {
            long id = in.readLong();
            Call call = open.remove(id);
            if (call == null) {
                throw new IOException("operation " + id + " returns without a call");
            }
            Operation.Status status = status(in.readByte());
            List<Long> results = longs(in);
            long returned = in.readLong();
            operations.add(new Operation(
                    id,
                    call.process,
                    call.kind,
                    call.keys,
                    call.args,
                    results,
                    call.callNanos,
                    status == Operation.Status.UNKNOWN ? Operation.NEVER : returned,
                    status,
                    in.readLong(),
                    in.readLong(),
                    in.readInt()));
        }

        History history() {
            for (Call call : open.values()) {
                operations.add(new Operation(
                        call.id,
                        call.process,
                        call.kind,
                        call.keys,
                        call.args,
                        List.of(),
                        call.callNanos,
                        Operation.NEVER,
                        Operation.Status.UNKNOWN,
                        0,
                        0,
                        call.node));
            }
            operations.sort(Comparator.comparingLong(Operation::id));
            return new History(operations, frames, logs, memberships, faults);
        }

        private List<String> strings(DataInputStream in) throws IOException {
            String[] values = new String[in.readInt()];
            for (int i = 0; i < values.length; i++) {
                values[i] = name(in);
            }
            return List.of(values);
        }

        private String name(DataInputStream in) throws IOException {
            return names.computeIfAbsent(in.readUTF(), name -> name);
        }

        private static List<Long> longs(DataInputStream in) throws IOException {
            Long[] values = new Long[in.readInt()];
            for (int i = 0; i < values.length; i++) {
                values[i] = in.readLong();
            }
            return List.of(values);
        }

        private List<Change> changes(DataInputStream in) throws IOException {
            int count = in.readInt();
            var changes = new ArrayList<Change>(count);
            for (int i = 0; i < count; i++) {
                changes.add(new Change(in.readLong(), name(in), in.readLong()));
            }
            return changes;
        }

        private static Operation.Kind kind(byte tag) throws IOException {
            for (Operation.Kind kind : Operation.Kind.values()) {
                if (kind.tag == tag) {
                    return kind;
                }
            }
            throw new IOException("operation kind: " + tag + " (expected: one that this version knows)");
        }

        private static Operation.Status status(byte tag) throws IOException {
            for (Operation.Status status : Operation.Status.values()) {
                if (status.tag == tag) {
                    return status;
                }
            }
            throw new IOException("operation status: " + tag + " (expected: one that this version knows)");
        }

        private static WatchFrame.Kind frameKind(byte tag) throws IOException {
            for (WatchFrame.Kind kind : WatchFrame.Kind.values()) {
                if (kind.tag == tag) {
                    return kind;
                }
            }
            throw new IOException("frame kind: " + tag + " (expected: one that this version knows)");
        }
    }
}
