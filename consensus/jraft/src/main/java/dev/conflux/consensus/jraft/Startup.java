package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.RaftServiceFactory;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** From directories to a running engine: whose directory it is, becoming a member, opening log and snapshots. */
final class Startup {

    private static final Logger LOG = LoggerFactory.getLogger(Startup.class);

    private final JRaftNode node;
    private final Executor rpcExecutor;
    private long contactsNotBeforeNanos = System.nanoTime(); // starter thread only
    private String contactsProblem = ""; // starter thread only

    Startup(JRaftNode node, Executor rpcExecutor) {
        this.node = node;
        this.rpcExecutor = rpcExecutor;
    }

    static Identity identity(JRaftConfig config, StateMachine stateMachine) throws IOException {
        Path dataDir = config.dataDir();
        Identity found = Identity.read(dataDir);
        if (found == null) {
            boolean used = !DurableFiles.isEmptyOrAbsent(config.logDir())
                    || Files.exists(EngineOptions.raftMeta(dataDir))
                    || Files.exists(EngineOptions.snapshots(dataDir))
                    || Files.exists(dataDir.resolve(HighWaterMark.FILE))
                    || stateMachine.applied().index() > 0;
            if (used) {
                throw new IdentityException(dataDir.resolve(Identity.FILE) + " is missing, but " + dataDir + ", "
                        + config.logDir() + " or the state machine hold data. Restore the file from a backup, or"
                        + " remove this member and join with empty directories under a new node id");
            }
            Identity fresh =
                    Identity.fresh(config.clusterName(), config.nodeId().value());
            Failpoints.disk("start.before_fresh_identity");
            fresh.write(dataDir); // before anybody can hear of it
            return fresh;
        }
        if (!found.clusterName().equals(config.clusterName())
                || found.nodeId() != config.nodeId().value()) {
            throw new IdentityException(dataDir + " belongs to node " + found.nodeId() + " of cluster "
                    + found.clusterName() + " (expected: node " + config.nodeId() + " of " + config.clusterName()
                    + ")");
        }
        return found;
    }

    /**
     * The membership record of a directory that has an identity.
     *
     * @return null as long as it does not belong to a cluster
     * @throws IdentityException when this node must not run with it
     */
    static @Nullable MembershipRecord membership(JRaftConfig config, Identity identity) throws IOException {
        if (!identity.initialised()) {
            return null;
        }
        Path dataDir = config.dataDir();
        MembershipRecord found = MembershipRecord.read(dataDir);
        if (found == null) {
            throw new IdentityException(dataDir.resolve(MembershipRecord.FILE) + " is missing. Restore the file from a"
                    + " backup or from another member of the cluster, or remove this member and join with empty"
                    + " directories under a new node id");
        }
        if (found.clusterEpoch() != identity.clusterEpoch()) {
            throw new IdentityException(dataDir.resolve(MembershipRecord.FILE) + " is of epoch " + found.clusterEpoch()
                    + ", " + dataDir.resolve(Identity.FILE) + " of epoch " + identity.clusterEpoch()
                    + ": raft-inspector force-new-cluster was interrupted; do it again");
        }
        int self = config.nodeId().value();
        if (!found.clusterId().equals(identity.clusterId())) {
            throw new IdentityException(dataDir.resolve(MembershipRecord.FILE) + " is of cluster " + found.clusterId()
                    + ", " + dataDir.resolve(Identity.FILE) + " of cluster " + identity.clusterId());
        }
        if (found.removed().contains(self)) {
            throw new IdentityException("node " + self + " was removed from cluster " + found.clusterId()
                    + " and its id is never accepted again. To use this machine again: empty directories, a new node id,"
                    + " and add it");
        }
        MembershipRecord.Entry own = found.members().get(self);
        if (own != null && !own.address().equals(config.address())) {
            throw new IdentityException(dataDir + " belongs to node " + self + " at address " + own.address()
                    + ", configured is " + config.address() + ". An address is fixed when a node becomes a member: keep"
                    + " it (a DNS name may move), or remove the node and add it with empty directories under a new id");
        }
        if (found.featureLevel() > config.featureLevel()) {
            throw new IdentityException("UPGRADE_REQUIRED: " + dataDir + " is of a cluster at feature level "
                    + found.featureLevel() + ", this build understands " + config.featureLevel()
                    + "; start a newer version");
        }
        return found;
    }

