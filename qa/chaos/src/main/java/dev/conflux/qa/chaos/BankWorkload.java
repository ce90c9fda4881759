package dev.conflux.qa.chaos;

import dev.conflux.consensus.testkit.BankChecker;
import dev.conflux.consensus.testkit.Checker;
import dev.conflux.consensus.testkit.HistoryWriter;
import dev.conflux.consensus.testkit.Operation.Kind;
import dev.conflux.consensus.testkit.RevisionOrderChecker;
import dev.conflux.consensus.testkit.WatchChecker;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Accounts are configs; a transfer publishes two to four of them in one revision, each only from the version that was
 * read; readers fetch all of them at one revision. Watchers are told every transfer whole.
 */
final class BankWorkload implements Workload {

    private static final int START = 1_000;
    private static final int WATCHERS_PER_NODE = 2;
    private static final int READ_PERCENT = 40;

    /** As {@code /fetch/configs} writes an item. */
    private static final Pattern ITEM =
            Pattern.compile("\"name\":\"([^\"]+)\",\"version\":(\\d+),[^{}]*\"content\":\"(-?\\d+)\"");

    private final ConfluxTarget target;
    private final HistoryWriter history;
    private final Configs configs;
    private final List<String> accounts;
    private final Processes processes = new Processes();
    private final Map<String, Long> ids = new ConcurrentHashMap<>();
    private final Watchers watchers;

    BankWorkload(ConfluxTarget target, HistoryWriter history, String env, int accounts) {
        this.target = target;
        this.history = history;
        this.configs = new Configs(target, env);
        this.accounts = IntStream.range(0, accounts).mapToObj(i -> "a" + i).toList();
        this.watchers = new Watchers(target, history, configs);
    }

    private record Account(long version, long balance) {}

    @Override
    public void prepare() {
        int process = processes.next();
        for (String account : accounts) {
            HistoryWriter.Call call = history.call(process, Kind.WRITE, List.of(account), List.of((long) START), 1);
            Configs.Made made = configs.create(account, START);
            ids.put(account, made.id());
            call.ok(List.of(), made.revision(), 0, 1);
        }
        for (int balance = -accounts.size() * START; balance <= accounts.size() * START; balance++) {
            configs.expect(balance); // Contents are told by their hashes, and there are no others.
        }
        watchers.start(WATCHERS_PER_NODE);
    }

    @Override
    public void run(int number, SplittableRandom random, BooleanSupplier running) {
        int process = processes.next();
        try (var client = new ConfluxClient(target, random.split())) {
            while (running.getAsBoolean()) {
                List<Account> seen = read(client, process);
                if (seen.isEmpty() || random.nextInt(100) < READ_PERCENT) {
                    continue;
                }
                if (!transfer(client, process, random, seen)) {
                    process = processes.next();
                }
            }
        }
    }

    private List<Account> read(ConfluxClient client, int process) {
        int node = client.node();
        HistoryWriter.Call call = history.call(process, Kind.READ, accounts, List.of(), node);
        ConfluxClient.Reply reply = client.read(configs.fetchAllPath(), "linearizable");
        if (reply.fate() != Fate.OK) {
            call.fail();
            return List.of();
        }
        var found = new HashMap<String, Account>();
        Matcher item = ITEM.matcher(reply.ok().body());
        while (item.find()) {
            found.put(item.group(1), new Account(Long.parseLong(item.group(2)), Long.parseLong(item.group(3))));
        }
        var seen = new ArrayList<Account>();
        for (String account : accounts) {
            Account one = found.get(account);
            if (one == null) {
                throw new ChaosException(account + " is missing: " + reply.ok().body());
            }
            seen.add(one);
        }
        call.ok(seen.stream().map(Account::balance).toList(), Configs.revision(reply.ok()), 0, node);
        return seen;
    }

    /** Moves money in a circle of two to four accounts; false when nobody knows whether. */
    private boolean transfer(ConfluxClient client, int process, SplittableRandom random, List<Account> seen) {
        var chosen = new TreeSet<Integer>();
        int count = 2 + random.nextInt(3);
        while (chosen.size() < count) {
            chosen.add(random.nextInt(accounts.size()));
        }
        List<Integer> places = List.copyOf(chosen);
        List<String> keys = places.stream().map(accounts::get).toList();
        var before = new ArrayList<Long>();
        var after = new ArrayList<Long>();
        var items = new ArrayList<String>();
        long moved = 0;
        for (int i = 0; i < keys.size(); i++) {
            Account account = seen.get(places.get(i));
            long amount = i + 1 < keys.size() ? 1 + random.nextInt(50) : -moved;
            moved += amount;
            before.add(account.balance());
            after.add(account.balance() + amount);
            items.add("{\"config_id\":" + ids.get(keys.get(i)) + ",\"content\":\"" + (account.balance() + amount)
                    + "\",\"cas\":" + account.version() + "}");
        }
        int node = client.node();
        var args = new ArrayList<>(before);
        args.addAll(after);
        HistoryWriter.Call call = history.call(process, Kind.CAS, keys, args, node);
        ConfluxClient.Reply reply = client.write(
                "POST", "/api/v1/mgt/publish-batch", key(call), "{\"items\":[" + String.join(",", items) + "]}");
        switch (reply.fate()) {
            case OK -> call.ok(List.of(), Configs.revision(reply.ok()), 0, node);
            case FAIL -> call.fail();
            case UNKNOWN -> call.unknown();
        }
        return reply.fate() != Fate.UNKNOWN;
    }

    /** Sent once, so it changes nothing. */
    private static String key(HistoryWriter.Call call) {
        return "X-Idempotency-Key: bank-" + call.id() + "\r\n";
    }

    @Override
    public void conclude() {
        configs.logs().forEach(history::log);
        watchers.stop();
    }

    @Override
    public List<Checker> checkers() {
        return List.of(
                new BankChecker(accounts, (long) accounts.size() * START),
                new RevisionOrderChecker(),
                new WatchChecker());
    }
}
