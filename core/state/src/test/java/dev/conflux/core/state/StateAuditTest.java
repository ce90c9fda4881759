package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.model.Config;
import java.util.ArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StateAuditTest {

    private final InMemoryStateStore store = new InMemoryStateStore();
    private final ConfigState state = new ConfigState(store);

    @BeforeEach
    void fill() {
        state.apply(Commands.random(7, 300));
        Commands.apply(state, Commands.keyed("mine", "h", Commands.create("t/a/e/last", "content", Commands.fresh())));
    }

    @Test
    void shouldCountWhatTheStateHoldsAndFindNothing() {
        // when
        var configs = new ArrayList<Config>();
        StateAudit audit = StateAudit.of(store, 3, configs::add);

        // then
        assertThat(audit.problems()).isEmpty();
        assertThat(audit.summary().applied()).isEqualTo(state.applied());
        assertThat(audit.summary().digest()).isEqualTo(state.view().digest());
        assertThat(audit.summary().revision()).isEqualTo(state.view().revision());
        assertThat(configs).isNotEmpty();
        assertThat(audit.total().configs())
                .as("with those in the trash")
                .isEqualTo(configs.size()
                        + state.retention().trash(null, 0, 1_000).configs().size());
        assertThat(audit.newest()).hasSizeLessThanOrEqualTo(3);
        assertThat(configs).anySatisfy(config -> assertThat(config.key()).hasToString("t/a/e/last"));
    }

    @Test
    void shouldNameContentThatDoesNotFitItsHash() {
        // given
        Config config = last();
        put(StateKeys.content(config.id(), 1), new byte[] {1});

        // then
        assertThat(problems()).containsExactly("version 1 of t/a/e/last has content that does not fit its hash");
    }

    @Test
    void shouldNameWhatIsMissing() {
        // given
        Config config = last();
        put(StateKeys.version(config.id(), 1), null);
        put(StateKeys.name(config.key()), null);

        // then
        assertThat(problems())
                .contains(
                        "t/a/e/last is not found by its name",
                        "t/a/e/last lacks its latest version 1",
                        "there is content of version 1 of config " + config.id() + ", which is not there")
                .anySatisfy(problem -> assertThat(problem).startsWith("tenant t has"));
    }

    @Test
    void shouldNameAScheduleThatNothingWillRun() {
        // given
        Commands.apply(state, DeliveryCommands.promote(last().id(), 1, Commands.T0 + 86_400_000));
        assertThat(problems()).isEmpty();
        var items = state.reader().agenda(null, Long.MAX_VALUE, 1000);
        put(items.getLast().key(), null);

        // then
        assertThat(problems())
                .containsExactly(
                        items.getLast() + " is not on the agenda",
                        "there are " + (items.size() - 1) + " items on the agenda for " + items.size()
                                + " things to do");
    }

    private Config last() {
        return state.reader()
                .config(dev.conflux.core.model.ConfigKey.of("t", "a", "e", "last"))
                .orElseThrow();
    }

    private java.util.List<String> problems() {
        return StateAudit.of(store, 0, config -> {}).problems();
    }

    private void put(byte[] key, byte[] value) {
        var batch = new WriteBatch();
        if (value == null) {
            batch.delete(key);
        } else {
            batch.put(key, value);
        }
        store.commit(batch);
    }
}
