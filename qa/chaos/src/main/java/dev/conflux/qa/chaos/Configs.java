package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Change;
import dev.conflux.consensus.testkit.NodeLog;
import dev.conflux.tool.local.NodeClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * The configs of one run, all in one namespace. Contents are numbers, and events tell their hashes only, so the numbers
 * that are going to be written are kept by hash. Safe for any thread.
 */
final class Configs {

    static final String NAMESPACE = "chaos/load";

    private static final Duration READ_LOG = Duration.ofSeconds(30);
    /** A content that no client sent. */
    private static final long UNHEARD_OF = -1_000_000_000;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final ConfluxTarget target;
    private final String env;
    private final Map<String, Long> ids = new ConcurrentHashMap<>();
    private final Map<String, Long> valueOfHash = new ConcurrentHashMap<>();
    private @Nullable NodeClient admin;

    Configs(ConfluxTarget target, String env) {
        this.target = target;
        this.env = env;
    }

    /** What {@link #create} made. */
    record Made(long id, long revision) {}

    /** {@code value} is about to be written. */
    void expect(long value) {
        valueOfHash.put(hash(Long.toString(value)), value);
    }

    /** Without faults. */
    Made create(String name, long value) {
        expect(value);
        NodeClient client = admin == null ? target.client(1) : admin;
        admin = client;
        NodeClient.Answer answer = client.send(
                        "POST",
                        "/api/v1/mgt/configs",
                        Map.of(
                                "tenant",
                                "chaos",
                                "app",
                                "load",
                                "env",
                                env,
                                "name",
                                name,
                                "format",
                                "text",
                                "content",
                                Long.toString(value),
                                "publish_initial",
                                true))
                .expect(201);
        long id = answer.json().path("config").path("id").asLong();
        ids.put(name, id);
        return new Made(id, answer.revision());
    }

    String fetchPath(String name) {
        return "/api/v1/fetch/config/" + NAMESPACE + "/" + env + "/" + name;
    }

    String fetchAllPath() {
        return "/api/v1/fetch/configs/" + NAMESPACE + "/" + env;
    }

    String watchPath(@Nullable Long from) {
        return "/api/v1/watch?key=" + NAMESPACE + "/" + env + "/*" + (from == null ? "" : "&from_revision=" + from);
    }

    static long revision(RawHttp.Answer answer) {
        return Long.parseLong(answer.header("x-conflux-revision"));
    }

    /** The changes of a {@code change} frame. */
    List<Change> changes(JsonNode frame) {
        long revision = frame.path("revision").asLong();
        var changes = new ArrayList<Change>();
        for (JsonNode item : frame.path("changes")) {
            Long value = valueOfHash.get(item.path("hash").asString(""));
            changes.add(new Change(revision, item.path("config_name").asString(), value == null ? UNHEARD_OF : value));
        }
        return changes;
    }

    /** The data of the next event of a stream; null at a heartbeat. */
    static @Nullable JsonNode event(RawHttp stream) throws IOException {
        while (true) {
            String line = stream.line();
            if (line.startsWith("data: ")) {
                return JSON.readTree(line.substring(6));
            }
            if (line.startsWith(": ")) {
                return null;
            }
        }
    }

    /** What every node holds, from the beginning. */
    List<NodeLog> logs() {
        var logs = new ArrayList<NodeLog>();
        for (int node : target.members()) {
            try {
                logs.add(log(node));
            } catch (IOException e) {
                throw new ChaosException("node " + node + " does not tell its event log", e);
            }
        }
        return logs;
    }

    /**
     * What each config's histories tell: another way into the state than the watch, which is judged by it.
     */
    private NodeLog log(int node) throws IOException {
        long last = target.state(node)
                .map(state -> Long.parseLong(state.split(" ", 2)[0]))
                .orElseThrow(() -> new ChaosException("node " + node + " does not tell its revision"));
        var changes = new ArrayList<Change>();
        try (var http = new RawHttp(target.httpPort(node), READ_LOG)) {
            for (Map.Entry<String, Long> config : ids.entrySet()) {
                String path = "/api/v1/mgt/configs/" + config.getValue();
                var values = new HashMap<Long, Long>();
                for (JsonNode version : all(http, path + "/versions")) {
                    Long value = valueOfHash.get(version.path("hash").asString(""));
                    values.put(version.path("version_id").asLong(), value == null ? UNHEARD_OF : value);
                }
                for (JsonNode change : all(http, path + "/release-history")) {
                    Long value = values.get(
                            change.path("after").path(0).path("version_id").asLong());
                    changes.add(new Change(
                            change.path("revision").asLong(), config.getKey(), value == null ? UNHEARD_OF : value));
                }
            }
        }
        changes.sort(Comparator.comparingLong(Change::revision).thenComparing(Change::key));
        return new NodeLog(node, 0, last, changes);
    }

    private List<JsonNode> all(RawHttp http, String path) throws IOException {
        var items = new ArrayList<JsonNode>();
        String cursor = "";
        do {
            RawHttp.Answer answer = http.send(
                    "GET", path + "?limit=1000" + cursor, "Authorization: Bearer " + target.token() + "\r\n", "");
            if (answer.status() != 200) {
                throw new IOException(path + ": status " + answer.status() + " " + answer.body());
            }
            JsonNode page = JSON.readTree(answer.body());
            page.path("items").forEach(items::add);
            String next = page.path("next_cursor").asString("");
            cursor = next.isEmpty() ? "" : "&cursor=" + next;
        } while (!cursor.isEmpty());
        return items;
    }

    static String hash(String content) {
        try {
            return "sha256:"
                    + HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256")
                                    .digest(content.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has it", e);
        }
    }
}
