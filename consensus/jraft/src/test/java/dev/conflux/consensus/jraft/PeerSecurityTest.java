package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.alipay.sofa.jraft.rpc.RpcRequests.RequestVoteRequest;
import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsIdentity;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who gets how far on the peer port. The intruder speaks the real protocol over a plain JDK socket. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // one cluster for all: none of these may disturb it
class PeerSecurityTest {

    private TestCluster cluster = new TestCluster(Path.of("unused"), 1); // replaced before the first test

    @BeforeAll
    void start(@TempDir Path directory) {
        // Three configured, two running: the third seat is free for whoever claims it.
        cluster = new TestCluster(directory, 3).startAll();
        cluster.stop(3);
    }

    @AfterAll
    void stop() {
        cluster.close();
    }

    @Test
    void shouldAcceptAMemberWithItsCertificateAndIdentity() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            // when
            Wire.HelloReply reply = peer.hello(helloOfThree(recordedStorage(), clusterId()));

            // then
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.ACCEPTED);
        }
    }

    @Test
    void shouldRefuseACertificateOfAForeignAuthority() {
        // given
        var foreign = new DevCertificateAuthority("foreign").issue(name(3));

        // then
        assertRefused(foreign);
    }

    @Test
    void shouldRefuseACertificateWithoutAMemberName() {
        assertRefused(cluster.authority.issueUnnamed("web"));
    }

    @Test
    void shouldRefuseAnotherClustersMember() {
        assertRefused(cluster.authority.issue(new PeerName("beta", 3)));
    }

    @Test
    void shouldTellANonMemberNothingButThatItIsNone() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(4)))) {
            // when
            Wire.HelloReply reply =
                    peer.hello(new Wire.Hello(TestCluster.NAME, "", 0, 4, "fresh", "127.0.0.1:1", 1, ""));

            // then
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.NOT_READY);
            assertThat(reply.reason()).contains("node 4 is not a member of cluster " + clusterId());
            peer.send(new Wire.LeaderState());
            peer.assertClosed();
        }
    }

    @Test
    void shouldFenceAMemberOfAnOlderEpoch() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            Wire.HelloReply reply = peer.hello(new Wire.Hello(
                    TestCluster.NAME, clusterId(), 0, 3, recordedStorage(), address(3), 1, expectation()));
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.FENCED);
            assertThat(reply.reason()).contains("founded again as epoch 1");
        }
    }

    @Test
    void shouldRefuseAMemberThatClaimsToBeAnother() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(2)))) {
            Wire.HelloReply reply = peer.hello(helloOfThree(recordedStorage(), clusterId()));
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.REFUSED);
            assertThat(reply.reason()).contains("hello of node 3 with the certificate of node 2");
        }
    }

    @Test
    void shouldRefuseAnotherStorageAndAnotherClusterId() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            Wire.HelloReply reply = peer.hello(helloOfThree("another", clusterId()));
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.REFUSED);
            assertThat(reply.reason()).contains("storage id another");
        }
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            Wire.HelloReply reply = peer.hello(helloOfThree(recordedStorage(), "another"));
            assertThat(reply.verdict()).isEqualTo(Wire.Verdict.REFUSED);
            assertThat(reply.reason()).contains("cluster id another");
        }
    }

    @Test
    void shouldCloseOnAnythingBeforeTheHello() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            peer.send(new Wire.LeaderState());
            peer.assertClosed();
        }
    }

    @Test
    void shouldCloseOnAnUnknownMessageType() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            // given
            assertThat(peer.hello(helloOfThree(recordedStorage(), clusterId())).verdict())
                    .isEqualTo(Wire.Verdict.ACCEPTED);

            // when
            ByteBuf frame = Unpooled.buffer();
            frame.writeInt(Frames.HEADER_BYTES)
                    .writeByte(Frames.REQUEST)
                    .writeLong(9)
                    .writeShort(9_999);
            peer.sendRaw(frame);

            // then
            peer.assertClosed();
        }
    }

    @Test
    void shouldCloseOnAnOversizedFrame() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            peer.sendRaw(Unpooled.buffer().writeInt(Limits.MAX_HELLO_BYTES + 1).writeZero(64));
            peer.assertClosed();
        }
    }

    @Test
    void shouldCloseOnARaftRequestInTheNameOfAnotherMember() throws IOException {
        try (var peer = new RawPeer(cluster.authority.issue(name(3)))) {
            // given
            assertThat(peer.hello(helloOfThree(recordedStorage(), clusterId())).verdict())
                    .isEqualTo(Wire.Verdict.ACCEPTED);

            // when
            peer.send(RequestVoteRequest.newBuilder()
                    .setGroupId(EngineOptions.GROUP)
                    .setServerId(cluster.members.get(1).address())
                    .setPeerId(cluster.members.get(0).address())
                    .setTerm(1_000)
                    .setLastLogTerm(1_000)
                    .setLastLogIndex(1_000)
                    .setPreVote(false)
                    .build());

            // then
            peer.assertClosed();
            assertThat(cluster.node(1).status().term()).isLessThan(1_000);
        }
    }

    private void assertRefused(TlsIdentity identity) {
        long before = cluster.node(1).metrics().connectionsRefused();
        assertThatThrownBy(() -> {
                    try (var peer = new RawPeer(identity)) {
                        peer.hello(helloOfThree(recordedStorage(), clusterId()));
                    }
                })
                .isInstanceOf(IOException.class);
        await().atMost(TestCluster.SOON).until(() -> cluster.node(1).metrics().connectionsRefused() > before);
    }

    private Wire.Hello helloOfThree(String storage, String clusterId) {
        return new Wire.Hello(TestCluster.NAME, clusterId, 1, 3, storage, address(3), 1, expectation());
    }

    private String address(int id) {
        return cluster.members.get(id - 1).address();
    }

    private String expectation() {
        return new Origin.Founders(cluster.members).expectation();
    }

    private String clusterId() {
        return cluster.node(1).status().clusterId();
    }

    private String recordedStorage() throws IOException {
        Identity identity = Identity.read(cluster.dataDir(3));
        if (identity == null) {
            throw new IOException("no identity");
        }
        return identity.storageId();
    }

    private static PeerName name(int id) {
        return new PeerName(TestCluster.NAME, id);
    }

    /** A connection to node 1, which it trusts whatever its own certificate is. */
    private final class RawPeer implements AutoCloseable {

        private final SSLSocket socket;

        RawPeer(TlsIdentity identity) throws IOException {
            try {
                SSLContext context = SSLContext.getInstance("TLSv1.3");
                context.init(
                        identity.keyManagerFactory().getKeyManagers(),
                        cluster.authority.issue(name(3)).trustManagerFactory().getTrustManagers(),
                        null);
                PeerAddress address = PeerAddress.parse(cluster.members.get(0).address());
                socket = (SSLSocket) context.getSocketFactory().createSocket(address.host(), address.port());
                socket.setSoTimeout(10_000);
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }

        void send(Object message) throws IOException {
            sendRaw(Frames.encode(ByteBufAllocator.DEFAULT, Frames.REQUEST, 7, message));
        }

        void sendRaw(ByteBuf frame) throws IOException {
            byte[] bytes = new byte[frame.readableBytes()];
            frame.readBytes(bytes);
            frame.release();
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
        }

        Wire.HelloReply hello(Wire.Hello hello) throws IOException {
            send(hello);
            var in = new DataInputStream(socket.getInputStream());
            byte[] frame = new byte[in.readInt()];
            in.readFully(frame);
            ByteBuf body = Unpooled.wrappedBuffer(frame);
            assertThat(body.readByte()).isEqualTo(Frames.REPLY);
            assertThat(body.readLong()).isEqualTo(7);
            assertThat(body.readUnsignedShort()).isEqualTo(MessageType.HELLO_REPLY.number);
            return Wire.HelloReply.read(body);
        }

        void assertClosed() throws IOException {
            try {
                assertThat(socket.getInputStream().read()).as("end of stream").isEqualTo(-1);
            } catch (SocketTimeoutException e) {
                throw e;
            } catch (SocketException | SSLException e) {
                // A reset is a close too.
            }
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
