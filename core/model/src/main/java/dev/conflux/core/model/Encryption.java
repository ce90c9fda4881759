package dev.conflux.core.model;

/** How a version's content was encrypted by its publisher; only clients decrypt. */
public record Encryption(String algorithm, byte[] wrappedDek, String kekId, byte[] nonce) {

    @Override
    public String toString() {
        return "Encryption[" + algorithm + ", kek " + kekId + "]";
    }
}
