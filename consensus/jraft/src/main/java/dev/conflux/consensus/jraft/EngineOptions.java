package dev.conflux.consensus.jraft;

import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.core.ElectionPriority;
import com.alipay.sofa.jraft.option.ApplyTaskMode;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.ReadOnlyOption;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import com.alipay.sofa.jraft.util.StorageOptionsFactory;
import com.alipay.sofa.jraft.util.concurrent.DefaultFixedThreadsExecutorGroupFactory;
import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogPosition;
import java.nio.file.Path;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.WALRecoveryMode;

/**
 * Every option of the engine, set here and nowhere else, also where the default would do: a default may change. Carries
 * the transport to {@link EngineRpcClient}, because the engine's own way is one factory per JVM.
 */
final class EngineOptions extends NodeOptions {

    /** One group per process; the hello keeps clusters apart. */
    static final String GROUP = "conflux";

    private static boolean storageOptionsRegistered; // guarded by the class

    private final PeerTransport transport;
    private final Quarantine quarantine;
    private final AppendWindow appendWindow;

    EngineOptions(
            JRaftConfig config,
            MembershipRecord membership,
            PeerTransport transport,
            Quarantine quarantine,
            EngineStorage storage,
            StateMachineAdapter stateMachine) {
        this.transport = transport;
        this.quarantine = quarantine;
        registerStorageOptions();

        setElectionTimeoutMs(Math.toIntExact(config.electionTimeout().toMillis()));
        setElectionPriority(ElectionPriority.Disabled);
        setDecayPriorityGap(10); // unused with priorities disabled
        setLeaderLeaseTimeRatio(90); // also what a leader without a majority steps down by
        setSnapshotIntervalSecs(0); // our own trigger counts bytes and entries
        setSnapshotLogIndexMargin(0);
        setCatchupMargin(Limits.CATCHUP_MARGIN);
        setInitialConf(initialConfiguration(membership));
        setFsm(stateMachine);
        setLogUri(config.logDir().toString());
        setRaftMetaUri(raftMeta(config.dataDir()).toString());
        setSnapshotUri(snapshots(config.dataDir()).toString());
        setFilterBeforeCopyRemote(true); // files whose checksum we have are not fetched again
        setDisableCli(true);
        setSharedTimerPool(false);
        setSharedElectionTimer(false);
        setSharedVoteTimer(false);
        setSharedStepDownTimer(false);
        setSharedSnapshotTimer(false);
        setTimerPoolSize(Limits.ENGINE_TIMER_THREADS);
        setCliRpcThreadPoolSize(1); // no such pool is made
        setRaftRpcThreadPoolSize(Limits.RPC_THREADS);
        setEnableMetrics(true);
        setSnapshotThrottle(null); // SnapshotPace, on the member that is asked
        setServiceFactory(storage);
        setApplyTaskMode(ApplyTaskMode.NonBlocking); // a full ring is Overloaded, not a blocked caller
        setRpcConnectTimeoutMs(Limits.CONNECT_TIMEOUT_MILLIS);
        setRpcDefaultTimeout(5_000);
        setRpcInstallSnapshotTimeout(300_000);
        setRpcProcessorThreadPoolSize(Limits.ENGINE_REPLY_THREADS);
        setEnableRpcChecksum(false); // TLS authenticates every byte
        setAppendEntriesExecutors(DefaultFixedThreadsExecutorGroupFactory.INSTANCE.newExecutorGroup(
                Limits.REPLICATOR_THREADS, "conflux-replicator-" + config.nodeId(), Limits.REPLICATOR_QUEUE, true));
        appendWindow = raftOptions();
        setRaftOptions(appendWindow);
        getRaftOptions().setElectionHeartbeatFactor((int)
                Math.max(1, config.electionTimeout().dividedBy(config.heartbeatInterval())));
    }

    PeerTransport transport() {
        return transport;
    }

    Quarantine quarantine() {
        return quarantine;
    }

    AppendWindow appendWindow() {
        return appendWindow;
    }

    static Path raftMeta(Path dataDir) {
        return dataDir.resolve("vote");
    }

    static Path raftMetaFile(Path dataDir) {
        return raftMeta(dataDir).resolve("raft_meta");
    }

    static Path snapshots(Path dataDir) {
        return dataDir.resolve("snapshots");
    }

