package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.Caller;
import dev.conflux.core.service.Freshness;
import dev.conflux.core.service.Page;
import io.vertx.core.MultiMap;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One request, complete with its body. Immutable; handed to handlers on virtual threads.
 *
 * @param target path and query as received
 * @param parameters values of the path's placeholders
 * @param token the bearer token; null on public routes
 * @param principal null on public routes
 */
record Request(
        String method,
        String target,
        Map<String, String> parameters,
        Map<String, List<String>> query,
        MultiMap headers,
        byte[] body,
        String traceId,
        @Nullable String token,
        @Nullable Principal principal) {

    private static final String LABEL_QUERY = "label.";
    static final String LABEL_HEADER = "x-client-label-";

    /** On routes that need one there is one. */
    Principal who() {
        if (principal == null) {
            throw new IllegalStateException("the route is public");
        }
        return principal;
    }

    Caller caller() {
        String key = headers.get("X-Idempotency-Key");
        return new Caller(who(), traceId, key == null ? null : new Caller.Idempotency(key, hash()));
    }

    /** Over everything that makes two requests the same one. */
    private byte[] hash() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            String contentType = headers.get("Content-Type");
            for (String part : List.of(method, target, contentType == null ? "" : contentType)) {
                digest.update(part.getBytes(StandardCharsets.UTF_8));
                digest.update((byte) 0);
            }
            return digest.digest(body);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    String parameter(String name) {
        String value = parameters.get(name);
        if (value == null) {
            throw new IllegalStateException("the route has no {" + name + "}");
        }
        return value;
    }

    /** A placeholder that must be a number from 1. */
    long number(String name) {
        return positive(name, parameter(name));
    }

    static long positive(String name, String text) {
        long value = nonNegative(name, text);
        if (value == 0) {
            throw refusal(name, text, "a number from 1");
        }
        return value;
    }

    static long nonNegative(String name, String text) {
        boolean digits = !text.isEmpty() && text.length() <= 19;
        for (int i = 0; digits && i < text.length(); i++) {
            digits = text.charAt(i) >= '0' && text.charAt(i) <= '9';
        }
        try {
            if (digits) {
                return Long.parseLong(text);
            }
        } catch (NumberFormatException e) {
            // Nineteen digits may still be too many.
        }
        throw refusal(name, text, "a decimal number");
    }

    /** The value of a query parameter that may be given once. */
    @Nullable
    String query(String name) {
        List<String> values = query.get(name);
        if (values == null) {
            return null;
        }
        if (values.size() > 1) {
            throw refusal(name, "given " + values.size() + " times", "at most once");
        }
        return values.getFirst();
    }

    boolean queryFlag(String name) {
        String value = query(name);
        if (value == null || value.equals("false")) {
            return false;
        }
        if (value.equals("true") || value.isEmpty()) {
            return true;
        }
        throw refusal(name, value, "true or false");
    }

    @Nullable
    Long queryNumber(String name) {
        String value = query(name);
        return value == null ? null : (Long) nonNegative(name, value);
    }

    int limit() {
        String value = query("limit");
        if (value == null) {
            return Page.DEFAULT_LIMIT;
        }
        long limit = positive("limit", value);
        if (limit > Page.MAX_LIMIT) {
            throw refusal("limit", value, "1 to " + Page.MAX_LIMIT);
        }
        return (int) limit;
    }

    /** {@code label.region=…} as a map. */
    Map<String, String> queryLabels() {
        var labels = new LinkedHashMap<String, String>();
        query.forEach((name, values) -> {
            if (name.startsWith(LABEL_QUERY)) {
                String key = name.substring(LABEL_QUERY.length()).toLowerCase(Locale.ROOT);
                if (values.size() > 1 || labels.put(key, values.getFirst()) != null) {
                    throw refusal(name, "given twice", "each label once");
                }
            }
        });
        return labels;
    }

    /** Refuses query parameters that the route does not know: a misspelt {@code cas} must not be ignored. */
    void allowQuery(boolean labels, String... names) {
        for (String name : query.keySet()) {
            boolean known =
                    (labels && name.startsWith(LABEL_QUERY)) || List.of(names).contains(name);
            if (!known) {
                throw refusal(
                        name,
                        "unknown query parameter",
                        labels ? "label.<key> or one of " + List.of(names) : "one of " + List.of(names));
            }
        }
    }

    /** The body as an object, with the right media type. */
    JsonBody json() {
        String type = mediaType();
        if (type != null && !type.equals("application/json") && !type.equals(ContentEnvelope.MEDIA_TYPE)) {
            throw refusal("Content-Type", type, "application/json");
        }
        return new JsonBody(Json.parse(body));
    }

    /** Without parameters, in lower case; null when the header is missing. */
    @Nullable
    String mediaType() {
        String type = headers.get("Content-Type");
        if (type == null) {
            return null;
        }
        int end = type.indexOf(';');
        return (end < 0 ? type : type.substring(0, end)).strip().toLowerCase(Locale.ROOT);
    }

    static Freshness freshness(
            @Nullable String consistency, @Nullable String minRevision, @Nullable String maxStaleness) {
        if (consistency == null && minRevision == null && maxStaleness == null) {
            return Freshness.ANY;
        }
        Freshness.Level level = switch (consistency) {
            case null -> Freshness.Level.STALE;
            case "stale" -> Freshness.Level.STALE;
            case "follower" -> Freshness.Level.FOLLOWER;
            case "strong" -> Freshness.Level.STRONG;
            case "linearizable" -> Freshness.Level.LINEARIZABLE;
            default -> throw refusal("X-Conflux-Consistency", consistency, "stale, follower, strong or linearizable");
        };
        if (maxStaleness != null && level != Freshness.Level.FOLLOWER) {
            throw refusal("X-Conflux-Max-Staleness-Ms", maxStaleness, "none but with X-Conflux-Consistency: follower");
        }
        return new Freshness(
                level,
                minRevision == null ? 0 : nonNegative("X-Conflux-Min-Revision", minRevision),
                maxStaleness == null
                        ? null
                        : Duration.ofMillis(nonNegative("X-Conflux-Max-Staleness-Ms", maxStaleness)));
    }

    static ConfluxException refusal(String field, String value, String rule) {
        return new ConfluxException(new ConfluxError.InvalidArgument(Text.excerpt(field), Text.excerpt(value), rule));
    }
}
