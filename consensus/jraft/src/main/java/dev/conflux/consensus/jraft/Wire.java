package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * The messages that are ours, next to the engine's. Fixed-order binary; a string is a 2-byte length and UTF-8, bytes run
 * to the end of the frame. Layouts are listed in {@code DESIGN.md}; a change that an older peer cannot read needs a new
 * {@link #PROTOCOL_VERSION}.
 */
final class Wire {

    static final int PROTOCOL_VERSION = 1;

    /** One of ours: can write itself; the matching {@code read} is named in {@link MessageType}. */
    sealed interface Own {
        void write(ByteBuf out);

        /** An upper estimate, to size the buffer. */
        default int sizeHint() {
            return 256;
        }
    }

    /**
     * First frame of every connection.
     *
     * @param clusterName must be the receiver's
     * @param clusterId empty before the sender belongs to a cluster
     * @param nodeId must be the one in the certificate
     * @param storageId of the sender's data directory
     * @param membership the sender's configured members, so that unequal configurations are found before they matter
     */
    record Hello(String clusterName, String clusterId, int nodeId, String storageId, String membership) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeShort(PROTOCOL_VERSION);
            string(out, clusterName);
            string(out, clusterId);
            out.writeInt(nodeId);
            string(out, storageId);
            string(out, membership);
        }

        static Hello read(ByteBuf in) {
            int version = in.readUnsignedShort();
            if (version != PROTOCOL_VERSION) {
                throw new IllegalArgumentException(
                        "peer protocol version: " + version + " (expected: " + PROTOCOL_VERSION + ")");
            }
            return new Hello(string(in), string(in), in.readInt(), string(in), string(in));
        }
    }

    /** What the receiver of a {@link Hello} decided. */
    enum Verdict {
        ACCEPTED(1),
        /** One of the two does not belong to a cluster yet: nothing but this reply is exchanged. */
        NOT_READY(2),
        REFUSED(3);

        final int code;

        Verdict(int code) {
            this.code = code;
        }

        static Verdict of(int code) {
            for (Verdict verdict : values()) {
                if (verdict.code == code) {
                    return verdict;
                }
            }
            throw new IllegalArgumentException("hello verdict: " + code);
        }
    }

    /**
     * Answer to {@link Hello}, with what the receiver knows of the cluster.
     *
     * @param reason for people; empty when accepted
     * @param clusterId empty when the receiver does not belong to a cluster yet
     * @param storages storage id of each member as recorded at bootstrap; empty with an empty cluster id
     */
    record HelloReply(
            Verdict verdict,
            String reason,
            String clusterId,
            int nodeId,
            String storageId,
            String membership,
            Map<Integer, String> storages)
            implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(verdict.code);
            string(out, reason);
            string(out, clusterId);
            out.writeInt(nodeId);
            string(out, storageId);
            string(out, membership);
            out.writeShort(storages.size());
            new TreeMap<>(storages).forEach((id, storage) -> {
                out.writeInt(id);
                string(out, storage);
            });
        }

        static HelloReply read(ByteBuf in) {
            Verdict verdict = Verdict.of(in.readUnsignedByte());
            String reason = string(in);
            String clusterId = string(in);
            int nodeId = in.readInt();
            String storageId = string(in);
            String membership = string(in);
            var storages = new TreeMap<Integer, String>();
            for (int count = in.readUnsignedShort(); count > 0; count--) {
                storages.put(in.readInt(), string(in));
            }
            return new HelloReply(verdict, reason, clusterId, nodeId, storageId, membership, Map.copyOf(storages));
        }
    }

    /** A follower hands a proposal to the leader. Never forwarded again. */
    record Propose(int timeoutMillis, byte[] command) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeInt(timeoutMillis);
            out.writeBytes(command);
        }

        @Override
        public int sizeHint() {
            return Integer.BYTES + command.length;
        }

        static Propose read(ByteBuf in) {
            return new Propose(in.readInt(), rest(in));
        }
    }

    /** How a forwarded call ended. Numbers are for ever. */
    enum Outcome {
        OK(0),
        /** Nothing was appended; ask somebody else. */
        NOT_LEADER(1),
        OVERLOADED(2),
        INDETERMINATE(3),
        TOO_LARGE(4),
        UNAVAILABLE(5);

        final int code;

        Outcome(int code) {
            this.code = code;
        }

        static Outcome of(int code) {
            for (Outcome outcome : values()) {
                if (outcome.code == code) {
                    return outcome;
                }
            }
            throw new IllegalArgumentException("outcome: " + code);
        }
    }

    /**
     * How a forwarded proposal ended.
     *
     * @param detail for people; empty with OK
     * @param position of the entry with OK; with NOT_LEADER its index is the node id of the leader, 0 = unknown
     */
    record ProposeReply(Outcome outcome, String detail, LogPosition position, byte[] result) implements Own {

        static ProposeReply failed(Outcome outcome, String detail) {
            return new ProposeReply(outcome, detail, LogPosition.ZERO, new byte[0]);
        }

        /** @param leader node id of the leader that this member knows; 0 = none */
        static ProposeReply notLeader(String detail, int leader) {
            return new ProposeReply(Outcome.NOT_LEADER, detail, new LogPosition(leader, 0), new byte[0]);
        }

        /** With NOT_LEADER: whom to ask; 0 = unknown. */
        int leaderHint() {
            return (int) position.index();
        }

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            string(out, detail);
            out.writeLong(position.index());
            out.writeLong(position.term());
            out.writeBytes(result);
        }

        @Override
        public int sizeHint() {
            return 64 + detail.length() * 3 + result.length;
        }

        static ProposeReply read(ByteBuf in) {
            return new ProposeReply(
                    Outcome.of(in.readUnsignedByte()),
                    string(in),
                    new LogPosition(in.readLong(), in.readLong()),
                    rest(in));
        }
    }

    /** Asks a leader how far it is. */
    record LeaderState() implements Own {

        @Override
        public void write(ByteBuf out) {
            // No fields.
        }

        static LeaderState read(ByteBuf in) {
            in.skipBytes(in.readableBytes());
            return new LeaderState();
        }
    }

    /**
     * How far a leader is.
     *
     * @param outcome OK only from a leader that has committed an entry of its own term
     */
    record LeaderStateReply(Outcome outcome, long term, long commitIndex, long lastLogIndex) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            out.writeLong(term);
            out.writeLong(commitIndex);
            out.writeLong(lastLogIndex);
        }

        static LeaderStateReply read(ByteBuf in) {
            return new LeaderStateReply(Outcome.of(in.readUnsignedByte()), in.readLong(), in.readLong(), in.readLong());
        }
    }

    /** {@code StateMachine.query} on the receiver, as it is. */
    record Query(byte[] query) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeBytes(query);
        }

        @Override
        public int sizeHint() {
            return query.length;
        }

        static Query read(ByteBuf in) {
            return new Query(rest(in));
        }
    }

    record QueryReply(Outcome outcome, String detail, byte[] answer) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            string(out, detail);
            out.writeBytes(answer);
        }

        @Override
        public int sizeHint() {
            return 64 + detail.length() * 3 + answer.length;
        }

        static QueryReply read(ByteBuf in) {
            return new QueryReply(Outcome.of(in.readUnsignedByte()), string(in), rest(in));
        }
    }

    /**
     * Asks a leader to hand leadership over.
     *
     * @param target node id; 0 = the most up-to-date follower
     */
    record Transfer(int target) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeInt(target);
        }

        static Transfer read(ByteBuf in) {
            return new Transfer(in.readInt());
        }
    }

    /** What came of it; UNAVAILABLE = refused. */
    record TransferReply(Outcome outcome, String detail) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            string(out, detail);
        }

        @Override
        public int sizeHint() {
            return 64 + detail.length() * 3;
        }

        static TransferReply read(ByteBuf in) {
            return new TransferReply(Outcome.of(in.readUnsignedByte()), string(in));
        }
    }

    private static void string(ByteBuf out, String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        if (utf8.length > 0xFFFF) {
            throw new IllegalArgumentException("string: " + utf8.length + " bytes (expected: <= 65535)");
        }
        out.writeShort(utf8.length);
        out.writeBytes(utf8);
    }

    private static String string(ByteBuf in) {
        int length = in.readUnsignedShort();
        return in.readCharSequence(length, StandardCharsets.UTF_8).toString();
    }

    private static byte[] rest(ByteBuf in) {
        byte[] bytes = new byte[in.readableBytes()];
        in.readBytes(bytes);
        return bytes;
    }

    private Wire() {}
}
