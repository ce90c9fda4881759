package dev.conflux.protocol.http;

import org.jspecify.annotations.Nullable;

/** Validators of conditional requests (RFC 9110 §13.1.2). */
final class ETags {

    private ETags() {}

    /** Weak comparison of an {@code If-None-Match} header with the current validator. */
    static boolean matches(@Nullable String ifNoneMatch, String current) {
        if (ifNoneMatch == null) {
            return false;
        }
        if (ifNoneMatch.equals(current) || ifNoneMatch.equals("*")) {
            return true;
        }
        String opaque = opaque(current);
        int at = 0;
        while (at < ifNoneMatch.length()) {
            int open = ifNoneMatch.indexOf('"', at);
            int close = open < 0 ? -1 : ifNoneMatch.indexOf('"', open + 1);
            if (close < 0) {
                return false;
            }
            if (close + 1 - open == opaque.length() && ifNoneMatch.startsWith(opaque, open)) {
                return true;
            }
            at = close + 1;
        }
        return false;
    }

    private static String opaque(String etag) {
        return etag.startsWith("W/") ? etag.substring(2) : etag;
    }
}
