package dev.conflux.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.conflux.adapter.rocksdb.RocksStateStore;
import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.Role;
import dev.conflux.consensus.jraft.JRaftConfig;
import dev.conflux.consensus.jraft.JRaftNode;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.StateStore;
import dev.conflux.core.state.WriteBatch;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A command whose applier throws, on the real engine, the real state and the real store: case a1. */
@Timeout(90)
class PoisonCommandTest {

    private static final String CLUSTER = "poison-test";

    @TempDir
    Path directory;

    private final DevCertificateAuthority authority = new DevCertificateAuthority("test authority");

    private record Running(JRaftNode node, ConfigState state, AtomicReference<String> halted) {}

    @Test
    void shouldRefuseACommandWhoseApplierThrowsAndKeepServingAlsoAfterARestart() throws Exception {
        // given
        List<Member> members = members(3);
        List<Running> cluster = startAll(members);
        try {
            assertThat(submit(cluster.get(0), "before")).isInstanceOf(Outcome.Accepted.class);

            // when
            for (Running running : cluster) {
                Outcome poisoned = submit(running, "poison");

                // then
                assertThat(poisoned)
                        .isInstanceOfSatisfying(
                                Outcome.Rejected.class,
                                refused -> assertThat(refused.error().code()).isEqualTo(ErrorCode.INTERNAL));
            }
            assertThat(submit(cluster.get(1), "after")).isInstanceOf(Outcome.Accepted.class);
            awaitEqual(cluster, 2);

            // and when: the log with the poison in it is applied again
            stopAll(cluster);
            cluster = startAll(members);

            // then
            assertThat(submit(cluster.get(2), "after-restart")).isInstanceOf(Outcome.Accepted.class);
            awaitEqual(cluster, 3);
            for (Running running : cluster) {
                assertThat(running.halted().get()).isNull();
                assertThat(running.state().view().find("acme/shop/prod/poison")).isNull();
                assertThat(running.state().view().find("acme/shop/prod/before")).isNotNull();
            }
        } finally {
            stopAll(cluster);
        }
    }

    private static void awaitEqual(List<Running> cluster, long revision) {
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            for (Running running : cluster) {
                assertThat(running.state().view().revision()).isEqualTo(revision);
                assertThat(running.state().view().digest())
                        .isEqualTo(cluster.get(0).state().view().digest());
            }
        });
    }

    private List<Running> startAll(List<Member> members) throws IOException {
        var cluster = new ArrayList<Running>();
        for (Member member : members) {
            int id = member.id().value();
            var halted = new AtomicReference<String>();
            var state = new ConfigState(new PoisonedStore(new RocksStateStore(directory.resolve("state-" + id))));
            JRaftConfig config = JRaftConfig.of(
                            CLUSTER,
                            member.id(),
                            members,
                            directory.resolve("node-" + id),
                            authority.issue(new PeerName(CLUSTER, id)))
                    .withBindHost("127.0.0.1")
                    .withHalt((reason, cause) -> halted.set(reason));
            cluster.add(new Running(JRaftNode.start(config, state), state, halted));
        }
        for (Running running : cluster) {
            running.node().ready().orTimeout(30, TimeUnit.SECONDS).join();
        }
        await().atMost(Duration.ofSeconds(20))
                .until(() -> cluster.stream()
                        .anyMatch(running -> running.node().status().role() == Role.LEADER));
        return cluster;
    }

    private static void stopAll(List<Running> cluster) {
        for (Running running : cluster) {
            running.node().close();
            running.state().close();
        }
    }

    private static Outcome submit(Running running, String name) throws Exception {
        byte[] content = name.getBytes(StandardCharsets.UTF_8);
        String hash =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        var command = new Command.CreateConfig(
                ConfigKey.of("acme", "shop", "prod", name),
                Metadata.EMPTY,
                new NewVersion(content, hash, Format.TEXT, "", null, null),
                List.of(),
                "");
        byte[] bytes =
                CommandCodec.encode(new CommandEnvelope("ann", 7, "0af7651916cd43dd8448eb211c80319c", null, command));
        Committed committed =
                running.node().propose(bytes, Duration.ofSeconds(15)).join();
        return CommandCodec.decodeOutcome(committed.result());
    }

    private static List<Member> members(int size) throws IOException {
        var sockets = new ArrayList<ServerSocket>();
        var members = new ArrayList<Member>();
        for (int id = 1; id <= size; id++) {
            ServerSocket socket = new ServerSocket(0);
            sockets.add(socket);
            members.add(new Member(new NodeId(id), "127.0.0.1:" + socket.getLocalPort(), true));
        }
        for (ServerSocket socket : sockets) {
            socket.close();
        }
        return members;
    }

    /** What a bug in an applier looks like: looking up one name throws, on every node alike. */
    private record PoisonedStore(StateStore store) implements StateStore {

        @Override
        public byte @Nullable [] get(byte[] key) {
            if (new String(key, StandardCharsets.ISO_8859_1).endsWith("poison")) {
                throw new IllegalStateException("a bug");
            }
            return store.get(key);
        }

        @Override
        public void scan(byte[] from, byte[] to, Order order, Visitor visitor) {
            store.scan(from, to, order, visitor);
        }

        @Override
        public void commit(WriteBatch batch) {
            store.commit(batch);
        }

        @Override
        public Snapshot snapshot() {
            return store.snapshot();
        }

        @Override
        public List<String> checkpoint(Path target) throws IOException {
            return store.checkpoint(target);
        }

        @Override
        public void restoreFrom(Path source, List<String> files) throws IOException {
            store.restoreFrom(source, files);
        }

        @Override
        public void clear() throws IOException {
            store.clear();
        }

        @Override
        public void close() {
            store.close();
        }
    }
}
