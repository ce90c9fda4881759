package dev.conflux.core.format;

import com.google.re2j.PatternSyntaxException;
import com.networknt.schema.Error;
import com.networknt.schema.ExecutionConfig;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaException;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.ValidationLimitExceededException;
import com.networknt.schema.dialect.Dialects;
import com.networknt.schema.path.NodePath;
import com.networknt.schema.path.PathType;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A JSON Schema: 2020-12, or draft-07. Nothing is loaded from anywhere. */
final class JsonContentSchema implements ContentSchema {

    /** Applied subschemas and keywords of one validation, some half a second. */
    private static final long MAX_STEPS = 1_000_000;

    /** Levels of evaluation: each level of content takes a few. */
    private static final int MAX_EVALUATION_DEPTH = 2_000;

    private static final String DRAFT_07 = "http://json-schema.org/draft-07/schema";
    private static final String DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema";

    /** What they hold is data, whatever it looks like. */
    private static final Set<String> DATA = Set.of("const", "enum", "default", "examples", "example");

    /** Their members are named by the author. */
    private static final Set<String> NAMED = Set.of(
            "properties",
            "patternProperties",
            "$defs",
            "definitions",
            "dependentSchemas",
            "dependencies",
            "dependentRequired");

    private static final SchemaRegistry STRICT = registry(false);
    private static final SchemaRegistry LOOSE = registry(true);

    private static final Schema SCHEMA_OF_DRAFT_07 =
            STRICT.getSchema(SchemaLocation.of(Dialects.getDraft7().getId()));
    private static final Schema SCHEMA_OF_2020_12 =
            STRICT.getSchema(SchemaLocation.of(Dialects.getDraft202012().getId()));

    /** For trees whose scalars have types. */
    private final Schema strict;
    /** For trees of text: {@code "8080"} may count as a number, and one item as a list of one. */
    private final Schema loose;

    private JsonContentSchema(Schema strict, Schema loose) {
        this.strict = strict;
        this.loose = loose;
    }

    private static SchemaRegistry registry(boolean loose) {
        SchemaRegistryConfig config = SchemaRegistryConfig.builder()
                .regularExpressionFactory(Regex::compile)
                .pathType(PathType.JSON_POINTER)
                .locale(Locale.ENGLISH)
                .typeLoose(loose)
                // As 2020-12 has it for both: an annotation. The library's checks of formats are not all linear.
                .formatAssertionsEnabled(false)
                .preloadSchema(true)
                .build();
        return SchemaRegistry.withDialects(
                List.of(Dialects.getDraft202012(), Dialects.getDraft7()),
                builder -> builder.schemaRegistryConfig(config)
                        .defaultDialectId(Dialects.getDraft202012().getId())
                        .schemaCacheEnabled(false)
                        .schemaLoader(loader -> loader.fetchRemoteResources(false)
                                .allow(iri -> iri.toString().startsWith("https://json-schema.org/draft/2020-12/")
                                        || iri.toString().startsWith("http://json-schema.org/draft-07/"))));
    }

    static JsonContentSchema compile(String text) {
        ContentNode root;
        try {
            root = JsonFormat.read(text);
        } catch (ConfluxException e) {
            throw ContentSchemas.unreadable(e);
        }
        var tree = new ContentTree(root, true);
        boolean schema = root instanceof ContentNode.Mapping
                || (root instanceof ContentNode.Scalar scalar && scalar.kind() == ContentNode.Kind.BOOLEAN);
        if (!schema) {
            throw ContentSchemas.refused("", root.line(), root.column(), "a JSON Schema is an object, true or false");
        }
        boolean draft7 = isDraft07(root);
        var found = new ArrayList<Violation>();
        lint("", root, found);
        JsonNode json = JsonTrees.node(root);
        if (found.isEmpty()) {
            Schema meta = draft7 ? SCHEMA_OF_DRAFT_07 : SCHEMA_OF_2020_12;
            for (Violation violation : judge(meta, json, tree)) {
                found.add(new Violation(
                        violation.path(),
                        violation.line(),
                        violation.column(),
                        "schema",
                        "schema: " + violation.message()));
            }
        }
        if (!found.isEmpty()) {
            throw ContentSchemas.refused(found);
        }
        try {
            Schema strict = STRICT.getSchema(json);
            strict.initializeValidators();
            Schema loose = LOOSE.getSchema(json);
            loose.initializeValidators();
            return new JsonContentSchema(strict, loose);
        } catch (SchemaException | StackOverflowError e) {
            throw ContentSchemas.refused(
                    "",
                    1,
                    1,
                    Malformed.oneLine(e.getMessage() == null ? "its references nest too deeply" : e.getMessage()));
        }
    }

    /** Else it is 2020-12. */
    private static boolean isDraft07(ContentNode root) {
        ContentNode declared =
                root instanceof ContentNode.Mapping mapping ? mapping.members().get("$schema") : null;
        if (declared == null) {
            return false;
        }
        String id = declared instanceof ContentNode.Scalar scalar ? scalar.text() : "";
        String plain = id.endsWith("#") ? id.substring(0, id.length() - 1) : id;
        if (!plain.equals(DRAFT_2020_12) && !plain.equals(DRAFT_07)) {
            throw ContentSchemas.refused(
                    "/$schema",
                    declared.line(),
                    declared.column(),
                    "$schema is " + Text.excerpt(id) + " (expected: " + DRAFT_2020_12 + " or " + DRAFT_07 + ")");
        }
        return plain.equals(DRAFT_07);
    }

