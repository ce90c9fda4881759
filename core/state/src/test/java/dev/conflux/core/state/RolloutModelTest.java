package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Rollout.Stage;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.RolloutCommand.Direction;
import dev.conflux.core.model.RolloutCommand.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Random commands against a model that knows nothing of rules: it says of each client which version it has to get, and of
 * each command whether it has to be refused.
 */
class RolloutModelTest extends DeliveryFixture {

    private static final int STEPS = 1_500;

    /** What the model believes. */
    private static final class Model {
        private long special = 1; // what region=eu gets, by a rule above the default
        private boolean hasSpecial;
        private long byDefault = 1;
        private @Nullable Rollout last;
        private boolean active;
        private String state = "";
        private int stage;
        private List<Stage> stages = List.of();
        private long version;
        private long entered;

        private boolean reached(Map<String, String> client, String salt) {
            for (Stage each : stages.subList(0, stage + 1)) {
                boolean labelled = each.labels().entrySet().stream()
                        .allMatch(label -> label.getValue().equals(client.get(label.getKey())));
                Integer share = each.percentage();
                String id = client.get("client-id");
                if (labelled && (share == null || (id != null && ReleaseMatcher.bucket(salt, id) < share))) {
                    return true;
                }
            }
            return false;
        }

        private long expected(Map<String, String> client, String salt) {
            if (hasSpecial && "eu".equals(client.get("region"))) {
                return special;
            }
            return active && reached(client, salt) ? version : byDefault;
        }
    }

    private final Model model = new Model();
    private final List<Map<String, String>> clients = new ArrayList<>();
    private long versions = 2;

    /** Clients that had the version at an earlier stage of this rollout. */
    private final Map<Map<String, String>, Long> had = new HashMap<>();

    @Test
    void shouldServeWhatAModelSaysAfterEveryStep() {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        System.out.println("conflux.seed=" + seed);
        var random = new Random(seed);
        for (int i = 0; i < 60; i++) {
            var client = new HashMap<String, String>();
            if (random.nextInt(8) > 0) {
                client.put("client-id", "c" + i);
            }
            if (random.nextInt(3) == 0) {
                client.put("canary", "true");
            }
            if (random.nextInt(4) == 0) {
                client.put("region", random.nextBoolean() ? "eu" : "us");
            }
            clients.add(client);
        }
        var accepted = new int[1];
        for (int i = 0; i < STEPS; i++) {
            now += random.nextLong(40_000);
            boolean expected = step(random);
            accepted[0] += expected ? 1 : 0;
            check(i);
        }
        assertThat(accepted[0]).isGreaterThan(STEPS / 4);
        StateStoreInvariants.check(store);
    }

    private void check(int step) {
        Rollout last = model.last;
        String salt = last == null ? "" : last.salt();
        for (Map<String, String> client : clients) {
            long got = served(Labels.of(client));
            assertThat(got).as("step %s, client %s", step, client).isEqualTo(model.expected(client, salt));
            if (model.active && got == model.version) {
                had.put(client, model.version);
            } else if (model.active) {
                assertThat(had).as("step %s: who has it keeps it", step).doesNotContainKey(client);
            }
        }
    }

    /** Sends one command; returns whether it was accepted, as the model says. */
    private boolean step(Random random) {
        return switch (random.nextInt(12)) {
            case 0 -> {
                boolean ok = send(Commands.publish(1, "v" + versions), !model.active);
                if (ok) {
                    model.byDefault = ++versions;
                }
                yield ok;
            }
            case 1 -> {
                long special = 1 + random.nextLong(versions);
                long byDefault = 1 + random.nextLong(versions);
                boolean with = random.nextBoolean();
                var rules = new ArrayList<Command.PlannedRelease>();
                rules.add(Command.PlannedRelease.existing(Release.defaultTo(byDefault)));
                if (with) {
                    rules.add(Command.PlannedRelease.existing(Release.of(Map.of("region", "eu"), special, 3)));
                }
                boolean ok = send(new Command.UpdateReleases(1, rules, "", null), !model.active);
                if (ok) {
                    model.special = special;
                    model.hasSpecial = with;
                    model.byDefault = byDefault;
                }
                yield ok;
            }
            case 2 -> {
                if (random.nextInt(4) > 0) {
                    yield false;
                }
                long target = 1 + random.nextLong(versions);
                send(new Command.Rollback(1, target, Command.RollbackMode.EMERGENCY, "", null), true);
                model.hasSpecial = false;
                model.byDefault = target;
                model.active = false;
                yield true;
            }
            case 3, 4 -> start(random);
            case 5, 6, 7, 8 -> verdict(random);
            default -> direction(random);
        };
    }

