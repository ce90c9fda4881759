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
     */
    record Judged(NewVersion version, List<String> warnings) {

        /** With a word about a version that has the same already. */
        List<String> warnings(@Nullable Long duplicateOf) {
            if (duplicateOf == null) {
                return warnings;
            }
            var all = new ArrayList<>(warnings);
            all.add("duplicate_of: version " + duplicateOf + " has the same content, format and schema");
            return all;
        }
    }

    private final StateReader reader;
    private final CommandLog log;

    ContentJudge(StateReader reader, CommandLog log) {
        this.reader = reader;
        this.log = log;
    }

    /**
     * For a write. What a repeated request says was judged the first time: it is let through to its stored outcome,
     * whatever the schema has become.
     *
     * @param config null when it is gone, and apply will say so
     */
    Judged judge(Caller caller, @Nullable Config config, NewContent content) {
        try {
            return judge(config, content);
        } catch (ConfluxException e) {
            if (log.remembers(caller)) {
                return new Judged(content.unchecked(Format.TEXT), List.of());
            }
            throw e;
        }
    }

    /** As {@link #judge(Caller, Config, NewContent)}, for a config's version 1. */
    NewVersion first(Caller caller, @Nullable String schema, NewContent content) {
        try {
            return content.checked(Format.TEXT, schema).version();
        } catch (ConfluxException e) {
            if (log.remembers(caller)) {
                return content.unchecked(Format.TEXT);
            }
            throw e;
        }
    }

    /** For {@code validate_only}, where nothing is written. */
    Judged judge(@Nullable Config config, NewContent content) {
        if (config == null) {
            return new Judged(content.checked(Format.TEXT), List.of());
        }
        Format current = reader.version(config.id(), config.latestVersionId())
                .map(ConfigVersion::format)
                .orElse(Format.TEXT);
        NewContent.Checked checked = content.checked(current, config.metadata().schema());
        var warnings = new ArrayList<String>();
        checkCompatibility(config, checked, warnings);
        return new Judged(checked.version(), warnings);
    }

    /** The version before, when a new one says the same; asked afterwards, so that a repeated request hears it again. */
    @Nullable
    Long duplicateOf(ConfigVersion fresh) {
        return duplicateOf(fresh.configId(), fresh.id() - 1, fresh.hash(), fresh.format(), fresh.schema());
    }

    /** The version {@code before} a new one, when that would say the same. */
    @Nullable
    Long duplicateOf(long configId, long before, String hash, Format format, @Nullable String schema) {
        return reader.version(configId, before)
                .filter(version -> version.hash().equals(hash)
                        && version.format().equals(format)
                        && Objects.equals(version.schema(), schema))
                .map(ConfigVersion::id)
                .orElse(null);
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
        Optional<ContentTree> before =
                reader.content(released.configId(), released.id()).flatMap(bytes -> readable(released.format(), bytes));
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
            return NewContent.violations(
                    schema, version.format(), NewContent.parse(version.format(), content), content);
        } catch (ConfluxException e) {
            return e.error() instanceof ConfluxError.InvalidContent malformed ? malformed.violations() : List.of();
        }
    }

    /** A violation as one line of text. */
    static String line(Violation violation) {
        return (violation.path().isEmpty() ? "the whole" : violation.path()) + " (line " + violation.line()
                + ", column " + violation.column() + "): " + violation.message();
    }
}
