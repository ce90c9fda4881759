package dev.conflux.consensus.jraft;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What a membership entry of the log says; {@code DESIGN.md} has the bytes. Kinds are for ever. The state machine never
 * sees one.
 */
sealed interface MembershipEntry {

    /** A node becomes a member, as a learner at first. */
    record Add(int id, String address, String storageId, String clientAddress) implements MembershipEntry {}

    /** It votes now. */
    record Added(int id) implements MembershipEntry {}

    /** A member shall go. */
    record Remove(int id) implements MembershipEntry {}

    /** It has gone from the engine's configuration: its id is dead. */
    record Removed(int id) implements MembershipEntry {}

    /** It did not catch up: as if it had never been added. */
    record GiveUp(int id) implements MembershipEntry {}

    record FeatureLevel(int level) implements MembershipEntry {}

    /** The cluster was founded again, offline, from one survivor. */
    record FoundedAgain(MembershipRecord membership) implements MembershipEntry {}

    default byte[] encode() {
        var text = new CheckedText();
        int kind = switch (this) {
            case Add add -> {
                text.add("id", add.id)
                        .add("address", add.address)
                        .add("storage", add.storageId)
                        .add("client", add.clientAddress);
                yield 1;
            }
            case Added added -> {
                text.add("id", added.id);
                yield 2;
            }
            case Remove remove -> {
                text.add("id", remove.id);
                yield 3;
            }
            case Removed removed -> {
                text.add("id", removed.id);
                yield 4;
            }
            case GiveUp giveUp -> {
                text.add("id", giveUp.id);
                yield 5;
            }
            case FeatureLevel raised -> {
                text.add("level", raised.level);
                yield 6;
            }
            case FoundedAgain founded -> 7;
        };
        String body = this instanceof FoundedAgain founded ? founded.membership.encode() : text.unchecked();
        byte[] utf8 = body.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + utf8.length).put((byte) kind).put(utf8).array();
    }

    /**
     * Reads an entry.
     *
     * @throws IllegalArgumentException when this build cannot know what the bytes mean
     */
    static MembershipEntry decode(byte[] bytes) {
        if (bytes.length == 0) {
            throw new IllegalArgumentException("membership entry: empty");
        }
        String body = new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8);
        if (bytes[0] == 7) {
            return new FoundedAgain(MembershipRecord.decode(body, "membership entry"));
        }
        var values = CheckedText.parse(body, "membership entry");
        return switch (bytes[0]) {
            case 1 ->
                new Add(values.integer("id"), values.text("address"), values.text("storage"), values.text("client"));
            case 2 -> new Added(values.integer("id"));
            case 3 -> new Remove(values.integer("id"));
            case 4 -> new Removed(values.integer("id"));
            case 5 -> new GiveUp(values.integer("id"));
            case 6 -> new FeatureLevel(values.integer("level"));
            default ->
                throw new IllegalArgumentException(
                        "membership entry kind: " + bytes[0] + " (expected: 1 to 7); written by a newer version?");
        };
    }
}
