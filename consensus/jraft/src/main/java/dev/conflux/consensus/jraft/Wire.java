package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NodeId;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The messages that are ours, next to the engine's. Fixed-order binary; a string is a 2-byte length and UTF-8, bytes run
 * to the end of the frame. Layouts are listed in {@code DESIGN.md}; a change that an older peer cannot read needs a new
 * {@link #PROTOCOL_VERSION}.
 */
final class Wire {

    static final int PROTOCOL_VERSION = 2;

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
     * @param clusterEpoch 0 before the sender belongs to a cluster
     * @param nodeId must be the one in the certificate
     * @param storageId of the sender's data directory
     * @param address where the sender says it is reached
     * @param featureLevel what the sender's build understands
     * @param expectation the founders that the sender waits for, so that unequal configurations are found before they
     *     matter; empty when it founds nothing
     */
    record Hello(
            String clusterName,
            String clusterId,
            long clusterEpoch,
            int nodeId,
            String storageId,
            String address,
            int featureLevel,
            String expectation)
            implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeShort(PROTOCOL_VERSION);
            string(out, clusterName);
            string(out, clusterId);
            out.writeLong(clusterEpoch);
            out.writeInt(nodeId);
            string(out, storageId);
            string(out, address);
            out.writeInt(featureLevel);
            string(out, expectation);
        }

        static Hello read(ByteBuf in) {
            int version = in.readUnsignedShort();
            if (version != PROTOCOL_VERSION) {
                throw new IllegalArgumentException(
                        "peer protocol version: " + version + " (expected: " + PROTOCOL_VERSION + ")");
            }
            return new Hello(
                    string(in),
                    string(in),
                    in.readLong(),
                    in.readInt(),
                    string(in),
                    string(in),
                    in.readInt(),
                    string(in));
        }
    }

    /** What the receiver of a {@link Hello} decided. */
    enum Verdict {
        ACCEPTED(1),
        /** One of the two does not belong to the cluster yet: nothing but this reply is exchanged. */
        NOT_READY(2),
        REFUSED(3),
        /** The sender was removed from the cluster. */
        REMOVED(4),
        /** The cluster was founded again without the sender. */
        FENCED(5);

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
     * @param membership a {@link MembershipRecord}; empty with an empty cluster id
     */
    record HelloReply(
            Verdict verdict,
            String reason,
            String clusterId,
            long clusterEpoch,
            int nodeId,
            String storageId,
            String address,
            int featureLevel,
            String expectation,
            String membership)
            implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(verdict.code);
            string(out, reason);
            string(out, clusterId);
            out.writeLong(clusterEpoch);
            out.writeInt(nodeId);
            string(out, storageId);
            string(out, address);
            out.writeInt(featureLevel);
            string(out, expectation);
            byte[] utf8 = membership.getBytes(StandardCharsets.UTF_8);
            out.writeInt(utf8.length);
            out.writeBytes(utf8);
        }

        @Override
        public int sizeHint() {
            return 512 + membership.length();
        }

        static HelloReply read(ByteBuf in) {
            return new HelloReply(
                    Verdict.of(in.readUnsignedByte()),
                    string(in),
                    string(in),
                    in.readLong(),
                    in.readInt(),
                    string(in),
                    string(in),
                    in.readInt(),
                    string(in),
                    in.readCharSequence(in.readInt(), StandardCharsets.UTF_8).toString());
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
        UNAVAILABLE(5),
        /** A membership change has to wait for another one. */
        CHANGE_IN_PROGRESS(7),
        /** Nothing was appended: disk space is low. */
        NO_SPACE(6);

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

    /**
     * Asks a leader to change the membership. Repeating it is harmless.
     *
     * @param nodeId whom to add or remove; with FEATURE_LEVEL: the level
     * @param address only to add
     * @param clientAddress only to add
     */
    record Change(Kind kind, int nodeId, String address, String clientAddress) implements Own {

        enum Kind {
            ADD(1),
            REMOVE(2),
            FEATURE_LEVEL(3);

            final int code;

            Kind(int code) {
                this.code = code;
            }
        }

        @Override
        public void write(ByteBuf out) {
            out.writeByte(kind.code);
            out.writeInt(nodeId);
            string(out, address);
            string(out, clientAddress);
        }

        static Change read(ByteBuf in) {
            int code = in.readUnsignedByte();
            for (Kind kind : Kind.values()) {
                if (kind.code == code) {
                    return new Change(kind, in.readInt(), string(in), string(in));
                }
            }
            throw new IllegalArgumentException("membership change: " + code);
        }
    }

    /**
     * What the leader decided.
     *
     * @param outcome OK = replicated and under way; UNAVAILABLE = refused
     * @param index of the membership entry; 0 when there was nothing left to do
     */
    record ChangeReply(Outcome outcome, String detail, long index) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            string(out, detail);
            out.writeLong(index);
        }

        @Override
        public int sizeHint() {
            return 64 + detail.length() * 3;
        }

        static ChangeReply read(ByteBuf in) {
            return new ChangeReply(Outcome.of(in.readUnsignedByte()), string(in), in.readLong());
        }
    }

    /** Asks a leader what it knows of the members. */
    record Progress() implements Own {

        @Override
        public void write(ByteBuf out) {
            // No fields.
        }

        static Progress read(ByteBuf in) {
            in.skipBytes(in.readableBytes());
            return new Progress();
        }
    }

    /** What a leader knows of the members; empty from a node that does not lead. */
    record ProgressReply(Outcome outcome, List<MemberProgress> members) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeByte(outcome.code);
            out.writeShort(members.size());
            for (MemberProgress progress : members) {
                out.writeInt(progress.member().id().value());
                string(out, progress.member().address());
                out.writeBoolean(progress.member().voter());
                string(out, progress.clientAddress());
                out.writeBoolean(progress.reachable());
                out.writeLong(progress.matchedIndex());
                out.writeLong(progress.lag());
                out.writeInt(progress.featureLevel());
            }
        }

        @Override
        public int sizeHint() {
            return 64 + members.size() * 96;
        }

        static ProgressReply read(ByteBuf in) {
            Outcome outcome = Outcome.of(in.readUnsignedByte());
            var members = new ArrayList<MemberProgress>();
            for (int count = in.readUnsignedShort(); count > 0; count--) {
                members.add(new MemberProgress(
                        new Member(new NodeId(in.readInt()), string(in), in.readBoolean()),
                        string(in),
                        in.readBoolean(),
                        in.readLong(),
                        in.readLong(),
                        in.readInt()));
            }
            return new ProgressReply(outcome, List.copyOf(members));
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

    /** A follower tells the leader that its disk space is low. */
    record SpaceLow(long freeBytes) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeLong(freeBytes);
        }

        static SpaceLow read(ByteBuf in) {
            return new SpaceLow(in.readLong());
        }
    }

    /** Asks for the digest at a mark. */
    record AskDigest(long index) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeLong(index);
        }

        static AskDigest read(ByteBuf in) {
            return new AskDigest(in.readLong());
        }
    }

    /** @param digest empty unless known; also empty when known and the state cannot be read */
    record DigestReply(State state, byte[] digest) implements Own {

        enum State {
            KNOWN(1),
            NOT_YET(2),
            /** Not taken or forgotten; asking again does not help. */
            NONE(3);

            final int code;

            State(int code) {
                this.code = code;
            }

            static State of(int code) {
                for (State state : values()) {
                    if (state.code == code) {
                        return state;
                    }
                }
                throw new IllegalArgumentException("digest state: " + code);
            }
        }

        @Override
        public void write(ByteBuf out) {
            out.writeByte(state.code);
            out.writeBytes(digest);
        }

        static DigestReply read(ByteBuf in) {
            return new DigestReply(State.of(in.readUnsignedByte()), rest(in));
        }
    }

    /** The leader tells a member that a majority has another digest at a mark. */
    record Diverged(long index, byte[] majority) implements Own {

        @Override
        public void write(ByteBuf out) {
            out.writeLong(index);
            out.writeBytes(majority);
        }

        static Diverged read(ByteBuf in) {
            return new Diverged(in.readLong(), rest(in));
        }
    }

    /** Heard; there is nothing to answer. */
    record Noted() implements Own {

        @Override
        public void write(ByteBuf out) {
            // No fields.
        }

        static Noted read(ByteBuf in) {
            in.skipBytes(in.readableBytes());
            return new Noted();
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
