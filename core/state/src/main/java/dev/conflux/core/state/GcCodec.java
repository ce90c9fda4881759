package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.GcCycle;
import dev.conflux.core.model.GcSettings;
import dev.conflux.core.model.GcState;
import dev.conflux.core.model.TrashedConfig;
import dev.conflux.core.state.proto.LogProto;
import dev.conflux.core.state.proto.StateProto;

/** Garbage collection's values to messages and back. */
final class GcCodec {

    private GcCodec() {}

    static StateProto.GcValue state(GcState state) {
        var value = StateProto.GcValue.newBuilder()
                .setSettings(settings(state.settings()))
                .setRequestedAtMillis(state.requestedAtMillis());
        if (state.running() != null) {
            value.setRunning(cycle(state.running()));
        }
        if (state.last() != null) {
            value.setLast(cycle(state.last()));
        }
        return value.build();
    }

    static GcState state(StateProto.GcValue value) {
        return new GcState(
                settings(value.getSettings()),
                value.hasRunning() ? cycle(value.getRunning()) : null,
                value.hasLast() ? cycle(value.getLast()) : null,
                value.getRequestedAtMillis());
    }

    /** What is stored, or what holds before anything is. */
    static GcState read(StateReads reads) {
        byte[] stored = reads.get(StateKeys.GC);
        return stored == null ? GcState.INITIAL : state(StateCodec.parse(StateProto.GcValue.parser(), stored));
    }

    private static StateProto.GcSettingsValue settings(GcSettings settings) {
        return StateProto.GcSettingsValue.newBuilder()
                .setRetention(StateCodec.retention(settings.retention()))
                .setReleaseHistory(settings.releaseHistory())
                .setMetadataHistory(settings.metadataHistory())
                .setTrashDays(settings.trashDays())
                .build();
    }

    private static GcSettings settings(StateProto.GcSettingsValue value) {
        return new GcSettings(
                StateCodec.retention(value.getRetention()),
                value.getReleaseHistory(),
                value.getMetadataHistory(),
                value.getTrashDays() == 0 ? GcSettings.DEFAULT_TRASH_DAYS : value.getTrashDays());
    }

    private static StateProto.GcCycleValue cycle(GcCycle cycle) {
        return StateProto.GcCycleValue.newBuilder()
                .setStartedAtMillis(cycle.startedAtMillis())
                .setEndedAtMillis(cycle.endedAtMillis())
                .setCursor(cycle.cursor())
                .setVersions(cycle.versions())
                .setContentBytes(cycle.contentBytes())
                .setHistoryEntries(cycle.historyEntries())
                .setProblem(cycle.problem())
                .build();
    }

    private static GcCycle cycle(StateProto.GcCycleValue value) {
        return new GcCycle(
                value.getStartedAtMillis(),
                value.getEndedAtMillis(),
                value.getCursor(),
                value.getVersions(),
                value.getContentBytes(),
                value.getHistoryEntries(),
                value.getProblem());
    }

    static LogProto.PruneVersions prune(Command.PruneVersions command) {
        return LogProto.PruneVersions.newBuilder()
                .setConfigId(command.configId())
                .setCycle(command.cycle())
                .addAllVersionIds(command.versionIds())
                .addAllReleaseChanges(command.releaseChanges())
                .addAllMetadataChanges(command.metadataChanges())
                .build();
    }

    static Command.PruneVersions prune(LogProto.PruneVersions value) {
        return new Command.PruneVersions(
                value.getConfigId(),
                value.getCycle(),
                value.getVersionIdsList(),
                value.getReleaseChangesList(),
                value.getMetadataChangesList());
    }

    static byte[] trashed(TrashedConfig trashed) {
        return StateProto.TrashValue.newBuilder()
                .setConfig(StateCodec.config(trashed.config()))
                .setDeletedAtMillis(trashed.deletedAtMillis())
                .setDeletedBy(trashed.deletedBy())
                .setPurging(trashed.purging())
                .build()
                .toByteArray();
    }

    static TrashedConfig trashed(byte[] bytes) {
        StateProto.TrashValue value = StateCodec.parse(StateProto.TrashValue.parser(), bytes);
        return new TrashedConfig(
                StateCodec.config(value.getConfig()),
                value.getDeletedAtMillis(),
                value.getDeletedBy(),
                value.getPurging());
    }

    static LogProto.Trash trash(Command.Trash command) {
        var value = LogProto.Trash.newBuilder().setConfigId(command.configId());
        switch (command.step()) {
            case Command.TrashStep.MoveIn() -> value.setMoveIn(LogProto.TrashMoveIn.getDefaultInstance());
            case Command.TrashStep.Restore() -> value.setRestore(LogProto.TrashRestore.getDefaultInstance());
            case Command.TrashStep.Purge() -> value.setPurge(LogProto.TrashPurge.getDefaultInstance());
            case Command.TrashStep.Remove step ->
                value.setRemove(LogProto.TrashRemove.newBuilder()
                        .setCycle(step.cycle())
                        .setDeletedAtMillis(step.deletedAtMillis()));
        }
        return value.build();
    }

    static Command.Trash trash(LogProto.Trash value) {
        return new Command.Trash(
                value.getConfigId(),
                switch (value.getStepCase()) {
                    case MOVE_IN -> new Command.TrashStep.MoveIn();
                    case RESTORE -> new Command.TrashStep.Restore();
                    case PURGE -> new Command.TrashStep.Purge();
                    case REMOVE ->
                        new Command.TrashStep.Remove(
                                value.getRemove().getCycle(), value.getRemove().getDeletedAtMillis());
                    case STEP_NOT_SET ->
                        throw new UnknownCommandException("trash: a step of a kind that this version does not know");
                });
    }

    static LogProto.Gc gc(Command.Gc command) {
        var value = LogProto.Gc.newBuilder();
        switch (command.step()) {
            case Command.GcStep.Configure(GcSettings settings) -> value.setConfigure(settings(settings));
            case Command.GcStep.RequestCycle() -> value.setRequestCycle(LogProto.GcRequestCycle.getDefaultInstance());
            case Command.GcStep.End end ->
                value.setEnd(LogProto.GcEnd.newBuilder().setCycle(end.cycle()).setProblem(end.problem()));
        }
        return value.build();
    }

    static Command.Gc gc(LogProto.Gc value) {
        return new Command.Gc(
                switch (value.getStepCase()) {
                    case CONFIGURE -> new Command.GcStep.Configure(settings(value.getConfigure()));
                    case REQUEST_CYCLE -> new Command.GcStep.RequestCycle();
                    case END ->
                        new Command.GcStep.End(
                                value.getEnd().getCycle(), value.getEnd().getProblem());
                    case STEP_NOT_SET ->
                        throw new UnknownCommandException("gc: a step of a kind that this version does not know");
                });
    }
}
