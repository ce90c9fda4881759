package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/** RFC 8259 to the letter: one value, no duplicate names, no comments, UTF-8. */
public final class JsonFormat implements ConfigFormat {

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(FormatLimits.MAX_DEPTH)
                    .maxNumberLength(FormatLimits.MAX_NUMBER_LENGTH)
                    .maxNameLength(FormatLimits.MAX_DOCUMENT_BYTES)
                    .maxStringLength(FormatLimits.MAX_DOCUMENT_BYTES)
                    .build())
            .build();

    @Override
    public Format format() {
        return Format.JSON;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/json");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        return Optional.of(new ContentTree(read(Texts.decode(content)), true));
    }

    /** Also for schemas. */
    static ContentNode read(String text) {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() == null) {
                throw Malformed.at(1, 1, "json", "a JSON value is missing");
            }
            ContentNode root = value(parser, new Budget(FormatLimits.MAX_NODES));
            if (parser.nextToken() != null) {
                TokenStreamLocation at = parser.currentTokenLocation();
                throw Malformed.at(at.getLineNr(), at.getColumnNr(), "json", "something follows the JSON value");
            }
            return root;
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            throw Malformed.at(
                    at == null ? 1 : at.getLineNr(),
                    at == null ? 1 : at.getColumnNr(),
                    "json",
                    Objects.requireNonNullElse(e.getOriginalMessage(), "not JSON"));
        }
    }

    private static ContentNode value(JsonParser parser, Budget budget) {
        TokenStreamLocation at = parser.currentTokenLocation();
        int line = at.getLineNr();
        int column = at.getColumnNr();
        budget.node(line, column);
        return switch (Objects.requireNonNull(parser.currentToken())) {
            case START_OBJECT -> {
                budget.enter(line, column);
                var members = new LinkedHashMap<String, ContentNode>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    TokenStreamLocation nameAt = parser.currentTokenLocation();
                    String name = Texts.wellFormed(
                            Objects.requireNonNull(parser.currentName()), nameAt.getLineNr(), nameAt.getColumnNr());
                    if (members.containsKey(name)) {
                        throw Malformed.at(
                                nameAt.getLineNr(),
                                nameAt.getColumnNr(),
                                "duplicate-key",
                                "the name " + Text.excerpt(name) + " is there twice");
                    }
                    parser.nextToken();
                    members.put(name, value(parser, budget));
                }
                budget.leave();
                yield new ContentNode.Mapping(members, line, column);
            }
            case START_ARRAY -> {
                budget.enter(line, column);
                var items = new ArrayList<ContentNode>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    items.add(value(parser, budget));
                }
                budget.leave();
                yield new ContentNode.Sequence(items, line, column);
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> Texts.number(parser.getString(), line, column);
            case VALUE_TRUE -> new ContentNode.Scalar(ContentNode.Kind.BOOLEAN, "true", line, column);
            case VALUE_FALSE -> new ContentNode.Scalar(ContentNode.Kind.BOOLEAN, "false", line, column);
            case VALUE_NULL -> new ContentNode.Scalar(ContentNode.Kind.NULL, "null", line, column);
            case VALUE_STRING ->
                new ContentNode.Scalar(
                        ContentNode.Kind.STRING, Texts.wellFormed(parser.getString(), line, column), line, column);
            case NOT_AVAILABLE, END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT ->
                throw new IllegalStateException("JSON parser: " + parser.currentToken() + " where a value begins");
        };
    }
}
