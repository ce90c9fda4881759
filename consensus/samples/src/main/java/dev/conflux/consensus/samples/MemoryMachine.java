package dev.conflux.consensus.samples;

import dev.conflux.base.failpoint.Failpoints;
import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.consensus.api.StateMachine;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * A state machine in memory. After a restart the component restores its newest snapshot and applies the log behind it:
 * state and position are lost together and come back together, so it needs no storage of its own.
 *
 * <p>A command is {@code <request id> <verb> <arguments…>}. Every executed command is a revision. A request id that was
 * seen before gets the first answer again, and nothing happens; with another command it is refused. The newest
 * {@value #MAX_REQUESTS} request ids are remembered, in snapshots too.
 *
 * <p>An answer to a command is {@code <revision> <new|again> <words…>}, to a query {@code <revision> <words…>}.
 */
abstract class MemoryMachine implements StateMachine {

    /** More than clients can retry in a day at the rate that these services are made for; some 20 MiB. */
    static final int MAX_REQUESTS = 100_000;

    /** Of the audit trail; older ones are dropped. */
    static final int MAX_CHANGES = 200_000;

    private static final String FILE = "state.txt";
    private static final String HEADER = "1";

    private final MessageDigest sha256 = sha256();

    // Guarded by this.
    private final Map<String, Done> requests = new LinkedHashMap<>();
    private final ArrayDeque<Change> changes = new ArrayDeque<>();
    private LogPosition applied = LogPosition.ZERO;
    private long revision;
    private String digest = "0";

    /** What became of a request. */
    private record Done(String command, String answer) {}

    /** An entry of the audit trail. */
    private record Change(long revision, String key, String value) {

        String line() {
            return revision + " " + key + " " + value;
        }
    }

    /** The verbs of commands, each with its number of arguments. */
    abstract Map<String, Integer> commands();

    /** The verbs of queries, each with its number of arguments. */
    abstract Map<String, Integer> queries();

    /** Changes the state; total and deterministic. {@code words} are one of {@link #commands}. */
    abstract String execute(String request, List<String> words);

    /** Looks at the state. {@code words} are one of {@link #queries}. */
    abstract String answer(List<String> words);

    /** Writes the whole state as lines. */
    abstract void save(Consumer<String> lines);

    /** Forgets everything. */
    abstract void clear();

    /** Takes one line of {@link #save} back. */
    abstract void load(List<String> words);

    /** Why this is neither a command nor a query; empty when it is one. */
    final String problem(Map<String, Integer> verbs, List<String> words) {
        Integer arguments = words.isEmpty() ? null : verbs.get(words.getFirst());
        if (arguments == null) {
            return "verb: " + (words.isEmpty() ? "missing" : words.getFirst()) + " (expected: one of "
                    + verbs.keySet().stream().sorted().toList() + ")";
        }
        if (words.size() - 1 != arguments) {
            return "arguments: " + (words.size() - 1) + " (expected: " + arguments + ")";
        }
        for (String word : words) {
            if (!Words.valid(word)) {
                return "word: '" + word + "' (expected: 1 to " + Words.MAX_LENGTH + " letters, digits and . _ : -)";
            }
        }
        return "";
    }

    /** Called by {@link #execute}: the command has given a key a value. */
    final void changed(String key, String value) {
        changes.add(new Change(revision, key, value));
        if (changes.size() > MAX_CHANGES) {
            changes.remove();
        }
    }

    @Override
    public final synchronized LogPosition applied() {
        return applied;
    }

    @Override
    public final synchronized List<byte[]> apply(List<LogEntry> entries) {
        var results = new ArrayList<byte[]>(entries.size());
        for (LogEntry entry : entries) {
            results.add(Words.bytes(applyOne(new String(entry.command(), StandardCharsets.UTF_8))));
            applied = entry.position();
        }
        return results;
    }

    private String applyOne(String command) {
        List<String> words = Words.of(command);
        String request = words.getFirst();
        Done done = requests.get(request);
        if (done != null && !Failpoints.skips("defence.sample_dedup")) {
            return done.command().equals(command) ? revision + " again " + done.answer() : revision + " again reused";
        }
        List<String> rest = words.subList(1, words.size());
        revision++;
        String answer = problem(commands(), rest).isEmpty() ? execute(request, rest) : "invalid";
        requests.put(request, new Done(command, answer));
        if (requests.size() > MAX_REQUESTS) {
            Iterator<String> oldest = requests.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
        digest = next(digest + "\n" + command + "\n" + answer);
        return revision + " new " + answer;
    }

    private String next(String text) {
        return HexFormat.of().formatHex(sha256.digest(Words.bytes(text)), 0, 16);
    }

    /**
     * Besides its own queries: {@code digest}, equal on all members at one revision; {@code dump}, the whole state;
     * {@code changes}, the audit trail, as {@code REVISION KEY VALUE} separated by semicolons.
     */
    @Override
    public final synchronized byte[] query(byte[] query) {
        List<String> words = Words.of(query);
        return Words.bytes(revision + " "
                + switch (words.getFirst()) {
                    case "digest" -> digest;
                    case "dump" -> dump();
                    case "changes" -> changes.stream().map(Change::line).collect(Collectors.joining(";"));
                    default -> problem(queries(), words).isEmpty() ? answer(words) : "invalid";
                });
    }

    private String dump() {
        var lines = new ArrayList<String>();
        save(lines::add);
        return String.join(";", lines);
    }

    @Override
    public final synchronized Snapshot beginSnapshot(Path directory) {
        LogPosition position = applied;
        var lines = new ArrayList<String>();
        lines.add(HEADER);
        lines.add(position.index() + " " + position.term() + " " + revision + " " + digest);
        lines.add(Integer.toString(requests.size()));
        requests.forEach((request, done) -> lines.add(done.command() + "\t" + done.answer()));
        lines.add(Integer.toString(changes.size()));
        changes.forEach(change -> lines.add(change.line()));
        save(lines::add);
        return new Snapshot() {
            @Override
            public LogPosition position() {
                return position;
            }

            @Override
            public List<String> complete() throws IOException {
                try (BufferedWriter out = Files.newBufferedWriter(directory.resolve(FILE))) {
                    for (String line : lines) {
                        out.write(line);
                        out.write('\n');
                    }
                }
                return List.of(FILE); // the component adds a checksum and makes it durable
            }
        };
    }

    @Override
    public final synchronized LogPosition restore(Path directory) throws IOException {
        try (BufferedReader in = Files.newBufferedReader(directory.resolve(FILE))) {
            String header = in.readLine();
            if (!HEADER.equals(header)) {
                throw new IOException(directory.resolve(FILE) + ": format " + header + " (expected: " + HEADER + ")");
            }
            List<String> head = Words.of(line(in));
            int count = Integer.parseInt(line(in));
            requests.clear();
            for (int i = 0; i < count; i++) {
                String[] parts = line(in).split("\t", -1);
                requests.put(Words.of(parts[0]).getFirst(), new Done(parts[0], parts[1]));
            }
            count = Integer.parseInt(line(in));
            changes.clear();
            for (int i = 0; i < count; i++) {
                List<String> words = Words.of(line(in));
                changes.add(new Change(Long.parseLong(words.get(0)), words.get(1), words.get(2)));
            }
            clear();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                load(Words.of(line));
            }
            revision = Long.parseLong(head.get(2));
            digest = head.get(3);
            applied = new LogPosition(Long.parseLong(head.get(0)), Long.parseLong(head.get(1)));
            return applied;
        }
    }

    private static String line(BufferedReader in) throws IOException {
        String line = in.readLine();
        if (line == null) {
            throw new IOException("snapshot ends early");
        }
        return line;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has it", e);
        }
    }
}
