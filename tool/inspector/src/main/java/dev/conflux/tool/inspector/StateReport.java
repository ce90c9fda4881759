package dev.conflux.tool.inspector;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.conflux.adapter.rocksdb.OfflineStateReads;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Config;
import dev.conflux.core.state.StateAudit;
import dev.conflux.core.state.StateStoreException;
import dev.conflux.core.state.StateSummary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a stored state holds and whether it agrees with itself: the ground for deciding that a cluster may go on from it.
 *
 * @param configs every config, by name; absent unless asked for
 * @param newest the newest changes of what clients get, newest first
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record StateReport(
        String directory,
        LogPosition applied,
        long revision,
        String digest,
        String lastCommandAt,
        StateAudit.Count total,
        List<NamespaceCount> namespaces,
        @Nullable List<ConfigLine> configs,
        List<Change> newest,
        List<String> problems) {

    /** A namespace's share. */
    record NamespaceCount(String namespace, long configs, long versions, long contentBytes) {}

    /** A config without its content. */
    record ConfigLine(
            String name, long id, long latestVersion, long metadataVersion, long releasesRevision, String updatedAt) {}

    /** A change of what clients get. */
    record Change(long revision, String at, String config, String what) {

        static Change of(ChangeEvent event) {
            return new Change(
                    event.revision(),
                    Output.time(event.timestampMillis()),
                    event.key().toString(),
                    event.deleted()
                            ? "deleted"
                            : event.after().isEmpty()
                                    ? "nothing released any more"
                                    : "releases version "
                                            + String.join(
                                                    ", ",
                                                    event.versions().keySet().stream()
                                                            .map(String::valueOf)
                                                            .toList()));
        }
    }

    /**
     * Reads a whole state.
     *
     * @param directory a node's {@code state} directory, or that of a snapshot
     * @throws StateStoreException when it cannot be read
     */
    static StateReport of(Path directory, int newest, boolean withConfigs) {
        try (OfflineStateReads reads = OfflineStateReads.open(directory)) {
            var problems = new ArrayList<String>();
            try {
                reads.verify();
            } catch (StateStoreException e) {
                problems.add(String.valueOf(e.getMessage()));
            }
            var configs = new ArrayList<ConfigLine>();
            StateAudit audit = StateAudit.of(reads, newest, config -> configs.add(line(config)));
            problems.addAll(audit.problems());
            configs.sort(Comparator.comparing(ConfigLine::name));
            StateSummary summary = audit.summary();
            return new StateReport(
                    directory.toString(),
                    summary.applied(),
                    summary.revision(),
                    summary.digest(),
                    Output.time(summary.leaderTimeMillis()),
                    audit.total(),
                    audit.namespaces().entrySet().stream()
                            .map(entry -> new NamespaceCount(
                                    entry.getKey().toString(),
                                    entry.getValue().configs(),
                                    entry.getValue().versions(),
                                    entry.getValue().contentBytes()))
                            .toList(),
                    withConfigs ? List.copyOf(configs) : null,
                    audit.newest().stream().map(Change::of).toList(),
                    List.copyOf(problems));
        }
    }

    private static ConfigLine line(Config config) {
        return new ConfigLine(
                config.key().toString(),
                config.id(),
                config.latestVersionId(),
                config.metadataVersion(),
                config.releasesRevision(),
                Output.time(config.updatedAtMillis()));
    }

    void print(Output out) {
        out.facts(List.of(
                new Output.Fact("directory", directory),
                new Output.Fact("applied", Output.position(applied)),
                new Output.Fact("revision", Long.toString(revision)),
                new Output.Fact("digest", digest),
                new Output.Fact("last command", lastCommandAt),
                new Output.Fact(
                        "holds",
                        total.configs() + " configs, " + total.versions() + " versions, "
                                + Output.bytes(total.contentBytes()) + " of content")));
        if (!namespaces.isEmpty()) {
            var rows = new ArrayList<List<String>>();
            rows.add(List.of("NAMESPACE", "CONFIGS", "VERSIONS", "CONTENT"));
            namespaces.forEach(count -> rows.add(List.of(
                    count.namespace(),
                    Long.toString(count.configs()),
                    Long.toString(count.versions()),
                    Output.bytes(count.contentBytes()))));
            out.line("");
            out.table(rows);
        }
        if (configs != null) {
            var rows = new ArrayList<List<String>>();
            rows.add(List.of("CONFIG", "ID", "LATEST VERSION", "METADATA VERSION", "RELEASES REVISION", "UPDATED"));
            configs.forEach(config -> rows.add(List.of(
                    config.name(),
                    Long.toString(config.id()),
                    Long.toString(config.latestVersion()),
                    Long.toString(config.metadataVersion()),
                    Long.toString(config.releasesRevision()),
                    config.updatedAt())));
            out.line("");
            out.table(rows);
        }
        if (!newest.isEmpty()) {
            var rows = new ArrayList<List<String>>();
            rows.add(List.of("REVISION", "AT", "CONFIG", "CHANGE"));
            newest.forEach(change ->
                    rows.add(List.of(Long.toString(change.revision()), change.at(), change.config(), change.what())));
            out.line("");
            out.table(rows);
        }
        out.line("");
        if (problems.isEmpty()) {
            out.line(
                    "everything agrees: each content fits its hash, each release has its version, each counter is right");
        } else {
            problems.forEach(problem -> out.line("damage: " + problem));
        }
    }
}
