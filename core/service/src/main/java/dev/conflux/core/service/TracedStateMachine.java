package dev.conflux.core.service;

import dev.conflux.base.observe.Tracing;
import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandCodec.TraceParent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Tells, for each command whose proposer was sampled, how long replication and apply took on this node: spans {@code
 * replicate} (from the leader's append stamp to the beginning of apply, so two machines' clocks are in it) and {@code
 * apply} (the batch that the command was in), both below the proposer's {@code propose}. Put in front of the state
 * machine only when tracing is on.
 */
public final class TracedStateMachine implements StateMachine {

    private final StateMachine machine;
    private final Tracing tracing;

    public TracedStateMachine(StateMachine machine, Tracing tracing) {
        this.machine = machine;
        this.tracing = tracing;
    }

    @Override
    public List<byte[]> apply(List<LogEntry> entries) {
        long begin = System.currentTimeMillis();
        List<byte[]> results = machine.apply(entries);
        long end = System.currentTimeMillis();
        for (LogEntry entry : entries) {
            TraceParent parent = CommandCodec.traceParent(entry.command());
            if (parent.spanId() != 0) {
                long index = entry.position().index();
                tracing.record(
                        "replicate",
                        parent.traceId(),
                        parent.spanId(),
                        entry.proposedAtMillis(),
                        begin,
                        index,
                        entries.size());
                tracing.record("apply", parent.traceId(), parent.spanId(), begin, end, index, entries.size());
            }
        }
        return results;
    }

    @Override
    public LogPosition applied() {
        return machine.applied();
    }

    @Override
    public void skipped(LogPosition position) {
        machine.skipped(position);
    }

    @Override
    public byte[] query(byte[] query) {
        return machine.query(query);
    }

    @Override
    public Snapshot beginSnapshot(Path directory) throws IOException {
        return machine.beginSnapshot(directory);
    }

    @Override
    public LogPosition restore(Path directory) throws IOException {
        return machine.restore(directory);
    }

    @Override
    public Optional<byte[]> digest() {
        return machine.digest();
    }

    @Override
    public Optional<Scrub> beginScrub() {
        return machine.beginScrub();
    }

    @Override
    public void reset() throws IOException {
        machine.reset();
    }
}
