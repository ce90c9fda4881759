package dev.conflux.core.state;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Everything that fetch needs, as it was after one revision. Immutable; readers never lock. */
public interface ConfigView {

    /** The cluster revision that this view shows. */
    long revision();

    /** The log index that this view contains. */
    long appliedIndex();

    /** Rolling digest of the state at {@link #revision}, lower-case hex. */
    String digest();

    /**
     * The config at {@code tenant/app/env/name}; null when there is none.
     *
     * @param path not validated: a path that is not a valid name simply names nothing
     */
    @Nullable
    ServedConfig find(String path);

    /**
     * All configs of a namespace, sorted by name.
     *
     * @param namespacePath {@code tenant/app/env}
     */
    List<ServedConfig> namespace(String namespacePath);
}
