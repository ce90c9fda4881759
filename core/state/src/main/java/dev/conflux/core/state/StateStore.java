package dev.conflux.core.state;

/** Port: the durable ordered map under the state. */
public interface StateStore extends AutoCloseable {

    @Override
    void close();
}
