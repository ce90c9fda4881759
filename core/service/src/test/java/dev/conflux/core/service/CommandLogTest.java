package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.consensus.api.ConsensusException;
import dev.conflux.core.model.Command;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Metadata;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.model.Principal;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.InMemoryStateStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class CommandLogTest {

    private static final Principal ADMIN = new Principal(1, "admin", true);
    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final Command CREATE = new Command.CreateConfig(
            ConfigKey.of("t", "app", "prod", "c"),
            Metadata.EMPTY,
            new NewContent(new byte[] {65}, Format.TEXT, "", null, null).checked(Format.TEXT),
            List.of(),
            "");

    private final ConfigState state = new ConfigState(new InMemoryStateStore());
    private final SingleNodeConsensus consensus = new SingleNodeConsensus(state);
    private final CommandLog log = new CommandLog(consensus, state, Duration.ofSeconds(5));

    @AfterEach
    void close() {
        consensus.close();
        state.close();
    }

    private static Caller keyed(String key, String hash) {
        return new Caller(ADMIN, TRACE, new Caller.Idempotency(key, hash.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void shouldFindOutByItselfWhatBecameOfAWriteWhoseAnswerWasLost() {
        consensus.loseNextAnswer();

        Outcome.Accepted accepted = log.submit(new Caller(ADMIN, TRACE), CREATE);

        assertThat(accepted.revision()).isEqualTo(1);
        assertThat(accepted.replayed()).as("the caller repeated nothing").isFalse();
        assertThat(consensus.proposals()).isEqualTo(2);
        assertThat(state.view().revision()).isEqualTo(1);
    }

    @Test
    void shouldTellARefusalWhoseAnswerWasLostAsARefusal() {
        consensus.loseNextAnswer();

        assertThatThrownBy(() -> log.submit(new Caller(ADMIN, TRACE), new Command.DeleteConfig(9)))
                .isInstanceOfSatisfying(ConfluxException.class, e -> {
                    assertThat(e.error().code()).isEqualTo(ErrorCode.CONFIG_NOT_FOUND);
                    assertThat(e.replayed()).isFalse();
                });
    }

    @Test
    void shouldSayIndeterminateWhenNoAttemptIsAnswered() {
        consensus.loseAnswers();

        assertThatThrownBy(() -> log.submit(new Caller(ADMIN, TRACE), CREATE))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error().code()).isEqualTo(ErrorCode.INDETERMINATE));
        assertThat(state.view().revision()).as("once all the same").isEqualTo(1);
    }

    @Test
    void shouldAnswerAKnownDuplicateWithoutTheLog() {
        // given
        Outcome.Accepted first = log.submit(keyed("k", "h"), CREATE);
        consensus.fail(new ConsensusException.NoLeader("cut off"));

        // when
        Outcome.Accepted again = log.submit(keyed("k", "h"), CREATE);

        // then
        assertThat(again).isEqualTo(first.asReplayed());
        assertThat(consensus.proposals()).isEqualTo(1);
        assertThatThrownBy(() -> log.submit(keyed("k", "other"), CREATE))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error().code()).isEqualTo(ErrorCode.IDEMPOTENCY_KEY_REUSED));
    }
}