    /** What the engine goes by as long as its log is empty: founders vote, whoever was added waits to be told. */
    private static Configuration initialConfiguration(MembershipRecord membership) {
        var configuration = new Configuration();
        if (membership.position().equals(LogPosition.ZERO)) {
            membership
                    .members()
                    .values()
                    .forEach(member -> configuration.addPeer(
                            PeerAddress.parse(member.address()).peerId()));
        }
        return configuration;
    }

    static AppendWindow raftOptions() {
        var options = new AppendWindow();
        options.setSync(!Failpoints.skips("defence.fsync"));
        options.setSyncMeta(true); // otherwise a vote can be forgotten in a power failure
        options.setEnableLogEntryChecksum(true);
        options.setOpenStatistics(false);
        options.setReadOnlyOptions(ReadOnlyOption.ReadOnlySafe); // no clock is trusted
        options.setMaxReadIndexLag(-1); // waiting has a timeout of its own
        options.setApplyBatch(Limits.APPLY_BATCH);
        options.setMaxEntriesSize(Limits.MAX_ENTRIES_PER_APPEND);
        options.setMaxBodySize(Limits.MAX_APPEND_BODY_BYTES);
        options.setMaxByteCountPerRpc(Limits.SNAPSHOT_CHUNK_BYTES);
        options.setFileCheckHole(false);
        options.setMaxAppendBufferSize(Limits.MAX_LOG_WRITE_BYTES);
        options.setMaxLogsInMemoryBytes(Limits.MAX_LOG_CACHE_BYTES);
        options.setDisruptorBufferSize(Limits.RING_SLOTS);
        options.setDisruptorPublishEventWaitTimeoutSecs(Limits.RING_WAIT_SECONDS);
        options.setReplicatorPipeline(true);
        options.setMaxReplicatorInflightMsgs(Limits.MAX_APPENDS_IN_FLIGHT);
        options.setMaxElectionDelayMs(Limits.MAX_ELECTION_DELAY_MILLIS);
        options.setElectionHeartbeatFactor(Limits.HEARTBEAT_FACTOR);
        options.setStepDownWhenVoteTimedout(true);
        options.setStartupOldStorage(false);
        return options;
    }

    /** The engine looks these up by class, once per JVM. */
    static synchronized void registerStorageOptions() {
        if (storageOptionsRegistered) {
            return;
        }
        RocksDB.loadLibrary();
        StorageOptionsFactory.registerRocksDBOptions(RocksDBLogStorage.class, databaseOptions());
        StorageOptionsFactory.registerRocksDBColumnFamilyOptions(RocksDBLogStorage.class, columnFamilyOptions());
        StorageOptionsFactory.registerRocksDBTableFormatConfig(
                RocksDBLogStorage.class,
                new BlockBasedTableConfig()
                        .setBlockSize(16 * 1024)
                        .setBlockCache(new LRUCache(Limits.LOG_CACHE_BYTES))
                        .setCacheIndexAndFilterBlocks(true));
        storageOptionsRegistered = true;
    }

    static DBOptions databaseOptions() {
        return new DBOptions()
                .setCreateIfMissing(true)
                .setCreateMissingColumnFamilies(true)
                // Cuts the log at its first bad record instead of refusing to open: the high-water mark notices what
                // was cut off, and the node heals from its peers. The stricter modes would leave it dead for ever.
                .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                .setParanoidChecks(true)
                .setMaxTotalWalSize(Limits.LOG_WAL_BYTES)
                .setMaxOpenFiles(256)
                .setMaxBackgroundJobs(2)
                .setKeepLogFileNum(2)
                .setMaxLogFileSize(4L << 20)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setStatsDumpPeriodSec(0)
                .setStatsPersistPeriodSec(0);
    }

    static ColumnFamilyOptions columnFamilyOptions() {
        return new ColumnFamilyOptions()
                .setWriteBufferSize(Limits.LOG_MEMTABLE_BYTES)
                .setMaxWriteBufferNumber(2)
                .setMinWriteBufferNumberToMerge(1)
                .setLevel0FileNumCompactionTrigger(8)
                .setLevel0SlowdownWritesTrigger(20)
                .setLevel0StopWritesTrigger(40)
                .setMaxBytesForLevelBase(256L << 20)
                .setTargetFileSizeBase(32L << 20)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setForceConsistencyChecks(true);
    }
}
