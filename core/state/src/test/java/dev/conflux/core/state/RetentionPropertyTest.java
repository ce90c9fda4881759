package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.MetadataPatch;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.VersionFate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Retention against a model that keeps everything in lists and knows no index. */
class RetentionPropertyTest {

    private static final long DAY = 24L * 60 * 60 * 1000;

    private record Made(long id, long atMillis) {}

    private final Random random;
    private final long seed;
    private final InMemoryStateStore store = new InMemoryStateStore();
    private final ConfigState state = new ConfigState(store);

    // The model of one config.
    private final List<Made> versions = new ArrayList<>();
    private List<Long> served = List.of();
    /** What each release change served before and after, oldest first. */
    private final List<Set<Long>> changes = new ArrayList<>();

    private RetentionPolicy own = RetentionPolicy.INHERIT;
    private RetentionPolicy cluster = RetentionPolicy.KEEP_ALL;
    private long now = Commands.T0;
    private long latest;

    RetentionPropertyTest() {
        String given = System.getProperty("conflux.seed");
        seed = given == null ? new Random().nextLong() : Long.parseLong(given);
        random = new Random(seed);
    }

    @Test
    void shouldLetGoWhatTheModelLetsGo() {
        System.out.println("-Dconflux.seed=" + seed);
        apply(Commands.create("t/a/e/n", "x"));
        versions.add(new Made(1, now));
        latest = 1;
        for (int step = 0; step < 1_500; step++) {
            now += random.nextInt(5) == 0 ? random.nextInt((int) DAY) : random.nextInt(1_000);
            step();
            Set<Long> expected = going();
            List<Long> planned = state.retention().plan(1, 0, 1_000, now).orElseThrow().versions().stream()
                    .map(version -> version.id())
                    .toList();
            assertThat(planned).as("step %d, seed %d", step, seed).containsExactlyInAnyOrderElementsOf(expected);
            judgedAsPlanned(expected, step);
            prune(expected, step);
        }
        StateStoreInvariants.check(store);
        assertThat(state.reader().versions(1, Long.MAX_VALUE, 1_000))
                .extracting(version -> version.id())
                .containsExactlyElementsOf(
                        versions.reversed().stream().map(Made::id).limit(1_000).toList());
    }

    private void step() {
        switch (random.nextInt(12)) {
            case 0, 1, 2, 3, 4 -> {
                apply(new Command.CreateVersion(1, Commands.content("v" + now), null));
                versions.add(new Made(++latest, now));
            }
            case 5, 6, 7 -> {
                apply(Commands.publish(1, "p" + now));
                versions.add(new Made(++latest, now));
                release(withDefault(latest));
            }
            case 8 -> {
                long target = versions.get(random.nextInt(versions.size())).id();
                apply(new Command.Rollback(1, target, Command.RollbackMode.EMERGENCY, "r", null));
                release(List.of(target));
            }
            case 9 -> {
                var rules = new ArrayList<Command.PlannedRelease>();
                var targets = new ArrayList<Long>();
                for (int i = random.nextInt(3); i >= 0; i--) {
                    long target = versions.get(random.nextInt(versions.size())).id();
                    rules.add(Command.PlannedRelease.existing(Release.of(Map.of("l", "v" + i), target, i + 1)));
                    targets.add(target);
                }
                apply(new Command.UpdateReleases(1, rules, "u", null));
                release(targets);
            }
            case 10 -> {
                own = policy();
                apply(new Command.UpdateMetadata(
                        1,
                        new MetadataPatch(null, null, false, own, new TreeMap<>(), List.of(), null, null, null),
                        null));
            }
            default -> {
                cluster = policy();
                apply(new Command.Gc(new Command.GcStep.Configure(new GcSettings(cluster, 10, 1))));
            }
        }
    }

    /** The model need not know rules: with labels only they never are the default, and a publish adds one. */
    private List<Long> withDefault(long version) {
        return state.reader().config(1).orElseThrow().releases().stream()
                .map(Release::versionId)
                .peek(id -> assertThat(id == version || served.contains(id)).isTrue())
                .toList();
    }

    private void release(List<Long> after) {
        var named = new HashSet<>(served);
        named.addAll(after);
        changes.add(named);
        served = after;
    }

    private RetentionPolicy policy() {
        Integer days = random.nextBoolean() ? 1 + random.nextInt(20) : null;
        Integer count = random.nextBoolean() ? 1 + random.nextInt(30) : null;
        return switch (random.nextInt(5)) {
            case 0 -> RetentionPolicy.INHERIT;
            case 1 -> new RetentionPolicy(days, count, RetentionPolicy.Strategy.AND);
            default -> new RetentionPolicy(days, count);
        };
    }

    /** By the words of the documentation. */
    private Set<Long> going() {
        RetentionPolicy policy = own.inherits() ? cluster : own;
        var going = new HashSet<Long>();
        if (policy.days() == null && policy.count() == null) {
            return going;
        }
        var needed = new HashSet<>(served);
        needed.add(latest);
        changes.subList(Math.max(0, changes.size() - 10), changes.size()).forEach(needed::addAll);
        for (int i = 0; i < versions.size(); i++) {
            Made made = versions.get(i);
            boolean beyondCount = policy.count() != null && versions.size() - i > policy.count();
            boolean beyondDays = policy.days() != null && now - made.atMillis() >= policy.days() * DAY;
            boolean beyondAll = (policy.count() == null || beyondCount) && (policy.days() == null || beyondDays);
            boolean beyond = policy.strategy() == RetentionPolicy.Strategy.AND ? beyondCount || beyondDays : beyondAll;
            if (beyond && !needed.contains(made.id())) {
                going.add(made.id());
            }
        }
        return going;
    }

    private void judgedAsPlanned(Set<Long> expected, int step) {
        state.retention()
                .judge(1, 0, 1_000, now)
                .orElseThrow()
                .versions()
                .forEach(judged -> assertThat(judged.fate() == VersionFate.GOES)
                        .as("version %d at step %d, seed %d", judged.version().id(), step, seed)
                        .isEqualTo(expected.contains(judged.version().id())));
    }

    /** Also tries to take what must stay. */
    private void prune(Set<Long> going, int step) {
        Made any = versions.get(random.nextInt(versions.size()));
        Outcome outcome = send(new Command.PruneVersions(1, 1, List.of(any.id()), List.of(), List.of()));
        assertThat(outcome instanceof Outcome.Accepted)
                .as("version %d at step %d, seed %d", any.id(), step, seed)
                .isEqualTo(going.contains(any.id()));
        if (outcome instanceof Outcome.Accepted) {
            versions.remove(any);
        }
        if (random.nextInt(6) == 0) {
            List<Long> all = going().stream().sorted().limit(100).toList();
            var pruned = (Result.VersionsPruned) apply(new Command.PruneVersions(1, 1, all, List.of(), List.of()));
            assertThat(pruned.versions()).isEqualTo(all.size());
            versions.removeIf(made -> all.contains(made.id()));
        }
    }

    private Outcome send(Command command) {
        var position = new LogPosition(state.applied().index() + 1, 1);
        byte[] bytes = CommandCodec.encode(Commands.envelope(command));
        return CommandCodec.decodeOutcome(
                state.apply(List.of(new LogEntry(position, now, bytes))).getFirst());
    }

    private Result apply(Command command) {
        Outcome outcome = send(command);
        assertThat(outcome).as("seed %d", seed).isInstanceOf(Outcome.Accepted.class);
        return ((Outcome.Accepted) outcome).result();
    }
}
