package dev.conflux.consensus.jraft;

import dev.conflux.consensus.api.ConsensusNode;

/** Every bound of this module, with its reason. Not configuration: changing one means thinking about the others. */
final class Limits {

    // ---- engine ----

    /** The engine's read-index rescan period; its elections go by {@link ElectionTiming}. */
    static final int MAX_ELECTION_DELAY_MILLIS = 150;

    /** Heartbeat = election timeout / this: a follower may miss several before it acts. */
    static final int HEARTBEAT_FACTOR = 10;

    /** Slots of each of the engine's rings: four per node, some tens of bytes per slot. Full = Overloaded. */
    static final int RING_SLOTS = 4096;

    /** Seconds a full log ring is waited for before the engine declares an error: a disk this slow is broken. */
    static final int RING_WAIT_SECONDS = 10;

    /** Proposals per append batch: one lock and one fsync for all of them. */
    static final int APPLY_BATCH = 128;

    /** Entries per AppendEntries. */
    static final int MAX_ENTRIES_PER_APPEND = 1024;

    /** Bytes per AppendEntries before the next entry is put into another one. A batch limit, not an entry limit. */
    static final int MAX_APPEND_BODY_BYTES = 512 * 1024;

    /** Bytes per log write; larger batches gain nothing on one fsync. */
    static final int MAX_LOG_WRITE_BYTES = 256 * 1024;

    /** Log entries cached for lagging followers and for apply. */
    static final long MAX_LOG_CACHE_BYTES = 64L << 20;

    /** Entries written or read a moment ago that are kept in memory: the newest is looked at dozens of times a second. */
    static final long RECENT_ENTRIES_BYTES = 16L << 20;

    /** AppendEntries in flight per follower, however small. */
    static final int MAX_APPENDS_IN_FLIGHT = 64;

    /** Their bytes: a connection that has just been made, not yet compiled, carries 20 MB/s, and heartbeats wait behind. */
    static final long APPEND_WINDOW_BYTES = 2L << 20;

    /** Chunk of a snapshot file. */
    static final int SNAPSHOT_CHUNK_BYTES = 512 * 1024;

    /** The engine's list of a snapshot's files: some hundred thousand of them. */
    static final long MAX_SNAPSHOT_META_BYTES = 32L << 20;

    /** Bytes per second at which snapshots are fetched from one member: leaves disk and network for replication. */
    static final long SNAPSHOT_BYTES_PER_SECOND = 64L << 20;

    /** A follower within this many entries of the leader counts as caught up when it is added. */
    static final int CATCHUP_MARGIN = 1_000;

    /** Engine thread pools: fixed, because a container's processor count says nothing about load. */
    static final int ENGINE_TIMER_THREADS = 2;

    /** Threads that run replies to votes, read-index and snapshot requests. */
    static final int ENGINE_REPLY_THREADS = 6;

    /** Threads that drive replicators; one per follower of a three-node cluster. */
    static final int REPLICATOR_THREADS = 2;

    /** Replicator tasks queued per thread; {@link #MAX_APPENDS_IN_FLIGHT} replies never fill it. */
    static final int REPLICATOR_QUEUE = 32_768;

    /** Memtable of the log: two column families, two each. */
    static final long LOG_MEMTABLE_BYTES = 16L << 20;

    /** Write-ahead logs of the log database: bounds replay at start. */
    static final long LOG_WAL_BYTES = 128L << 20;

    /** Block cache of the log database: it is read by lagging followers only. */
    static final long LOG_CACHE_BYTES = 4L << 20;

    // ---- apply and snapshot ----

    /** Entries per call of {@code StateMachine.apply}: bounds the write batch and the delay of the first reply. */
    static final int MAX_APPLY_ENTRIES = 2_048;

    /** Command bytes per call of {@code StateMachine.apply}; one larger command goes alone. */
    static final long MAX_APPLY_BYTES = 4L << 20;

    /** Pause after a snapshot that failed, so that a full disk is not hammered. */
    static final long SNAPSHOT_RETRY_MILLIS = 30_000;

    // ---- proposals and reads ----

    /** Proposals waiting for an answer on this member. */
    static final int MAX_PROPOSALS = 8_192;

    /** Their command bytes: 21 of the largest, or 8 Ki of 8 KiB. */
    static final long MAX_PROPOSAL_BYTES = 64L << 20;

    /** First pause before an attempt that provably appended nothing is repeated; doubles, half of it random. */
    static final long RETRY_MIN_MILLIS = 5;

    /** How often a waiting read looks whether it waits in vain, because a snapshot is being fetched meanwhile. */
    static final long READ_CHECK_MILLIS = 50;

    /** Largest such pause: a tenth of an election. */
    static final long RETRY_MAX_MILLIS = 80;

    /** Commits heard of in answers that this member's log has not reached: more than one batch of them gains nothing. */
    static final int MAX_COMMIT_HINTS = 1_024;

    // ---- transport ----

    /** Largest frame: a largest command, one batch that it overflows, and headers. */
    static final int MAX_FRAME_BYTES = ConsensusNode.MAX_COMMAND_BYTES + MAX_APPEND_BODY_BYTES + 64 * 1024;

    /** Largest first frame of a connection, before the peer is known: a membership record with {@link #MAX_MEMBERS}. */
    static final int MAX_HELLO_BYTES = 256 * 1024;

    /** Event loops per node: two cores' worth of TLS. */
    static final int IO_THREADS = 2;

    /** Threads for votes, read-index, snapshots on the receiving side. */
    static final int RPC_THREADS = 4;

