package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates the first super-admin, once per database, whichever node comes first.
 *
 * <p>A random password is in its file, durably, <em>before</em> the account exists, and a file left by a crash is used
 * again: so there is never an account whose password nobody knows. A node that finds that another one was first (or
 * that the password was changed since) removes its own file: so there is never a file with a password that does not
 * work for longer than until the next start.
 */
final class BootstrapAdmin {

    static final String USERNAME = "admin";
    private static final String ENVIRONMENT_KEY = "CONFLUX_BOOTSTRAP_ADMIN_PASSWORD";
    private static final String FILE_NAME = "bootstrap-admin.txt";
    /** NIST SP 800-63B asks for 8 and recommends 15; this account may do everything. */
    private static final int MIN_PASSWORD_CHARS = 12;
    /** Catches "aaaaaaaaaaaa" and "121212121212". */
    private static final int MIN_DIFFERENT_CHARS = 5;
    /** 192 bits; 32 characters. */
    private static final int RANDOM_BYTES = 24;

    private static final Logger log = LoggerFactory.getLogger(BootstrapAdmin.class);

    private final MetadataStore store;
    private final PasswordHasher hasher;
    private final Path file;
    private final @Nullable String chosenPassword;
    private final Clock clock;
    private final SecureRandom random;

    /** @throws ConfluxException with {@link ConfluxError.InvalidArgument} when the chosen password is too weak */
    BootstrapAdmin(
            MetadataStore store, PasswordHasher hasher, AuthSettings settings, Clock clock, SecureRandom random) {
        this.store = store;
        this.hasher = hasher;
        this.file = settings.dataDir().resolve(FILE_NAME);
        this.chosenPassword = settings.bootstrapPassword();
        this.clock = clock;
        this.random = random;
        if (chosenPassword != null) {
            checkStrength(chosenPassword);
        }
    }

    /**
     * Makes sure that there is a super-admin. Safe to repeat.
     *
     * @return the file with the password, if there is one on this node
     * @throws ConfluxException with {@code METADATA_UNAVAILABLE}
     */
    Optional<Path> ensure() {
        try {
            if (!store.hasSuperAdmin()) {
                create();
            }
            return keepFileIfItWorks();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write or read " + file, e);
        }
    }

    private void create() throws IOException {
        String password = chosenPassword;
        if (password == null) {
            password = readFile();
            if (password == null) {
                password = randomPassword();
                OwnerOnlyFile.write(file, text(password));
            }
        }
        if (store.createFirstSuperAdmin(USERNAME, hasher.hash(password), clock.instant())) {
            log.atInfo()
                    .setMessage("super_admin_created")
                    .addKeyValue("user", USERNAME)
                    .addKeyValue("password_from", chosenPassword == null ? file : ENVIRONMENT_KEY)
                    .log();
        }
    }

    private Optional<Path> keepFileIfItWorks() throws IOException {
        String password = readFile();
        if (password == null) {
            return Optional.empty();
        }
        Optional<MetadataStore.User> admin = store.findUser(USERNAME);
        if (admin.isPresent() && hasher.verify(password, admin.get().passwordHash(), () -> {})) {
            return Optional.of(file);
        }
        Files.deleteIfExists(file);
        log.atInfo()
                .setMessage("bootstrap_file_removed")
                .addKeyValue("file", file)
                .addKeyValue("reason", "its password is not the admin's: another node was first, or it was changed")
                .log();
        return Optional.empty();
    }

    private @Nullable String readFile() throws IOException {
        if (!Files.exists(file)) {
            return null;
        }
        String password = Files.readString(file).strip();
        return password.isEmpty() ? null : password;
    }

    private String randomPassword() {
        byte[] bytes = new byte[RANDOM_BYTES];
        random.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** The password alone, so that a shell can use the file as it is. */
    private static String text(String password) {
        return password + "\n";
    }

    private static void checkStrength(String password) {
        if (password.length() < MIN_PASSWORD_CHARS
                || password.length() > PasswordHasher.MAX_PASSWORD_CHARS
                || password.chars().distinct().count() < MIN_DIFFERENT_CHARS) {
            throw new ConfluxException(new ConfluxError.InvalidArgument(
                    ENVIRONMENT_KEY,
                    "*** (" + password.length() + " characters)",
                    "at least " + MIN_PASSWORD_CHARS + " characters, " + MIN_DIFFERENT_CHARS
                            + " of them different; or unset it, and a random password is written to " + FILE_NAME
                            + " in the data directory"));
        }
    }
}
