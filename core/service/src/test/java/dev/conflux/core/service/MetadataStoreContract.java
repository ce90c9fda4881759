package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.core.service.MetadataStore.RefreshToken;
import dev.conflux.core.service.MetadataStore.Rotation;
import dev.conflux.core.service.MetadataStore.SigningKey;
import dev.conflux.core.service.MetadataStore.TokenHash;
import dev.conflux.core.service.MetadataStore.User;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** What every {@link MetadataStore} does. */
public abstract class MetadataStoreContract {

    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");
    private static final Instant LATER = NOW.plus(Duration.ofHours(1));

    /** The store under test, empty before each test. */
    protected abstract MetadataStore store();

    /** Another node's store on the same database. */
    protected abstract MetadataStore sameDatabase();

    /** Changes an account's {@code is_active}, as account management will. */
    protected abstract void deactivate(User user) throws Exception;

    @Test
    void shouldFindUsersByNameAndById() {
        // given
        store().createFirstSuperAdmin("admin", "$hash", NOW);
        // when
        User byName = store().findUser("admin").orElseThrow();
        User byId = store().findUser(byName.id()).orElseThrow();
        // then
        assertThat(byName).isEqualTo(byId);
        assertThat(byName.passwordHash()).isEqualTo("$hash");
        assertThat(byName.active()).isTrue();
        assertThat(byName.superAdmin()).isTrue();
        assertThat(byName.createdAt()).isEqualTo(NOW);
        assertThat(byName.toString()).doesNotContain("$hash");
        assertThat(store().findUser("Admin")).isEmpty();
        assertThat(store().findUser(byName.id() + 1)).isEmpty();
    }

    @Test
    void shouldCreateFirstSuperAdminOnceWhenManyNodesStart() throws Exception {
        // when
        List<Boolean> created = atOnce(
                8, i -> (i % 2 == 0 ? store() : sameDatabase()).createFirstSuperAdmin("admin", "$hash" + i, NOW));
        // then
        assertThat(created).containsOnlyOnce(true);
        assertThat(store().hasSuperAdmin()).isTrue();
        assertThat(store().findUser("admin").orElseThrow().passwordHash()).isEqualTo("$hash" + created.indexOf(true));
    }

    @Test
    void shouldAddFirstSigningKeyOnceWhenManyNodesStart() throws Exception {
        // when
        List<List<SigningKey>> seen = atOnce(
                8,
                i -> (i % 2 == 0 ? store() : sameDatabase())
                        .addFirstSigningKey(
                                new SigningKey("k" + i, "RS256", new byte[] {1}, new byte[] {2, (byte) i}, NOW)));
        // then
        List<SigningKey> keys = store().signingKeys();
        assertThat(keys).hasSize(1);
        assertThat(keys.getFirst().createdAt()).isEqualTo(NOW);
        assertThat(keys.getFirst().privateKey()).hasSize(2);
        assertThat(seen)
                .allSatisfy(list -> assertThat(list)
                        .extracting(SigningKey::keyId)
                        .containsExactly(keys.getFirst().keyId()));
    }

    @Test
    void shouldRotateRefreshTokenOnceAndEndSessionOnReuse() {
        // given
        User user = admin();
        UUID session = login(user, "first");
        UUID other = login(user, "other");
        // when
        Rotation rotated = rotate("first", "second");
        Rotation reused = rotate("first", "third");
        // then
        assertThat(rotated).isEqualTo(new Rotation.Rotated(user, session));
        assertThat(reused).isEqualTo(new Rotation.Reused(session, user.id()));
        assertThat(rotate("second", "fourth")).isInstanceOf(Rotation.Refused.class);
        assertThat(rotate("first", "fifth")).isInstanceOf(Rotation.Refused.class);
        assertThat(rotate("third", "sixth")).isInstanceOf(Rotation.Refused.class);
        assertThat(rotate("other", "other-2")).isEqualTo(new Rotation.Rotated(user, other));
    }

    @Test
    void shouldLetOneOfManyConcurrentRotationsWin() throws Exception {
        // given
        login(admin(), "first");
        // when
        List<Rotation> rotations = atOnce(6, i -> rotate("first", "next-" + i));
        // then
        assertThat(rotations).filteredOn(Rotation.Rotated.class::isInstance).hasSize(1);
        assertThat(rotations).filteredOn(Rotation.Reused.class::isInstance).hasSize(1);
    }

    @Test
    void shouldRefuseUnknownExpiredAndRevokedTokensAndInactiveUsers() throws Exception {
        // given
        User user = admin();
        login(user, "expired");
        UUID revoked = login(user, "revoked");
        login(user, "inactive");
        // when
        store().revokeSession(revoked, NOW);
        store().revokeSession(UUID.randomUUID(), NOW);
        Rotation expiredNow =
                store().rotateRefreshToken(TokenHash.of("expired"), TokenHash.of("x"), LATER, LATER.plusSeconds(1));
        // then
        assertThat(expiredNow).isInstanceOf(Rotation.Refused.class);
        assertThat(rotate("revoked", "y")).isInstanceOf(Rotation.Refused.class);
        assertThat(rotate("never issued", "z")).isInstanceOf(Rotation.Refused.class);
        deactivate(user);
        assertThat(rotate("inactive", "w")).isInstanceOf(Rotation.Refused.class);
        assertThat(store().findUser("admin").orElseThrow().active()).isFalse();
    }

    @Test
    void shouldForgetExpiredTokens() {
        // given
        User user = admin();
        login(user, "a");
        login(user, "b");
        // then
        assertThat(store().purgeRefreshTokens(LATER)).isZero();
        assertThat(store().purgeRefreshTokens(LATER.plusSeconds(1))).isEqualTo(2);
        assertThat(rotate("a", "c")).isInstanceOf(Rotation.Refused.class);
    }

    @Test
    void shouldAnswerPing() {
        store().ping();
    }

    private User admin() {
        store().createFirstSuperAdmin("admin", "$hash", NOW);
        return store().findUser("admin").orElseThrow();
    }

    private UUID login(User user, String token) {
        UUID session = UUID.randomUUID();
        store().addRefreshToken(new RefreshToken(TokenHash.of(token), session, user.id(), NOW, LATER));
        return session;
    }

    private Rotation rotate(String used, String next) {
        return store().rotateRefreshToken(TokenHash.of(used), TokenHash.of(next), NOW, LATER);
    }

    private interface Step<T> {
        T run(int index) throws Exception;
    }

    private static <T> List<T> atOnce(int count, Step<T> step) throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<T>> calls = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int index = i;
                calls.add(() -> step.run(index));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> result : executor.invokeAll(calls)) {
                results.add(result.get());
            }
            return results;
        }
    }
}
