package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.Labels;
import dev.conflux.core.model.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A state machine with one config, {@code t/a/e/n}, of which version 1 of two is served, and a clock to set. */
abstract class DeliveryFixture {

    static final long MINUTE = 60_000;

    final InMemoryStateStore store = new InMemoryStateStore();
    final ConfigState state = new ConfigState(store);
    final List<ChangeEvent> events = new ArrayList<>();
    long now = Commands.T0;

    @TempDir
    Path directory;

    @BeforeEach
    void createAConfigWithTwoVersions() {
        accepted(Commands.create("t/a/e/n", "one", Commands.fresh()));
        accepted(new Command.CreateVersion(1, Commands.content("two"), null));
        state.addListener(new AppliedListener() {
            @Override
            public void onApplied(ConfigView view, List<ChangeEvent> changes) {
                events.addAll(changes);
            }

            @Override
            public void onRestored(ConfigView view) {}
        });
    }

    @AfterEach
    void checkInvariants() {
        StateStoreInvariants.check(store);
    }

    final Outcome.Accepted accepted(Command command) {
        Outcome outcome = apply(command, "ann");
        assertThat(outcome).isInstanceOf(Outcome.Accepted.class);
        return (Outcome.Accepted) outcome;
    }

    final ConfluxError refused(Command command) {
        return ((Outcome.Rejected) apply(command, "ann")).error();
    }

    final Outcome apply(Command command, String author) {
        CommandEnvelope plain = Commands.envelope(command);
        byte[] bytes = CommandCodec.encode(new CommandEnvelope(author, 7, plain.traceId(), null, command));
        assertThat(CommandCodec.encode(CommandCodec.decode(bytes))).isEqualTo(bytes);
        var position = new LogPosition(state.applied().index() + 1, 1);
        byte[] outcome =
                state.apply(List.of(new LogEntry(position, now, bytes))).getFirst();
        assertThat(CommandCodec.encodeOutcome(CommandCodec.decodeOutcome(outcome)))
                .isEqualTo(outcome);
        return CommandCodec.decodeOutcome(outcome);
    }

    final long served(Labels labels) {
        ServedConfig config = Objects.requireNonNull(state.view().find("t/a/e/n"));
        return Objects.requireNonNull(config.resolve(labels)).version().id();
    }
}
