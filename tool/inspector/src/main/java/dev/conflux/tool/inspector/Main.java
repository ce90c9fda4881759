package dev.conflux.tool.inspector;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.jraft.FoundingAgain;
import dev.conflux.consensus.jraft.IdentityException;
import dev.conflux.consensus.jraft.OfflineDirectory;
import dev.conflux.core.state.StateStoreException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The {@code raft-inspector} command. Exit codes are part of its interface. */
@Command(
        name = "raft-inspector",
        description = {
            "Reads a stopped node's directories, or copies of them, without starting anything.",
            "Only force-new-cluster writes."
        },
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        version = "raft-inspector of Conflux",
        footerHeading = "%n",
        footer = {
            "DIRECTORY is the node's storage.data_dir; if storage.wal_dir is set: DATA_DIR,WAL_DIR.",
            "The node must be stopped; of a running one, read a copy.",
            "",
            "examples",
            "  raft-inspector show /var/lib/conflux",
            "  raft-inspector verify /backup/node-1",
            "  raft-inspector compare /copy/node-1 /copy/node-3,/copy/node-3-wal --backup /backup/node-2",
            "  raft-inspector entries /var/lib/conflux --last 20",
            "  raft-inspector state /var/lib/conflux --configs --json",
            "  raft-inspector force-new-cluster /var/lib/conflux --backup /backup/node-1",
            "",
            "exit codes: 0 nothing wrong, 1 damage found or no safe choice, 2 not confirmed, 64 usage,",
            "65 the directory is in use or not a member's, 66 it cannot be read"
        })
public final class Main {

    static final int EXIT_DAMAGE = 1;
    static final int EXIT_NOT_CONFIRMED = 2;
    static final int EXIT_USAGE = 64;
    static final int EXIT_IN_USE = 65;
    static final int EXIT_UNREADABLE = 66;

    private static final String DIRECTORY = "DIRECTORY[,WAL_DIR]";
    private static final String BACKUP = "an older copy, which says nothing of what its node did later; repeatable";

    private final BufferedReader in;
    private final PrintWriter out;
    private final PrintWriter err;

    private Main(BufferedReader in, PrintWriter out, PrintWriter err) {
        this.in = in;
        this.out = out;
        this.err = err;
    }

    public static void main(String[] arguments) {
        // What is wrong is said in the report; the engine's own lines would only repeat it.
        ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger("ROOT").setLevel(Level.OFF);
        var out = new PrintWriter(System.out, false, StandardCharsets.UTF_8);
        var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int code = run(in, out, err, arguments);
        out.flush();
        System.exit(code);
    }

    /** Runs one command; returns the exit code. */
    static int run(BufferedReader in, PrintWriter out, PrintWriter err, String... arguments) {
        var line = new CommandLine(new Main(in, out, err))
                .setOut(out)
                .setErr(err)
                .registerConverter(NodeDirectory.class, NodeDirectory::parse);
        line.setExecutionExceptionHandler((failure, command, parsed) -> {
            err.println("raft-inspector: " + failure.getMessage());
            return switch (failure) {
                case IdentityException e -> EXIT_IN_USE;
                case IllegalArgumentException e -> EXIT_USAGE;
                case IOException e -> EXIT_UNREADABLE;
                case StateStoreException e -> EXIT_UNREADABLE;
                default -> throw failure;
            };
        });
        line.getCommandSpec().exitCodeOnInvalidInput(EXIT_USAGE);
        line.getSubcommands()
                .values()
                .forEach(command -> command.getCommandSpec().exitCodeOnInvalidInput(EXIT_USAGE));
        return arguments.length == 0 ? usage(line, err) : line.execute(arguments);
    }

    private static int usage(CommandLine line, PrintWriter err) {
        line.usage(err);
        return EXIT_USAGE;
    }

    @Command(
            name = "show",
            description = "Identity, vote, log, membership, state and snapshots of a node.",
            mixinStandardHelpOptions = true)
    int show(
            @Parameters(paramLabel = DIRECTORY) NodeDirectory directory,
            @Option(names = "--json", description = "machine-readable") boolean json)
            throws IOException {
        MemberReport report = report(directory, false, false);
        return print(json, report, report::print, report.damaged());
    }

    @Command(
            name = "verify",
            description = "Reads everything and checks every checksum; names the file and what is wrong.",
            mixinStandardHelpOptions = true)
    int verify(
            @Parameters(paramLabel = DIRECTORY) NodeDirectory directory,
            @Option(names = "--json", description = "machine-readable") boolean json)
            throws IOException {
        MemberReport report = report(directory, false, true);
        return print(
                json,
                report,
                out -> {
                    MemberReport.print(report.problems(), out);
                    if (report.problems().isEmpty()) {
                        out.line("nothing wrong: " + report.name() + " ends with " + Output.position(report.end()));
                    }
                },
                report.damaged());
    }

