package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.consensus.api.LogPosition;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExactlyOnceTest {

    private static final long HOUR = 3_600_000;
    private static final long DAY = 24 * HOUR;

    /** Three keys of a day, two requests of a minute. */
    private static final StateLimits LIMITS = new StateLimits(3, DAY, 100, 2, 60_000);

    private final InMemoryStateStore store = new InMemoryStateStore();
    private final ConfigState state = new ConfigState(store, LIMITS, 1000, new Appliers());
    private long now = Commands.T0;

    private Outcome apply(CommandEnvelope envelope) {
        long index = state.applied().index() + 1;
        var entry = new LogEntry(new LogPosition(index, 1), now, CommandCodec.encode(envelope));
        Outcome outcome = CommandCodec.decodeOutcome(state.apply(List.of(entry)).getFirst());
        StateStoreInvariants.check(store);
        return outcome;
    }

    private static Command create(String name) {
        return Commands.create("t/a/e/" + name, "x");
    }

    private static ErrorCode code(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Outcome.Rejected.class);
        return ((Outcome.Rejected) outcome).error().code();
    }

    @Test
    void shouldReplayARefusalSoThatADelayedFirstAttemptCannotSucceedAfterIt() {
        // given
        CommandEnvelope delete = Commands.keyed("k", "h", new Command.DeleteConfig(1));
        Outcome refused = apply(delete);
        assertThat(code(refused)).isEqualTo(ErrorCode.CONFIG_NOT_FOUND);
        assertThat(refused.replayed()).isFalse();
        apply(Commands.envelope(create("n")));

        // when
        Outcome again = apply(delete);

        // then
        assertThat(again).isEqualTo(refused.asReplayed());
        assertThat(state.reader().config(1)).isPresent();
        var key = (CommandEnvelope.IdempotencyKey) Objects.requireNonNull(delete.dedupKey());
        assertThat(state.reader().outcome(key)).contains(refused.asReplayed());
        assertThatThrownBy(() -> state.reader()
                        .outcome(new CommandEnvelope.IdempotencyKey(key.scope(), key.key(), new byte[] {1})))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error()).isEqualTo(new ConfluxError.IdempotencyKeyReused("k")));
    }

    @Test
    void shouldRefuseAKeyThatIsOlderThanWhatIsRememberedInsteadOfExecutingItAgain() {
        // given
        CommandEnvelope first = Commands.keyed(Commands.uuid(now, 1), "h", create("n"));
        assertThat(apply(first)).isInstanceOf(Outcome.Accepted.class);
        now += DAY;
        assertThat(apply(first).replayed()).as("after 24 h").isTrue();

        // when
        now += 1;
        apply(Commands.envelope(new Command.DeleteConfig(1))); // evicts
        Outcome late = apply(first);

        // then
        assertThat(code(late)).isEqualTo(ErrorCode.IDEMPOTENCY_EXPIRED);
        assertThat(state.reader().configs(null, null, null, null, null, 10)).isEmpty();
        assertThat(apply(Commands.keyed(Commands.uuid(now, 2), "h", create("n"))))
                .isInstanceOf(Outcome.Accepted.class);
    }

    @Test
    void shouldRefuseAKeyThatFellOutByNumber() {
        // given
        CommandEnvelope first = Commands.keyed(Commands.uuid(now, 1), "h", create("n1"));
        apply(first);
        for (int i = 2; i <= 4; i++) {
            now += 10 * 60_000;
            apply(Commands.keyed(Commands.uuid(now, i), "h", create("n" + i)));
        }

        // when, then
        assertThat(code(apply(first))).isEqualTo(ErrorCode.IDEMPOTENCY_EXPIRED);
        assertThat(apply(Commands.keyed(Commands.uuid(now, 4), "h", create("n4")))
                        .replayed())
                .isTrue();
    }

    @Test
    void shouldRefuseAKeyFromTheFutureBecauseItWouldOutliveItsRecord() {
        long ahead = now + StateLimits.KEY_SKEW_MILLIS;
        assertThat(code(apply(Commands.keyed(Commands.uuid(ahead + 1, 1), "h", create("a")))))
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(apply(Commands.keyed(Commands.uuid(ahead, 1), "h", create("a"))))
                .isInstanceOf(Outcome.Accepted.class);
    }

    @Test
    void shouldTellTheTimeOfUuidsOfVersionSevenOnly() {
        assertThat(key("018bcfe5-6800-7000-8000-000000000000")).hasValue(1_700_000_000_000L);
        assertThat(key("018BCFE5-6800-7000-8000-0000000000AF")).hasValue(1_700_000_000_000L);
        assertThat(key("018bcfe5-6800-4000-8000-000000000000")).isEmpty();
        assertThat(key("018bcfe5-6800-7000-8000-00000000000g")).isEmpty();
        assertThat(key("018bcfe5_6800-7000-8000-000000000000")).isEmpty();
        assertThat(key("build-7")).isEmpty();
    }

    private static OptionalLong key(String text) {
        return new CommandEnvelope.IdempotencyKey("s", text, new byte[0]).madeAtMillis();
    }

    @Test
    void shouldAnswerTheRepetitionOfAProposalAndNeverExecuteAForgottenOne() {
        // given
        CommandEnvelope first = Commands.requested(1, 0, create("n1"));
        Outcome accepted = apply(first);
        assertThat(apply(first)).isEqualTo(accepted.asReplayed());

        // when
        for (int i = 2; i <= 4; i++) {
            apply(Commands.requested(i, state.applied().index(), create("n" + i)));
        }
        apply(Commands.envelope(new Command.DeleteConfig(1)));

        // then
        assertThat(code(apply(first))).isEqualTo(ErrorCode.INDETERMINATE);
        assertThat(state.reader().config(1)).isEmpty();
        assertThat(code(apply(Commands.requested(5, 0, create("n5")))))
                .as("proposed by a node that is too far behind to know")
                .isEqualTo(ErrorCode.INDETERMINATE);
    }

    @Test
    void shouldKeepTheDigestOfARevisionFreeOfRefusalsAndCountThemInTheNext() {
        // given
        var other = new ConfigState(new InMemoryStateStore(), LIMITS, 1000, new Appliers());
        LogEntry first = entry(1, Commands.envelope(create("n")));
        LogEntry refused = entry(2, Commands.keyed("k", "h", new Command.DeleteConfig(9)));
        LogEntry second = entry(3, Commands.envelope(create("m")));

        // when
        state.apply(List.of(first, refused));
        other.apply(List.of(first));

        // then
        assertThat(state.view().digest()).isEqualTo(other.view().digest());
        state.apply(List.of(second));
        other.apply(List.of(second));
        assertThat(state.view().digest()).isNotEqualTo(other.view().digest());
    }

    private static LogEntry entry(long index, CommandEnvelope envelope) {
        return new LogEntry(new LogPosition(index, 1), Commands.T0, CommandCodec.encode(envelope));
    }

    @Test
    void shouldExecuteNoKeyThatTellsItsAgeTwiceInARandomHistory(@TempDir Path directory) throws Exception {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        var limits = new StateLimits(5, HOUR, 30, 5, 300_000);
        ConfigState current = new ConfigState(new InMemoryStateStore(), limits, 1000, new Appliers());
        Map<Object, Outcome> executed = new HashMap<>();
        int replays = 0;
        int forgotten = 0;
        int i = 0;
        for (LogEntry entry : Commands.random(seed, 2000)) {
            if (i++ % 100 == 99) {
                Path files = Files.createDirectory(directory.resolve("snapshot-" + i));
                current.beginSnapshot(files).complete();
                current = new ConfigState(new InMemoryStateStore(), limits, 1000, new Appliers());
                current.restore(files);
            }
            var key = CommandCodec.decode(entry.command()).dedupKey();
            Outcome outcome =
                    CommandCodec.decodeOutcome(current.apply(List.of(entry)).getFirst());
            Object id = switch (key) {
                case CommandEnvelope.RequestKey request -> request.id();
                case CommandEnvelope.IdempotencyKey client
                when client.madeAtMillis().isPresent() -> client.key();
                case null, default -> null;
            };
            if (id == null) {
                continue;
            }
            boolean keyRefused = outcome instanceof Outcome.Rejected rejected
                    && !rejected.replayed()
                    && (rejected.error().code() == ErrorCode.IDEMPOTENCY_EXPIRED
                            || rejected.error().code() == ErrorCode.INDETERMINATE
                            || (rejected.error() instanceof ConfluxError.InvalidArgument invalid
                                    && invalid.field().equals("X-Idempotency-Key")));
            if (keyRefused) {
                forgotten++;
            } else if (outcome.replayed()) {
                replays++;
                assertThat(outcome)
                        .as("seed %d, %s", seed, id)
                        .isEqualTo(Objects.requireNonNull(executed.get(id)).asReplayed());
            } else {
                assertThat(executed.put(id, outcome))
                        .as("seed %d: %s twice", seed, id)
                        .isNull();
            }
        }
        assertThat(executed).as("seed %d", seed).hasSizeGreaterThan(50);
        assertThat(forgotten).as("seed %d", seed).isPositive();
        assertThat(replays).as("seed %d", seed).isPositive();
    }
}
