package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RetentionPolicy;
import dev.conflux.core.model.Text;

final class GcApplier implements Applier<Command.Gc> {

    /** Of the reason why a cycle did not do everything. */
    private static final int MAX_PROBLEM_LENGTH = 1024;

    @Override
    public Result apply(Command.Gc command, StateTransaction transaction) {
        GcState gc = transaction.gc();
        GcState next = switch (command.step()) {
            case Command.GcStep.Configure(GcSettings settings) ->
                new GcState(checked(settings), gc.running(), gc.last(), gc.requestedAtMillis());
            case Command.GcStep.RequestCycle() ->
                new GcState(gc.settings(), gc.running(), gc.last(), transaction.nowMillis());
            case Command.GcStep.End end -> ended(gc, end, transaction);
        };
        transaction.putGc(next);
        return new Result.GcMoved(next);
    }

    /**
     * Counts what a command of a cycle took. Of a leader that lost its office a command may come late: it is as good as
     * any, but moves no cycle that is over.
     */
    static void moveCycle(
            long cycle, long cursor, GcState gc, int versions, long bytes, int entries, StateTransaction transaction) {
        GcCycle running = gc.running();
        GcCycle last = gc.last();
        if (running == null && (last == null || last.startedAtMillis() < cycle)) {
            running = GcCycle.begun(cycle);
        }
        if (running != null && running.startedAtMillis() == cycle) {
            transaction.putGc(new GcState(
                    gc.settings(), running.plus(cursor, versions, bytes, entries), last, gc.requestedAtMillis()));
        }
    }

    private static GcState ended(GcState gc, Command.GcStep.End end, StateTransaction transaction) {
        GcCycle running = gc.running();
        GcCycle last = gc.last();
        if (last != null && last.startedAtMillis() >= end.cycle()) {
            return gc; // Told again, or by a leader of the past.
        }
        if (running != null && running.startedAtMillis() != end.cycle()) {
            return gc;
        }
        if (end.problem().length() > MAX_PROBLEM_LENGTH) {
            throw new Refusal(new ConfluxError.InvalidArgument(
                    "problem", Text.excerpt(end.problem()), "at most " + MAX_PROBLEM_LENGTH + " characters"));
        }
        GcCycle ended =
                (running == null ? GcCycle.begun(end.cycle()) : running).ended(transaction.nowMillis(), end.problem());
        if (ended.versions() > 0) {
            transaction.reclaimSpace();
        }
        return new GcState(
                gc.settings(), null, ended, gc.requestedAtMillis() <= end.cycle() ? 0 : gc.requestedAtMillis());
    }

    private static GcSettings checked(GcSettings settings) {
        check("release_history", settings.releaseHistory(), GcSettings.MIN_RELEASE_HISTORY, GcSettings.MAX_HISTORY);
        check("metadata_history", settings.metadataHistory(), 1, GcSettings.MAX_HISTORY);
        check("trash_days", settings.trashDays(), 1, RetentionPolicy.MAX_DAYS);
        checkRetention("retention_policy", settings.retention());
        return settings;
    }

    private static void checkRetention(String field, RetentionPolicy policy) {
        Integer days = policy.days();
        Integer count = policy.count();
        if (days != null) {
            check(field + ".days", days, 1, RetentionPolicy.MAX_DAYS);
        }
        if (count != null) {
            check(field + ".count", count, 1, RetentionPolicy.MAX_COUNT);
        }
    }

    private static void check(String field, int value, int min, int max) {
        if (value < min || value > max) {
            throw new Refusal(new ConfluxError.InvalidArgument(field, Integer.toString(value), min + " to " + max));
        }
    }
}
