package dev.conflux.qa.bench;

import dev.conflux.core.service.MetadataStore;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** As much of a metadata database as one login takes, in memory. Refresh tokens are not kept. */
final class NoMetadata implements MetadataStore {

    private final List<User> users = new ArrayList<>();
    private final List<SigningKey> keys = new ArrayList<>();

    @Override
    public synchronized Optional<User> findUser(String username) {
        return users.stream().filter(user -> user.username().equals(username)).findFirst();
    }

    @Override
    public synchronized Optional<User> findUser(long id) {
        return users.stream().filter(user -> user.id() == id).findFirst();
    }

    @Override
    public synchronized boolean hasSuperAdmin() {
        return !users.isEmpty();
    }

    @Override
    public synchronized boolean createFirstSuperAdmin(String username, String passwordHash, Instant now) {
        return users.isEmpty() && users.add(new User(1, username, passwordHash, true, true, now));
    }

    @Override
    public synchronized List<SigningKey> signingKeys() {
        return List.copyOf(keys);
    }

    @Override
    public synchronized List<SigningKey> addFirstSigningKey(SigningKey key) {
        if (keys.isEmpty()) {
            keys.add(key);
        }
        return List.copyOf(keys);
    }

    @Override
    public void addRefreshToken(RefreshToken token) {}

    @Override
    public Rotation rotateRefreshToken(TokenHash used, TokenHash next, Instant now, Instant nextExpiresAt) {
        return new Rotation.Refused();
    }

    @Override
    public void revokeSession(UUID session, Instant now) {}

    @Override
    public int purgeRefreshTokens(Instant limit) {
        return 0;
    }

    @Override
    public void ping() {}

    @Override
    public void close() {}
}
