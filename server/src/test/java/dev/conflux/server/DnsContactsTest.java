package dev.conflux.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class DnsContactsTest {

    private static final String NAME = "_peer._tcp.conflux.test";

    @Test
    void shouldTakeEveryTargetOfTheSrvRecordsAndAskAgain() throws IOException {
        try (var dns = new SrvServer()) {
            // given
            var contacts = DnsContacts.parse("srv://127.0.0.1:" + dns.port() + "/" + NAME);
            dns.targets.add("node-0.peers.test");

            // then
            assertThat(contacts.addresses()).containsExactly("node-0.peers.test:9090");
            dns.targets.add("node-1.peers.test");
            dns.targets.add("node-2.peers.test");
            assertThat(contacts.addresses())
                    .containsExactlyInAnyOrder(
                            "node-0.peers.test:9090", "node-1.peers.test:9091", "node-2.peers.test:9092");
            assertThat(dns.asked).containsOnly(NAME);
        }
    }

    @Test
    void shouldSayWhichNameIsUnknown() throws IOException {
        try (var dns = new SrvServer()) {
            var contacts = DnsContacts.parse("srv://127.0.0.1:" + dns.port() + "/" + NAME);
            assertThatThrownBy(contacts::addresses)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(NAME);
        }
    }

    @Test
    void shouldTakeEveryAddressOfAName() throws IOException {
        assertThat(DnsContacts.parse("dns://127.0.0.1:9090").addresses()).containsExactly("127.0.0.1:9090");
        assertThat(DnsContacts.parse("dns://localhost:9090").addresses()).contains("127.0.0.1:9090");
    }

    @Test
    void shouldRefuseWhatItCannotAsk() {
        for (String wrong : List.of("peers:9090", "dns://peers", "srv://", "srv:///name", "srv://a/b/c")) {
            assertThatThrownBy(() -> DnsContacts.parse(wrong))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("cluster.discovery");
        }
    }

    /** As much of a DNS server as one question needs. */
    private static final class SrvServer implements AutoCloseable {

        private static final int HEADER_BYTES = 12;

        final List<String> targets = new CopyOnWriteArrayList<>();
        final List<String> asked = new CopyOnWriteArrayList<>();
        private final DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());

        SrvServer() throws IOException {
            Thread.ofPlatform().daemon().start(this::serve);
        }

        int port() {
            return socket.getLocalPort();
        }

        private void serve() {
            var packet = new DatagramPacket(new byte[512], 512);
            try {
                while (true) {
                    socket.receive(packet);
                    byte[] answer = answer(packet.getData());
                    socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                }
            } catch (IOException e) {
                // Closed.
            }
        }

        private byte[] answer(byte[] question) throws IOException {
            ByteBuffer query = ByteBuffer.wrap(question);
            short id = query.getShort(0);
            query.position(HEADER_BYTES);
            var name = new StringBuilder();
            for (int length = query.get(); length > 0; length = query.get()) {
                byte[] label = new byte[length];
                query.get(label);
                name.append(name.isEmpty() ? "" : ".").append(new String(label, StandardCharsets.US_ASCII));
            }
            asked.add(name.toString());
            int questionEnd = query.position() + 4;
            List<String> now = List.copyOf(targets);
            var bytes = new ByteArrayOutputStream();
            var out = new DataOutputStream(bytes);
            out.writeShort(id);
            out.writeShort(now.isEmpty() ? 0x8183 : 0x8180); // no such name, or well
            out.writeShort(1);
            out.writeShort(now.size());
            out.writeInt(0);
            out.write(question, HEADER_BYTES, questionEnd - HEADER_BYTES);
            int port = 9090;
            for (String target : now) {
                byte[] encoded = encode(target);
                out.writeShort(0xC000 | HEADER_BYTES); // the name in the question
                out.writeShort(33);
                out.writeShort(1);
                out.writeInt(0);
                out.writeShort(6 + encoded.length);
                out.writeShort(0);
                out.writeShort(100);
                out.writeShort(port++);
                out.write(encoded);
            }
            return bytes.toByteArray();
        }

        private static byte[] encode(String name) throws IOException {
            var bytes = new ByteArrayOutputStream();
            for (String label : name.split("\\.", -1)) {
                bytes.write(label.length());
                bytes.write(label.getBytes(StandardCharsets.US_ASCII));
            }
            bytes.write(0);
            return bytes.toByteArray();
        }

        @Override
        public void close() {
            socket.close();
        }
    }
}
