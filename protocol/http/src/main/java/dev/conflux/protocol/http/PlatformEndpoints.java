package dev.conflux.protocol.http;

import dev.conflux.base.observe.Metrics;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.Text;
import dev.conflux.core.service.Action;
import dev.conflux.core.service.AuthService;
import dev.conflux.core.service.ClusterService;
import dev.conflux.core.service.ClusterService.ClusterStatus;
import dev.conflux.core.service.ClusterService.MemberStatus;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.Resource;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/** Sessions, health, metrics and the cluster. */
final class PlatformEndpoints {

    private final HttpServices services;

    PlatformEndpoints(HttpServices services) {
        this.services = services;
    }

    // ---- sessions

    Reply login(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        String username = body.string("username");
        String password = body.string("password");
        body.end();
        return tokens(services.auth().login(username, password));
    }

    Reply refresh(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        String token = body.string("refresh_token");
        body.end();
        return tokens(services.auth().refresh(token));
    }

    private static Reply tokens(AuthService.Tokens tokens) {
        return Reply.json(
                        200,
                        Json.object()
                                .put("access_token", tokens.accessToken())
                                .put("refresh_token", tokens.refreshToken())
                                .put("token_type", "Bearer")
                                .put("expires_in", tokens.expiresInSeconds()))
                .with("Cache-Control", "no-store");
    }

    Reply logout(Request request) {
        request.allowQuery(false);
        String token = request.token();
        services.auth().logout(request.who(), token == null ? "" : token);
        return Reply.empty(204);
    }

    Reply me(Request request) {
        request.allowQuery(false);
        AuthService.Me me = services.auth().me(request.who());
        return Reply.json(
                200,
                Json.object()
                        .put("user_id", me.userId())
                        .put("username", me.username())
                        .put("super_admin", me.superAdmin()));
    }

