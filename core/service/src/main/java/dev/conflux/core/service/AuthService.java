package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Login, refresh, logout. Blocks on the metadata database: virtual threads only. */
public final class AuthService {

    /**
     * What a successful login gives.
     *
     * @param expiresInSeconds life of the access token
     */
    public record Tokens(String accessToken, String refreshToken, long expiresInSeconds) {

        /** Without the tokens. */
        @Override
        public String toString() {
            return "Tokens[expiresInSeconds=" + expiresInSeconds + "]";
        }
    }

    /** Who the caller is, for {@code GET /auth/me}. */
    public record Me(long userId, String username, boolean superAdmin) {}

    private static final Logger log = LoggerFactory.getLogger(AuthService.class);

    private static final int REFRESH_TOKEN_BYTES = 32;
    /** 32 bytes in base64url, and room for a longer kind later. */
    private static final int MAX_REFRESH_TOKEN_CHARS = 256;
    /** What the users table takes. */
    static final int MAX_USERNAME_CHARS = 128;

    private final MetadataStore store;
    private final PasswordHasher hasher;
    private final AccessTokens accessTokens;
    private final Authenticator authenticator;
    private final LoginThrottle throttle;
    private final Duration refreshTokenLife;
    private final Clock clock;
    private final SecureRandom random;

    private volatile boolean bootstrapped;

    AuthService(
            MetadataStore store,
            PasswordHasher hasher,
            AccessTokens accessTokens,
            Authenticator authenticator,
            AuthSettings settings,
            Clock clock,
            SecureRandom random) {
        this.store = store;
        this.hasher = hasher;
        this.accessTokens = accessTokens;
        this.authenticator = authenticator;
        this.throttle = new LoginThrottle(clock);
        this.refreshTokenLife = settings.refreshTokenLife();
        this.clock = clock;
        this.random = random;
    }

    /**
     * Starts a session.
     *
     * @throws ConfluxException with {@link ConfluxError.Unauthenticated}, the same for an unknown account, a wrong
     *     password and an inactive account; {@link ConfluxError.RateLimited} after too many failures;
     *     {@link ConfluxError.Unavailable}
     */
    public Tokens login(String username, String password) {
        if (username.isEmpty()
                || username.length() > MAX_USERNAME_CHARS
                || username.indexOf('\0') >= 0
                || password.isEmpty()
                || password.length() > PasswordHasher.MAX_PASSWORD_CHARS) {
            // Nobody has such a name or password; known without looking, so the time tells nothing.
            throw wrongCredentials();
        }
        throttle.check(username);
        Optional<MetadataStore.User> found = store.findUser(username);
        String hash = found.map(MetadataStore.User::passwordHash).orElseGet(hasher::nobodysHash);
        boolean matches = hasher.verify(password, hash, () -> throttle.check(username));
        if (!matches || found.isEmpty() || !found.get().active()) {
            throttle.failed(username);
            log.atInfo()
                    .setMessage("login_failed")
                    .addKeyValue("user", username)
                    .log();
            throw wrongCredentials();
        }
        throttle.succeeded(username);
        MetadataStore.User user = found.get();
        UUID session = UUID.randomUUID();
        String refreshToken = newRefreshToken();
        Instant now = clock.instant();
        Tokens tokens = tokens(user, session, refreshToken);
        store.addRefreshToken(new MetadataStore.RefreshToken(
                MetadataStore.TokenHash.of(refreshToken), session, user.id(), now, now.plus(refreshTokenLife)));
        log.atInfo()
                .setMessage("login")
                .addKeyValue("user", username)
                .addKeyValue("session", session)
                .log();
        return tokens;
    }

    /**
     * Trades a refresh token for new tokens; each works once. Using one twice ends its session, because then somebody
     * has a copy (RFC 9700 §4.14.2).
     *
     * @throws ConfluxException with {@link ConfluxError.Unauthenticated} or {@link ConfluxError.Unavailable}
     */
    public Tokens refresh(String refreshToken) {
        if (refreshToken.isEmpty() || refreshToken.length() > MAX_REFRESH_TOKEN_CHARS) {
            throw refreshRefused();
        }
        accessTokens.prepare();
        String next = newRefreshToken();
        Instant now = clock.instant();
        MetadataStore.Rotation rotation = store.rotateRefreshToken(
                MetadataStore.TokenHash.of(refreshToken),
                MetadataStore.TokenHash.of(next),
                now,
                now.plus(refreshTokenLife));
        return switch (rotation) {
            case MetadataStore.Rotation.Rotated(MetadataStore.User user, UUID session) -> tokens(user, session, next);
            case MetadataStore.Rotation.Reused(UUID session, long userId) -> {
                authenticator.revoke(session);
                log.atWarn()
                        .setMessage("refresh_token_reused")
                        .addKeyValue("user_id", userId)
                        .addKeyValue("session", session)
                        .log();
                throw refreshRefused();
            }
            case MetadataStore.Rotation.Refused() -> throw refreshRefused();
        };
    }

    /** Revokes the session's refresh token; its access token ends by itself, or at once on this node. */
    public void logout(Principal principal, String accessToken) {
        AccessTokens.Verified verified = authenticator.verify(accessToken);
        if (!verified.principal().equals(principal)) {
            throw AccessTokens.refused(null);
        }
        // First here, where nothing can fail.
        authenticator.revoke(verified.session());
        store.revokeSession(verified.session(), clock.instant());
        log.atInfo()
                .setMessage("logout")
                .addKeyValue("user", principal.name())
                .addKeyValue("session", verified.session())
                .log();
    }

    public Me me(Principal principal) {
        return new Me(principal.userId(), principal.name(), principal.superAdmin());
    }

    /** There is a super-admin and a key: from now on logins work whenever the database does. */
    void bootstrapped() {
        bootstrapped = true;
    }

    /**
     * True when logins work: the metadata database answers and has an admin and a key. What control-plane readiness
     * asks. Bounded to one second.
     */
    public boolean available() {
        if (!bootstrapped) {
            return false;
        }
        try {
            store.ping();
            return true;
        } catch (ConfluxException e) {
            return false;
        }
    }

    private Tokens tokens(MetadataStore.User user, UUID session, String refreshToken) {
        var principal = new Principal(user.id(), user.username(), user.superAdmin());
        return new Tokens(
                accessTokens.issue(principal, session),
                refreshToken,
                accessTokens.life().toSeconds());
    }

    private String newRefreshToken() {
        byte[] bytes = new byte[REFRESH_TOKEN_BYTES];
        random.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static ConfluxException wrongCredentials() {
        return new ConfluxException(new ConfluxError.Unauthenticated("wrong username or password"));
    }

    private static ConfluxException refreshRefused() {
        return new ConfluxException(new ConfluxError.Unauthenticated("the refresh token is not valid (log in again)"));
    }
}
