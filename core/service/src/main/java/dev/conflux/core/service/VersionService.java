package dev.conflux.core.service;

import dev.conflux.core.format.ContentTree;
import dev.conflux.core.format.TreeDiff;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Result;
import dev.conflux.core.state.StateReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The immutable versions of a config. Blocks: virtual threads only. */
public final class VersionService {

    /**
     * What would become of acceptable content.
     *
     * @param versionId the id it would get, as of now
     */
    public record Valid(
            String hash,
            int sizeBytes,
            Format format,
            long versionId,
            List<String> warnings,
            @Nullable Long duplicateOf) {}

    /**
     * A version that was made.
     *
     * @param warnings what its author should know
     * @param duplicateOf the version before it, when it has the same content, format and schema
     */
    public record Created(
            ConfigVersion version,
            List<String> warnings,
            @Nullable Long duplicateOf) {}

    /** A version with its bytes. */
    public record Content(ConfigVersion version, byte[] bytes) {}

    /**
     * What changed between two versions.
     *
     * @param unified text in the format of {@code diff -u}; empty when either is encrypted or equal
     * @param changes by path, also between formats; empty when either has no structure
     */
    public record Diff(String unified, List<Change> changes) {}

    /**
     * One structural difference.
     *
     * @param path a JSON pointer
     * @param op add, remove or replace
     * @param before JSON text; null for add
     * @param after JSON text; null for remove
     */
    public record Change(
            String path,
            String op,
            @Nullable String before,
            @Nullable String after) {}

    private final CommandLog log;
    private final ConfigDirectory configs;
    private final ContentJudge judge;

    public VersionService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
        this.judge = new ContentJudge(reader, log);
    }

    /** Adds a version; nobody gets it before a release names it. */
    public Written<Created> create(Caller caller, long configId, NewContent content, @Nullable Long cas) {
        Optional<Config> config = configs.requireForWrite(caller, Action.WRITE, configId);
        ContentJudge.Judged judged = judge.judge(caller, config.orElse(null), content);
        Outcome.Accepted accepted = log.submit(caller, new Command.CreateVersion(configId, judged.version(), cas));
        ConfigVersion version = ((Result.VersionCreated) accepted.result()).version();
        Long duplicateOf = judge.duplicateOf(version);
        return new Written<>(
                accepted.revision(),
                accepted.replayed(),
                new Created(version, judged.warnings(duplicateOf), duplicateOf));
    }

    /** Checks what {@link #create} would, without creating anything. */
    public Valid validate(Caller caller, long configId, NewContent content) {
        Config config = configs.require(caller.principal(), Action.WRITE, configId);
        ContentJudge.Judged judged = judge.judge(config, content);
        Long duplicateOf = judge.duplicateOf(
                configId,
                config.latestVersionId(),
                judged.version().hash(),
                judged.version().format(),
                judged.version().schema());
        return new Valid(
                judged.version().hash(),
                judged.version().content().length,
                judged.version().format(),
                config.latestVersionId() + 1,
                judged.warnings(duplicateOf),
                duplicateOf);
    }

    public ConfigVersion get(Principal principal, long configId, long versionId) {
        return configs.version(configs.require(principal, Action.READ, configId), versionId);
    }

    public Content content(Principal principal, long configId, long versionId) {
        Config config = configs.require(principal, Action.READ, configId);
        return new Content(configs.version(config, versionId), configs.content(config, versionId));
    }

    /** Newest first; {@code before} is exclusive. */
    public Page<ConfigVersion> list(Principal principal, long configId, long before, int limit) {
        configs.require(principal, Action.READ, configId);
        return Page.cut(configs.reader().versions(configId, before, Page.reading(Limits.pageSize(limit))), limit);
    }

    public Diff diff(Principal principal, long configId, long from, long to) {
        Config config = configs.require(principal, Action.READ, configId);
        ConfigVersion before = configs.version(config, from);
        ConfigVersion after = configs.version(config, to);
        boolean same = before.hash().equals(after.hash()) && before.format().equals(after.format());
        if (same || before.encryption() != null || after.encryption() != null) {
            return new Diff("", List.of());
        }
        byte[] old = configs.content(config, from);
        byte[] fresh = configs.content(config, to);
        String unified = UnifiedDiff.of(
                "version " + from,
                new String(old, StandardCharsets.UTF_8),
                "version " + to,
                new String(fresh, StandardCharsets.UTF_8));
        Optional<ContentTree> oldTree = ContentJudge.readable(before.format(), old);
        Optional<ContentTree> freshTree = ContentJudge.readable(after.format(), fresh);
        if (oldTree.isEmpty() || freshTree.isEmpty()) {
            return new Diff(unified, List.of());
        }
        List<Change> changes = TreeDiff.of(oldTree.get(), freshTree.get()).stream()
                .map(change -> new Change(change.path(), change.op(), change.before(), change.after()))
                .toList();
        return new Diff(unified, changes);
    }
}
