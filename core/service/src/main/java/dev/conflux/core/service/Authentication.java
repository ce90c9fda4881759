package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Authentication as one part: put together here, owned and closed by whoever composes the node. One virtual thread does
 * the upkeep: first super-admin, signing keys, expired tokens. It never keeps the node from starting: while the
 * metadata database is away it tries again, and tokens are verified with the keys in the file.
 */
public final class Authentication implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Authentication.class);

    private static final Duration FIRST_RETRY = Duration.ofMillis(100);
    private static final Duration LAST_RETRY = Duration.ofSeconds(5);
    /** A rotated key is on every node, also in the file, after this time. */
    private static final Duration UPKEEP_INTERVAL = Duration.ofMinutes(1);
    /** Reuse of an expired token needs no detection: it is refused anyway. */
    private static final Duration PURGE_AFTER = Duration.ofDays(1);

    private final MetadataStore store;
    private final Clock clock;
    private final SigningKeys keys;
    private final Authenticator authenticator;
    private final AuthService service;
    private final BootstrapAdmin bootstrap;
    private final CompletableFuture<Optional<Path>> ready = new CompletableFuture<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread upkeep;

    /**
     * Starts the upkeep; returns at once, whether the database answers or not.
     *
     * @param store stays the caller's: close it after this
     * @throws ConfluxException with {@link dev.conflux.core.model.ConfluxError.InvalidArgument} when the bootstrap
     *     password is too weak
     */
    public Authentication(MetadataStore store, AuthSettings settings, Clock clock) {
        this.store = store;
        this.clock = clock;
        SecureRandom random = new SecureRandom();
        PasswordHasher hasher = new PasswordHasher(random);
        this.bootstrap = new BootstrapAdmin(store, hasher, settings, clock, random);
        this.keys = new SigningKeys(
                store, settings.dataDir().resolve("auth").resolve("verification-keys.json"), clock, random);
        AccessTokens accessTokens = new AccessTokens(keys, settings, clock);
        this.authenticator = new Authenticator(accessTokens, clock);
        this.service = new AuthService(store, hasher, accessTokens, authenticator, settings, clock, random);
        this.upkeep = Thread.ofVirtual().name("auth-upkeep").unstarted(this::upkeepUntilClosed);
        upkeep.start();
    }

    public Authenticator authenticator() {
        return authenticator;
    }

    public AuthService service() {
        return service;
    }

    /**
     * Completes when there is a super-admin and a signing key: logins work. Carries the file with the first
     * super-admin's password, if it is on this node. Not needed for verifying tokens; don't wait for it at start.
     */
    public CompletableFuture<Optional<Path>> ready() {
        return ready.copy();
    }

    /** Ends the upkeep. Idempotent. */
    @Override
    public void close() {
        closed.countDown();
        upkeep.interrupt();
        try {
            upkeep.join(Duration.ofSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ready.cancel(false);
    }

    private void upkeepUntilClosed() {
        Duration retry = FIRST_RETRY;
        try {
            while (true) {
                Duration pause;
                try {
                    maintain();
                    pause = UPKEEP_INTERVAL;
                    retry = FIRST_RETRY;
                } catch (RuntimeException e) {
                    // Expected while the database is away; anything else must not end the upkeep either.
                    logFailure(e);
                    pause = retry;
                    retry = retry.multipliedBy(2).compareTo(LAST_RETRY) > 0 ? LAST_RETRY : retry.multipliedBy(2);
                }
                if (closed.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            // Closed.
            Thread.currentThread().interrupt();
        }
    }

    private void maintain() {
        authenticator.removeExpired();
        if (!ready.isDone()) {
            Optional<Path> file = bootstrap.ensure();
            keys.refresh();
            service.bootstrapped();
            ready.complete(file);
        } else {
            keys.refresh();
        }
        store.purgeRefreshTokens(clock.instant().minus(PURGE_AFTER));
    }

    private void logFailure(RuntimeException e) {
        if (e instanceof ConfluxException) {
            log.atDebug()
                    .setMessage("auth_upkeep_postponed")
                    .addKeyValue("reason", e.getMessage())
                    .log();
        } else if (closed.getCount() > 0) {
            log.atWarn().setMessage("auth_upkeep_failed").setCause(e).log();
        }
    }
}
