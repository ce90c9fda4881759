package dev.conflux.core.service;

import dev.conflux.core.format.Compatibility;
import dev.conflux.core.format.ContentTree;
import dev.conflux.core.format.FormatLimits;
import dev.conflux.core.model.CompatibilityPolicy;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.NewVersion;
import dev.conflux.core.model.Release;
import dev.conflux.core.state.StateReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Judges content beside what its config has already: the schema, the version that everybody gets, the newest version. Reads
 * the state of this node; blocks on storage.
 */
final class ContentJudge {

    /**
     * A content that may become a version.
     *
     * @param warnings what its author should know
     * @param duplicateOf the newest version, when it has the same content, format and schema
     */
    record Judged(
            NewVersion version,
            List<String> warnings,
            @Nullable Long duplicateOf) {}

    private final StateReader reader;

    ContentJudge(StateReader reader) {
        this.reader = reader;
    }

    /** @param config null when it is gone, and apply will say so */
    Judged judge(@Nullable Config config, NewContent content) {
        if (config == null) {
            return new Judged(content.checked(Format.TEXT), List.of(), null);
        }
        Optional<ConfigVersion> latest = reader.version(config.id(), config.latestVersionId());
        NewContent.Checked checked = content.checked(
                latest.map(ConfigVersion::format).orElse(Format.TEXT),
                config.metadata().schema());
        var warnings = new ArrayList<String>();
        checkCompatibility(config, checked, warnings);
        Long duplicateOf = latest.filter(version -> same(version, checked.version()))
                .map(ConfigVersion::id)
                .orElse(null);
        if (duplicateOf != null) {
            warnings.add("duplicate_of: version " + duplicateOf + " has the same content, format and schema");
        }
        return new Judged(checked.version(), warnings, duplicateOf);
    }

    private static boolean same(ConfigVersion version, NewVersion fresh) {
        return version.hash().equals(fresh.hash())
                && version.format().equals(fresh.format())
                && Objects.equals(version.schema(), fresh.schema())
                && version.encryption() == null
                && fresh.encryption() == null;
    }

    private void checkCompatibility(Config config, NewContent.Checked fresh, List<String> warnings) {
        CompatibilityPolicy policy = config.metadata().compatibility();
        if (policy == CompatibilityPolicy.NONE) {
            return;
        }
        ConfigVersion released = config.releases().stream()
                .filter(Release::isDefault)
                .findFirst()
                .flatMap(rule -> reader.version(config.id(), rule.versionId()))
                .orElse(null);
        if (released == null || released.encryption() != null || fresh.version().encryption() != null) {
            return;
        }
        List<Violation> breaks = breaks(released, fresh);
        if (breaks.isEmpty()) {
            return;
        }
        if (policy == CompatibilityPolicy.REFUSE) {
            throw new ConfluxException(new ConfluxError.InvalidContent(ErrorCode.SCHEMA_VIOLATION, breaks));
        }
        breaks.forEach(violation -> warnings.add("compatibility: " + line(violation)));
    }

    private List<Violation> breaks(ConfigVersion released, NewContent.Checked fresh) {
        String which = " (version " + released.id() + " is released to everybody)";
        if (!released.format().equals(fresh.version().format())) {
            return List.of(new Violation(
                    "",
                    1,
                    1,
                    "compatibility",
                    "the format was " + released.format() + ", is "
                            + fresh.version().format() + which));
        }
        Optional<ContentTree> before = reader.content(released.configId(), released.id())
                .flatMap(bytes -> readable(released.format(), bytes));
        if (before.isEmpty() || fresh.tree() == null) {
            return List.of();
        }
        return Compatibility.breaks(before.get(), fresh.tree()).stream()
                .map(violation -> new Violation(
                        violation.path(),
                        violation.line(),
                        violation.column(),
                        violation.rule(),
                        violation.message() + which))
                .toList();
    }

    /** A version may be older than its format's parser: then it cannot be compared. */
    static Optional<ContentTree> readable(Format format, byte[] content) {
        try {
            return NewContent.parse(format, content);
        } catch (ConfluxException e) {
            return Optional.empty();
        }
    }

    /** All that a schema finds in the live versions: the newest, and every one that a rule serves. */
    List<Violation> violations(Config config, String schema) {
        var live = new TreeSet<Long>();
        live.add(config.latestVersionId());
        config.releases().forEach(rule -> live.add(rule.versionId()));
        var found = new ArrayList<Violation>();
        for (long id : live.descendingSet()) {
            ConfigVersion version = reader.version(config.id(), id).orElse(null);
            byte[] content = reader.content(config.id(), id).orElse(null);
            if (version == null || content == null || version.encryption() != null || version.schema() != null) {
                continue;
            }
            for (Violation violation : violations(schema, version, content)) {
                if (found.size() < FormatLimits.MAX_VIOLATIONS) {
                    found.add(new Violation(
                            violation.path(),
                            violation.line(),
                            violation.column(),
                            violation.rule(),
                            "version " + id + ": " + violation.message()));
                }
            }
        }
        return found;
    }

    private static List<Violation> violations(String schema, ConfigVersion version, byte[] content) {
        try {
            return NewContent.violations(schema, version.format(), NewContent.parse(version.format(), content), content);
        } catch (ConfluxException e) {
            return e.error() instanceof ConfluxError.InvalidContent malformed ? malformed.violations() : List.of();
        }
    }

    /** A violation as one line of text. */
    static String line(Violation violation) {
        return (violation.path().isEmpty() ? "the whole" : violation.path()) + " (line " + violation.line() + ", column "
                + violation.column() + "): " + violation.message();
    }
}
