package dev.conflux.core.format;

import dev.conflux.core.model.ConfluxError.Violation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Whether who reads the old content can read the new one: no key is gone, and none has another type. New keys are fine, and
 * so is a number without a fraction where one with was. The insides of lists are not compared: their items have no names.
 */
public final class Compatibility {

    private static final String UNKNOWN = "unknown";

    private final boolean typed;
    private final List<Violation> found = new ArrayList<>();

    private Compatibility(boolean typed) {
        this.typed = typed;
    }

    /** What breaks, at most {@link FormatLimits#MAX_VIOLATIONS}; what is gone is placed where it would have stood. */
    public static List<Violation> breaks(ContentTree released, ContentTree fresh) {
        var comparison = new Compatibility(released.typed() && fresh.typed());
        comparison.compare("", released.root(), fresh.root());
        return List.copyOf(comparison.found);
    }

    private void compare(String path, ContentNode released, ContentNode fresh) {
        if (released instanceof ContentNode.Mapping old && fresh instanceof ContentNode.Mapping now) {
            for (Map.Entry<String, ContentNode> member : old.members().entrySet()) {
                String child = path + '/' + ContentTree.escape(member.getKey());
                ContentNode there = now.members().get(member.getKey());
                if (there == null) {
                    add(child, fresh, "removed");
                } else {
                    compare(child, member.getValue(), there);
                }
            }
            return;
        }
        String before = type(released);
        String after = type(fresh);
        boolean fits = before.equals(after)
                || before.equals(UNKNOWN)
                || before.equals("null")
                || after.equals(UNKNOWN)
                || (before.equals("number") && after.equals("integer"));
        if (!fits) {
            add(path, fresh, "was " + before + ", is " + after);
        }
    }

    private String type(ContentNode node) {
        return switch (node) {
            case ContentNode.Mapping mapping -> "object";
            case ContentNode.Sequence sequence -> "array";
            case ContentNode.Scalar scalar ->
                switch (scalar.kind()) {
                    case NULL -> "null";
                    case UNKNOWN -> UNKNOWN;
                    case STRING -> typed ? "string" : "text";
                    case BOOLEAN -> typed ? "boolean" : "text";
                    case NUMBER -> !typed ? "text" : isWhole(scalar.text()) ? "integer" : "number";
                };
        };
    }

    private static boolean isWhole(String number) {
        return number.indexOf('.') < 0 && number.indexOf('e') < 0 && number.indexOf('E') < 0;
    }

    private void add(String path, ContentNode at, String message) {
        if (found.size() < FormatLimits.MAX_VIOLATIONS) {
            found.add(new Violation(path, at.line(), at.column(), "compatibility", message));
        }
    }
}
