package dev.conflux.adapter.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.Commands;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigStateContract;
import dev.conflux.core.state.StateStore;
import org.junit.jupiter.api.Test;

class ConfigStateOnRocksTest extends ConfigStateContract {

    @Override
    protected StateStore open(String name) {
        return new RocksStateStore(directory.resolve(name));
    }

    @Test
    void shouldBeTheSameWhenReopened() {
        String before;
        var first = Commands.keyed("mine", "h", Commands.create("t/a/e/reopened", "x", Commands.fresh()));
        try (var state = new ConfigState(open("a"))) {
            state.apply(Commands.random(5, 300));
            Commands.apply(state, first);
            before = fingerprint(state);
        }
        try (var state = new ConfigState(open("a"))) {
            assertThat(fingerprint(state)).isEqualTo(before);
            assertThat(Commands.apply(state, first))
                    .isInstanceOfSatisfying(
                            Outcome.Accepted.class,
                            accepted -> assertThat(accepted.replayed()).isTrue());
        }
    }
}
