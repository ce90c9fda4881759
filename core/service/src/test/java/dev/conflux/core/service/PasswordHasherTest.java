package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("META-16")
class PasswordHasherTest {

    private final PasswordHasher hasher = new PasswordHasher(new SecureRandom());

    @Test
    void shouldVerifyWhatItHashed() {
        // given
        String hash = hasher.hash("correct horse — バッテリー");
        // then
        assertThat(hash).startsWith("$argon2id$v=19$m=19456,t=2,p=1$").hasSizeLessThan(128);
        assertThat(hasher.verify("correct horse — バッテリー", hash, () -> {})).isTrue();
        assertThat(hasher.verify("correct horse", hash, () -> {})).isFalse();
        assertThat(hasher.hash("correct horse — バッテリー")).isNotEqualTo(hash);
        assertThat(hasher.verify("anything", hasher.nobodysHash(), () -> {})).isFalse();
    }

    @Test
    void shouldAgreeWithTheReferenceImplementation() {
        // From the test suite of the reference implementation (phc-winner-argon2): m=256, t=2, p=1.
        String reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assertThat(hasher.verify("password", reference, () -> {})).isTrue();
        assertThat(hasher.verify("Password", reference, () -> {})).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "$2b$10$abcdefghijklmnopqrstuv",
                "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                "$argon2id$v=19$m=256,t=99,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
            })
    void shouldRefuseForeignAndGreedyHashes(String hash) {
        assertThatThrownBy(() -> hasher.verify("password", hash, () -> {})).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldBoundWorkAndQueue() throws Exception {
        // given: more callers than may compute and wait; the first ones hold on until the rest has been turned away
        CountDownLatch refused = new CountDownLatch(32);
        String hash = hasher.nobodysHash();
        List<Future<Boolean>> results = new ArrayList<>();
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            // when
            for (int i = 0; i < 100; i++) {
                results.add(executor.submit(() -> {
                    try {
                        return hasher.verify("x", hash, () -> awaitUninterruptibly(refused));
                    } catch (ConfluxException e) {
                        refused.countDown();
                        throw e;
                    }
                }));
            }
        }
        // then
        int overloaded = 0;
        for (Future<Boolean> result : results) {
            try {
                assertThat(result.get()).isFalse();
            } catch (ExecutionException e) {
                assertThat(e.getCause())
                        .isInstanceOfSatisfying(
                                ConfluxException.class,
                                refusal -> assertThat(refusal.error().code()).isEqualTo(ErrorCode.OVERLOADED));
                overloaded++;
            }
        }
        assertThat(overloaded).isGreaterThanOrEqualTo(32);
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
