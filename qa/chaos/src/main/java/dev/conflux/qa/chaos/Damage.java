package dev.conflux.qa.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Damages the files of a node that does not run, and heals it as the operations manual says when it refuses to start.
 * Used for one node at a time.
 */
final class Damage {

    /** What the manual allows to be deleted together; identity, vote and high-water mark stay. */
    private static final List<String> REPLACEABLE = List.of("state", "log", "snapshots", "raft/snapshots");

    private static final Duration HEAL = Duration.ofSeconds(40);
    private static final int PAGE = 4_096;

    private final Target target;
    private final SplittableRandom random;

    /** Copies of files that nothing else could replace, as a backup would hold them. */
    private final Map<Integer, Map<Path, Path>> backups = new HashMap<>();

    Damage(Target target, SplittableRandom random) {
        this.target = target;
        this.random = random;
    }

    /** Files that fail in the same way: in a directory, with something in their name. */
    enum FileClass {
        LOG_WAL("log", ".log"),
        LOG_TABLE("log", ".sst"),
        LOG_MANIFEST("log", "MANIFEST"),
        STATE_WAL("state", ".log"),
        STATE_TABLE("state", ".sst"),
        STATE_MANIFEST("state", "MANIFEST"),
        SNAPSHOT("snapshots", ""),
        VOTE("vote", ""),
        HIGH_WATER("", "high-water"),
        IDENTITY("", "identity");

        private final String directory;
        private final String name;

        FileClass(String directory, String name) {
            this.directory = directory;
            this.name = name;
        }

        boolean has(Path path) {
            boolean inSnapshot = false;
            boolean inside = directory.isEmpty();
            for (Path part : path) {
                inSnapshot |= part.toString().equals("snapshots");
                inside |= part.toString().equals(directory);
            }
            boolean ours = !inSnapshot || directory.equals("snapshots"); // a snapshot holds a state of its own
            return inside && ours && String.valueOf(path.getFileName()).contains(name);
        }
    }

    enum How {
        FLIP,
        TRUNCATE,
        ZERO_PAGE,
        DELETE
    }

    /** {@code CLASS:HOW}, all of them that can be healed while the node is away. */
    static List<String> all() {
        var all = new ArrayList<String>();
        for (FileClass files : FileClass.values()) {
            for (How how : How.values()) {
                all.add(files + ":" + how);
            }
        }
        return all;
    }

    /** Damages one file, chosen by the seed; says which. */
    String inflict(int node, String detail) {
        String[] parts = detail.split(":", 2);
        FileClass files = FileClass.valueOf(parts[0]);
        How how = How.valueOf(parts[1]);
        Path data = target.data(node);
        List<Path> candidates;
        try (Stream<Path> all = Files.walk(data)) {
            candidates = all.filter(Files::isRegularFile)
                    .filter(path -> files.has(data.relativize(path)))
                    .filter(path -> path.toFile().length() > 0)
                    .sorted(Comparator.comparingLong(
                                    (Path path) -> path.toFile().lastModified())
                            .thenComparing(Comparator.naturalOrder()))
                    .toList();
        } catch (IOException e) {
            throw new ChaosException(data + " cannot be walked", e);
        }
        if (candidates.isEmpty()) {
            return "nothing (no " + files + " yet)";
        }
        Path file = candidates.getLast(); // the newest: the one in use
        try {
            backUp(node, file);
            return damage(file, how);
        } catch (IOException e) {
            throw new ChaosException(file + " cannot be damaged", e);
        }
    }

