package dev.conflux.core.state;

import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Gate;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.Rollout;
import dev.conflux.core.model.Rollout.State;
import dev.conflux.core.model.RolloutCommand;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

final class RolloutApplier implements Applier<RolloutCommand> {

    private static final String ACTION = "rollout";

    @Override
    public Result apply(RolloutCommand command, StateTransaction transaction) {
        Rollout rollout = switch (command) {
            case RolloutCommand.StartRollout start -> start(start, transaction);
            case RolloutCommand.StepRollout step -> step(step, transaction);
            case RolloutCommand.SteerRollout steer -> steer(steer, transaction);
        };
        return new Result.RolloutChanged(rollout, transaction.config(rollout.configId()));
    }

    // --- start -----------------------------------------------------------------------------------------------------

    private static Rollout start(RolloutCommand.StartRollout command, StateTransaction transaction) {
        Config config = transaction.config(command.configId());
        ReleaseRules.checkCas(
                ConfluxError.Counter.RELEASES,
                command.casReleases(),
                config.releasesRevision(),
                ReleaseRules.Requirement.OPTIONAL);
        Deliveries.refuseDuringRollout(config, transaction);
        check(command.stages());
        long versionId = command.versionId();
        if (command.version() != null) {
            ReleaseRules.checkCas(
                    ConfluxError.Counter.CONTENT,
                    command.casContent(),
                    config.latestVersionId(),
                    ReleaseRules.Requirement.of(config.metadata().casRequired()));
            versionId = Versions.create(config, command.version(), transaction).id();
            config = Versions.withLatest(config, versionId, transaction);
        } else if (transaction.version(config.id(), versionId) == null) {
            throw new Refusal(new ConfluxError.NotFound(
                    ErrorCode.VERSION_NOT_FOUND, "version " + versionId + " of config " + config.id()));
        }
        long now = transaction.nowMillis();
        var rollout = new Rollout(
                transaction.revision(),
                config.id(),
                versionId,
                command.stages(),
                command.bucketBy(),
                "rollout-" + transaction.revision(),
                config.releases(),
                State.RUNNING,
                0,
                now,
                command.comment(),
                transaction.author(),
                transaction.revision(),
                List.of(new Rollout.Step(
                        now, transaction.revision(), transaction.author(), "start", 0, command.comment())));
        // The last stage has the most rules: if those are good, all are.
        checked(RolloutRules.at(rollout, rollout.stages().size() - 1), config.id(), transaction);
        Deliveries.add(rollout, transaction);
        put(config, RolloutRules.at(rollout, 0), comment(rollout, command.comment()), transaction);
        return rollout;
    }

    private static void check(List<Rollout.Stage> stages) {
        if (stages.isEmpty() || stages.size() > Rollout.MAX_STAGES) {
            throw refused("stages", Integer.toString(stages.size()), "1 to " + Rollout.MAX_STAGES + " stages");
        }
        Map<Map<String, String>, Integer> shares = new HashMap<>();
        for (int i = 0; i < stages.size(); i++) {
            Rollout.Stage stage = stages.get(i);
            String field = "stages[" + i + "]";
            if (stage.labels().isEmpty() && stage.percentage() == null) {
                throw refused(field, "everybody", "a percentage or labels: after the last stage everybody gets it");
            }
            int share = stage.percentage() == null ? Release.BUCKETS + 1 : stage.percentage();
            Integer before = shares.put(stage.labels(), share);
            if (before != null && before >= share) {
                throw refused(
                        field + ".percentage",
                        share + " hundredths of a percent",
                        "more than the " + before + " of an earlier stage for the same labels");
            }
            if (stage.bakeMillis() < 0 || stage.bakeMillis() > Rollout.MAX_BAKE_MILLIS) {
                throw refused(
                        field + ".bake_seconds",
                        Long.toString(stage.bakeMillis() / 1000),
                        "0 to " + Rollout.MAX_BAKE_MILLIS / 1000);
            }
            if (stage.gates().size() > Rollout.MAX_GATES) {
                throw refused(
                        field + ".gates",
                        Integer.toString(stage.gates().size()),
                        "at most " + Rollout.MAX_GATES + " gates");
            }
            for (Gate gate : stage.gates()) {
                int length = switch (gate) {
                    case Gate.Manual manual -> 0;
                    case Gate.Prometheus prometheus ->
                        Math.max(prometheus.url().length(), prometheus.query().length());
                    case Gate.Webhook webhook -> webhook.url().length();
                };
                if (length > Gate.MAX_TEXT_LENGTH) {
                    throw refused(
                            field + ".gates",
                            length + " characters",
                            "URLs and queries of at most " + Gate.MAX_TEXT_LENGTH);
                }
            }
        }
    }

    private static Refusal refused(String field, String value, String rule) {
        return new Refusal(new ConfluxError.InvalidArgument(field, value, rule));
    }

    // --- on --------------------------------------------------------------------------------------------------------

    private static Rollout step(RolloutCommand.StepRollout command, StateTransaction transaction) {
        Rollout rollout = Deliveries.rollout(command.configId(), command.rolloutId(), transaction);
        if (rollout.state() != State.RUNNING || rollout.changedRevision() != command.expectedRevision()) {
            throw conflict(rollout, "the verdict was on revision " + command.expectedRevision());
        }
        if (rollout.dueAtMillis() > transaction.nowMillis()) {
            throw conflict(
                    rollout,
                    "its bake time ends in " + (rollout.dueAtMillis() - transaction.nowMillis())
                            + " ms, by the cluster's time");
        }
        return switch (command.verdict()) {
            case PASS ->
                rollout.current().needsApproval()
                        ? changed(rollout, State.WAITING_FOR_APPROVAL, "wait", command.reason(), transaction)
                        : advance(rollout, command.reason(), transaction);
            case FAIL -> rollBack(rollout, command.reason(), transaction);
            case UNKNOWN -> changed(rollout, State.PAUSED, "pause", command.reason(), transaction);
        };
    }

