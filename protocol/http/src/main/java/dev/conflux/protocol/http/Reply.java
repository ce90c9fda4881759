package dev.conflux.protocol.http;

import dev.conflux.core.service.Freshness;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is answered: made on any thread, written by the event loop.
 *
 * @param revision the cluster revision that the answer reflects; -1 = the newest that this node knows
 * @param localRead tell how stale this node may be
 * @param level at which it was read; null = it was not, or could not be
 */
record Reply(
        int status,
        @Nullable String contentType,
        byte[] body,
        List<Header> headers,
        long revision,
        boolean localRead,
        Freshness.@Nullable Level level) {

    static final String JSON = "application/json";

    private static final byte[] EMPTY = {};

    record Header(String name, String value) {}

    static Reply json(int status, Object tree) {
        return new Reply(status, JSON, Json.bytes(tree), List.of(), -1, false, null);
    }

    static Reply text(int status, String contentType, byte[] body) {
        return new Reply(status, contentType, body, List.of(), -1, false, null);
    }

    static Reply empty(int status) {
        return new Reply(status, null, EMPTY, List.of(), -1, false, null);
    }

    Reply with(String name, String value) {
        var more = new ArrayList<>(headers);
        more.add(new Header(name, value));
        return new Reply(status, contentType, body, List.copyOf(more), revision, localRead, level);
    }

    Reply at(long newRevision) {
        return new Reply(status, contentType, body, headers, newRevision, localRead, level);
    }

    Reply local() {
        return new Reply(status, contentType, body, headers, revision, true, level);
    }

    Reply at(Freshness.@Nullable Level newLevel) {
        return new Reply(status, contentType, body, headers, revision, localRead, newLevel);
    }
}
