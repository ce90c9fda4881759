package dev.conflux.consensus.jraft;

import static org.assertj.core.api.Assertions.assertThat;

import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.core.ElectionPriority;
import com.alipay.sofa.jraft.option.ApplyTaskMode;
import com.alipay.sofa.jraft.option.NodeOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.ReadOnlyOption;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import com.alipay.sofa.jraft.util.RpcFactoryHelper;
import com.alipay.sofa.jraft.util.StorageOptionsFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.WALRecoveryMode;

/** What the running engine really uses, read back from it. */
class EngineOptionsTest {

    @TempDir
    Path directory;

    @Test
    void shouldRunWithEveryOptionThatDurabilityAndMemoryDependOn() {
        try (var cluster = new TestCluster(directory, 1)
                .tuned(config -> config.withElectionTimeout(JRaftConfig.DEFAULT_ELECTION_TIMEOUT))
                .startAll()) {
            // when
            Node engine = cluster.node(1).engine();
            NodeOptions node = engine.getOptions();
            RaftOptions raft = engine.getRaftOptions();

            // then
            assertThat(raft.isSync()).isTrue();
            assertThat(raft.isSyncMeta()).isTrue();
            assertThat(raft.isEnableLogEntryChecksum()).isTrue();
            assertThat(raft.isOpenStatistics()).isFalse();
            assertThat(raft.getReadOnlyOptions()).isEqualTo(ReadOnlyOption.ReadOnlySafe);
            assertThat(raft.getMaxReadIndexLag()).isEqualTo(-1);
            assertThat(raft.getApplyBatch()).isEqualTo(128);
            assertThat(raft.getMaxEntriesSize()).isEqualTo(1024);
            assertThat(raft.getMaxBodySize()).isEqualTo(512 * 1024);
            assertThat(raft.getMaxByteCountPerRpc()).isEqualTo(512 * 1024);
            assertThat(raft.isFileCheckHole()).isFalse();
            assertThat(raft.getMaxAppendBufferSize()).isEqualTo(256 * 1024);
            assertThat(raft.getMaxLogsInMemoryBytes()).isEqualTo(64L << 20);
            assertThat(raft.getDisruptorBufferSize()).isEqualTo(4096);
            assertThat(raft.getDisruptorPublishEventWaitTimeoutSecs()).isEqualTo(10);
            assertThat(raft.isReplicatorPipeline()).isTrue();
            assertThat(raft.getMaxReplicatorInflightMsgs()).isEqualTo(64);
            assertThat(raft.getMaxElectionDelayMs()).isEqualTo(150);
            assertThat(raft.getElectionHeartbeatFactor()).isEqualTo(10);
            assertThat(raft.isStepDownWhenVoteTimedout()).isTrue();
            assertThat(raft.isStartupOldStorage()).isFalse();

            assertThat(node.getElectionTimeoutMs()).isEqualTo(400);
            assertThat(node.getElectionPriority()).isEqualTo(ElectionPriority.Disabled);
            assertThat(node.getLeaderLeaseTimeRatio()).isEqualTo(90);
            assertThat(node.getSnapshotIntervalSecs()).isZero();
            assertThat(node.getSnapshotLogIndexMargin()).isZero();
            assertThat(node.getCatchupMargin()).isEqualTo(1_000);
            assertThat(node.isFilterBeforeCopyRemote()).isTrue();
            assertThat(node.getSnapshotThrottle()).isNull();
            assertThat(node.isDisableCli()).isTrue();
            assertThat(node.getApplyTaskMode()).isEqualTo(ApplyTaskMode.NonBlocking);
            assertThat(node.isEnableMetrics()).isTrue();
            assertThat(node.getTimerPoolSize()).isEqualTo(2);
            assertThat(node.getRaftRpcThreadPoolSize()).isEqualTo(4);
            assertThat(node.getCliRpcThreadPoolSize()).isEqualTo(1);
            assertThat(node.isSharedTimerPool()).isFalse();
            assertThat(node.isSharedElectionTimer()).isFalse();
            assertThat(node.isSharedVoteTimer()).isFalse();
            assertThat(node.isSharedStepDownTimer()).isFalse();
            assertThat(node.isSharedSnapshotTimer()).isFalse();
            assertThat(node.getRpcConnectTimeoutMs()).isEqualTo(1_000);
            assertThat(node.getRpcDefaultTimeout()).isEqualTo(5_000);
            assertThat(node.getRpcInstallSnapshotTimeout()).isEqualTo(300_000);
            assertThat(node.getRpcProcessorThreadPoolSize()).isEqualTo(6);
            assertThat(node.isEnableRpcChecksum()).isFalse();
            assertThat(node.getAppendEntriesExecutors()).hasSize(2);
            assertThat(node.getServiceFactory()).isInstanceOf(EngineStorage.class);
            assertThat(RpcFactoryHelper.rpcFactory()).isInstanceOf(EngineRpcFactory.class);
            assertThat(JRaftUtils.raftTimerFactory()).isInstanceOf(EngineTimers.class);
        }
    }

    @Test
    void shouldOpenTheLogDatabaseWithItsOwnOptions() {
        try (var cluster = new TestCluster(directory, 1)
                        .tuned(config -> config.withElectionTimeout(JRaftConfig.DEFAULT_ELECTION_TIMEOUT))
                        .startAll();
                DBOptions database = StorageOptionsFactory.getRocksDBOptions(null, RocksDBLogStorage.class);
                ColumnFamilyOptions family =
                        StorageOptionsFactory.getRocksDBColumnFamilyOptions(null, RocksDBLogStorage.class)) {
            // then
            assertThat(cluster.leader()).isEqualTo(1);
            assertThat(database.walRecoveryMode()).isEqualTo(WALRecoveryMode.PointInTimeRecovery);
            assertThat(database.paranoidChecks()).isTrue();
            assertThat(database.maxTotalWalSize()).isEqualTo(128L << 20);
            assertThat(database.statistics()).isNull();
            assertThat(database.keepLogFileNum()).isEqualTo(2);
            assertThat(family.writeBufferSize()).isEqualTo(16L << 20);
            assertThat(family.maxWriteBufferNumber()).isEqualTo(2);
        }
    }
}
