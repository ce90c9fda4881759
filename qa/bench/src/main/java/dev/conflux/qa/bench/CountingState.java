package dev.conflux.qa.bench;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.List;

/** The least a state machine can do, so that the log is what is measured: counts commands and bytes, in memory. */
final class CountingState implements StateMachine {

    private static final byte[] NOTHING = {};
    private static final String FILE = "count";

    private volatile LogPosition applied = LogPosition.ZERO;
    private long bytes; // apply thread

    @Override
    public LogPosition applied() {
        return applied;
    }

    @Override
    public List<byte[]> apply(List<LogEntry> entries) {
        for (LogEntry entry : entries) {
            bytes += entry.command().length;
        }
        applied = entries.getLast().position();
        return Collections.nCopies(entries.size(), NOTHING);
    }

    @Override
    public byte[] query(byte[] query) {
        return NOTHING;
    }

    @Override
    public Snapshot beginSnapshot(Path directory) {
        LogPosition position = applied;
        byte[] content = ByteBuffer.allocate(3 * Long.BYTES)
                .putLong(position.index())
                .putLong(position.term())
                .putLong(bytes)
                .array();
        return new Snapshot() {
            @Override
            public LogPosition position() {
                return position;
            }

            @Override
            public List<String> complete() throws IOException {
                Files.write(directory.resolve(FILE), content, StandardOpenOption.CREATE_NEW, StandardOpenOption.SYNC);
                return List.of(FILE);
            }
        };
    }

    @Override
    public LogPosition restore(Path directory) throws IOException {
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(directory.resolve(FILE)));
        applied = new LogPosition(content.getLong(), content.getLong());
        bytes = content.getLong();
        return applied;
    }
}
