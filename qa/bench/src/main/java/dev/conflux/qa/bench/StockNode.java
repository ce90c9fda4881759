package dev.conflux.qa.bench;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.RaftGroupService;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.core.StateMachineAdapter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.option.ApplyTaskMode;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The engine as its makers ship it, with its own network stack in plaintext: what {@link ProposeNode} is compared with.
 * Runs only on the class path of the {@code stock} directory. The engine's log and replication options are taken from
 * the product's own class, by reflection, so that the two cannot drift apart.
 */
final class StockNode {

    private static final String GROUP = "stock";
    private static final String PRODUCT_OPTIONS = "dev.conflux.consensus.jraft.EngineOptions";

    /** What the product does by default: see JRaftConfig. */
    private static final long SNAPSHOT_ENTRIES = 500_000;

    private static final int ELECTION_TIMEOUT_MILLIS = 500;

    private StockNode() {}

    /** Arguments: id, data directory, peers as {@code id@host:port,…}. */
    public static void main(String[] arguments) throws IOException {
        int id = Integer.parseInt(arguments[0]);
        Path data = Files.createDirectories(Path.of(arguments[1]));
        var members = new Configuration();
        PeerId self = new PeerId();
        for (String peer : arguments[2].split(",", -1)) {
            String[] parts = peer.split("[@:]", -1);
            var member = new PeerId(parts[1], Integer.parseInt(parts[2]));
            members.addPeer(member);
            if (Integer.parseInt(parts[0]) == id) {
                self = member;
            }
        }
        var options = new NodeOptions();
        options.setElectionTimeoutMs(ELECTION_TIMEOUT_MILLIS);
        options.setInitialConf(members);
        var state = new State();
        options.setFsm(state);
        options.setLogUri(data.resolve("log").toString());
        options.setRaftMetaUri(data.resolve("vote").toString());
        options.setSnapshotUri(data.resolve("snapshots").toString());
        options.setSnapshotIntervalSecs(0);
        options.setDisableCli(true);
        options.setEnableMetrics(true);
        options.setApplyTaskMode(ApplyTaskMode.NonBlocking);
        options.setRaftOptions(productOptions());

        var service = new RaftGroupService(GROUP, self, options);
        Node node = service.start();
        state.node = node;
        var line = new LifeLine();
        try (FrameServer server = FrameServer.start((command, reply) -> node.apply(new Task(
                ByteBuffer.wrap(command),
                status -> reply.send(status.isOk() ? FrameServer.OK : FrameServer.FAILED))))) {
            line.say("ready " + server.port());
            for (String command = line.next(); command != null; command = line.next()) {
                line.say("leader " + node.isLeader(false));
            }
        }
        Runtime.getRuntime().halt(0); // Nothing of it is needed any more.
    }

    private static RaftOptions productOptions() {
        try {
            Class<?> product = Class.forName(PRODUCT_OPTIONS);
            var register = product.getDeclaredMethod("registerStorageOptions");
            register.setAccessible(true);
            register.invoke(null);
            var options = product.getDeclaredMethod("raftOptions");
            options.setAccessible(true);
            return (RaftOptions) options.invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new BenchException(PRODUCT_OPTIONS + " has changed: StockNode has to follow", e);
        }
    }

    /** Counts, as {@link CountingState} does. */
    private static final class State extends StateMachineAdapter {

        private final AtomicBoolean snapshotting = new AtomicBoolean();
        private volatile @Nullable Node node;
        private long sinceSnapshot; // apply thread
        private long bytes;

        @Override
        public void onApply(Iterator iterator) {
            while (iterator.hasNext()) {
                bytes += iterator.getData().remaining();
                sinceSnapshot++;
                Closure done = iterator.done();
                if (done != null) {
                    done.run(Status.OK());
                }
                iterator.next();
            }
            Node current = node;
            if (current != null && sinceSnapshot >= SNAPSHOT_ENTRIES && snapshotting.compareAndSet(false, true)) {
                sinceSnapshot = 0;
                current.snapshot(status -> snapshotting.set(false));
            }
        }

        @Override
        public void onSnapshotSave(SnapshotWriter writer, Closure done) {
            try {
                Files.writeString(Path.of(writer.getPath(), "count"), Long.toString(bytes));
                writer.addFile("count");
                done.run(Status.OK());
            } catch (IOException e) {
                done.run(new Status(RaftError.EIO, "%s", e.getMessage()));
            }
        }

        @Override
        public boolean onSnapshotLoad(SnapshotReader reader) {
            return true;
        }
    }
}
