package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Text;
import java.util.Objects;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The one JSON reader and writer, with its guards. */
final class Json {

    /** Digits of a number: the largest 64-bit ones and exact percentages fit. */
    private static final int MAX_NUMBER_LENGTH = 40;

    private static final int MAX_NAME_LENGTH = 1024;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(HttpLimits.MAX_JSON_DEPTH)
                            .maxNumberLength(MAX_NUMBER_LENGTH)
                            .maxNameLength(MAX_NAME_LENGTH)
                            .maxStringLength(HttpLimits.MAX_BODY_BYTES)
                            .maxDocumentLength(HttpLimits.MAX_BODY_BYTES)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static ArrayNode array() {
        return JsonNodeFactory.instance.arrayNode();
    }

    static byte[] bytes(Object tree) {
        return MAPPER.writeValueAsBytes(tree);
    }

    static String text(JsonNode tree) {
        return MAPPER.writeValueAsString(tree);
    }

    /** Text of ours, made from a tree before. */
    static JsonNode trusted(String text) {
        return MAPPER.readTree(text);
    }

    /** The parser would detect and read these; RFC 8259 §8.1 wants UTF-8 only. */
    private static boolean looksLikeUtf16(byte[] body) {
        return body.length >= 2 && (body[0] == 0 || body[1] == 0 || (body[0] & 0xFE) == 0xFE);
    }

    /** A caller's body; refused unless it is exactly one JSON object. */
    static ObjectNode parse(byte[] body) {
        if (looksLikeUtf16(body)) {
            throw new ConfluxException(new ConfluxError.InvalidArgument("body", "UTF-16 or UTF-32", "JSON in UTF-8"));
        }
        JsonNode tree;
        try {
            tree = MAPPER.readTree(body);
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw new ConfluxException(
                    new ConfluxError.InvalidArgument(
                            "body",
                            Text.excerpt(Objects.requireNonNullElse(e.getOriginalMessage(), "not JSON")) + where,
                            "one well-formed JSON object without duplicate keys"),
                    e);
        }
        if (!(tree instanceof ObjectNode object)) {
            throw new ConfluxException(
                    new ConfluxError.InvalidArgument("body", "not a JSON object", "one JSON object"));
        }
        return object;
    }
}
