package dev.conflux.core.state;

import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Release;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One config as fetch sees it: compiled rules and the versions that they may serve. Immutable. */
public interface ServedConfig {

    long configId();

    ConfigKey key();

    /** The rules in the order in which they are tried: priority, then more labels first, then list order. */
    List<Release> rules();

    /** Somebody got it at this Unix second; remembered on this node, for who wants to delete it. */
    void fetched(long epochSecond);

    /** What a client with these labels gets; null when no rule matches. Pure; no allocation. */
    @Nullable
    ServedVersion resolve(Labels labels);
}
