package dev.conflux.protocol.http;

import dev.conflux.core.model.Names;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.service.TrashService;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code /api/v1/mgt/trash}: deleted configs that can come back. */
final class TrashEndpoints {

    private final TrashService trash;

    TrashEndpoints(TrashService trash) {
        this.trash = trash;
    }

    Reply list(Request request) {
        request.allowQuery(false, "tenant", "limit", "cursor");
        String tenant = request.query("tenant");
        long after = request.query("cursor") == null ? 0 : Cursor.number(request);
        TrashService.Listed page = trash.list(
                request.who(), tenant == null ? null : Names.check("tenant", tenant), after, request.limit());
        ObjectNode json = Json.object();
        ArrayNode items = json.putArray("items");
        for (TrashedConfig trashed : page.items()) {
            items.add(Wire.config(trashed.config())
                    .put("deleted_at", Wire.time(trashed.deletedAtMillis()))
                    .put("deleted_by", trashed.deletedBy())
                    .put("purging", trashed.purging()));
        }
        Long next = page.nextAfter();
        if (next != null) {
            json.put("next_cursor", Cursor.of(next));
        }
        return Reply.json(200, json).local();
    }

    Reply restore(Request request) {
        request.allowQuery(false);
        var written = trash.restore(request.caller(), request.number("id"));
        return ManagementEndpoints.written(200, written, Wire.config(written.value()));
    }

    Reply purge(Request request) {
        request.allowQuery(false);
        var written = trash.purge(request.caller(), request.number("id"));
        return ManagementEndpoints.marked(Reply.empty(204), written);
    }
}
