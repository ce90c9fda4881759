package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** For tests; passes {@link MetadataStoreContract}. Can be made to fail. */
public final class InMemoryMetadataStore implements MetadataStore {

    private record Stored(RefreshToken token, boolean used, boolean revoked) {}

    private final Map<Long, User> users = new HashMap<>();
    private final List<SigningKey> keys = new ArrayList<>();
    private final Map<TokenHash, Stored> tokens = new HashMap<>();
    private boolean available = true;
    private int keyReads;

    public synchronized void available(boolean value) {
        available = value;
    }

    public synchronized int keyReads() {
        return keyReads;
    }

    /** What later account management will do. */
    public synchronized void put(User user) {
        users.put(user.id(), user);
    }

    public synchronized void putKey(SigningKey key) {
        keys.add(key);
    }

    /** As {@link #addFirstSigningKey}, also while unavailable. */
    public synchronized void keepKey(SigningKey key) {
        if (keys.isEmpty()) {
            keys.add(key);
        }
    }

    @Override
    public synchronized Optional<User> findUser(String username) {
        requireAvailable();
        return users.values().stream()
                .filter(user -> user.username().equals(username))
                .findFirst();
    }

    @Override
    public synchronized Optional<User> findUser(long id) {
        requireAvailable();
        return Optional.ofNullable(users.get(id));
    }

    @Override
    public synchronized boolean hasSuperAdmin() {
        requireAvailable();
        return users.values().stream().anyMatch(User::superAdmin);
    }

    @Override
    public synchronized boolean createFirstSuperAdmin(String username, String passwordHash, Instant now) {
        if (hasSuperAdmin()) {
            return false;
        }
        long id = users.size() + 1L;
        users.put(id, new User(id, username, passwordHash, true, true, now));
        return true;
    }

    @Override
    public synchronized List<SigningKey> signingKeys() {
        keyReads++;
        requireAvailable();
        return keys.stream()
                .sorted(Comparator.comparing(SigningKey::createdAt).reversed().thenComparing(SigningKey::keyId))
                .toList();
    }

    @Override
    public synchronized List<SigningKey> addFirstSigningKey(SigningKey key) {
        requireAvailable();
        if (keys.isEmpty()) {
            keys.add(key);
        }
        return signingKeys();
    }

    @Override
    public synchronized void addRefreshToken(RefreshToken token) {
        requireAvailable();
        tokens.put(token.hash(), new Stored(token, false, false));
    }

    @Override
    public synchronized Rotation rotateRefreshToken(
            TokenHash used, TokenHash next, Instant now, Instant nextExpiresAt) {
        requireAvailable();
        Stored stored = tokens.get(used);
        if (stored == null || stored.revoked()) {
            return new Rotation.Refused();
        }
        RefreshToken token = stored.token();
        if (stored.used()) {
            revokeSession(token.session(), now);
            return new Rotation.Reused(token.session(), token.userId());
        }
        User user = users.get(token.userId());
        if (user == null || !user.active() || !token.expiresAt().isAfter(now)) {
            return new Rotation.Refused();
        }
        tokens.put(used, new Stored(token, true, false));
        addRefreshToken(new RefreshToken(next, token.session(), token.userId(), now, nextExpiresAt));
        return new Rotation.Rotated(user, token.session());
    }

    @Override
    public synchronized void revokeSession(UUID session, Instant now) {
        requireAvailable();
        tokens.replaceAll((hash, stored) ->
                stored.token().session().equals(session) ? new Stored(stored.token(), stored.used(), true) : stored);
    }

    @Override
    public synchronized int purgeRefreshTokens(Instant limit) {
        requireAvailable();
        int before = tokens.size();
        tokens.values().removeIf(stored -> stored.token().expiresAt().isBefore(limit));
        return before - tokens.size();
    }

    @Override
    public synchronized void ping() {
        requireAvailable();
    }

    @Override
    public void close() {
        // Holds nothing.
    }

    private void requireAvailable() {
        if (!available) {
            throw new ConfluxException(
                    new ConfluxError.Unavailable(ErrorCode.METADATA_UNAVAILABLE, "switched off by the test"));
        }
    }
}