    private boolean start(Random random) {
        var stages = new ArrayList<Stage>();
        if (random.nextBoolean()) {
            stages.add(new Stage(new TreeMap<>(Map.of("canary", "true")), null, 20_000, List.of()));
        }
        int share = random.nextInt(3_000);
        for (int i = random.nextInt(3); i >= 0; i--) {
            List<Gate> gates = random.nextInt(4) == 0 ? List.of(new Gate.Manual()) : List.of();
            stages.add(new Stage(new TreeMap<>(), share, random.nextInt(60_000), gates));
            share += 1 + random.nextInt(2_000);
        }
        boolean fresh = random.nextBoolean();
        long version = fresh ? versions + 1 : 1 + random.nextLong(versions);
        boolean ok = send(
                new RolloutCommand.StartRollout(
                        1,
                        fresh ? Commands.content("v" + version) : null,
                        version,
                        stages,
                        "client-id",
                        "",
                        null,
                        null),
                !model.active);
        if (ok) {
            versions += fresh ? 1 : 0;
            model.active = true;
            model.state = "running";
            model.stage = 0;
            model.stages = stages;
            model.version = version;
            model.entered = now;
            had.clear();
        }
        return ok;
    }

    private boolean verdict(Random random) {
        Rollout last = model.last;
        if (last == null) {
            return false;
        }
        Verdict verdict = random.nextInt(5) > 0 ? Verdict.PASS : DeliveryCommands.any(Verdict.values(), random, 3);
        boolean stale = random.nextInt(6) == 0;
        boolean due = model.active
                && now >= model.entered + model.stages.get(model.stage).bakeMillis();
        boolean ok = send(
                new RolloutCommand.StepRollout(1, last.id(), last.changedRevision() - (stale ? 1 : 0), verdict, "why"),
                model.active && model.state.equals("running") && due && !stale);
        if (ok) {
            switch (verdict) {
                case PASS -> {
                    if (model.stages.get(model.stage).needsApproval()) {
                        model.state = "waiting";
                    } else {
                        advance();
                    }
                }
                case FAIL -> model.active = false;
                case UNKNOWN -> model.state = "paused";
            }
        }
        return ok;
    }

    private boolean direction(Random random) {
        Rollout last = model.last;
        if (last == null) {
            return false;
        }
        Direction direction = random.nextInt(3) > 0
                ? DeliveryCommands.any(Direction.values(), random, 3)
                : DeliveryCommands.any(Direction.values(), random, 5);
        boolean paused = model.state.equals("paused");
        boolean possible = switch (direction) {
            case ADVANCE, PAUSE -> !paused;
            case RESUME -> paused;
            case CANCEL, ROLL_BACK -> true;
        };
        // What a cancelled rollout leaves behind is no model's business: only when nothing has been reached yet.
        if (direction == Direction.CANCEL && model.active) {
            return false;
        }
        boolean ok = send(new RolloutCommand.SteerRollout(1, last.id(), null, direction, ""), model.active && possible);
        if (ok) {
            switch (direction) {
                case ADVANCE -> advance();
                case PAUSE -> model.state = "paused";
                case RESUME -> {
                    model.state = "running";
                    model.entered = now;
                }
                case CANCEL, ROLL_BACK -> model.active = false;
            }
        }
        return ok;
    }

    private void advance() {
        if (model.stage == model.stages.size() - 1) {
            model.active = false;
            model.byDefault = model.version;
        } else {
            model.stage++;
            model.state = "running";
            model.entered = now;
        }
    }

    private boolean send(Command command, boolean expected) {
        Outcome outcome = apply(command, "ann");
        assertThat(outcome instanceof Outcome.Accepted)
                .as("%s: %s", command, outcome)
                .isEqualTo(expected);
        if (outcome instanceof Outcome.Accepted accepted
                && accepted.result() instanceof Result.RolloutChanged changed) {
            model.last = changed.rollout();
        }
        return expected;
    }
}
