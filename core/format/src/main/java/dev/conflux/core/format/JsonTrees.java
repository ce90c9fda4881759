package dev.conflux.core.format;

import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Our nodes as JSON: for the schema library, and as text for people. */
final class JsonTrees {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    /** Digits of a whole number that surely fits into 64 bits. */
    private static final int LONG_DIGITS = 18;

    private JsonTrees() {}

    static JsonNode node(ContentNode node) {
        return switch (node) {
            case ContentNode.Mapping mapping -> {
                ObjectNode object = NODES.objectNode();
                for (Map.Entry<String, ContentNode> member : mapping.members().entrySet()) {
                    object.set(member.getKey(), node(member.getValue()));
                }
                yield object;
            }
            case ContentNode.Sequence sequence -> {
                ArrayNode array = NODES.arrayNode(sequence.items().size());
                for (ContentNode item : sequence.items()) {
                    array.add(node(item));
                }
                yield array;
            }
            case ContentNode.Scalar scalar ->
                switch (scalar.kind()) {
                    case STRING, UNKNOWN -> NODES.stringNode(scalar.text());
                    case NUMBER -> number(scalar);
                    case BOOLEAN -> NODES.booleanNode(scalar.text().equals("true"));
                    case NULL -> NODES.nullNode();
                };
        };
    }

    private static JsonNode number(ContentNode.Scalar scalar) {
        String text = scalar.text();
        boolean whole = true;
        for (int i = 0; whole && i < text.length(); i++) {
            char c = text.charAt(i);
            whole = c != '.' && c != 'e' && c != 'E';
        }
        if (!whole) {
            return NODES.numberNode(Texts.value(scalar));
        }
        if (text.length() > LONG_DIGITS) {
            return NODES.numberNode(Texts.value(scalar).toBigInteger());
        }
        long value = Long.parseLong(text);
        return (int) value == value ? NODES.numberNode((int) value) : NODES.numberNode(value);
    }

    /** Compact JSON. */
    static String text(ContentNode node) {
        var text = new StringBuilder();
        write(node, text);
        return text.toString();
    }

    private static void write(ContentNode node, StringBuilder text) {
        switch (node) {
            case ContentNode.Mapping mapping -> {
                text.append('{');
                String comma = "";
                for (Map.Entry<String, ContentNode> member : mapping.members().entrySet()) {
                    text.append(comma);
                    string(member.getKey(), text);
                    text.append(':');
                    write(member.getValue(), text);
                    comma = ",";
                }
                text.append('}');
            }
            case ContentNode.Sequence sequence -> {
                text.append('[');
                String comma = "";
                for (ContentNode item : sequence.items()) {
                    text.append(comma);
                    write(item, text);
                    comma = ",";
                }
                text.append(']');
            }
            case ContentNode.Scalar scalar -> {
                switch (scalar.kind()) {
                    case STRING, UNKNOWN -> string(scalar.text(), text);
                    case NUMBER, BOOLEAN, NULL -> text.append(scalar.text());
                }
            }
        }
    }

    private static void string(String value, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (c < ' ') {
                        text.append("\\u00")
                                .append(Character.forDigit(c >> 4, 16))
                                .append(Character.forDigit(c & 15, 16));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
