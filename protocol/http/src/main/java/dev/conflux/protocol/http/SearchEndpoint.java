package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Names;
import dev.conflux.core.service.SearchService;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code GET /api/v1/mgt/search}. */
final class SearchEndpoint {

    private final SearchService search;

    SearchEndpoint(SearchService search) {
        this.search = search;
    }

    Reply handle(Request request) {
        request.allowQuery(
                true, "tenant", "app", "env", "prefix", "attr", "attr_value", "path", "value", "limit", "cursor");
        String attribute = request.query("attr");
        String path = request.query("path");
        refuseAlone(request, "attr_value", "attr");
        refuseAlone(request, "value", "path");
        SearchService.Found found = search.search(
                request.who(),
                new SearchService.Query(
                        name(request, "tenant"),
                        name(request, "app"),
                        name(request, "env"),
                        name(request, "prefix"),
                        request.queryLabels(),
                        attribute == null ? null : new SearchService.Attribute(attribute, request.query("attr_value")),
                        path == null ? null : new SearchService.Place(path, request.query("value")),
                        Cursor.key(request),
                        request.limit()));
        ObjectNode json = Json.object();
        ArrayNode items = json.putArray("items");
        found.items().forEach(config -> items.add(Wire.config(config)));
        ConfigKey next = found.next();
        if (next != null) {
            json.put("next_cursor", Cursor.of(next));
        }
        return Reply.json(200, json).local();
    }

    private static void refuseAlone(Request request, String name, String needed) {
        String value = request.query(name);
        if (value != null && request.query(needed) == null) {
            throw Request.refusal(name, value, "together with " + needed);
        }
    }

    /** A prefix of a name follows the grammar of names, too. */
    private static @Nullable String name(Request request, String field) {
        String value = request.query(field);
        return value == null ? null : Names.check(field, value);
    }
}
