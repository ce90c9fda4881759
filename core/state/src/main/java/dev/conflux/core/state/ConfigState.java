package dev.conflux.core.state;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The replicated state. */
public final class ConfigState implements StateMachine, AutoCloseable {

    public ConfigView view() {
        throw new UnsupportedOperationException("being built");
    }

    public StateReader reader() {
        throw new UnsupportedOperationException("being built");
    }

    public void addListener(AppliedListener listener) {
        throw new UnsupportedOperationException("being built: " + listener);
    }

    @Override
    public LogPosition applied() {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public List<byte[]> apply(List<LogEntry> entries) {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public byte[] query(byte[] query) {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public Snapshot beginSnapshot(Path directory) throws IOException {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public LogPosition restore(Path directory) throws IOException {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public void close() {}
}
