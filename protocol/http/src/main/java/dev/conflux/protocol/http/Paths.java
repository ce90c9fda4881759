package dev.conflux.protocol.http;

import io.vertx.core.http.HttpServerRequest;
import org.jspecify.annotations.Nullable;

/** What a request line names, without its spellings. */
final class Paths {

    private Paths() {}

    /** Path and query: of {@code GET http://host/path} (RFC 9112 §3.2.2), too. Anything else stays as it came. */
    static String target(HttpServerRequest request) {
        String uri = request.uri();
        if (!uri.isEmpty() && uri.charAt(0) == '/') {
            return uri;
        }
        int scheme = uri.indexOf("://");
        if (scheme < 0) {
            return uri;
        }
        int path = uri.indexOf('/', scheme + 3);
        return path < 0 ? "/" : uri.substring(path);
    }

    /**
     * Decodes percent-encoded letters, digits, {@code - . _}, which a client may encode although it need not (RFC 3986
     * §2.3), once. Everything else stands in none of our paths; above all no encoded slash becomes a separator.
     *
     * @return null when something else is encoded or a percent sign encodes nothing
     */
    static @Nullable String decoded(String path) {
        int percent = path.indexOf('%');
        if (percent < 0) {
            return path;
        }
        var decoded = new StringBuilder(path.length());
        int from = 0;
        while (percent >= 0) {
            if (percent + 2 >= path.length()) {
                return null;
            }
            int high = hex(path.charAt(percent + 1));
            int low = hex(path.charAt(percent + 2));
            if (high < 0 || low < 0 || !unreserved(high << 4 | low)) {
                return null;
            }
            decoded.append(path, from, percent).append((char) (high << 4 | low));
            from = percent + 3;
            percent = path.indexOf('%', from);
        }
        return decoded.append(path, from, path.length()).toString();
    }

    private static int hex(char c) {
        return c < 0x80 ? Character.digit(c, 16) : -1;
    }

    private static boolean unreserved(int c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || c == '-'
                || c == '.'
                || c == '_';
    }
}