    /** Returns when the directory belongs to the cluster, or the node is being stopped. */
    void becomeMember() throws IOException, InterruptedException {
        var bootstrap = new Bootstrap(node.config(), node.membership());
        long reportAt = System.nanoTime();
        while (!node.membership().identity().initialised() && !node.closing()) {
            lookForContacts();
            Identity adopted = bootstrap.step();
            if (adopted != null) {
                LOG.info(
                        "bootstrapped cluster={} node={} storage={}",
                        adopted.clusterId(),
                        adopted.nodeId(),
                        adopted.storageId());
                return;
            }
            if (System.nanoTime() - reportAt >= 0) {
                reportAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.BOOTSTRAP_REPORT_MILLIS);
                LOG.info("bootstrap_waiting node={} peers=\"{}\"", node.config().nodeId(), bootstrap.progress());
            }
            if (node.stoppingWithin(Limits.BOOTSTRAP_CHECK_MILLIS)) {
                return;
            }
        }
    }

    /** Looks again now and then: names get addresses late, and change them. */
    private void lookForContacts() {
        if (System.nanoTime() - contactsNotBeforeNanos < 0) {
            return;
        }
        contactsNotBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.CONTACTS_REFRESH_MILLIS);
        try {
            node.transport().contacts(node.config().origin().contacts());
        } catch (IOException | IllegalArgumentException e) {
            if (!String.valueOf(e.getMessage()).equals(contactsProblem)) {
                contactsProblem = String.valueOf(e.getMessage());
                LOG.warn("contacts_unknown reason=\"{}\"", contactsProblem);
            }
        }
    }

    RunningEngine startEngine() throws IOException {
        Path dataDir = node.config().dataDir();
        Failpoints.disk("start.before_mark");
        HighWaterMark mark = HighWaterMark.open(dataDir);
        boolean markLost = mark == null;
        boolean voteMissing = !Files.exists(EngineOptions.raftMetaFile(dataDir));
        boolean acted = mark == null
                ? !DurableFiles.isEmptyOrAbsent(node.config().logDir())
                : mark.position().index() > 0;
        if (voteMissing && acted) {
            throw new IdentityException(EngineOptions.raftMetaFile(dataDir) + " is missing, but this node has taken"
                    + " part in terms: it could vote twice. Restore the file, or remove this member and join with"
                    + " empty directories under a new node id");
        }
        if (mark == null) {
            mark = HighWaterMark.recreate(dataDir);
        }
        var storage = new EngineStorage(
                node.config(),
                mark,
                markLost,
                node.membership().current().members().size() == 1,
                node.quarantine(),
                node.stateMachine().applied(),
                node.counters(),
                node.watchdog(),
                node.applied());
        node.adapter().attach(storage);
        storage.appendTime(nanos -> node.counters().appendTime.record(nanos, TimeUnit.NANOSECONDS));
        long snapshot =
                EngineStorage.newestSnapshot(EngineOptions.snapshots(dataDir)).index();
        node.adapter().snapshotIndex(snapshot);
        node.adapter().snapshotAtMillis(EngineStorage.newestSnapshotMillis(EngineOptions.snapshots(dataDir)));
        node.applied().advance(node.stateMachine().applied().index());
        DurableFiles.createDirectories(EngineOptions.snapshots(dataDir));
        var options = new EngineOptions(
                node.config(),
                node.membership().current(),
                node.transport(),
                node.quarantine(),
                storage,
                node.adapter());
        NodeManager.getInstance().addAddress(node.self().getEndpoint());
        Node engine;
        try {
            engine = ScopedValue.where(EngineTimers.ELECTIONS, elections())
                    .call(() -> RaftServiceFactory.createAndInitRaftNode(
                            EngineOptions.GROUP, node.self().copy(), options));
        } catch (RuntimeException e) {
            NodeManager.getInstance().removeAddress(node.self().getEndpoint());
            if (e instanceof IdentityException) {
                throw e;
            }
            throw new IOException(
                    "the log in " + node.config().logDir() + " or the snapshots in " + EngineOptions.snapshots(dataDir)
                            + " cannot be used: " + e.getMessage() + " (the lines before this one say more). If the"
                            + " disk is full, give it space. If it is damaged: " + EngineStorage.REPAIR,
                    e);
        }
        node.adapter()
                .entriesBeforeStart(
                        Math.max(0, node.stateMachine().applied().index() - snapshot)); // loading has reset it
        var requests = new PeerRequests(node, node.stateMachine(), node.quarantine(), rpcExecutor, node.self());
        Failpoints.disk("start.engine_running");
        return new RunningEngine(engine, storage, mark, requests, new CommitHints(node, engine, storage));
    }

    private ElectionTiming elections() {
        Membership membership = node.membership();
        int id = node.config().nodeId().value();
        return new ElectionTiming(
                node.config().electionTimeout(),
                () -> membership.current().members().headMap(id).size(),
                System::nanoTime,
                below -> ThreadLocalRandom.current().nextInt(below));
    }
}
