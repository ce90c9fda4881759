package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Result;
import dev.conflux.core.model.RolloutCommand;
import dev.conflux.core.model.ScheduleCommand;

/** Which applier a command goes to. */
class Appliers {

    private final CreateConfigApplier createConfig = new CreateConfigApplier();
    private final CreateVersionApplier createVersion = new CreateVersionApplier();
    private final UpdateMetadataApplier updateMetadata = new UpdateMetadataApplier();
    private final UpdateReleasesApplier updateReleases = new UpdateReleasesApplier();
    private final PublishApplier publish = new PublishApplier();
    private final RollbackApplier rollback = new RollbackApplier();
    private final DeleteConfigApplier deleteConfig = new DeleteConfigApplier();
    private final PruneVersionsApplier pruneVersions = new PruneVersionsApplier();
    private final GcApplier gc = new GcApplier();
    private final TrashApplier trash = new TrashApplier();

    private final RolloutApplier rollout = new RolloutApplier();
    private final ScheduleApplier schedule = new ScheduleApplier();

    Result apply(Command command, StateTransaction transaction) {
        return switch (command) {
            case Command.CreateConfig create -> createConfig.apply(create, transaction);
            case Command.CreateVersion create -> createVersion.apply(create, transaction);
            case Command.UpdateMetadata update -> updateMetadata.apply(update, transaction);
            case Command.UpdateReleases update -> updateReleases.apply(update, transaction);
            case Command.Publish all -> publish.apply(all, transaction);
            case Command.Rollback back -> rollback.apply(back, transaction);
            case Command.DeleteConfig delete -> deleteConfig.apply(delete, transaction);
            case Command.PruneVersions prune -> pruneVersions.apply(prune, transaction);
            case Command.Gc step -> gc.apply(step, transaction);
            case Command.Trash step -> trash.apply(step, transaction);
            case RolloutCommand change -> rollout.apply(change, transaction);
            case ScheduleCommand change -> schedule.apply(change, transaction);
        };
    }
}
