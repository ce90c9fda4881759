package dev.conflux.protocol.http;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Text;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a JSON object field by field and strictly: a wrong type is refused, never converted; what nobody asked for is
 * refused by {@link #end}, by name. A field that is {@code null} counts as absent.
 */
final class JsonBody {

    private final String prefix;
    private final ObjectNode object;
    private final Set<String> read = new HashSet<>();

    JsonBody(ObjectNode object) {
        this("", object);
    }

    private JsonBody(String prefix, ObjectNode object) {
        this.prefix = prefix;
        this.object = object;
    }

    private @Nullable JsonNode field(String name) {
        read.add(name);
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    /** True also when its value is null. */
    boolean has(String name) {
        read.add(name);
        return object.has(name);
    }

    String path(String name) {
        return prefix + name;
    }

    String string(String name) {
        String value = optionalString(name);
        if (value == null) {
            throw refusal(name, "missing", "a string");
        }
        return value;
    }

    String string(String name, String absent) {
        String value = optionalString(name);
        return value == null ? absent : value;
    }

    @Nullable
    String optionalString(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isString()) {
            throw wrongType(name, value, "a string");
        }
        return value.stringValue();
    }

    @Nullable
    Long optionalLong(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw wrongType(name, value, "a whole number of at most 64 bits");
        }
        return value.longValue();
    }

    @Nullable
    Integer optionalInt(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw wrongType(name, value, "a whole number of at most 32 bits");
        }
        return value.intValue();
    }

    @Nullable
    BigDecimal optionalDecimal(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isNumber()) {
            throw wrongType(name, value, "a number");
        }
        return value.decimalValue();
    }

    boolean bool(String name, boolean absent) {
        Boolean value = optionalBool(name);
        return value == null ? absent : value;
    }

    @Nullable
    Boolean optionalBool(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isBoolean()) {
            throw wrongType(name, value, "true or false");
        }
        return value.booleanValue();
    }

    byte @Nullable [] optionalBase64(String name) {
        String value = optionalString(name);
        if (value == null) {
            return null;
        }
        try {
            return Base64.getDecoder().decode(value);
        } catch (IllegalArgumentException e) {
            throw refusal(name, "not base64", "standard base64 with padding");
        }
    }

    /** A string, or an object or boolean that is kept as its JSON text. */
    @Nullable
    String optionalSchema(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (value.isString()) {
            return value.stringValue();
        }
        if (value.isObject() || value.isBoolean()) {
            return Json.text(value);
        }
        throw wrongType(name, value, "a JSON Schema as an object or as text");
    }

    @Nullable
    JsonBody optionalObject(String name) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!(value instanceof ObjectNode child)) {
            throw wrongType(name, value, "an object");
        }
        return new JsonBody(prefix + name + '.', child);
    }

    /** Each item read by {@code reader} and then checked for unknown fields; null when the field is absent. */
    <T> @Nullable List<T> optionalObjects(String name, Function<JsonBody, T> reader) {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        if (!value.isArray()) {
            throw wrongType(name, value, "a list");
        }
        var items = new ArrayList<T>(value.size());
        for (int i = 0; i < value.size(); i++) {
            String itemName = name + '[' + i + ']';
            if (!(value.get(i) instanceof ObjectNode item)) {
                throw refusal(itemName, typeOf(value.get(i)), "an object");
            }
            var body = new JsonBody(prefix + itemName + '.', item);
            items.add(reader.apply(body));
            body.end();
        }
        return items;
    }

    /** A map of strings; values may be null only where the caller handles it. */
    Map<String, @Nullable String> stringsOrNulls(String name) {
        JsonNode value = field(name);
        var strings = new LinkedHashMap<String, @Nullable String>();
        if (value == null) {
            return strings;
        }
        if (!(value instanceof ObjectNode map)) {
            throw wrongType(name, value, "an object with string values");
        }
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            JsonNode text = entry.getValue();
            if (!text.isString() && !text.isNull()) {
                throw refusal(name + '.' + Text.excerpt(entry.getKey()), typeOf(text), "a string");
            }
            strings.put(entry.getKey(), text.isNull() ? null : text.stringValue());
        }
        return strings;
    }

    Map<String, String> strings(String name) {
        var strings = new LinkedHashMap<String, String>();
        stringsOrNulls(name).forEach((key, value) -> {
            if (value == null) {
                throw refusal(name + '.' + Text.excerpt(key), "null", "a string");
            }
            strings.put(key, value);
        });
        return strings;
    }

    /** Refuses what a newer release will understand, rather than ignoring it. */
    void refuseUnavailable(String name) {
        read.add(name);
        if (object.has(name)) {
            throw refusal(name, "not available yet", "this field to be absent");
        }
    }

    /** Refuses fields that nobody asked for. */
    void end() {
        for (String name : object.propertyNames()) {
            if (!read.contains(name)) {
                throw refusal(
                        Text.excerpt(name),
                        "unknown field",
                        "one of " + read.stream().sorted().toList());
            }
        }
    }

    ConfluxException refusal(String name, String value, String rule) {
        return new ConfluxException(new ConfluxError.InvalidArgument(prefix + name, value, rule));
    }

    private ConfluxException wrongType(String name, JsonNode value, String rule) {
        return refusal(name, typeOf(value), rule);
    }

    private static String typeOf(JsonNode value) {
        return value.getNodeType().name().toLowerCase(Locale.ROOT);
    }
}
