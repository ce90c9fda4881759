package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.service.FetchService;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Where a list goes on: opaque to callers, checked like any input, worth nothing to a forger. */
final class Cursor {

    private static final int MAX_LENGTH = 1024;

    private Cursor() {}

    static String of(ConfigKey last) {
        return encode("c:" + last);
    }

    static String of(long last) {
        return encode("n:" + last);
    }

    static @Nullable ConfigKey key(Request request) {
        String text = decode(request, "c:");
        try {
            return text == null ? null : FetchService.keyOf(text);
        } catch (ConfluxException e) {
            throw refusal();
        }
    }

    /** {@link Long#MAX_VALUE} when there is none. */
    static long number(Request request) {
        String text = decode(request, "n:");
        return text == null ? Long.MAX_VALUE : Request.nonNegative("cursor", text);
    }

    private static String encode(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static @Nullable String decode(Request request, String kind) {
        String cursor = request.query("cursor");
        if (cursor == null) {
            return null;
        }
        if (cursor.length() > MAX_LENGTH) {
            throw refusal();
        }
        String text;
        try {
            text = new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw refusal();
        }
        if (!text.startsWith(kind)) {
            throw refusal();
        }
        return text.substring(kind.length());
    }

    private static ConfluxException refusal() {
        return Request.refusal("cursor", "not one of ours", "next_cursor of this list's previous page");
    }
}
