package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.RaftServiceFactory;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.closure.ReadIndexClosure;
import com.alipay.sofa.jraft.core.State;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.RaftError;
import dev.conflux.base.tls.PeerName;
import dev.conflux.consensus.api.Committed;
import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.consensus.api.ConsensusNode;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.Member;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
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

    private static final long TRANSFER_POLL_MILLIS = 10;

    private final JRaftConfig config;
    private final StateMachine stateMachine;
    private final DirectoryLock lock;
    private final Membership membership;
    private final PeerTransport transport;
    private final Counters counters = new Counters();
    private final Quarantine quarantine = new Quarantine();
    private final AppliedIndex applied = new AppliedIndex();
    private final Freshness freshness;
    private final Timer timer;
    private final ScheduledExecutorService housekeeper;
    private final ThreadPoolExecutor rpcExecutor;
    private final ThreadPoolExecutor snapshotExecutor;
    private final StateMachineAdapter adapter;
    private final Map<PeerId, Integer> nodeIds = new HashMap<>();
    private final PeerId self;
    private final AtomicLong inFlight = new AtomicLong();
    private final AtomicLong inFlightBytes = new AtomicLong();
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Thread starter;
    private volatile @Nullable Running running;
    private volatile long snapshotNotBeforeNanos;
    private final AtomicBoolean snapshotRunning = new AtomicBoolean();

    /** What exists once the engine runs. */
    private record Running(Node engine, EngineStorage storage, HighWaterMark mark, PeerRequests requests) {}

    private JRaftNode(JRaftConfig config, StateMachine stateMachine, DirectoryLock lock, Identity identity)
            throws IOException {
        this.config = config;
        this.stateMachine = stateMachine;
        this.lock = lock;
        this.membership = new Membership(config, identity);
        this.self = PeerAddress.parse(config.self().address()).peerId();
        for (Member member : config.members()) {
            nodeIds.put(
                    PeerAddress.parse(member.address()).peerId(), member.id().value());
        }
        this.freshness = new Freshness(System::nanoTime, this::appliedIndex);
        String name = "conflux-raft-" + config.nodeId();
        this.transport = new PeerTransport(config, new PeerTls(config.tls()), membership, counters);
        this.timer = new HashedWheelTimer(new DefaultThreadFactory(name + "-timer", true), 10, TimeUnit.MILLISECONDS);
        this.housekeeper = Executors.newSingleThreadScheduledExecutor(new DefaultThreadFactory(name + "-keeper", true));
        this.rpcExecutor = pool(name + "-rpc", Limits.RPC_THREADS, Limits.RPC_QUEUE);
        this.snapshotExecutor = pool(name + "-snapshot", 1, 2);
        this.adapter = new StateMachineAdapter(stateMachine, config.halt(), counters, snapshotExecutor, applied);
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
            node = new JRaftNode(config, stateMachine, lock, identity(config, stateMachine));
            node.begin();
            return node;
        } finally {
            if (node == null) {
                lock.close();
            }
        }
    }

    private void begin() {
        transport.connectAll();
        pollApplied();
        starter.start();
    }

    private static Identity identity(JRaftConfig config, StateMachine stateMachine) throws IOException {
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
            fresh.write(dataDir); // before anybody can hear of it
            return fresh;
        }
        if (!found.clusterName().equals(config.clusterName())
                || found.nodeId() != config.nodeId().value()) {
            throw new IdentityException(dataDir + " belongs to node " + found.nodeId() + " of cluster "
                    + found.clusterName() + " (expected: node " + config.nodeId() + " of " + config.clusterName()
                    + ")");
        }
        String configured = Membership.describe(config.members());
        if (found.initialised() && !found.membership().equals(configured)) {
            throw new IdentityException(dataDir + " was bootstrapped with members [" + found.membership()
                    + "], configured are [" + configured + "]. Ids and addresses are fixed at bootstrap");
        }
        return found;
    }

    /** The starter thread: becomes a member, then runs the engine. */
    private void join() {
        try {
            becomeMember();
            if (!closing.get()) {
                startEngine();
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

    private void becomeMember() throws IOException, InterruptedException {
        var bootstrap = new Bootstrap(config, membership);
        long reportAt = System.nanoTime();
        while (!membership.identity().initialised() && !closing.get()) {
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
                LOG.info("bootstrap_waiting node={} peers=\"{}\"", config.nodeId(), bootstrap.progress());
            }
            if (stopping.await(Limits.BOOTSTRAP_CHECK_MILLIS, TimeUnit.MILLISECONDS)) {
                return;
            }
        }
    }

    private void startEngine() throws IOException {
        Path dataDir = config.dataDir();
        HighWaterMark mark = HighWaterMark.open(dataDir);
        boolean markLost = mark == null;
        boolean voteMissing = !Files.exists(EngineOptions.raftMetaFile(dataDir));
        boolean acted = mark == null
                ? !DurableFiles.isEmptyOrAbsent(config.logDir())
                : mark.position().index() > 0;
        if (voteMissing && acted) {
            throw new IdentityException(EngineOptions.raftMetaFile(dataDir) + " is missing, but this node has taken"
                    + " part in terms: it could vote twice. Restore the file, or remove this member and join with"
                    + " empty directories under a new node id");
        }
        if (mark == null) {
            mark = HighWaterMark.recreate(dataDir);
        }
        var storage = new EngineStorage(config, mark, markLost, quarantine, stateMachine.applied(), counters);
        adapter.attach(storage);
        long snapshot =
                EngineStorage.newestSnapshot(EngineOptions.snapshots(dataDir)).index();
        adapter.snapshotIndex(snapshot);
        applied.advance(stateMachine.applied().index());
        Files.createDirectories(EngineOptions.snapshots(dataDir));
        var options = new EngineOptions(config, transport, quarantine, storage, adapter);
        NodeManager.getInstance().addAddress(self.getEndpoint());
        Node engine;
        try {
            engine = RaftServiceFactory.createAndInitRaftNode(EngineOptions.GROUP, self.copy(), options);
        } catch (RuntimeException e) {
            NodeManager.getInstance().removeAddress(self.getEndpoint());
            if (e instanceof IdentityException) {
                throw e;
            }
            throw new IOException(
                    "the log in " + config.logDir() + " or the snapshots in " + EngineOptions.snapshots(dataDir)
                            + " cannot be used: " + e.getMessage() + " (the lines before this one say more). If the"
                            + " disk is full, give it space. If it is damaged: " + EngineStorage.REPAIR,
                    e);
        }
        adapter.entriesBeforeStart(Math.max(0, stateMachine.applied().index() - snapshot)); // loading has reset it
        var requests = new PeerRequests(this, stateMachine, quarantine, rpcExecutor, self);
        running = new Running(engine, storage, mark, requests);
        transport.serve(requests);
        HighWaterMark syncing = mark;
        housekeeper.scheduleWithFixedDelay(
                guarded("high-water mark", syncing::sync),
                Limits.MARK_SYNC_MILLIS,
                Limits.MARK_SYNC_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("quarantine", this::checkQuarantine),
                Limits.QUARANTINE_CHECK_MILLIS,
                Limits.QUARANTINE_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        housekeeper.scheduleWithFixedDelay(
                guarded("snapshot trigger", this::checkSnapshot),
                Limits.QUARANTINE_CHECK_MILLIS,
                Limits.QUARANTINE_CHECK_MILLIS,
                TimeUnit.MILLISECONDS);
        LOG.info(
                "started node={} address={} log={} term={} applied={}",
                config.nodeId(),
                config.self().address(),
                storage.durable(),
                storage.term(),
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
        return counters.snapshot(inFlight.get());
    }

    // ---- proposals ----

    @Override
    public CompletableFuture<Committed> propose(byte[] command, Duration timeout) {
        return propose(command, timeout, true);
    }

    CompletableFuture<Committed> propose(byte[] command, Duration timeout, boolean forwardable) {
        if (command.length > MAX_COMMAND_BYTES) {
            return CompletableFuture.failedFuture(new ConsensusException.TooLarge(command.length, MAX_COMMAND_BYTES));
        }
        ConsensusException unavailable = unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        if (inFlight.incrementAndGet() > Limits.MAX_PROPOSALS
                || inFlightBytes.addAndGet(command.length) > Limits.MAX_PROPOSAL_BYTES) {
            long count = inFlight.get();
            released(command.length, count <= Limits.MAX_PROPOSALS);
            counters.overloaded.increment();
            return CompletableFuture.failedFuture(
                    new ConsensusException.Overloaded(count + " proposals are waiting for an answer"));
        }
        CompletableFuture<Committed> future = new Proposal(this, command, timeout, forwardable).start(timeout);
        future.whenComplete((committed, problem) -> released(command.length, true));
        return future;
    }

    private void released(int bytes, boolean counted) {
        inFlight.decrementAndGet();
        if (counted) {
            inFlightBytes.addAndGet(-bytes);
        }
    }

    // ---- reads ----

    @Override
    public CompletableFuture<ReadPoint> readPoint(ReadLevel level, Duration timeout) {
        if (level == ReadLevel.STALE) {
            return CompletableFuture.completedFuture(point(level));
        }
        ConsensusException unavailable = unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        return switch (level) {
            case STALE -> throw new AssertionError("answered above");
            case FOLLOWER -> followerPoint();
            case STRONG -> new Read(level, timeout).start(this::strong);
            case LINEARIZABLE -> new Read(level, timeout).start(this::linearizable);
        };
    }

    private CompletableFuture<ReadPoint> followerPoint() {
        ReadPoint point = point(ReadLevel.FOLLOWER);
        if (point.stalenessMillis() > config.followerReadLag().toMillis()) {
            Node engine = engine();
            return CompletableFuture.failedFuture(new ConsensusException.NotCaughtUp(
                    engine.getLastCommittedIndex(), point.appliedIndex(), config.followerReadLag()));
        }
        return CompletableFuture.completedFuture(point);
    }

    private ReadPoint point(ReadLevel level) {
        long index = appliedIndex();
        return new ReadPoint(level, index, level == ReadLevel.LINEARIZABLE ? 0 : staleness());
    }

    private long staleness() {
        return adapter.leads() && isLeading() ? 0 : freshness.stalenessMillis();
    }

    /** A read that is tried until it succeeds or its time is up; repeating a read harms nobody. */
    private final class Read {
        private final ReadLevel level;
        private final Duration timeout;
        private final CompletableFuture<ReadPoint> future = new CompletableFuture<>();
        private volatile ConsensusException problem = new ConsensusException.NoLeader("none is known");
        private long pauseMillis = Limits.RETRY_MIN_MILLIS;

        Read(ReadLevel level, Duration timeout) {
            this.level = level;
            this.timeout = timeout;
        }

        CompletableFuture<ReadPoint> start(java.util.function.Consumer<Read> attempt) {
            Timeout timeUp;
            try {
                timeUp = timer.newTimeout(
                        ignored -> future.completeExceptionally(problem), timeout.toNanos(), TimeUnit.NANOSECONDS);
            } catch (IllegalStateException e) {
                return CompletableFuture.failedFuture(new ConsensusException.Unavailable("stopped"));
            }
            future.whenComplete((point, failure) -> timeUp.cancel());
            attempt.accept(this);
            return future;
        }

        void retry(ConsensusException why, java.util.function.Consumer<Read> attempt) {
            if (future.isDone()) {
                return;
            }
            problem = why;
            long pause = pauseMillis / 2 + ThreadLocalRandom.current().nextLong(pauseMillis / 2 + 1);
            pauseMillis = Math.min(pauseMillis * 2, Limits.RETRY_MAX_MILLIS);
            boolean later = later(
                    () -> {
                        if (!future.isDone()) {
                            attempt.accept(this);
                        }
                    },
                    pause);
            if (!later) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        }

        void whenApplied(long index) {
            problem = new ConsensusException.NotCaughtUp(index, appliedIndex(), timeout);
            applied.reach(index).thenAccept(reached -> future.complete(point(level)));
        }
    }

    private void strong(Read read) {
        if (isLeading()) {
            if (adapter.leads()) {
                read.whenApplied(engine().getLastCommittedIndex());
            } else {
                read.retry(new ConsensusException.NoLeader("this member was just elected"), this::strong);
            }
            return;
        }
        Integer leader = leaderId();
        if (leader == null) {
            read.retry(new ConsensusException.NoLeader("none is known"), this::strong);
            return;
        }
        askLeader(leader, read.timeout.toMillis()).whenComplete((answer, failure) -> {
            if (failure == null && answer.outcome() == Wire.Outcome.OK) {
                read.whenApplied(answer.commitIndex());
            } else {
                read.retry(
                        new ConsensusException.NoLeader(
                                failure == null ? "node " + leader + " does not lead" : failure.toString()),
                        this::strong);
            }
        });
    }

    private CompletableFuture<Wire.LeaderStateReply> askLeader(int leader, long timeoutMillis) {
        var future = new CompletableFuture<Wire.LeaderStateReply>();
        transport
                .link(leader, PeerLink.Lane.CALL)
                .send(new Wire.LeaderState(), timeoutMillis, false, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.LeaderStateReply answer) {
                            future.complete(answer);
                        } else {
                            future.completeExceptionally(new IOException("unexpected reply"));
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        future.completeExceptionally(new IOException(failure.detail()));
                    }
                });
        return future;
    }

    private void linearizable(Read read) {
        engine().readIndex(new byte[0], new ReadIndexClosure() {
            private final AtomicBoolean called = new AtomicBoolean();

            @Override
            public void run(Status status, long index, byte[] context) {
                if (!called.compareAndSet(false, true)) {
                    return; // The engine's own timeout also fires for a closure that has failed before.
                }
                if (status.isOk()) {
                    applied.advance(index); // the engine calls back only once it has been applied
                    read.future.complete(point(ReadLevel.LINEARIZABLE));
                    return;
                }
                boolean stopping = status.getRaftError() == RaftError.EHOSTDOWN
                        || status.getRaftError() == RaftError.ENODESHUTDOWN
                        || status.getRaftError() == RaftError.ESTOP;
                if (stopping) {
                    read.future.completeExceptionally(new ConsensusException.Unavailable("stopping"));
                    return;
                }
                read.retry(
                        leaderId() == null && !isLeading()
                                ? new ConsensusException.NoLeader(status.toString())
                                : new ConsensusException.NoQuorum(status.toString()),
                        JRaftNode.this::linearizable);
            }
        });
    }

    @Override
    public CompletableFuture<byte[]> query(ReadLevel level, byte[] query, Duration timeout) {
        return readPoint(level, timeout).thenApply(point -> stateMachine.query(query));
    }

    @Override
    public CompletableFuture<byte[]> queryMember(NodeId member, byte[] query, Duration timeout) {
        if (member.equals(config.nodeId())) {
            return completing(() -> stateMachine.query(query));
        }
        if (config.members().stream().noneMatch(m -> m.id().equals(member))) {
            return CompletableFuture.failedFuture(
                    new ConsensusException.Refused("node " + member + " is not a member"));
        }
        var future = new CompletableFuture<byte[]>();
        transport
                .link(member.value(), PeerLink.Lane.CALL)
                .send(new Wire.Query(query), timeout.toMillis(), true, new ReplyHandler() {
                    @Override
                    public void reply(Object message) {
                        if (message instanceof Wire.QueryReply answer && answer.outcome() == Wire.Outcome.OK) {
                            future.complete(answer.answer());
                        } else {
                            future.completeExceptionally(new ConsensusException.Unavailable(
                                    message instanceof Wire.QueryReply answer
                                            ? "node " + member + ": " + answer.detail()
                                            : "unexpected reply"));
                        }
                    }

                    @Override
                    public void failed(SendFailure failure) {
                        future.completeExceptionally(new ConsensusException.Unavailable(failure.detail()));
                    }
                });
        return future;
    }

    private static <T> CompletableFuture<T> completing(Supplier<T> call) {
        try {
            return CompletableFuture.completedFuture(call.get());
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    // ---- status ----

    @Override
    public NodeStatus status() {
        Running now = running;
        String clusterId = membership.identity().clusterId();
        if (now == null || closing.get() || adapter.failed()) {
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
                    config.members(),
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
                config.members(),
                staleness());
    }

    private Role role(Node engine) {
        if (quarantine.active()) {
            return quarantine.declared() ? Role.QUARANTINED : Role.DOWN;
        }
        return switch (engine.getNodeState()) {
            case STATE_LEADER, STATE_TRANSFERRING -> Role.LEADER;
            case STATE_CANDIDATE -> Role.CANDIDATE;
            case STATE_FOLLOWER -> Role.FOLLOWER;
            case STATE_ERROR, STATE_UNINITIALIZED, STATE_SHUTTING, STATE_SHUTDOWN, STATE_END -> Role.DOWN;
        };
    }

    /** Why this member is in quarantine; empty otherwise. */
    public Optional<String> quarantineReason() {
        return quarantine.declared() ? Optional.of(quarantine.reason()) : Optional.empty();
    }

    // ---- operations ----

    @Override
    public CompletableFuture<Long> snapshot() {
        Running now = running;
        if (now == null || closing.get()) {
            return CompletableFuture.failedFuture(new ConsensusException.Unavailable("not running"));
        }
        var future = new CompletableFuture<Long>();
        now.engine().snapshot(status -> {
            if (status.isOk()) {
                try {
                    long index = EngineStorage.newestSnapshot(EngineOptions.snapshots(config.dataDir()))
                            .index();
                    adapter.snapshotIndex(index);
                    future.complete(index);
                } catch (IOException e) {
                    future.completeExceptionally(new ConsensusException.Refused("snapshot: " + e.getMessage()));
                }
            } else {
                future.completeExceptionally(new ConsensusException.Refused("snapshot: " + status));
            }
        });
        return future;
    }

    private void checkSnapshot() {
        boolean due = adapter.bytesSinceSnapshot() >= config.snapshotLogBytes()
                || adapter.entriesSinceSnapshot() >= config.snapshotLogEntries();
        if (!due || System.nanoTime() - snapshotNotBeforeNanos < 0 || !snapshotRunning.compareAndSet(false, true)) {
            return;
        }
        snapshot().whenComplete((index, problem) -> {
            snapshotRunning.set(false);
            if (problem != null) {
                LOG.warn("snapshot_refused reason=\"{}\"", problem.getMessage());
                snapshotNotBeforeNanos =
                        System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.SNAPSHOT_RETRY_MILLIS);
            }
        });
    }

    @Override
    public CompletableFuture<Void> transferLeadership(Optional<NodeId> target) {
        ConsensusException unavailable = unavailable();
        if (unavailable != null) {
            return CompletableFuture.failedFuture(unavailable);
        }
        Integer leader = leaderId();
        return leader == null || leader == selfId() ? transferOwnLeadership(target) : askToTransfer(leader, target);
    }

    private CompletableFuture<Void> askToTransfer(int leader, Optional<NodeId> target) {
        if (target.filter(id -> id.value() == leader).isPresent()) {
            return CompletableFuture.failedFuture(new ConsensusException.Refused("node " + leader + " leads already"));
        }
        var future = new CompletableFuture<Void>();
        transport
                .link(leader, PeerLink.Lane.CALL)
                .send(
                        new Wire.Transfer(target.map(NodeId::value).orElse(0)),
                        Limits.TRANSFER_MILLIS + 1_000,
                        false,
                        new ReplyHandler() {
                            @Override
                            public void reply(Object message) {
                                if (!(message instanceof Wire.TransferReply answer)) {
                                    future.completeExceptionally(new ConsensusException.Indeterminate("transfer"));
                                } else {
                                    switch (answer.outcome()) {
                                        case OK -> future.complete(null);
                                        case NOT_LEADER ->
                                            future.completeExceptionally(new ConsensusException.NotLeader(null));
                                        default ->
                                            future.completeExceptionally(
                                                    new ConsensusException.Refused(answer.detail()));
                                    }
                                }
                            }

                            @Override
                            public void failed(SendFailure failure) {
                                future.completeExceptionally(new ConsensusException.Unavailable(failure.detail()));
                            }
                        });
        return future;
    }

    /** Only on the leader. */
    CompletableFuture<Void> transferOwnLeadership(Optional<NodeId> target) {
        if (!isLeading()) {
            return CompletableFuture.failedFuture(new ConsensusException.NotLeader(leaderMember()));
        }
        PeerId peer = PeerId.ANY_PEER;
        if (target.isPresent()) {
            NodeId id = target.get();
            if (config.members().stream().noneMatch(m -> m.id().equals(id)) || id.equals(config.nodeId())) {
                return CompletableFuture.failedFuture(
                        new ConsensusException.Refused("node " + id + " is not another member"));
            }
            peer = enginePeer(id.value());
        }
        Status status = engine().transferLeadershipTo(peer);
        if (!status.isOk()) {
            return CompletableFuture.failedFuture(new ConsensusException.Refused("transfer: " + status));
        }
        var future = new CompletableFuture<Void>();
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS);
        awaitTransfer(future, deadline);
        return future;
    }

    private void awaitTransfer(CompletableFuture<Void> future, long deadline) {
        State state = engine().getNodeState();
        if (state != State.STATE_LEADER && state != State.STATE_TRANSFERRING) {
            future.complete(null);
        } else if (System.nanoTime() - deadline >= 0) {
            future.completeExceptionally(new ConsensusException.Refused(
                    "transfer: not taken over within " + Limits.TRANSFER_MILLIS + " ms"));
        } else {
            if (!later(() -> awaitTransfer(future, deadline), TRANSFER_POLL_MILLIS)) {
                future.completeExceptionally(new ConsensusException.Unavailable("stopped"));
            }
        }
    }

    // ---- quarantine ----

    private void checkQuarantine() {
        Running now = running;
        if (now == null || !quarantine.active()) {
            return;
        }
        Integer leader = leaderId();
        if (quarantine.needsLeader() && leader != null && leader != selfId()) {
            askLeader(leader, 1_000).thenAccept(answer -> {
                if (answer.outcome() == Wire.Outcome.OK) {
                    quarantine.leaderEnd(new LogPosition(answer.lastLogIndex(), answer.term()));
                }
            });
        }
        quarantine.logReaches(now.storage().durable());
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
            stopping.countDown(); // wakes the starter
            starter.join(Limits.SHUTDOWN_MILLIS);
            Running now = running;
            if (now != null) {
                if (handOver) {
                    handOver(now.engine());
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

    private void handOver(Node engine) throws InterruptedException {
        if (config.members().size() == 1 || engine.getNodeState() != State.STATE_LEADER) {
            return;
        }
        Status status = engine.transferLeadershipTo(PeerId.ANY_PEER);
        if (!status.isOk()) {
            LOG.info("leadership_kept reason=\"{}\"", status);
            return;
        }
        var future = new CompletableFuture<Void>();
        awaitTransfer(future, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Limits.TRANSFER_MILLIS));
        var done = new CountDownLatch(1);
        future.whenComplete((nothing, problem) -> done.countDown());
        if (!done.await(Limits.TRANSFER_MILLIS + 500, TimeUnit.MILLISECONDS)) {
            LOG.info("leadership_kept reason=\"not taken over in time\"");
        }
    }

    private void shutdown(Running now) throws InterruptedException {
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

    Node engine() {
        Running now = running;
        if (now == null) {
            throw new ConsensusException.Unavailable("starting");
        }
        return now.engine();
    }

    PeerTransport transport() {
        return transport;
    }

    Timer timer() {
        return timer;
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
        return System.currentTimeMillis();
    }

    @Nullable
    Integer nodeIdOf(PeerId peer) {
        return nodeIds.get(peer);
    }

    PeerId enginePeer(int nodeId) {
        return PeerAddress.parse(config.member(nodeId).address()).peerId();
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

    @Nullable
    Member leaderMember() {
        Integer id = leaderId();
        return id == null ? null : config.member(id);
    }

    void heardFromLeader(long leaderTerm, long committedIndex) {
        Running now = running;
        if (now != null) {
            freshness.heard(leaderTerm, now.storage().term(), committedIndex);
        }
    }

    Wire.LeaderStateReply leaderState() {
        Running now = running;
        if (now == null || !adapter.leads() || !isLeading() || quarantine.active()) {
            return PeerRequests.notLeader();
        }
        Node engine = now.engine();
        return PeerRequests.leaderState(now.storage().term(), engine.getLastCommittedIndex(), engine.getLastLogIndex());
    }

    private boolean isLeading() {
        Running now = running;
        if (now == null) {
            return false;
        }
        State state = now.engine().getNodeState();
        return state == State.STATE_LEADER || state == State.STATE_TRANSFERRING;
    }

    private @Nullable Integer leaderId() {
        Running now = running;
        PeerId leader = now == null ? null : now.engine().getLeaderId();
        return leader == null || leader.isEmpty() ? null : nodeIds.get(leader);
    }

    private long appliedIndex() {
        Running now = running;
        return now == null
                ? applied.get()
                : Math.max(applied.get(), now.engine().getLastAppliedLogIndex());
    }

    private @Nullable ConsensusException unavailable() {
        if (closing.get()) {
            return new ConsensusException.Unavailable("stopped");
        }
        if (adapter.failed()) {
            return new ConsensusException.Unavailable("halted");
        }
        if (running == null) {
            return new ConsensusException.Unavailable("starting");
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
            Running now = running;
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

    private static Runnable guarded(String what, Runnable task) {
        return () -> {
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                LOG.error("{} failed; tried again", what, e); // An exception would end the schedule silently.
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