    private String damage(Path file, How how) throws IOException {
        if (how == How.DELETE) {
            Files.delete(file);
            return "deletion of " + file;
        }
        try (var open = new RandomAccessFile(file.toFile(), "rw")) {
            long length = open.length();
            long place = random.nextLong(length);
            if (how == How.TRUNCATE) {
                open.setLength(place);
                return "cut of " + file + " at " + place + " of " + length;
            }
            if (how == How.ZERO_PAGE) {
                long page = place / PAGE * PAGE;
                open.seek(page);
                open.write(new byte[(int) Math.min(PAGE, length - page)]);
                return "zeros in " + file + " from " + page + " of " + length;
            }
            open.seek(place);
            int old = open.read();
            open.seek(place);
            open.write(old ^ (1 << random.nextInt(8)));
            return "bit flip in " + file + " at " + place + " of " + length;
        }
    }

    private void backUp(int node, Path file) throws IOException {
        Path copy = target.data(node).resolveSibling("backup").resolve(String.valueOf(file.getFileName()));
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
        backups.computeIfAbsent(node, n -> new HashMap<>()).put(file, copy);
    }

    boolean damaged(int node) {
        return backups.containsKey(node);
    }

    /**
     * Waits until the node has everything that the others had, repairing it when it refuses to go on.
     *
     * @return what went wrong; empty when it is well
     */
    String awaitHealed(int node) {
        Optional<Long> goal = revisionOfOthers(node);
        boolean repaired = false;
        boolean restored = false;
        long deadline = System.nanoTime() + HEAL.toNanos();
        while (System.nanoTime() - deadline < 0) {
            Integer code = target.awaitExit(node, Duration.ZERO);
            if (code != null) {
                if (code == 0) {
                    return "ended with code 0 (expected: a code that says why)";
                }
                if (!repaired) {
                    repaired = true;
                    repair(node);
                } else if (!restored) {
                    restored = true;
                    restore(node);
                } else {
                    return "does not start after repair, code " + code + ":\n" + Os.tail(target.log(node), 12);
                }
                target.start(node);
            } else {
                Optional<Long> reached = revision(node);
                if (reached.isPresent() && (goal.isEmpty() || reached.get() >= goal.get())) {
                    return "";
                }
            }
            Os.sleep(Duration.ofMillis(200));
        }
        return "has not caught up with " + goal + " after " + HEAL.toSeconds() + " s:\n"
                + Os.tail(target.log(node), 12);
    }

    /** As the manual says: log, snapshots and state go together. */
    void repair(int node) {
        for (String part : REPLACEABLE) {
            Os.delete(target.data(node).resolve(part));
        }
    }

    private void restore(int node) {
        backups.getOrDefault(node, Map.of()).forEach((file, copy) -> {
            try {
                if (Files.exists(file.getParent())) {
                    Files.copy(copy, file, StandardCopyOption.REPLACE_EXISTING);
                }
            } catch (IOException e) {
                throw new ChaosException(file + " cannot be restored", e);
            }
        });
        repair(node);
    }

    private Optional<Long> revisionOfOthers(int node) {
        Optional<Long> best = Optional.empty();
        for (int other : target.members()) {
            if (other != node && target.alive(other)) {
                Optional<Long> revision = revision(other);
                if (revision.isPresent() && (best.isEmpty() || revision.get() > best.get())) {
                    best = revision;
                }
            }
        }
        return best;
    }

    private Optional<Long> revision(int node) {
        return target.state(node).map(state -> Long.valueOf(state.split(" ", 2)[0]));
    }

    /** Leaves no byte free on the disk of the data directory, which must be a small one. */
    void fillDisk(int node) {
        byte[] block = new byte[64 * 1024];
        try (OutputStream out = Files.newOutputStream(ballast(node))) {
            for (int i = 0; i < 1 << 16; i++) {
                out.write(block);
            }
            throw new ChaosException(target.data(node) + " holds more than 4 GiB (expected: a small disk)");
        } catch (IOException e) {
            // Full.
        }
    }

    void giveSpaceBack(int node) {
        try {
            Files.deleteIfExists(ballast(node));
        } catch (IOException e) {
            throw new ChaosException("the ballast cannot be deleted", e);
        }
    }

    private Path ballast(int node) {
        return target.data(node).resolve("ballast");
    }
}
