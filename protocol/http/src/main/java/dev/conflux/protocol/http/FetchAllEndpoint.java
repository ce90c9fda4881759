package dev.conflux.protocol.http;

import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.service.FetchService;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Everything a client may read in a namespace, at one revision. */
final class FetchAllEndpoint {

    private final HttpServices services;

    FetchAllEndpoint(HttpServices services) {
        this.services = services;
    }

    Reply handle(Request request) {
        request.allowQuery(false);
        var namespace = new Namespace(request.parameter("tenant"), request.parameter("app"), request.parameter("env"));
        Labels labels = ClientLabels.of(request.headers());
        FetchService.FetchedAll all = services.fetch().fetchAll(request.who(), namespace, labels);
        if (ETags.matches(request.headers().get("If-None-Match"), all.etag())) {
            return Reply.empty(304).at(all.revision()).local().with("ETag", all.etag());
        }
        ObjectNode json = Json.object().put("revision", all.revision());
        ArrayNode configs = json.putArray("configs");
        for (FetchService.Fetched fetched : all.configs()) {
            ObjectNode item = configs.addObject()
                    .put("name", fetched.key().name())
                    .put("version", fetched.versionId())
                    .put("hash", fetched.hashHeader())
                    .put("format", fetched.format().name());
            byte[] content = services.fetch().content(fetched);
            String text = fetched.encryption() == null ? utf8(content) : null;
            if (text == null) {
                item.put("content_base64", Wire.base64(content));
            } else {
                item.put("content", text);
            }
            if (fetched.encryption() != null) {
                item.set("encryption", Wire.encryption(fetched.encryption()));
            }
        }
        return Reply.json(200, json).at(all.revision()).local().with("ETag", all.etag());
    }

    private static @Nullable String utf8(byte[] content) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(content))
                    .toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }
}
