package dev.conflux.base.failpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Does what a file says, which is looked at every {@value #POLL_MILLIS} ms: one {@code point=action} per line.
 *
 * <pre>
 * halt         the process ends at once, as by SIGKILL, with code 137
 * sleep(MS)    it stands still there
 * throw        an IOException
 * return       what would follow is left out
 * exhaust      the heap is filled, until an OutOfMemoryError
 * overflow     a StackOverflowError
 * shift(N)     a clock is wrong by so much
 * N*ACTION     only the first N times
 * </pre>
 *
 * <p>Beside it, in {@code FILE.hits}, stands how often each point was come to.
 */
public final class ArmedFailpoints implements Failpoints.Armed {

    private static final int POLL_MILLIS = 20;
    private static final int TELL_MILLIS = 200;
    private static final int KILLED = 137;
    private static final int BLOCK = 128 * 1024; // longs: a mebibyte

    private static final Set<String> VERBS = Set.of("halt", "sleep", "throw", "return", "exhaust", "overflow", "shift");

    private final Path file = Path.of(System.getProperty(Failpoints.PROPERTY));
    private final Path told = file.resolveSibling(file.getFileName() + ".hits");
    private final Map<String, LongAdder> hits = new ConcurrentHashMap<>();
    private volatile Map<String, Action> actions = Map.of();
    private String text = "";

    private record Action(String verb, long number, AtomicInteger left) {}

    public ArmedFailpoints() {
        read();
        Thread.ofPlatform().daemon().name("failpoints").start(this::follow);
        Runtime.getRuntime().addShutdownHook(new Thread(this::tell, "failpoints-told"));
    }

    @Override
    public boolean hit(String point) throws IOException {
        hits.computeIfAbsent(point, p -> new LongAdder()).increment();
        Action action = actions.get(point);
        if (action == null || action.left().getAndUpdate(left -> Math.max(0, left - 1)) <= 0) {
            return false;
        }
        switch (action.verb()) {
            case "halt" -> {
                System.err.println("failpoint " + point + ": halt");
                tell();
                Runtime.getRuntime().halt(KILLED);
            }
            case "sleep" -> sleep(action.number());
            case "throw" -> throw new IOException("failpoint " + point);
            case "exhaust" -> exhaust();
            case "overflow" -> overflow();
            default -> {
                return true;
            }
        }
        return false;
    }

    @Override
    public long shift(String point) {
        hits.computeIfAbsent(point, p -> new LongAdder()).increment();
        Action action = actions.get(point);
        return action == null || !action.verb().equals("shift") ? 0 : action.number();
    }

    private static void exhaust() {
        for (var kept = new ArrayList<long[]>(); kept.size() < Integer.MAX_VALUE; ) {
            kept.add(new long[BLOCK]);
        }
    }

    @SuppressWarnings("InfiniteRecursion") // that is what it is for
    private static void overflow() {
        overflow();
    }

    private static void sleep(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void follow() {
        for (int i = 0; ; i++) {
            sleep(POLL_MILLIS);
            read();
            if (i % (TELL_MILLIS / POLL_MILLIS) == 0) {
                tell();
            }
        }
    }

    private void read() {
        try {
            String now = Files.exists(file) ? Files.readString(file) : "";
            if (now.equals(text)) {
                return;
            }
            var next = new HashMap<String, Action>();
            for (String line : now.split("\n", -1)) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    next.put(
                            line.substring(0, equals).strip(),
                            action(line.substring(equals + 1).strip()));
                }
            }
            text = now;
            actions = Map.copyOf(next);
        } catch (IOException e) {
            System.err.println("failpoints: " + e);
        }
    }

    private static Action action(String word) {
        int times = Integer.MAX_VALUE;
        String verb = word;
        int star = word.indexOf('*');
        if (star > 0) {
            times = Integer.parseInt(word.substring(0, star));
            verb = word.substring(star + 1);
        }
        long number = 0;
        int open = verb.indexOf('(');
        if (open > 0) {
            number = Long.parseLong(verb.substring(open + 1, verb.length() - 1));
            verb = verb.substring(0, open);
        }
        if (!VERBS.contains(verb)) {
            throw new IllegalArgumentException("failpoint action: " + word + " (expected: one of " + VERBS + ")");
        }
        return new Action(verb, number, new AtomicInteger(times));
    }

    private synchronized void tell() {
        var lines = new StringBuilder();
        new TreeMap<>(hits)
                .forEach((point, count) ->
                        lines.append(point).append(' ').append(count.sum()).append('\n'));
        try {
            Path next = told.resolveSibling(told.getFileName() + ".next");
            Files.writeString(next, lines);
            Files.move(next, told, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            System.err.println("failpoints: " + e);
        }
    }
}
