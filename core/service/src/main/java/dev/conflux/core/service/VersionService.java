package dev.conflux.core.service;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.NewVersion;
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

    /** What validation found out about acceptable content. */
    public record Valid(String hash, int sizeBytes, Format format) {}

    /** A version with its bytes. */
    public record Content(ConfigVersion version, byte[] bytes) {}

    /**
     * What changed between two versions.
     *
     * @param unified text in the format of {@code diff -u}; empty when either is encrypted or equal
     * @param changes by path, for JSON; empty for other formats until they have parsers
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

    public VersionService(CommandLog log, StateReader reader, Authorizer authorizer, ReadGate gate) {
        this.log = log;
        this.configs = new ConfigDirectory(reader, authorizer, gate);
    }

    /** Adds a version; nobody gets it before a release names it. */
    public Written<ConfigVersion> create(Caller caller, long configId, NewContent content, @Nullable Long cas) {
        Optional<Config> config = configs.requireForWrite(caller, Action.WRITE, configId);
        NewVersion version = content.checked(config.map(configs::currentFormat).orElse(Format.TEXT));
        Outcome.Accepted accepted = log.submit(caller, new Command.CreateVersion(configId, version, cas));
        return new Written<>(
                accepted.revision(), accepted.replayed(), ((Result.VersionCreated) accepted.result()).version());
    }

    /** Checks what {@link #create} would, without creating anything. */
    public Valid validate(Caller caller, long configId, NewContent content) {
        Config config = configs.require(caller.principal(), Action.WRITE, configId);
        NewVersion version = content.checked(configs.currentFormat(config));
        return new Valid(version.hash(), version.content().length, version.format());
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
        if (before.hash().equals(after.hash()) || before.encryption() != null || after.encryption() != null) {
            return new Diff("", List.of());
        }
        byte[] old = configs.content(config, from);
        byte[] fresh = configs.content(config, to);
        String unified = UnifiedDiff.of(
                "version " + from,
                new String(old, StandardCharsets.UTF_8),
                "version " + to,
                new String(fresh, StandardCharsets.UTF_8));
        boolean structural =
                before.format().equals(Format.JSON) && after.format().equals(Format.JSON);
        return new Diff(unified, structural ? JsonContent.diff(old, fresh) : List.of());
    }
}
