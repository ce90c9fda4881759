package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.AppendEntriesResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.ErrorResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.GetFileRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.GetFileResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.InstallSnapshotRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.InstallSnapshotResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.PingRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.ReadIndexRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.ReadIndexResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteResponse;
import com.alipay.sofa.jraft.rpc.RpcRequests.TimeoutNowRequest;
import com.alipay.sofa.jraft.rpc.RpcRequests.TimeoutNowResponse;
import dev.conflux.consensus.engine.protobuf.CodedInputStream;
import dev.conflux.consensus.engine.protobuf.CodedOutputStream;
import dev.conflux.consensus.engine.protobuf.ExtensionRegistryLite;
import dev.conflux.consensus.engine.protobuf.MessageLite;
import dev.conflux.consensus.engine.protobuf.Parser;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The numeric table of what may travel between peers. A number is never reused; one that is not here closes the
 * connection. No class name, no reflection, no Java serialization.
 */
@SuppressWarnings("ImmutableEnumChecker") // the readers are stateless method references
enum MessageType {
    ERROR(1, ErrorResponse.parser(), ErrorResponse.class),
    PING(2, PingRequest.parser(), PingRequest.class),
    REQUEST_VOTE(3, RequestVoteRequest.parser(), RequestVoteRequest.class),
    REQUEST_VOTE_REPLY(4, RequestVoteResponse.parser(), RequestVoteResponse.class),
    APPEND_ENTRIES(5, AppendEntriesRequest.parser(), AppendEntriesRequest.class),
    APPEND_ENTRIES_REPLY(6, AppendEntriesResponse.parser(), AppendEntriesResponse.class),
    INSTALL_SNAPSHOT(7, InstallSnapshotRequest.parser(), InstallSnapshotRequest.class),
    INSTALL_SNAPSHOT_REPLY(8, InstallSnapshotResponse.parser(), InstallSnapshotResponse.class),
    TIMEOUT_NOW(9, TimeoutNowRequest.parser(), TimeoutNowRequest.class),
    TIMEOUT_NOW_REPLY(10, TimeoutNowResponse.parser(), TimeoutNowResponse.class),
    READ_INDEX(11, ReadIndexRequest.parser(), ReadIndexRequest.class),
    READ_INDEX_REPLY(12, ReadIndexResponse.parser(), ReadIndexResponse.class),
    GET_FILE(13, GetFileRequest.parser(), GetFileRequest.class),
    GET_FILE_REPLY(14, GetFileResponse.parser(), GetFileResponse.class),

    HELLO(100, Wire.Hello::read, Wire.Hello.class),
    HELLO_REPLY(101, Wire.HelloReply::read, Wire.HelloReply.class),
    PROPOSE(102, Wire.Propose::read, Wire.Propose.class),
    PROPOSE_REPLY(103, Wire.ProposeReply::read, Wire.ProposeReply.class),
    LEADER_STATE(104, Wire.LeaderState::read, Wire.LeaderState.class),
    LEADER_STATE_REPLY(105, Wire.LeaderStateReply::read, Wire.LeaderStateReply.class),
    QUERY(106, Wire.Query::read, Wire.Query.class),
    QUERY_REPLY(107, Wire.QueryReply::read, Wire.QueryReply.class),
    TRANSFER(108, Wire.Transfer::read, Wire.Transfer.class),
    TRANSFER_REPLY(109, Wire.TransferReply::read, Wire.TransferReply.class),
    CHANGE(110, Wire.Change::read, Wire.Change.class),
    CHANGE_REPLY(111, Wire.ChangeReply::read, Wire.ChangeReply.class),
    PROGRESS(112, Wire.Progress::read, Wire.Progress.class),
    PROGRESS_REPLY(113, Wire.ProgressReply::read, Wire.ProgressReply.class),
    SPACE_LOW(120, Wire.SpaceLow::read, Wire.SpaceLow.class),
    NOTED(121, Wire.Noted::read, Wire.Noted.class),
    ASK_DIGEST(122, Wire.AskDigest::read, Wire.AskDigest.class),
    DIGEST_REPLY(123, Wire.DigestReply::read, Wire.DigestReply.class),
    DIVERGED(124, Wire.Diverged::read, Wire.Diverged.class);

    private static final Map<Integer, MessageType> BY_NUMBER = new HashMap<>();
    private static final Map<Class<?>, MessageType> BY_CLASS = new HashMap<>();

    static {
        for (MessageType type : values()) {
            if (BY_NUMBER.put(type.number, type) != null || BY_CLASS.put(type.javaType, type) != null) {
                throw new IllegalStateException("message type " + type + " occurs twice");
            }
        }
    }

    final int number;
    private final Class<?> javaType;
    private final Function<ByteBuf, Object> reader;

    MessageType(int number, Parser<? extends MessageLite> parser, Class<?> javaType) {
        this.number = number;
        this.javaType = javaType;
        this.reader = in -> parse(parser, in);
    }

    MessageType(int number, Function<ByteBuf, Object> reader, Class<?> javaType) {
        this.number = number;
        this.javaType = javaType;
        this.reader = reader;
    }

    static @Nullable MessageType of(int number) {
        return BY_NUMBER.get(number);
    }

    static MessageType of(Object message) {
        MessageType type = BY_CLASS.get(message.getClass());
        if (type == null) {
            throw new IllegalArgumentException(
                    "not a peer message: " + message.getClass().getName());
        }
        return type;
    }

    /**
     * Reads the whole buffer.
     *
     * @throws IllegalArgumentException when it is not such a message
     */
    Object read(ByteBuf body) {
        try {
            return reader.apply(body);
        } catch (IndexOutOfBoundsException e) {
            throw new IllegalArgumentException(this + ": truncated", e);
        }
    }

    static int sizeHint(Object message) {
        return switch (message) {
            case MessageLite proto -> proto.getSerializedSize();
            case Wire.Own own -> own.sizeHint();
            default -> throw new IllegalArgumentException("not a peer message: " + message.getClass());
        };
    }

    static void write(Object message, ByteBuf out) {
        switch (message) {
            case MessageLite proto -> {
                int size = proto.getSerializedSize();
                out.ensureWritable(size);
                ByteBuffer target = out.nioBuffer(out.writerIndex(), size);
                try {
                    CodedOutputStream stream = CodedOutputStream.newInstance(target);
                    proto.writeTo(stream);
                    stream.flush();
                } catch (IOException e) {
                    throw new IllegalStateException("buffer of " + size + " bytes is too small", e);
                }
                out.writerIndex(out.writerIndex() + size);
            }
            case Wire.Own own -> own.write(out);
            default -> throw new IllegalArgumentException("not a peer message: " + message.getClass());
        }
    }

    private static Object parse(Parser<? extends MessageLite> parser, ByteBuf in) {
        byte[] bytes = new byte[in.readableBytes()];
        in.readBytes(bytes);
        CodedInputStream stream = CodedInputStream.newInstance(bytes);
        stream.enableAliasing(true); // log data stays in this array instead of being copied once more
        try {
            MessageLite message = parser.parseFrom(stream, ExtensionRegistryLite.getEmptyRegistry());
            stream.checkLastTagWas(0);
            return message;
        } catch (IOException e) {
            throw new IllegalArgumentException("malformed message: " + e.getMessage(), e);
        }
    }
}