    private static Rollout steer(RolloutCommand.SteerRollout command, StateTransaction transaction) {
        Rollout rollout = Deliveries.rollout(command.configId(), command.rolloutId(), transaction);
        if (!rollout.state().active()) {
            throw conflict(rollout, "it has ended");
        }
        Integer expected = command.expectedStage();
        if (expected != null && expected != rollout.stage()) {
            throw conflict(rollout, "expected: stage " + (expected + 1));
        }
        String why = command.comment();
        return switch (command.direction()) {
            case ADVANCE -> {
                if (rollout.state() == State.PAUSED) {
                    throw conflict(rollout, "resume it first");
                }
                yield advance(rollout, why, transaction);
            }
            case PAUSE -> {
                if (rollout.state() == State.PAUSED) {
                    throw conflict(rollout, "it is paused already");
                }
                yield changed(rollout, State.PAUSED, "pause", why, transaction);
            }
            case RESUME -> {
                if (rollout.state() != State.PAUSED) {
                    throw conflict(rollout, "only a paused one can be resumed");
                }
                yield changed(rollout, State.RUNNING, "resume", why, transaction);
            }
            case CANCEL -> changed(rollout, State.CANCELLED, "cancel", why, transaction);
            case ROLL_BACK -> rollBack(rollout, why, transaction);
        };
    }

    private static Refusal conflict(Rollout rollout, String why) {
        return new Refusal(new ConfluxError.DeliveryConflict(
                ErrorCode.ROLLOUT_STATE_CONFLICT, rollout.place() + " (" + why + ")"));
    }

    private static Rollout advance(Rollout rollout, String why, StateTransaction transaction) {
        boolean last = rollout.stage() == rollout.stages().size() - 1;
        Rollout changed = last
                ? changed(rollout, State.COMPLETED, "complete", why, transaction)
                : changed(atStage(rollout, rollout.stage() + 1), State.RUNNING, "advance", why, transaction);
        put(
                transaction.config(rollout.configId()),
                last ? RolloutRules.completed(rollout) : RolloutRules.at(changed, changed.stage()),
                comment(changed, why),
                transaction);
        return changed;
    }

    private static Rollout rollBack(Rollout rollout, String why, StateTransaction transaction) {
        Rollout changed = changed(rollout, State.ROLLED_BACK, "roll_back", why, transaction);
        put(transaction.config(rollout.configId()), rollout.base(), comment(changed, why), transaction);
        return changed;
    }

    /** An emergency rollback of the config ends its rollout. */
    static void overtaken(Config config, String why, StateTransaction transaction) {
        Rollout rollout = Deliveries.activeRollout(config.id(), transaction);
        if (rollout != null) {
            changed(rollout, State.CANCELLED, "cancel", why, transaction);
        }
    }

    private static Rollout atStage(Rollout rollout, int stage) {
        return new Rollout(
                rollout.id(),
                rollout.configId(),
                rollout.versionId(),
                rollout.stages(),
                rollout.bucketBy(),
                rollout.salt(),
                rollout.base(),
                rollout.state(),
                stage,
                rollout.enteredAtMillis(),
                rollout.comment(),
                rollout.createdBy(),
                rollout.changedRevision(),
                rollout.history());
    }

    /** Stores the next state of an active one; running means that a bake time begins. */
    private static Rollout changed(
            Rollout rollout, State state, String action, String why, StateTransaction transaction) {
        long now = transaction.nowMillis();
        var history = new ArrayList<>(rollout.history());
        if (history.size() == Rollout.MAX_HISTORY) {
            history.removeFirst();
        }
        history.add(new Rollout.Step(now, transaction.revision(), transaction.author(), action, rollout.stage(), why));
        var changed = new Rollout(
                rollout.id(),
                rollout.configId(),
                rollout.versionId(),
                rollout.stages(),
                rollout.bucketBy(),
                rollout.salt(),
                rollout.base(),
                state,
                rollout.stage(),
                state == State.RUNNING ? now : rollout.enteredAtMillis(),
                rollout.comment(),
                rollout.createdBy(),
                transaction.revision(),
                history);
        Deliveries.change(changed, transaction);
        return changed;
    }

    // --- rules -----------------------------------------------------------------------------------------------------

    private static String comment(Rollout rollout, String why) {
        String place = "rollout " + rollout.id() + ", "
                + (rollout.state() == State.RUNNING
                        ? "stage " + (rollout.stage() + 1) + " of "
                                + rollout.stages().size()
                        : rollout.state().wireName());
        return why.isEmpty() ? place : place + ": " + why;
    }

    private static void put(Config config, List<Release> rules, String comment, StateTransaction transaction) {
        checked(rules, config.id(), transaction);
        transaction.putConfig(ReleaseRules.change(config, rules, comment, ACTION, transaction));
    }

    private static void checked(List<Release> rules, long configId, StateTransaction transaction) {
        ReleaseRules.resolve(rules.stream().map(PlannedRelease::existing).toList(), configId, 0, transaction);
    }
}