    @Command(
            name = "compare",
            description = "Names the directory to go on from, why, and what that cannot save.",
            mixinStandardHelpOptions = true)
    int compare(
            @Parameters(
                            paramLabel = DIRECTORY,
                            arity = "0..*",
                            description = "of a node as it stopped, or a copy made since")
                    @Nullable
                    List<NodeDirectory> directories,
            @Option(names = "--backup", paramLabel = DIRECTORY, description = BACKUP) @Nullable
                    List<NodeDirectory> backups,
            @Option(names = "--quick", description = "look at the ends only; without it everything is verified")
                    boolean quick,
            @Option(names = "--json", description = "machine-readable") boolean json)
            throws IOException {
        List<MemberReport> reports = reports(directories, backups, !quick);
        if (reports.isEmpty()) {
            throw new IllegalArgumentException("compare: no directory (expected: at least one)");
        }
        Comparison comparison = Comparison.of(reports);
        return print(json, comparison, comparison::print, comparison.best() == null);
    }

    @Command(
            name = "entries",
            description = "Lists log entries with decoded commands. Content is shown as length and hash.",
            mixinStandardHelpOptions = true)
    int entries(
            @Parameters(paramLabel = DIRECTORY) NodeDirectory directory,
            @Option(names = "--from", defaultValue = "0", description = "first index (default: the log's first)")
                    long from,
            @Option(names = "--to", defaultValue = "9223372036854775807", description = "last index (default: the end)")
                    long to,
            @Option(names = "--last", defaultValue = "0", description = "only so many before the end") long last,
            @Option(names = "--content", description = "print plain content too; encrypted content never")
                    boolean content,
            @Option(names = "--json", description = "machine-readable") boolean json)
            throws IOException {
        try (OfflineDirectory offline = directory.open()) {
            long first = last > 0 ? Math.max(from, offline.log().last().index() - last + 1) : from;
            var reports = new ArrayList<EntryReport>();
            offline.entries(first, to, entry -> reports.add(EntryReport.of(entry, content)));
            boolean unreadable = reports.stream().anyMatch(entry -> entry.kind().equals("unreadable"));
            return print(
                    json,
                    reports,
                    out -> {
                        var rows = new ArrayList<List<String>>();
                        rows.add(EntryReport.heading());
                        reports.forEach(entry -> rows.add(entry.row()));
                        out.table(rows);
                    },
                    unreadable || !offline.findings().isEmpty());
        }
    }

    @Command(
            name = "state",
            description = "What the applied state holds, and whether it agrees with itself.",
            mixinStandardHelpOptions = true)
    int state(
            @Parameters(paramLabel = DIRECTORY, description = "a node's directory, or a snapshot's")
                    NodeDirectory directory,
            @Option(names = "--configs", description = "list every config") boolean configs,
            @Option(
                            names = "--newest",
                            defaultValue = "10",
                            description = "so many of the newest changes (default: ${DEFAULT-VALUE})")
                    int newest,
            @Option(names = "--json", description = "machine-readable") boolean json)
            throws IOException {
        Path state = directory.state().orElse(directory.given());
        if (directory.state().isPresent()) {
            directory.open().close(); // refuses a directory in use
        } else if (!Files.exists(state.resolve("CURRENT"))) {
            throw new IOException(state + ": no state of Conflux (expected: a node's directory, or the state directory"
                    + " of a snapshot)");
        }
        StateReport report = StateReport.of(state, newest, configs);
        return print(json, report, report::print, !report.problems().isEmpty());
    }