    /** May the caller do that? Never says whether the thing exists. */
    Reply check(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        String actionName = body.string("action");
        String resource = body.string("resource");
        body.end();
        Action action;
        try {
            action = Action.valueOf(actionName.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw body.refusal("action", Text.excerpt(actionName), "read, write, delete, list, publish or admin");
        }
        boolean allowed = services.authorizer().allows(request.who(), action, resource(body, resource));
        return Reply.json(200, Json.object().put("allowed", allowed));
    }

    private static Resource resource(JsonBody body, String text) {
        if (text.equals("system")) {
            return new Resource.Everything();
        }
        String[] parts = text.split("/", -1);
        if (parts.length != 4) {
            throw body.refusal("resource", Text.excerpt(text), "tenant/app/env/name, tenant/app/env/* or system");
        }
        return parts[3].equals("*")
                ? new Resource.OfNamespace(new Namespace(parts[0], parts[1], parts[2]))
                : new Resource.OfConfig(FetchService.keyOf(text));
    }

    // ---- health

    Reply health(Request request) {
        return Reply.json(200, Json.object().put("status", "UP"));
    }

    Reply ready(Request request) {
        String plane = request.query("plane");
        Optional<String> obstacle = switch (plane) {
            case null -> services.cluster().obstacle();
            case "data" -> services.cluster().obstacle();
            case "control" -> {
                Optional<String> data = services.cluster().obstacle();
                yield data.isPresent() || services.auth().available()
                        ? data
                        : Optional.of("the metadata database does not answer");
            }
            default -> throw Request.refusal("plane", plane, "data or control");
        };
        ObjectNode json = Json.object().put("status", obstacle.isEmpty() ? "READY" : "NOT_READY");
        obstacle.ifPresent(reason -> json.put("reason", reason));
        return Reply.json(obstacle.isEmpty() ? 200 : 503, json);
    }

    Reply metrics(Request request) {
        return Reply.text(200, Metrics.CONTENT_TYPE, services.metrics().scrape().getBytes(StandardCharsets.UTF_8));
    }

    Reply landing(Request request) {
        String state = services.cluster()
                .obstacle()
                .map(reason -> "not ready: " + reason)
                .orElse("ready");
        String page = """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Conflux</title>
            <style>body{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
            <h1>Conflux</h1>
            <p>This node is %s, at revision %d.</p>
            <ul><li><a href="/health">/health</a></li><li><a href="/ready">/ready</a></li>
            <li><a href="/ready?plane=control">/ready?plane=control</a></li>
            <li><a href="/metrics">/metrics</a></li></ul>
            <p>The API is under <code>/api/v1</code>; log in with <code>POST /api/v1/auth/login</code>.</p>
            </html>
            """.formatted(escaped(state), services.gate().revision());
        return Reply.text(200, "text/html; charset=utf-8", page.getBytes(StandardCharsets.UTF_8))
                .with("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    // ---- cluster

    Reply status(Request request) {
        request.allowQuery(false);
        ClusterStatus status = services.cluster().status(request.who());
        ObjectNode json = Json.object()
                .put("cluster_id", status.clusterId())
                .put("cluster_epoch", status.clusterEpoch())
                .put("node_id", status.nodeId())
                .put("leader_id", status.leaderId())
                .put("current_term", status.currentTerm())
                .put("commit_index", status.commitIndex())
                .put("revision", status.revision())
                .put("feature_level", status.featureLevel())
                .put("change", status.change());
        ObjectNode nodes = json.putObject("nodes");
        for (Map.Entry<Integer, MemberStatus> entry : status.nodes().entrySet()) {
            MemberStatus node = entry.getValue();
            nodes.putObject(entry.getKey().toString())
                    .put("role", node.role())
                    .put("reachable", node.reachable())
                    .put("raft_address", node.address())
                    .put("api_address", node.apiAddress())
                    .put("matched_index", node.matchedIndex())
                    .put("applied_index", node.appliedIndex())
                    .put("revision", node.revision())
                    .put("lag", node.lag())
                    .put("version", node.version())
                    .put("feature_level", node.featureLevel())
                    .put("state_digest", node.stateDigest());
        }
        json.set("errors", Wire.strings(status.errors()));
        return Reply.json(200, json).local();
    }

    Reply leader(Request request) {
        request.allowQuery(false);
        ObjectNode json = Json.object();
        Optional<ClusterService.LeaderInfo> leader = services.cluster().leader(request.who());
        if (leader.isEmpty()) {
            json.putNull("leader_id").putNull("raft_address");
        } else {
            json.put("leader_id", leader.get().nodeId())
                    .put("raft_address", leader.get().address());
        }
        return Reply.json(200, json).local();
    }

    Reply transferLeader(Request request) {
        request.allowQuery(false);
        Integer target = null;
        if (request.body().length > 0) {
            JsonBody body = request.json();
            target = body.optionalInt("target_node_id");
            body.end();
            if (target != null && target < 1) {
                throw body.refusal("target_node_id", target.toString(), "a node id from 1");
            }
        }
        int leader = services.cluster().transferLeadership(request.who(), target);
        return Reply.json(200, Json.object().put("transferred", true).put("leader_id", leader));
    }

    Reply addNode(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        int nodeId = nodeId(body);
        String apiAddress = body.string("api_address", "");
        String raftAddress = body.string("raft_address");
        body.end();
        return change(nodeId, services.cluster().addNode(request.who(), nodeId, apiAddress, raftAddress));
    }

    Reply removeNode(Request request) {
        request.allowQuery(false);
        long id = request.number("id");
        if (id > Integer.MAX_VALUE) {
            throw Request.refusal("id", Long.toString(id), "a node id");
        }
        int nodeId = (int) id;
        return change(nodeId, services.cluster().removeNode(request.who(), nodeId));
    }

    private static Reply change(int nodeId, ClusterService.ChangeResult result) {
        ObjectNode json = Json.object().put("node_id", nodeId).put("state", result.done() ? "done" : "in_progress");
        json.set("warnings", Wire.strings(result.warnings()));
        return Reply.json(result.done() ? 200 : 202, json);
    }

    private static int nodeId(JsonBody body) {
        Integer nodeId = body.optionalInt("node_id");
        if (nodeId == null || nodeId < 1) {
            throw body.refusal("node_id", String.valueOf(nodeId), "a node id from 1");
        }
        return nodeId;
    }

    Reply raiseFeatureLevel(Request request) {
        request.allowQuery(false);
        JsonBody body = request.json();
        Integer level = body.optionalInt("feature_level");
        body.end();
        if (level == null || level < 1) {
            throw body.refusal("feature_level", String.valueOf(level), "a level from 1");
        }
        return Reply.json(
                200, Json.object().put("feature_level", services.cluster().raiseFeatureLevel(request.who(), level)));
    }

    Reply snapshot(Request request) {
        request.allowQuery(false);
        return Reply.json(
                200, Json.object().put("snapshot_index", services.cluster().snapshot(request.who())));
    }
}
