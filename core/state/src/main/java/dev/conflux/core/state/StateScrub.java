package dev.conflux.core.state;

import dev.conflux.consensus.api.StateMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.function.LongConsumer;

/** Reads a frozen state area by area: SHA-256 over each key and value with their lengths (4 bytes), in key order. */
final class StateScrub implements StateMachine.Scrub {

    private final StateStore.Snapshot frozen;

    StateScrub(StateStore.Snapshot frozen) {
        this.frozen = frozen;
    }

    @Override
    public byte[] digest(LongConsumer pace) throws IOException {
        MessageDigest sha256 = SnapshotFiles.sha256();
        try {
            for (StateArea area : StateArea.values()) {
                frozen.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                    update(sha256, key);
                    update(sha256, value);
                    pace.accept(key.length + value.length);
                    return true;
                });
            }
        } catch (StateStoreException e) {
            throw new IOException("the state cannot be read: " + e.getMessage(), e);
        }
        return sha256.digest();
    }

    private static void update(MessageDigest sha256, byte[] bytes) {
        sha256.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
        sha256.update(bytes);
    }

    @Override
    public void close() {
        frozen.close();
    }
}
