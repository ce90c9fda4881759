package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.toml.TomlFactory;
import tools.jackson.dataformat.toml.TomlMapper;
import tools.jackson.dataformat.toml.TomlReadFeature;

/**
 * TOML 1.0. The library says what it means; {@link TomlPlaces} says where, and keeps the bounds before the library builds
 * anything. Dates, {@code inf} and {@code nan} are text.
 */
public final class TomlFormat implements ConfigFormat {

    private static final TomlMapper MAPPER = TomlMapper.builder(TomlFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(FormatLimits.MAX_DEPTH)
                            .maxNumberLength(FormatLimits.MAX_NUMBER_LENGTH)
                            .maxStringLength(FormatLimits.MAX_DOCUMENT_BYTES)
                            .build())
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            // Only then it checks them.
            .enable(TomlReadFeature.PARSE_JAVA_TIME)
            .build();

    @Override
    public Format format() {
        return Format.TOML;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/toml");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        String text = Texts.decode(content);
        TomlPlaces.Place places = TomlPlaces.of(text);
        try {
            var budget = new Budget(FormatLimits.MAX_NODES_HEAVY);
            return Optional.of(new ContentTree(node(MAPPER.readTree(text), places, budget), true));
        } catch (DateTimeException e) {
            throw Malformed.at(1, 1, "toml", e.getMessage() == null ? "not a date" : e.getMessage());
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            String message = Objects.requireNonNullElse(e.getOriginalMessage(), "not TOML");
            throw Malformed.at(
                    at == null ? 1 : at.getLineNr(),
                    at == null ? 1 : at.getColumnNr(),
                    message.startsWith("Duplicate") ? "duplicate-key" : "toml",
                    message);
        }
    }

    private static ContentNode node(JsonNode value, TomlPlaces.Place place, Budget budget) {
        int line = place.line();
        int column = place.column();
        budget.node(line, column);
        if (value.isObject()) {
            budget.enter(line, column);
            var members = new LinkedHashMap<String, ContentNode>();
            for (Map.Entry<String, JsonNode> member : value.properties()) {
                members.put(
                        Texts.wellFormed(member.getKey(), line, column),
                        node(member.getValue(), place.member(member.getKey()), budget));
            }
            budget.leave();
            return new ContentNode.Mapping(members, line, column);
        }
        if (value.isArray()) {
            budget.enter(line, column);
            var items = new ArrayList<ContentNode>(value.size());
            for (int i = 0; i < value.size(); i++) {
                items.add(node(value.get(i), place.item(i), budget));
            }
            budget.leave();
            return new ContentNode.Sequence(items, line, column);
        }
        if (value.isBoolean()) {
            return new ContentNode.Scalar(
                    ContentNode.Kind.BOOLEAN, Boolean.toString(value.booleanValue()), line, column);
        }
        String number = number(value);
        if (number != null) {
            return Texts.number(number, line, column);
        }
        String text = value.isString() ? Texts.wellFormed(value.stringValue(), line, column) : place.written();
        return new ContentNode.Scalar(ContentNode.Kind.STRING, text, line, column);
    }

    private static @Nullable String number(JsonNode value) {
        if (value.isIntegralNumber()) {
            return value.bigIntegerValue().toString();
        }
        boolean finite = value.isNumber() && (value.isBigDecimal() || Double.isFinite(value.doubleValue()));
        return finite ? value.decimalValue().toString() : null;
    }
}