    /** What the schema of schemas does not know: references that lead out, patterns that could take for ever. */
    private static void lint(String path, ContentNode node, List<Violation> found) {
        if (found.size() >= FormatLimits.MAX_VIOLATIONS) {
            return;
        }
        switch (node) {
            case ContentNode.Sequence sequence -> {
                for (int i = 0; i < sequence.items().size(); i++) {
                    lint(path + '/' + i, sequence.items().get(i), found);
                }
            }
            case ContentNode.Mapping mapping -> {
                for (Map.Entry<String, ContentNode> member : mapping.members().entrySet()) {
                    String keyword = member.getKey();
                    ContentNode value = member.getValue();
                    String child = path + '/' + ContentTree.escape(keyword);
                    if (DATA.contains(keyword)) {
                        continue;
                    }
                    if (NAMED.contains(keyword) && value instanceof ContentNode.Mapping named) {
                        named.members().forEach((name, schema) -> {
                            if (keyword.equals("patternProperties")) {
                                pattern(child + '/' + ContentTree.escape(name), name, schema, found);
                            }
                            lint(child + '/' + ContentTree.escape(name), schema, found);
                        });
                        continue;
                    }
                    if (value instanceof ContentNode.Scalar scalar && scalar.kind() == ContentNode.Kind.STRING) {
                        keyword(child, path, keyword, scalar, found);
                    }
                    lint(child, value, found);
                }
            }
            case ContentNode.Scalar scalar -> {}
        }
    }

    private static void keyword(
            String path, String parent, String keyword, ContentNode.Scalar value, List<Violation> found) {
        switch (keyword) {
            case "$ref", "$dynamicRef", "$recursiveRef" -> {
                if (!value.text().startsWith("#")) {
                    found.add(violation(
                            path,
                            value,
                            keyword + " is " + Text.excerpt(value.text())
                                    + " (expected: a place in this schema, #/...; nothing is loaded)"));
                }
            }
            case "$schema" -> {
                if (!parent.isEmpty()) {
                    found.add(violation(path, value, "$schema is for the root only"));
                }
            }
            case "pattern" -> pattern(path, value.text(), value, found);
            default -> {}
        }
    }

    private static void pattern(String path, String regex, ContentNode at, List<Violation> found) {
        try {
            Regex.compile(regex);
        } catch (PatternSyntaxException e) {
            found.add(violation(
                    path,
                    at,
                    "the pattern " + Text.excerpt(regex) + " cannot be used: " + e.getDescription()
                            + " (RE2 syntax: no look-around, no back references)"));
        }
    }

    private static Violation violation(String path, ContentNode at, String message) {
        return new Violation(path, at.line(), at.column(), "schema", "schema: " + Malformed.oneLine(message));
    }

    @Override
    public boolean judges(Format format) {
        return true;
    }

    @Override
    public List<Violation> violations(ContentTree tree, byte[] content) {
        return judge(tree.typed() ? strict : loose, JsonTrees.node(tree.root()), tree);
    }

    private static List<Violation> judge(Schema schema, JsonNode json, ContentTree tree) {
        List<Error> errors;
        try {
            errors = ScopedValue.where(Regex.STEPS, new long[1])
                    .call(() -> schema.validate(
                            json, (context, schemaContext) -> context.executionConfig(JsonContentSchema::bounded)));
        } catch (ValidationLimitExceededException | Regex.TooCostly | StackOverflowError e) {
            return List.of(new Violation(
                    "",
                    tree.root().line(),
                    tree.root().column(),
                    "schema-cost",
                    "this content takes too long to check by this schema (references that multiply, or patterns on long"
                            + " texts): simplify the schema"));
        }
        if (errors.isEmpty()) {
            return List.of();
        }
        var violations = new TreeSet<Violation>(Comparator.comparingInt(Violation::line)
                .thenComparingInt(Violation::column)
                .thenComparing(Violation::path)
                .thenComparing(Violation::rule)
                .thenComparing(Violation::message));
        for (Error error : errors) {
            Violation violation = violation(error, tree);
            if (violation != null) {
                violations.add(violation);
            }
        }
        return violations.stream().limit(FormatLimits.MAX_VIOLATIONS).toList();
    }

    private static void bounded(ExecutionConfig.Builder config) {
        config.maxEvaluationSteps(MAX_STEPS)
                .maxEvaluationDepth(MAX_EVALUATION_DEPTH)
                .formatAssertionsEnabled(false)
                .annotationCollectionEnabled(false)
                .locale(Locale.ENGLISH);
    }

    /** At the deepest node that is there; null when it is about something that only its reader knows. */
    private static @Nullable Violation violation(Error error, ContentTree tree) {
        var path = new StringBuilder();
        ContentNode node = tree.root();
        NodePath location = error.getInstanceLocation();
        for (int i = 0; i < location.getNameCount(); i++) {
            String name = String.valueOf(location.getElement(i));
            ContentNode child = ContentTree.child(node, name);
            if (child != null) {
                path.append('/').append(ContentTree.escape(name));
                node = child;
            }
        }
        String property = error.getProperty();
        ContentNode named = property == null ? null : ContentTree.child(node, property);
        if (named != null && property != null) {
            path.append('/').append(ContentTree.escape(property));
            node = named;
        }
        if (node instanceof ContentNode.Scalar scalar && scalar.kind() == ContentNode.Kind.UNKNOWN) {
            return null;
        }
        String message = error.getMessage();
        String prefix = location + ": ";
        return new Violation(
                path.toString(),
                node.line(),
                node.column(),
                error.getKeyword() == null ? "schema" : error.getKeyword(),
                Malformed.oneLine(message.startsWith(prefix) ? message.substring(prefix.length()) : message));
    }
}