    /** Requests queued for them; beyond, the sender gets EBUSY. */
    static final int RPC_QUEUE = 1_024;

    /** Requests of one connection being worked on; beyond, the connection is not read. */
    static final int MAX_REQUESTS_PER_CONNECTION = 4_096;

    /** Requests held while a connection is being made. */
    static final int MAX_WAITING_FOR_CONNECTION = 64;

    /** Bytes in a connection's write queue above which appends and proposals are refused. */
    static final int WRITE_QUEUE_HIGH_BYTES = 8 << 20;

    static final int WRITE_QUEUE_LOW_BYTES = 2 << 20;

    static final int CONNECT_TIMEOUT_MILLIS = 1_000;

    /** TLS and hello together. */
    static final int HANDSHAKE_TIMEOUT_MILLIS = 3_000;

    static final long RECONNECT_MIN_MILLIS = 20;

    /** A returning member is reconnected within this, so elections need not wait for connections. */
    static final long RECONNECT_MAX_MILLIS = 300;

    /** Resolution of request timeouts. */
    static final long TIMEOUT_SWEEP_MILLIS = 20;

    /** A connection on which requests time out and nothing at all arrives for this long is replaced. */
    static final long SILENT_CONNECTION_MILLIS = 2_000;

    /** The same complaint about the same peer is logged this often. */
    static final long LOG_REPEAT_MILLIS = 30_000;

    /** Different complaints remembered. */
    static final int LOG_REPEAT_LINES = 256;

    // ---- guards ----

    /** How often a member asks the leader whether it is up to date: the staleness of an idle one. */
    static final long FRESHNESS_MILLIS = 100;

    /** How often free space is looked at: the disk cannot write a quarter of the bound meanwhile. */
    static final long SPACE_CHECK_MILLIS = 200;

    /** How often a follower with little space says so. */
    static final long SPACE_TELL_MILLIS = 500;

    /** How often a leader with little space offers leadership. */
    static final long SPACE_HANDOVER_MILLIS = 5_000;

    /** The part of the bound that is left for votes and what is under way. */
    static final long CRITICAL_SPACE_DIVISOR = 4;

    /** A mark is due after this many commands, however short the time. */
    static final long DIGEST_MAX_ENTRIES = 100_000;

    /** Marks whose digests a member remembers: the leader asks within seconds. */
    static final int DIGESTS_KEPT = 8;

    /** How often the leader looks whether digests are to be compared. */
    static final long DIGEST_CHECK_MILLIS = 200;

    /** Pause between two questions to one member about one mark. */
    static final long DIGEST_ASK_MILLIS = 1_000;

    /** A member that has not come to a mark by then is left out. */
    static final long DIGEST_COLLECT_MILLIS = 10_000;

    /** Reading 100 GiB at {@link #SCRUB_BYTES_PER_SECOND}. */
    static final long SCRUB_COLLECT_MILLIS = 3_600_000;

    /** How fast a whole state is read: a quarter of a modest disk. */
    static final long SCRUB_BYTES_PER_SECOND = 32L << 20;

    /** Copies of cut log suffixes that are kept. */
    static final int CUT_SUFFIXES_KEPT = 4;

    /** How often the watchdog looks. */
    static final long WATCHDOG_TICK_MILLIS = 100;

    /** A member with a stuck operation is not ready after this: longer than an ordinary pause, shorter than patience. */
    static final long UNWELL_MILLIS = 2_000;

    /**
     * How far the high-water mark may lag the log after a power failure. A killed process loses nothing of it: the page
     * cache survives.
     */
    static final long MARK_SYNC_MILLIS = 50;

    /** How often a quarantined node looks whether it may leave quarantine. */
    static final long QUARANTINE_CHECK_MILLIS = 100;

    /** How often a node that is not yet part of a cluster looks at what its peers said. */
    static final long BOOTSTRAP_CHECK_MILLIS = 50;

    /** How often it says in the log what it waits for. */
    static final long BOOTSTRAP_REPORT_MILLIS = 5_000;

    /** How often a node that is not yet part of a cluster resolves again where its contacts are. */
    static final long CONTACTS_REFRESH_MILLIS = 1_000;

    // ---- membership ----

    /** Members of a cluster; more than seven voters only cost time, the rest is room for mistakes. */
    static final int MAX_MEMBERS = 32;

    /** How often a leader looks whether a membership change can go on. */
    static final long MEMBERSHIP_CHECK_MILLIS = 100;

    /** A node being added that answers but has not caught up by then is given up: 900 GiB at the snapshot's pace. */
    static final long JOIN_LIMIT_MILLIS = 4 * 3_600_000;

    /** Pause of a membership change after the engine has refused a step. */
    static final long MEMBERSHIP_RETRY_MILLIS = 300;

    /** How long the leader tries to reach a node that is to be added before it refuses. */
    static final long CANDIDATE_CONTACT_MILLIS = 3_000;

    /** How long a leader may take to decide about a membership change; the asker asks again afterwards. */
    static final long CHANGE_DECISION_MILLIS = CANDIDATE_CONTACT_MILLIS + 2_000;

    /** Pause before the engine is asked again that has just been elected: it refuses until its first entry is committed. */
    static final long TRANSFER_RETRY_MILLIS = 20;

    /** Handing leadership over. */
    static final long TRANSFER_MILLIS = 2_000;

    /** Waiting for the engine to stop at close. */
    static final long SHUTDOWN_MILLIS = 10_000;

    private Limits() {}
}
