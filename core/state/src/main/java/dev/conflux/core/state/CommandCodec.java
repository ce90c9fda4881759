package dev.conflux.core.state;

import dev.conflux.core.model.Outcome;

/** The log's encoding. */
public final class CommandCodec {

    private CommandCodec() {}

    public static byte[] encode(CommandEnvelope envelope) {
        throw new UnsupportedOperationException("being built: " + envelope);
    }

    public static CommandEnvelope decode(byte[] bytes) {
        throw new UnsupportedOperationException("being built: " + bytes.length);
    }

    public static byte[] encodeOutcome(Outcome outcome) {
        throw new UnsupportedOperationException("being built: " + outcome);
    }

    public static Outcome decodeOutcome(byte[] bytes) {
        throw new UnsupportedOperationException("being built: " + bytes.length);
    }
}
