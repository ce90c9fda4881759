package dev.conflux.core.service;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The metadata database as the control plane sees it: accounts, signing keys, sessions. Shared by all nodes of a
 * cluster, off the data path: fetch and watch work without it.
 *
 * <p>Threads: every method blocks on the network, may be called from any number of threads at once, and belongs on
 * virtual threads, never on an event loop. An interrupt ends the wait and keeps the flag.
 *
 * <p>Errors: {@link dev.conflux.core.model.ConfluxException} with {@code METADATA_UNAVAILABLE} when the database cannot
 * be reached or does not answer in time. Then a write <em>may</em> have happened (the answer to a commit can get lost);
 * each writing method says why repeating it is safe. Times come from the caller, so that a test owns the clock.
 */
public interface MetadataStore extends AutoCloseable {

    /**
     * An account.
     *
     * @param passwordHash in PHC format, with algorithm and parameters
     */
    record User(long id, String username, String passwordHash, boolean active, boolean superAdmin, Instant createdAt) {

        /** Without the hash: records end up in logs. */
        @Override
        public String toString() {
            return "User[id=" + id + ", username=" + username + ", active=" + active + ", superAdmin=" + superAdmin
                    + "]";
        }
    }

    /**
     * A key pair that signs access tokens.
     *
     * @param keyId the token header's {@code kid}
     * @param algorithm the one JWS algorithm this key may be used with
     * @param publicKey X.509 SubjectPublicKeyInfo, DER
     * @param privateKey PKCS #8, DER
     */
    record SigningKey(String keyId, String algorithm, byte[] publicKey, byte[] privateKey, Instant createdAt) {

        /** Without the key. */
        @Override
        public String toString() {
            return "SigningKey[keyId=" + keyId + ", algorithm=" + algorithm + ", createdAt=" + createdAt + "]";
        }
    }

    /** SHA-256 of a refresh token: what is stored, so that a stolen table opens nothing. 64 lower-case hex digits. */
    record TokenHash(String hex) {

        public TokenHash {
            if (hex.length() != 64) {
                throw new IllegalArgumentException("hex: " + hex.length() + " characters (expected: 64)");
            }
        }

        /** A plain hash is enough: tokens are 256 random bits, nobody can guess one. */
        public static TokenHash of(String token) {
            try {
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
                return new TokenHash(HexFormat.of().formatHex(digest));
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java platform has SHA-256", e);
            }
        }

        public byte[] bytes() {
            return HexFormat.of().parseHex(hex);
        }
    }

    /**
     * A refresh token to be remembered.
     *
     * @param session what all tokens that descend from one login share
     */
    record RefreshToken(TokenHash hash, UUID session, long userId, Instant issuedAt, Instant expiresAt) {}

    /** What came of a refresh token's use. */
    sealed interface Rotation {

        /** It was good, is now used up, and its successor is stored. */
        record Rotated(User user, UUID session) implements Rotation {}

        /** It had been used before: somebody has a copy. Every token of the session is now revoked. */
        record Reused(UUID session, long userId) implements Rotation {}

        /** Unknown, expired, revoked, or the account is not active. */
        record Refused() implements Rotation {}
    }

    /** Exact, case-sensitive. */
    Optional<User> findUser(String username);

    Optional<User> findUser(long id);

    boolean hasSuperAdmin();

    /**
     * Creates an active super-admin if there is none at all; of any number of concurrent calls, on any number of nodes,
     * at most one creates. Safe to repeat: look at who is there afterwards.
     *
     * @return whether this call created it
     */
    boolean createFirstSuperAdmin(String username, String passwordHash, Instant now);

    /** All keys that tokens may be signed with, newest first. */
    List<SigningKey> signingKeys();

    /**
     * Stores the key if there is none at all; of any number of concurrent calls at most one stores. Safe to repeat.
     *
     * @return all keys that are there afterwards, newest first
     */
    List<SigningKey> addFirstSigningKey(SigningKey key);

    /** Starts a session. Not to be repeated with the same token: make a new one. */
    void addRefreshToken(RefreshToken token);

    /**
     * Uses a token up and stores its successor, in one transaction. Of two concurrent calls with the same token one
     * gets {@link Rotation.Rotated}, the other {@link Rotation.Reused}. Repeating after a lost answer therefore ends the
     * session: annoying, and safe.
     */
    Rotation rotateRefreshToken(TokenHash used, TokenHash next, Instant now, Instant nextExpiresAt);

    /** Revokes all refresh tokens of a session. Safe to repeat; an unknown session is no error. */
    void revokeSession(UUID session, Instant now);

    /**
     * Forgets refresh tokens that expired before {@code limit}. Safe to repeat, also by all nodes at once.
     *
     * @return how many
     */
    int purgeRefreshTokens(Instant limit);

    /** Returns when the database answers; at most one second. */
    void ping();

    /** Gives back connections and threads; waits at most seconds. Idempotent. */
    @Override
    void close();
}
