package dev.conflux.core.format;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Differences of two trees, also of different formats. */
public final class TreeDiff {

    /** Differences reported; the unified text shows the rest. */
    public static final int MAX_CHANGES = 1000;

    /**
     * One difference.
     *
     * @param path a JSON pointer
     * @param op add, remove or replace
     * @param before compact JSON; null for add
     * @param after compact JSON; null for remove
     */
    public record Change(
            String path,
            String op,
            @Nullable String before,
            @Nullable String after) {}

    private final boolean typed;
    private final List<Change> changes = new ArrayList<>();

    private TreeDiff(boolean typed) {
        this.typed = typed;
    }

    /** By path, names in alphabetical order. Text and a number are the same when either format has text only. */
    public static List<Change> of(ContentTree before, ContentTree after) {
        var diff = new TreeDiff(before.typed() && after.typed());
        diff.compare("", before.root(), after.root());
        return List.copyOf(diff.changes);
    }

    private void compare(String path, ContentNode before, ContentNode after) {
        if (changes.size() >= MAX_CHANGES) {
            return;
        }
        if (before instanceof ContentNode.Mapping old && after instanceof ContentNode.Mapping fresh) {
            var names = new TreeSet<>(old.members().keySet());
            names.addAll(fresh.members().keySet());
            for (String name : names) {
                step(
                        path + '/' + ContentTree.escape(name),
                        old.members().get(name),
                        fresh.members().get(name));
            }
        } else if (before instanceof ContentNode.Sequence old && after instanceof ContentNode.Sequence fresh) {
            int longer = Math.max(old.items().size(), fresh.items().size());
            for (int i = 0; i < longer && changes.size() < MAX_CHANGES; i++) {
                step(
                        path + '/' + i,
                        i < old.items().size() ? old.items().get(i) : null,
                        i < fresh.items().size() ? fresh.items().get(i) : null);
            }
        } else if (!(before instanceof ContentNode.Scalar old
                && after instanceof ContentNode.Scalar fresh
                && same(old, fresh))) {
            changes.add(new Change(path, "replace", JsonTrees.text(before), JsonTrees.text(after)));
        }
    }

    private void step(String path, @Nullable ContentNode before, @Nullable ContentNode after) {
        if (before != null && after != null) {
            compare(path, before, after);
        } else if (changes.size() < MAX_CHANGES) {
            changes.add(
                    before == null
                            ? new Change(path, "add", null, after == null ? null : JsonTrees.text(after))
                            : new Change(path, "remove", JsonTrees.text(before), null));
        }
    }

    private boolean same(ContentNode.Scalar before, ContentNode.Scalar after) {
        if (before.text().equals(after.text())) {
            return !typed || before.kind() == after.kind();
        }
        return before.kind() == ContentNode.Kind.NUMBER
                && after.kind() == ContentNode.Kind.NUMBER
                && Texts.value(before).compareTo(Texts.value(after)) == 0;
    }
}
