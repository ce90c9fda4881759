package dev.conflux.protocol.http;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One entry of the table. There is no route without an {@link Access}.
 *
 * @param template literal segments and placeholders in braces
 */
record Route(HttpMethod method, String template, Access access, Endpoint endpoint) {

    /** What happens. */
    sealed interface Endpoint {

        /** On a virtual thread, with the whole body; may block. */
        record Blocking(Function<Request, Reply> handler) implements Endpoint {}

        /** On the event loop, with the response to write to; must not block. */
        record Streaming(StreamHandler handler) implements Endpoint {}
    }

    /** Opens a stream; throws before the first byte to refuse it. */
    interface StreamHandler {
        void open(Request request, HttpServerRequest http);
    }

    @Override
    public String toString() {
        return method + " " + template;
    }

    /** All routes, found by segments: nothing is decoded, so nothing can be smuggled. */
    static final class Table {

        private final Node root = new Node();
        private final List<Route> routes = new ArrayList<>();

        /** A path's routes, by method. */
        record Match(Map<HttpMethod, Route> routes, Map<String, String> parameters) {}

        private static final class Node {
            private final Map<String, Node> literals = new HashMap<>();
            private @Nullable Node placeholder;
            private String placeholderName = "";
            private final Map<HttpMethod, Route> routes = new HashMap<>();
        }

        void add(Route route) {
            Node node = root;
            for (String segment : route.template().substring(1).split("/", -1)) {
                if (segment.startsWith("{")) {
                    String name = segment.substring(1, segment.length() - 1);
                    if (node.placeholder == null) {
                        node.placeholder = new Node();
                        node.placeholderName = name;
                    } else if (!node.placeholderName.equals(name)) {
                        throw new IllegalArgumentException(
                                route + ": {" + name + "} (expected: {" + node.placeholderName + "}, as its sibling)");
                    }
                    node = node.placeholder;
                } else {
                    node = node.literals.computeIfAbsent(segment, _ -> new Node());
                }
            }
            if (node.routes.put(route.method(), route) != null) {
                throw new IllegalArgumentException(route + " twice");
            }
            routes.add(route);
        }

        List<Route> all() {
            return List.copyOf(routes);
        }

        /** Null when nothing is at that path. A literal wins over a placeholder. */
        @Nullable
        Match find(String path) {
            if (path.isEmpty() || path.charAt(0) != '/') {
                return null;
            }
            var parameters = new HashMap<String, String>();
            Node node = root;
            for (String segment : path.substring(1).split("/", -1)) {
                Node next = node.literals.get(segment);
                if (next == null && node.placeholder != null) {
                    parameters.put(node.placeholderName, segment);
                    next = node.placeholder;
                }
                if (next == null) {
                    return null;
                }
                node = next;
            }
            return node.routes.isEmpty() ? null : new Match(node.routes, parameters);
        }
    }
}