    @Command(
            name = "force-new-cluster",
            description = {
                "Founds the cluster again from one stopped survivor, as its only member, in a new epoch.",
                "Only when a majority of the members is lost for good: what only they had is lost with them,",
                "and none of them may ever come back."
            },
            mixinStandardHelpOptions = true)
    int forceNewCluster(
            @Parameters(paramLabel = DIRECTORY, description = "of the survivor") NodeDirectory directory,
            @Option(
                            names = "--other",
                            paramLabel = DIRECTORY,
                            description = "of another node that is left; refuses if it is better; repeatable")
                    @Nullable
                    List<NodeDirectory> others,
            @Option(names = "--backup", paramLabel = DIRECTORY, description = BACKUP) @Nullable
                    List<NodeDirectory> backups,
            @Option(names = "--accept-damage", description = "go on from a directory in which verify finds damage")
                    boolean acceptDamage,
            @Option(
                            names = "--ignore-listening",
                            description = "go on though something accepts connections at a lost member's address")
                    boolean ignoreListening,
            @Option(names = "--yes", description = "do not ask") boolean yes,
            @Option(names = "--json", description = "machine-readable; needs --yes") boolean json)
            throws IOException {
        if (json && !yes) {
            throw new IllegalArgumentException("--json: asks nothing (expected: together with --yes)");
        }
        var directories = new ArrayList<NodeDirectory>();
        directories.add(directory);
        directories.addAll(others == null ? List.of() : others);
        List<MemberReport> reports = reports(directories, backups, true);
        MemberReport survivor = reports.getFirst();
        Comparison comparison = Comparison.of(reports);
        Optional<String> refusal = refusal(survivor, comparison, acceptDamage);
        if (refusal.isPresent()) {
            MemberReport.print(survivor.problems(), new Output(err));
            err.println("raft-inspector: " + refusal.get() + ". Nothing was changed");
            return EXIT_DAMAGE;
        }
        try (FoundingAgain founding = FoundingAgain.prepare(directory.raft(), directory.log())) {
            Founding report = Founding.of(survivor.clusterName(), founding.plan(), comparison.loss(survivor));
            Optional<String> listening = ignoreListening ? Optional.empty() : Listening.among(report.lost());
            if (listening.isPresent()) {
                err.println("raft-inspector: " + listening.get() + ". Nothing was changed");
                return EXIT_DAMAGE;
            }
            if (!yes) {
                report.print(new Output(out));
                if (!confirmed(survivor.clusterName())) {
                    err.println("raft-inspector: not confirmed. Nothing was changed");
                    return EXIT_NOT_CONFIRMED;
                }
            }
            founding.execute();
            return print(
                    json,
                    report,
                    output -> {
                        if (yes) {
                            report.print(output);
                        }
                        output.line("");
                        output.line("done. Start node " + report.nodeId() + ", check its data, then add empty nodes"
                                + " under new ids, one by one");
                    },
                    false);
        }
    }

    private static Optional<String> refusal(MemberReport survivor, Comparison comparison, boolean acceptDamage) {
        LogPosition applied = survivor.applied();
        if (applied != null && applied.index() > survivor.end().index()) {
            return Optional.of("the state is ahead of the log and the snapshots, which end with "
                    + Output.position(survivor.end())
                    + ". Take another survivor or a backup; if there is none, move the"
                    + " state directory away, and what is above that index is lost");
        }
        if (survivor.damaged() && !acceptDamage) {
            return Optional.of(survivor.name() + " is damaged. Take another survivor or a backup; if there is none, say"
                    + " --accept-damage");
        }
        if (comparison.majority()) {
            return Optional.of("the given directories are a majority of the "
                    + survivor.voters().size()
                    + " voters. Start those nodes: no new cluster is needed, and nothing committed is missing");
        }
        MemberReport best = comparison.best();
        if (best != null && !survivor.damaged() && best.end().compareTo(survivor.end()) > 0) {
            return Optional.of(best.name() + " is the better survivor, because " + comparison.reason());
        }
        return Optional.empty();
    }

    private boolean confirmed(String clusterName) throws IOException {
        out.print("\nType the cluster's name to go on: ");
        out.flush();
        String answer = in.readLine();
        out.println();
        return answer != null && answer.strip().equals(clusterName);
    }

    private static List<MemberReport> reports(
            @Nullable List<NodeDirectory> directories, @Nullable List<NodeDirectory> backups, boolean whole)
            throws IOException {
        var reports = new ArrayList<MemberReport>();
        for (NodeDirectory directory : directories == null ? List.<NodeDirectory>of() : directories) {
            reports.add(report(directory, false, whole));
        }
        for (NodeDirectory backup : backups == null ? List.<NodeDirectory>of() : backups) {
            reports.add(report(backup, true, whole));
        }
        return reports;
    }

    private static MemberReport report(NodeDirectory directory, boolean backup, boolean whole) throws IOException {
        try (OfflineDirectory offline = directory.open()) {
            return MemberReport.of(directory, offline, backup, whole);
        }
    }

    /** What prints a report for people. */
    private interface Text {
        void print(Output out);
    }

    private int print(boolean json, Object report, Text text, boolean damage) {
        var output = new Output(out);
        if (json) {
            output.json(report);
        } else {
            text.print(output);
        }
        return damage ? EXIT_DAMAGE : 0;
    }
}
