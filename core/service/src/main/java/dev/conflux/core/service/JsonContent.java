package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON content: is it well-formed, and how do two of them differ. Moves behind the format interface when that comes. */
final class JsonContent {

    /** Deeper than any configuration, shallow enough for every stack. */
    private static final int MAX_DEPTH = 128;

    /** Digits of a number: exact decimals fit, a denial of service by arithmetic does not. */
    private static final int MAX_NUMBER_LENGTH = 256;

    /** Differences reported; the unified text shows the rest. */
    static final int MAX_CHANGES = 1000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(MAX_NUMBER_LENGTH)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private JsonContent() {}

    /** Returns when {@code content} is one JSON value and nothing else. */
    static void check(byte[] content) {
        try (JsonParser parser = MAPPER.createParser(content)) {
            if (parser.nextToken() == null) {
                throw malformed(1, 1, "a JSON value is missing");
            }
            parser.skipChildren();
            if (parser.nextToken() != null) {
                TokenStreamLocation at = parser.currentTokenLocation();
                throw malformed(at.getLineNr(), at.getColumnNr(), "something follows the JSON value");
            }
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            throw malformed(
                    at == null ? 0 : at.getLineNr(),
                    at == null ? 0 : at.getColumnNr(),
                    Objects.requireNonNullElse(e.getOriginalMessage(), "not JSON"));
        }
    }

    private static ConfluxException malformed(int line, int column, String message) {
        return new ConfluxException(new ConfluxError.InvalidContent(
                ErrorCode.MALFORMED_CONTENT, List.of(new ConfluxError.Violation("", line, column, "json", message))));
    }

    /** Differences by JSON pointer, in document order of names. */
    static List<VersionService.Change> diff(byte[] before, byte[] after) {
        var changes = new ArrayList<VersionService.Change>();
        diff("", MAPPER.readTree(before), MAPPER.readTree(after), changes);
        return changes;
    }

    private static void diff(String path, JsonNode before, JsonNode after, List<VersionService.Change> changes) {
        if (changes.size() >= MAX_CHANGES || before.equals(after)) {
            return;
        }
        if (before.isObject() && after.isObject()) {
            var names = new TreeSet<>(before.propertyNames());
            names.addAll(after.propertyNames());
            for (String name : names) {
                String child = path + '/' + name.replace("~", "~0").replace("/", "~1");
                if (!before.has(name)) {
                    add(
                            changes,
                            new VersionService.Change(
                                    child, "add", null, after.get(name).toString()));
                } else if (!after.has(name)) {
                    add(
                            changes,
                            new VersionService.Change(
                                    child, "remove", before.get(name).toString(), null));
                } else {
                    diff(child, before.get(name), after.get(name), changes);
                }
            }
        } else if (before.isArray() && after.isArray()) {
            int common = Math.min(before.size(), after.size());
            for (int i = 0; i < common; i++) {
                diff(path + '/' + i, before.get(i), after.get(i), changes);
            }
            for (int i = common; i < before.size(); i++) {
                add(
                        changes,
                        new VersionService.Change(
                                path + '/' + i, "remove", before.get(i).toString(), null));
            }
            for (int i = common; i < after.size(); i++) {
                add(
                        changes,
                        new VersionService.Change(
                                path + '/' + i, "add", null, after.get(i).toString()));
            }
        } else {
            add(changes, new VersionService.Change(path, "replace", before.toString(), after.toString()));
        }
    }

    private static void add(List<VersionService.Change> changes, VersionService.Change change) {
        if (changes.size() < MAX_CHANGES) {
            changes.add(change);
        }
    }
}
