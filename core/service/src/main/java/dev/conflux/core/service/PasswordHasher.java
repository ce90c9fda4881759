package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id (RFC 9106) with the parameters OWASP recommends as a minimum. Any thread; CPU-bound for tens of
 * milliseconds; waits when too many others compute.
 */
final class PasswordHasher {

    /** 19 MiB, 2 passes, 1 lane: OWASP password storage cheat sheet; a lane more would need threads of its own. */
    private static final int MEMORY_KIB = 19 * 1024;

    private static final int PASSES = 2;
    private static final int LANES = 1;
    /** RFC 9106 §3.1 recommends 128 bits of salt. */
    private static final int SALT_BYTES = 16;

    private static final int HASH_BYTES = 32;
    /** Long enough for any passphrase; the hash would take any length, our memory should not. */
    static final int MAX_PASSWORD_CHARS = 1024;
    /** A stored hash may ask for more than ours (imported accounts), but not for all of our memory. */
    private static final int MAX_STORED_MEMORY_KIB = 128 * 1024;

    private static final int MAX_STORED_PASSES = 16;
    /** 4 × 19 MiB = 76 MiB at most, and logins leave processors to everything else. */
    private static final int MAX_CONCURRENT = 4;
    /** With 4 × 50 ms: about a second of waiting. Whoever comes later is told at once. */
    private static final int MAX_WAITING = 64;

    private static final long MAX_WAIT_SECONDS = 3;

    private static final Pattern PHC = Pattern.compile(
            "\\$argon2id\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,2}),p=(\\d)\\$([A-Za-z0-9+/]{11,86})\\$([A-Za-z0-9+/]{22,86})");

    private final SecureRandom random;
    private final Semaphore computing = new Semaphore(MAX_CONCURRENT, true);
    private final AtomicInteger waiting = new AtomicInteger();
    private final String nobody;

    PasswordHasher(SecureRandom random) {
        this.random = random;
        // No password has this hash: it was never computed. Verifying against it costs what any other does.
        this.nobody = encode(randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
    }

    /** What to verify against when there is no such account, so that both cases take the same time. */
    String nobodysHash() {
        return nobody;
    }

    String hash(String password) {
        byte[] salt = randomBytes(SALT_BYTES);
        return bounded(() -> encode(salt, compute(password, salt, MEMORY_KIB, PASSES, LANES, HASH_BYTES)));
    }

    /**
     * Whether {@code password} has the hash; takes the same time for yes and no.
     *
     * @param whenItsTurnComes runs after the wait and before the work; may throw
     * @throws ConfluxException with {@code OVERLOADED} when too many wait already
     */
    boolean verify(String password, String phc, Runnable whenItsTurnComes) {
        Matcher matcher = PHC.matcher(phc);
        if (!matcher.matches()) {
            throw new IllegalStateException("a stored password hash is not in argon2id PHC format");
        }
        int memory = Integer.parseInt(matcher.group(1));
        int passes = Integer.parseInt(matcher.group(2));
        int lanes = Integer.parseInt(matcher.group(3));
        if (memory > MAX_STORED_MEMORY_KIB || passes < 1 || passes > MAX_STORED_PASSES || lanes < 1) {
            throw new IllegalStateException("a stored password hash asks for m=" + memory + ", t=" + passes + ", p="
                    + lanes + " (limits: " + MAX_STORED_MEMORY_KIB + ", " + MAX_STORED_PASSES + ", 9)");
        }
        byte[] salt = Base64.getDecoder().decode(matcher.group(4));
        byte[] expected = Base64.getDecoder().decode(matcher.group(5));
        return bounded(() -> {
            whenItsTurnComes.run();
            return MessageDigest.isEqual(expected, compute(password, salt, memory, passes, lanes, expected.length));
        });
    }

    private <T> T bounded(Supplier<T> work) {
        if (!computing.tryAcquire()) {
            waitForTurn();
        }
        try {
            return work.get();
        } finally {
            computing.release();
        }
    }

    private void waitForTurn() {
        boolean turn = false;
        try {
            turn = waiting.incrementAndGet() <= MAX_WAITING && computing.tryAcquire(MAX_WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            waiting.decrementAndGet();
        }
        if (!turn) {
            throw new ConfluxException(new ConfluxError.Unavailable(
                    ErrorCode.OVERLOADED, "too many logins at once on this node (try again in a few seconds)"));
        }
    }

    private static byte[] compute(String password, byte[] salt, int memory, int passes, int lanes, int length) {
        byte[] secret = password.getBytes(StandardCharsets.UTF_8);
        try {
            var generator = new Argon2BytesGenerator();
            generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                    .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                    .withMemoryAsKB(memory)
                    .withIterations(passes)
                    .withParallelism(lanes)
                    .withSalt(salt)
                    .build());
            byte[] hash = new byte[length];
            generator.generateBytes(secret, hash);
            return hash;
        } finally {
            Arrays.fill(secret, (byte) 0);
        }
    }

    private static String encode(byte[] salt, byte[] hash) {
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return "$argon2id$v=19$m=" + MEMORY_KIB + ",t=" + PASSES + ",p=" + LANES + "$" + base64.encodeToString(salt)
                + "$" + base64.encodeToString(hash);
    }

    private byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }
}
