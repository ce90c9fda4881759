package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.core.State;
import com.alipay.sofa.jraft.entity.PeerId;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.base.observe.Metrics;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
import dev.conflux.consensus.api.MemberChange;
import dev.conflux.consensus.api.MemberProgress;
import dev.conflux.consensus.api.NewMember;
import dev.conflux.consensus.api.NodeId;
import dev.conflux.consensus.api.NodeStatus;
import dev.conflux.consensus.api.ReadLevel;
import dev.conflux.consensus.api.ReadPoint;
import dev.conflux.consensus.api.Role;
import dev.conflux.consensus.api.StateMachine;
import io.netty.util.HashedWheelTimer;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link ConsensusNode} on SOFAJRaft. {@link #start} returns at once; {@link #ready} tells when this member takes
 * part, or why it must not. Until then, and in quarantine, calls fail with {@link ConsensusException.Unavailable}.
 */
@SuppressWarnings("FutureReturnValueIgnored") // callbacks and schedules handle their own failures
public final class JRaftNode implements ConsensusNode {

    private static final Logger LOG = LoggerFactory.getLogger(JRaftNode.class);

    static {
        // The engine reads a piece of a snapshot into a buffer that grows by this much at a time, copying what it has:
        // with
        // its own 1 KiB a piece of 512 KiB is copied 512 times, and a gibibyte costs a minute.
        System.setProperty("jraft.byte_buf.size", Integer.toString(Limits.SNAPSHOT_CHUNK_BYTES));
    }

    private final JRaftConfig config;
    private final StateMachine stateMachine;
    private final DirectoryLock lock;
    private final Membership membership;
    private final PeerTransport transport;
    private final Counters counters;
    private final Quarantine quarantine;
    private final AppliedIndex applied = new AppliedIndex();
    private final Proposals proposals = new Proposals(this);
    private final Reads reads = new Reads(this);
    private final Leadership leadership = new Leadership(this);
    private final Snapshots snapshots = new Snapshots(this);
    private final MembershipChanges membershipChanges = new MembershipChanges(this);
    private final MembershipDriver driver = new MembershipDriver(this);
    private final DiskSpace space;
    private final Digests digests;
    private final Divergence divergence;
    private final Startup startup;
    private final Watchdog watchdog;
    private final Timer timer;
    private final ScheduledExecutorService housekeeper;
    private final ThreadPoolExecutor rpcExecutor;
    private final ThreadPoolExecutor snapshotExecutor;
    private final ThreadPoolExecutor scrubExecutor;
    private final StateMachineAdapter adapter;
    private final PeerId self;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Thread starter;
    private volatile @Nullable RunningEngine running;
    private long progressedTo; // housekeeper

    private JRaftNode(
            JRaftConfig config, StateMachine stateMachine, DirectoryLock lock, Membership membership, Metrics metrics)
            throws IOException {
        this.config = config;
        this.counters = new Counters(metrics);
        this.quarantine = new Quarantine(config.dataDir());
        this.stateMachine = stateMachine;
        this.lock = lock;
        this.membership = membership;
        this.self = PeerAddress.parse(config.address()).peerId();
        String name = "conflux-raft-" + config.nodeId();
        this.transport = new PeerTransport(config, new PeerTls(config.tls()), membership, counters);
        this.timer = new HashedWheelTimer(new DefaultThreadFactory(name + "-timer", true), 10, TimeUnit.MILLISECONDS);
        this.housekeeper = Executors.newSingleThreadScheduledExecutor(new DefaultThreadFactory(name + "-keeper", true));
        this.rpcExecutor = pool(name + "-rpc", Limits.RPC_THREADS, Limits.RPC_QUEUE);
        this.snapshotExecutor = pool(name + "-snapshot", 1, 2);
        this.scrubExecutor = pool(name + "-scrub", 1, 1);
        this.digests = new Digests(stateMachine, scrubExecutor);
        this.watchdog = new Watchdog(name + "-watchdog", config.upkeep().stuckTimeout(), this::stuck);
        this.watchdog.whenUnwell(this::offerLeadership);
        this.adapter = new StateMachineAdapter(
                stateMachine,
                membership,
                config.halt(),
                counters,
                snapshotExecutor,
                applied,
                watchdog.apply(),
                digests);
        this.startup = new Startup(this, rpcExecutor);
        this.space = new DiskSpace(this);
        this.divergence = new Divergence(this);
        this.starter = new Thread(this::join, name + "-start");
        this.starter.setDaemon(true);
    }

    /**
     * Opens the directories, listens and begins to look for the peers; then returns. On the first start of a cluster
     * all members must be reachable before {@link #ready} completes; later a member starts alone.
     *
     * @param stateMachine used until {@link #close} returns; not closed by this node
     * @throws IdentityException when the directories, the certificate and the configuration do not belong together, or
     *     another process uses the directory
     * @throws IOException when the directories cannot be used or the address cannot be bound
     */
    public static JRaftNode start(JRaftConfig config, StateMachine stateMachine) throws IOException {
        return start(config, stateMachine, Metrics.ofPart());
    }

    /**
     * As {@link #start(JRaftConfig, StateMachine)}.
     *
     * @param metrics gets the meters of {@code docs/operations/metrics.md}; stays the caller's; one node per object
     */
    public static JRaftNode start(JRaftConfig config, StateMachine stateMachine, Metrics metrics) throws IOException {
        PeerName expected = new PeerName(config.clusterName(), config.nodeId().value());
        if (!config.tls().peerName().equals(expected)) {
            throw new IdentityException(
                    "certificate is for " + config.tls().peerName() + ", the configuration is of " + expected);
        }
        DurableFiles.createDirectories(config.dataDir());
        DurableFiles.createDirectories(config.logDir());
        DirectoryLock lock = DirectoryLock.acquire(config.dataDir());
        JRaftNode node = null;
        try {
            Rebuild.perform(config, stateMachine);
            Identity identity = Startup.identity(config, stateMachine);
            var membership = new Membership(config, identity, Startup.membership(config, identity));
            node = new JRaftNode(config, stateMachine, lock, membership, metrics);
            node.begin();
            return node;
        } finally {
            if (node == null) {
                lock.close();
            }
        }
    }

    private void begin() {
        membership.listen(transport::connectMembers, this::expelled);
        transport.connectMembers();
        pollApplied();
        starter.start();
    }

    /** The starter thread: becomes a member, then runs the engine. */
    private void join() {
        try {
            startup.becomeMember();
            if (!closing.get()) {
                run(startup.startEngine());
                ready.complete(null);
            }
        } catch (Throwable e) {
            if (!closing.get()) {
                LOG.error("start_failed node={} reason=\"{}\"", config.nodeId(), e.getMessage(), e);
            }
            transport.close(); // Nobody should believe that this member is there.
            ready.completeExceptionally(e);
        }
        if (closing.get()) {
            ready.completeExceptionally(new ConsensusException.Unavailable("closed while starting"));
        }
    }

    /** Peers say that this node is no member any more, and that nobody will ever listen to it again. */
    private void expelled(String reason) {
        if (!closing.get()) {
            adapter.fail(reason, new IdentityException(reason));
        }
    }

    private void run(RunningEngine started) {
        running = started;
        transport.contacts(Map.of());
        var meters = new EngineMeters(this, counters.metrics(), proposals, rpcExecutor);
        meters.register();
        housekeeper.scheduleWithFixedDelay(
                guarded("meters", meters::followMembers),
                Limits.QUARANTINE_CHECK_MILLIS,
                Limits.QUARANTINE_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        transport.serve(started.requests());
        housekeeper.scheduleWithFixedDelay(
                guarded("high-water mark", this::syncMark),
                Limits.MARK_SYNC_MILLIS,
                Limits.MARK_SYNC_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("quarantine", this::checkQuarantine),
                Limits.QUARANTINE_CHECK_MILLIS,
                Limits.QUARANTINE_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("snapshot trigger", snapshots::check),
                Limits.QUARANTINE_CHECK_MILLIS,
                Limits.QUARANTINE_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("membership change", driver::drive),
                Limits.MEMBERSHIP_CHECK_MILLIS,
                Limits.MEMBERSHIP_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("progress", this::checkProgress),
                Limits.WATCHDOG_TICK_MILLIS,
                Limits.WATCHDOG_TICK_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("freshness", reads::confirmFreshness), 0, Limits.FRESHNESS_MILLIS, TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("disk space", space::check), 0, Limits.SPACE_CHECK_MILLIS, TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("digests", divergence::check),
                Limits.DIGEST_CHECK_MILLIS,
                Limits.DIGEST_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        watchdog.start();
        LOG.info(
                "started node={} address={} log={} term={} applied={}",
                config.nodeId(),
                config.address(),
                started.storage().durable(),
                started.storage().term(),
                stateMachine.applied());
    }

    /**
     * Completes when this member takes part: it follows, leads or is in quarantine. Fails with {@link IdentityException}
     * when it must not, with another exception when the engine cannot start. After a failure the process should end:
     * what the engine had opened is released only then.
     */
    public CompletableFuture<Void> ready() {
        return ready.copy();
    }

    /** Counters since start. */
    public JRaftMetrics metrics() {
        return counters.snapshot(proposals.inFlight());
    }

    // ---- calls ----

    @Override
    public CompletableFuture<Committed> propose(byte[] command, Duration timeout) {
        return proposals.propose(command, timeout, true);
    }

    @Override
    public CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
        return reads.readPoint(level, timeout);
    }

    @Override
    public CompletableFuture<ReadPoint> followerReadPoint(Duration maxLag) {
        return reads.followerReadPoint(maxLag);
    }

    @Override
    public CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout) {
        return readPoint(level, timeout).thenApply(point -> stateMachine.query(query));
    }

    @Override
    public CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
        return reads.queryMember(member, query, timeout);
    }

    @Override
    public CompletableFuture<Long> snapshot() {
        return snapshots.take();
    }

    @Override
    public CompletableFuture<NodeId> transferLeadership(Optional<NodeId> target) {
        return leadership.transfer(target);
    }

    @Override
    public CompletableFuture<MemberChange.State> addMember(NewMember member, Duration timeout) {
        return membershipChanges.add(member, timeout);
    }

    @Override
    public CompletableFuture<MemberChange.State> removeMember(NodeId member, Duration timeout) {
        return membershipChanges.remove(member, timeout);
    }

    @Override
    public CompletableFuture<List<MemberProgress>> progress(Duration timeout) {
        return membershipChanges.progress(timeout);
    }

    @Override
    public int featureLevel() {
        MembershipRecord record = membership.membership();
        return record == null ? 1 : record.featureLevel();
    }

    @Override
    public CompletableFuture<Integer> raiseFeatureLevel(int level, Duration timeout) {
        return membershipChanges.raiseFeatureLevel(level, timeout);
    }

    // ---- status ----

    @Override
    public NodeStatus status() {
        RunningEngine now = running;
        String clusterId = membership.identity().clusterId();
        MembershipRecord record = membership.membership();
        Optional<MemberChange> change = record == null ? Optional.empty() : record.change();
        if (now == null || closing.get() || adapter.failed() || watchdog.unwell() != null) {
            return new NodeStatus(
                    clusterId,
                    config.nodeId(),
                    Role.DOWN,
                    Optional.empty(),
                    now == null ? 0 : now.storage().term(),
                    0,
                    applied.get(),
                    now == null ? 0 : now.storage().durable().index(),
                    adapter.snapshotIndex(),
                    membership.members(),
                    change,
                    membership.identity().clusterEpoch(),
                    featureLevel(),
                    ReadPoint.UNKNOWN_STALENESS);
        }
        Node engine = now.engine();
        Integer leader = leaderId();
        return new NodeStatus(
                clusterId,
                config.nodeId(),
                role(engine),
                Optional.ofNullable(leader).map(NodeId::new),
                now.storage().term(),
                engine.getLastCommittedIndex(),
                appliedIndex(),
                engine.getLastLogIndex(),
                adapter.snapshotIndex(),
                membership.members(),
                change,
                membership.identity().clusterEpoch(),
                featureLevel(),
                reads.staleness());
    }

    /** Without the engine: its node lock is held while a vote is being written. */
    @Override
    public long stalenessMillis() {
        boolean down = running == null || closing.get() || adapter.failed() || watchdog.unwell() != null;
        return down ? ReadPoint.UNKNOWN_STALENESS : reads.staleness();
    }

    private Role role(Node engine) {
        if (quarantine.active()) {
            return quarantine.declared() ? Role.QUARANTINED : Role.DOWN;
        }
        return switch (engine.getNodeState()) {
            case STATE_LEADER, STATE_TRANSFERRING -> Role.LEADER;
            case STATE_CANDIDATE -> Role.CANDIDATE;
            case STATE_FOLLOWER -> follower();
            case STATE_ERROR, STATE_UNINITIALIZED, STATE_SHUTTING, STATE_SHUTDOWN, STATE_END -> Role.DOWN;
        };
    }

    private Role follower() {
        Member own = membership.member(selfId());
        return own != null && own.voter() ? Role.FOLLOWER : Role.LEARNER;
    }

    /** Why this member is in quarantine; empty otherwise. */
    public Optional<String> quarantineReason() {
        return quarantine.declared() ? Optional.of(quarantine.reason()) : Optional.empty();
    }

    // ---- health ----

    private void syncMark() {
        RunningEngine now = running;
        if (now == null || adapter.failed()) {
            return;
        }
        try {
            now.mark().sync();
        } catch (RuntimeException e) {
            adapter.fail("the high-water mark cannot be made durable: " + e.getMessage(), e);
        }
    }

    private void checkProgress() {
        RunningEngine now = running;
        if (now == null || closing.get()) {
            return;
        }
        if (now.engine().getNodeState() == State.STATE_ERROR) {
            adapter.fail("the engine is in its error state", null);
        }
        long reached = appliedIndex();
        Watchdog.Activity commits = watchdog.commits();
        boolean applying = adapter.restoring() || watchdog.apply().underWay(); // which is watched itself
        if (applying || reached >= now.engine().getLastCommittedIndex()) {
            commits.end();
        } else {
            commits.begin();
            if (reached != progressedTo) {
                commits.progress();
            }
        }
        progressedTo = reached;
    }

    /** The others need not wait until this member is well again or ended. */
    private void offerLeadership() {
        if (isLeading() && !closing.get()) {
            LOG.warn("leadership_offered target=any reason=\"{}\"", watchdog.unwell());
            leadership.transferOwn(Optional.empty());
        }
    }

    private void stuck(String reason) {
        if (!closing.get()) {
            adapter.stuck(reason);
        }
    }

    /** This member's state is wrong: ends the process; the next start builds the state anew from the leader's. */
    void rebuild(String reason) {
        if (adapter.failed()) {
            return;
        }
        try {
            Rebuild.request(config.dataDir(), reason);
        } catch (IOException e) {
            LOG.error("rebuild_not_requested", e); // Ends all the same; the next comparison finds it again.
        }
        adapter.fail(reason + "; the next start builds it anew", null);
    }

    // ---- quarantine ----

    private void checkQuarantine() {
        RunningEngine now = running;
        if (now == null || !quarantine.active()) {
            return;
        }
        Integer leader = leaderId();
        if (quarantine.needsLeader() && leader != null && leader != selfId()) {
            reads.askLeader(leader, 1_000).thenAccept(answer -> {
                if (answer.outcome() == Wire.Outcome.OK) {
                    quarantine.leaderEnd(new LogPosition(answer.lastLogIndex(), answer.term()));
                }
            });
        }
        try {
            quarantine.logReaches(now.storage().durable());
        } catch (IOException e) {
            adapter.fail("the end of the quarantine cannot be made durable: " + e.getMessage(), e);
        }
    }

    // ---- stop ----

    @Override
    public void close() {
        stop(true);
    }

    /** As a crash looks to the others: nothing is handed over. For tests. */
    void abort() {
        transport.close();
        stop(false);
    }

    private void stop(boolean handOver) {
        if (!closing.compareAndSet(false, true)) {
            awaitQuietly(stopped);
            return;
        }
        try {
            watchdog.close(); // stopping may take its time
            stopping.countDown(); // wakes the starter
            starter.join(Limits.SHUTDOWN_MILLIS);
            RunningEngine now = running;
            if (now != null) {
                if (handOver) {
                    leadership.handOver(now.engine());
                }
                shutdown(now);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            transport.close();
            stopTimer();
            housekeeper.shutdownNow();
            rpcExecutor.shutdownNow();
            snapshotExecutor.shutdownNow();
            scrubExecutor.shutdownNow();
            try {
                lock.close();
            } catch (IOException e) {
                LOG.warn("lock of {} cannot be released", config.dataDir(), e);
            }
            LOG.info("stopped node={}", config.nodeId());
            stopped.countDown();
        }
    }

    /** Ends what still waits: a pending call's time is up now, a pending retry finds the node stopped. */
    private void stopTimer() {
        for (Timeout pending : timer.stop()) {
            try {
                pending.task().run(pending);
            } catch (Exception e) {
                LOG.warn("a pending call could not be ended", e);
            }
        }
    }

    private void shutdown(RunningEngine now) throws InterruptedException {
        // Joining takes no timeout: a thread of its own bounds it.
        Thread joiner = new Thread(
                () -> {
                    now.engine().shutdown();
                    try {
                        now.engine().join();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "conflux-raft-" + config.nodeId() + "-stop");
        joiner.setDaemon(true);
        joiner.start();
        joiner.join(Limits.SHUTDOWN_MILLIS);
        if (joiner.isAlive()) {
            LOG.error("engine_stop_timeout node={}", config.nodeId());
        }
        NodeManager.getInstance().removeAddress(self.getEndpoint());
        now.requests().close();
        now.mark().close();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await(Limits.SHUTDOWN_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- for the parts ----

    /** True while a leader's snapshot is being fetched or restored here: this member cannot catch up in milliseconds. */
    boolean installing() {
        RunningEngine now = running;
        return adapter.restoring() || (now != null && now.storage().fetchingSnapshot());
    }

    Node engine() {
        RunningEngine now = running;
        if (now == null) {
            throw new ConsensusException.Unavailable("starting");
        }
        return now.engine();
    }

    @Nullable
    RunningEngine running() {
        return running;
    }

    JRaftConfig config() {
        return config;
    }

    StateMachine stateMachine() {
        return stateMachine;
    }

    StateMachineAdapter adapter() {
        return adapter;
    }

    Membership membership() {
        return membership;
    }

    Quarantine quarantine() {
        return quarantine;
    }

    Proposals proposals() {
        return proposals;
    }

    Reads reads() {
        return reads;
    }

    Leadership leadership() {
        return leadership;
    }

    PeerId self() {
        return self;
    }

    boolean closing() {
        return closing.get();
    }

    /** Waits; true when the node is being stopped before the time is over. */
    boolean stoppingWithin(long millis) throws InterruptedException {
        return stopping.await(millis, TimeUnit.MILLISECONDS);
    }

    PeerTransport transport() {
        return transport;
    }

    Timer timer() {
        return timer;
    }

    DiskSpace space() {
        return space;
    }

    Digests digests() {
        return digests;
    }

    Divergence divergence() {
        return divergence;
    }

    Watchdog watchdog() {
        return watchdog;
    }

    Counters counters() {
        return counters;
    }

    AppliedIndex applied() {
        return applied;
    }

    int selfId() {
        return config.nodeId().value();
    }

    long wallClockMillis() {
        return System.currentTimeMillis() + Failpoints.shift("clock.wall");
    }

    @Nullable
    Integer nodeIdOf(PeerId peer) {
        return membership.idOf(peer.getEndpoint());
    }

    MembershipDriver driver() {
        return driver;
    }

    MembershipChanges membershipChanges() {
        return membershipChanges;
    }

    /** Runs something after a pause, on the timer thread; false when the node has stopped and it never will. */
    boolean later(Runnable task, long millis) {
        try {
            timer.newTimeout(ignored -> task.run(), millis, TimeUnit.MILLISECONDS);
            return true;
        } catch (IllegalStateException | RejectedExecutionException e) {
            return false;
        }
    }

    /** True when proposals belong into the local engine, also while it hands leadership over and refuses them. */
    boolean leadsOrWill() {
        return isLeading();
    }

    /** True for another or this member's id; what a peer says may be anything. */
    boolean isMember(int id) {
        return membership.members().stream().anyMatch(member -> member.id().value() == id);
    }

    /** A leader's answer says that this entry is committed. */
    void committedElsewhere(LogPosition position) {
        RunningEngine now = running;
        if (now != null) {
            now.commitHints().committed(position);
        }
    }

    @Nullable
    Member leaderMember() {
        Integer id = leaderId();
        return id == null ? null : membership.member(id);
    }

    boolean isLeading() {
        RunningEngine now = running;
        return now != null && now.leads();
    }

    @Nullable
    Integer leaderId() {
        RunningEngine now = running;
        PeerId leader = now == null ? null : now.engine().getLeaderId();
        return leader == null || leader.isEmpty() ? null : nodeIdOf(leader);
    }

    long appliedIndex() {
        RunningEngine now = running;
        return now == null
                ? applied.get()
                : Math.max(applied.get(), now.engine().getLastAppliedLogIndex());
    }

    @Nullable
    ConsensusException unavailable() {
        if (closing.get()) {
            return new ConsensusException.Unavailable("stopped");
        }
        if (adapter.failed()) {
            return new ConsensusException.Unavailable("halted");
        }
        if (running == null) {
            return new ConsensusException.Unavailable("starting");
        }
        String unwell = watchdog.unwell();
        if (unwell != null) {
            return new ConsensusException.Unavailable(unwell);
        }
        return quarantine.active() ? new ConsensusException.Unavailable("quarantined: " + quarantine.reason()) : null;
    }

    /**
     * The engine's own entries do not pass the state machine: this tells it of those that no command has followed yet,
     * and lets readers who wait for one of them go on.
     */
    private void pollApplied() {
        if (closing.get()) {
            return;
        }
        try {
            RunningEngine now = running;
            if (now != null) {
                long index = now.engine().getLastAppliedLogIndex();
                if (applied.hasWaiters()) {
                    applied.advance(index);
                }
                adapter.passed(index);
            }
        } finally {
            later(this::pollApplied, Limits.TIMEOUT_SWEEP_MILLIS);
        }
    }

    private Runnable guarded(String what, Runnable task) {
        return () -> {
            watchdog.housekeeping().begin();
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                LOG.error("{} failed; tried again", what, e); // An exception would end the schedule silently.
            } finally {
                watchdog.housekeeping().end();
            }
        };
    }

    private static ThreadPoolExecutor pool(String name, int threads, int queue) {
        var pool = new ThreadPoolExecutor(
                threads,
                threads,
                30,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(queue),
                new DefaultThreadFactory(name, true));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }
}
