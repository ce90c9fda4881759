package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NodeId;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class WireTest {

    @Test
    void shouldNeverChangeAMessageNumber() {
        assertThat(Arrays.stream(MessageType.values())
                        .map(type -> type.number + " " + type)
                        .collect(Collectors.joining(", ")))
                .isEqualTo("1 ERROR, 2 PING, 3 REQUEST_VOTE, 4 REQUEST_VOTE_REPLY, 5 APPEND_ENTRIES,"
                        + " 6 APPEND_ENTRIES_REPLY, 7 INSTALL_SNAPSHOT, 8 INSTALL_SNAPSHOT_REPLY, 9 TIMEOUT_NOW,"
                        + " 10 TIMEOUT_NOW_REPLY, 11 READ_INDEX, 12 READ_INDEX_REPLY, 13 GET_FILE, 14 GET_FILE_REPLY,"
                        + " 100 HELLO, 101 HELLO_REPLY, 102 PROPOSE, 103 PROPOSE_REPLY, 104 LEADER_STATE,"
                        + " 105 LEADER_STATE_REPLY, 106 QUERY, 107 QUERY_REPLY, 108 TRANSFER, 109 TRANSFER_REPLY,"
                        + " 110 CHANGE, 111 CHANGE_REPLY, 112 PROGRESS, 113 PROGRESS_REPLY,"
                        + " 120 SPACE_LOW, 121 NOTED, 122 ASK_DIGEST, 123 DIGEST_REPLY, 124 DIVERGED");
    }

    @Test
    void shouldReadBackEachMessageOfOurs() {
        List<Object> messages = List.of(
                new Wire.Hello("alpha", "", 0, 3, "storage", "c:3", 2, "1=a:1,2=b:2"),
                new Wire.HelloReply(Wire.Verdict.FENCED, "wärum", "id", 7, 1, "s", "a:1", 1, "1=a:1", "format=1\n"),
                new Wire.LeaderState(),
                new Wire.LeaderStateReply(Wire.Outcome.OK, 3, 100, 120),
                new Wire.Change(Wire.Change.Kind.ADD, 4, "d:4", "api:8080"),
                new Wire.ChangeReply(Wire.Outcome.OK, "", 77),
                new Wire.Progress(),
                new Wire.ProgressReply(
                        Wire.Outcome.OK,
                        List.of(new MemberProgress(
                                new Member(new NodeId(4), "d:4", false), "api:8080", true, 70, 7, 1))),
                new Wire.SpaceLow(1L << 40),
                new Wire.Noted(),
                new Wire.AskDigest(77),
                new Wire.Transfer(2),
                new Wire.TransferReply(Wire.Outcome.UNAVAILABLE, "nö"));
        for (Object message : messages) {
            assertThat(roundTrip(message)).isEqualTo(message);
        }
        // Records with arrays compare by reference: field by field.
        var reply = (Wire.ProposeReply)
                roundTrip(new Wire.ProposeReply(Wire.Outcome.OK, "", new LogPosition(7, 2), new byte[] {1, 2}));
        assertThat(reply.position()).isEqualTo(new LogPosition(7, 2));
        assertThat(reply.result()).containsExactly(1, 2);
        var digest =
                (Wire.DigestReply) roundTrip(new Wire.DigestReply(Wire.DigestReply.State.KNOWN, new byte[] {1, 2}));
        assertThat(digest.state()).isEqualTo(Wire.DigestReply.State.KNOWN);
        assertThat(digest.digest()).containsExactly(1, 2);
        var diverged = (Wire.Diverged) roundTrip(new Wire.Diverged(8, new byte[] {3}));
        assertThat(diverged.index()).isEqualTo(8);
        assertThat(diverged.majority()).containsExactly(3);
        var propose = (Wire.Propose) roundTrip(new Wire.Propose(250, new byte[] {9}));
        assertThat(propose.timeoutMillis()).isEqualTo(250);
        assertThat(propose.command()).containsExactly(9);
    }

    @Test
    void shouldKeepTheFrameLayout() {
        ByteBuf frame = Frames.encode(
                UnpooledByteBufAllocator.DEFAULT, Frames.REQUEST, 5, new Wire.Propose(250, new byte[] {(byte) 0xAB}));
        assertThat(ByteBufUtil.hexDump(frame))
                .isEqualTo("00000010" + "01" + "0000000000000005" + "0066" + "000000fa" + "ab");
        frame.release();
    }

    @Test
    void shouldRefuseTruncatedMessages() {
        assertThatThrownBy(() -> MessageType.HELLO.read(Unpooled.wrappedBuffer(new byte[] {0, 2, 0, 9})))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("truncated");
        assertThatThrownBy(() -> MessageType.APPEND_ENTRIES.read(Unpooled.wrappedBuffer(new byte[] {10, 99})))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("malformed");
    }

    private static Object roundTrip(Object message) {
        ByteBuf frame = Frames.encode(UnpooledByteBufAllocator.DEFAULT, Frames.REQUEST, 1, message);
        try {
            frame.skipBytes(Integer.BYTES + Frames.HEADER_BYTES);
            return MessageType.of(message).read(frame);
        } finally {
            frame.release();
        }
    }
}
