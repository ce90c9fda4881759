package dev.conflux.core.state;

import dev.conflux.core.model.ChangeEvent;
import java.util.List;

/** Told by the apply thread, after the batch is durable and the view is public. Must return at once and never throw. */
public interface AppliedListener {

    /**
     * A batch was applied.
     *
     * @param view the newest view
     * @param events the changes of the batch, in order; often empty
     */
    void onApplied(ConfigView view, List<ChangeEvent> events);

    /** The whole state was replaced by a snapshot: whatever was derived from the old one is void. */
    void onRestored(ConfigView view);
}
