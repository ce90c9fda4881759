package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Operation.Kind;
import dev.conflux.consensus.testkit.RevisionOrderChecker;
import dev.conflux.consensus.testkit.WglChecker;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Clients read, write, and compare and set registers; every value is written once at most. Each register has few
 * clients, because a search for a legal order is exponential in them.
 */
final class RegisterWorkload implements Workload {

    /** Clients that share a group of registers. */
    private static final int CLIENTS_PER_GROUP = 5;

    private static final int READ_PERCENT = 50;
    private static final int WRITE_PERCENT = 25;

    private final Registers registers;
    private final HistoryWriter history;
    private final Processes processes;
    private final int keysPerGroup;
    private final int groups;
    private final AtomicLong lastValue = new AtomicLong();

    RegisterWorkload(Registers registers, HistoryWriter history, int clients, int keys) {
        this.registers = registers;
        this.history = history;
        this.processes = new Processes();
        this.groups = Math.max(1, (clients + CLIENTS_PER_GROUP - 1) / CLIENTS_PER_GROUP);
        this.keysPerGroup = Math.max(1, keys / groups);
    }

    private static String key(int group, int place) {
        return "r" + group + "-" + place;
    }

    private List<String> keys() {
        return IntStream.range(0, groups)
                .boxed()
                .flatMap(group -> IntStream.range(0, keysPerGroup).mapToObj(place -> key(group, place)))
                .toList();
    }

    @Override
    public void prepare() {
        int process = processes.next();
        for (String key : keys()) {
            long value = lastValue.incrementAndGet();
            HistoryWriter.Call call = history.call(process, Kind.WRITE, List.of(key), List.of(value), 1);
            Registers.Answer made = registers.create(key, value);
            call.ok(List.of(), made.revision(), 0, 1);
        }
    }

    /** What a client last saw of a register. */
    private record Seen(long version, long value) {}

    @Override
    public void run(int number, SplittableRandom random, BooleanSupplier running) {
        int group = number % groups;
        int process = processes.next();
        var seen = new HashMap<String, Seen>();
        try (Registers.Client client = registers.client(random.split())) {
            while (running.getAsBoolean()) {
                String key = key(group, random.nextInt(keysPerGroup));
                int dice = random.nextInt(100);
                Seen last = seen.get(key);
                int node = client.node();
                Fate fate;
                if (dice < READ_PERCENT || (last == null && dice >= READ_PERCENT + WRITE_PERCENT)) {
                    fate = read(client, process, node, key, seen);
                } else {
                    fate = update(client, process, node, key, dice < READ_PERCENT + WRITE_PERCENT ? null : last, seen);
                }
                if (fate == Fate.UNKNOWN) {
                    process = processes.next();
                }
            }
        }
    }

    private Fate read(Registers.Client client, int process, int node, String key, Map<String, Seen> seen) {
        HistoryWriter.Call call = history.call(process, Kind.READ, List.of(key), List.of(), node);
        Registers.Answer answer = client.read(key);
        if (answer.fate() == Fate.OK) {
            call.ok(List.of(answer.value()), answer.revision(), 0, node);
            seen.put(key, new Seen(answer.version(), answer.value()));
        } else {
            call.fail();
        }
        return Fate.OK; // A read that failed is over.
    }

    private Fate update(
            Registers.Client client,
            int process,
            int node,
            String key,
            @Nullable Seen expected,
            Map<String, Seen> seen) {
        long value = lastValue.incrementAndGet();
        HistoryWriter.Call call = expected == null
                ? history.call(process, Kind.WRITE, List.of(key), List.of(value), node)
                : history.call(process, Kind.CAS, List.of(key), List.of(expected.value(), value), node);
        Registers.Answer answer =
                expected == null ? client.write(key, value) : client.cas(key, expected.version(), value);
        switch (answer.fate()) {
            case OK -> {
                call.ok(List.of(), answer.revision(), 0, node);
                seen.put(key, new Seen(answer.version(), value));
            }
            case FAIL -> {
                call.fail();
                seen.remove(key);
            }
            case UNKNOWN -> {
                call.unknown();
                seen.remove(key);
            }
        }
        return answer.fate();
    }

    @Override
    public void conclude() {
        int process = processes.next();
        try (Registers.Client client = registers.client(new SplittableRandom(1))) {
            for (String key : keys()) {
                for (int attempt = 0; ; attempt++) {
                    int node = client.node();
                    HistoryWriter.Call call = history.call(process, Kind.READ, List.of(key), List.of(), node);
                    Registers.Answer answer = client.read(key);
                    if (answer.fate() == Fate.OK) {
                        call.ok(List.of(answer.value()), answer.revision(), 0, node);
                        break;
                    }
                    call.fail();
                    if (attempt == 20) {
                        throw new ChaosException(key + " cannot be read after all faults are healed");
                    }
                }
            }
        }
        registers.logs(keys()).forEach(history::log);
    }

    @Override
    public List<Checker> checkers() {
        return List.of(new RevisionOrderChecker(), new WglChecker());
    }
}
