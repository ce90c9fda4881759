package dev.conflux.core.service;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an operator may choose about authentication.
 *
 * @param dataDir where {@code auth/verification-keys.json} and {@code bootstrap-admin.txt} go
 * @param accessTokenLife how long an access token holds; it cannot be taken back on other nodes, so: as long as that
 *     is acceptable
 * @param refreshTokenLife how long a session lives without being used
 * @param issuer claim {@code iss}, must match exactly
 * @param audience claim {@code aud}, must match exactly
 * @param bootstrapPassword of the first super-admin; null = make one and write it to a file
 */
public record AuthSettings(
        Path dataDir,
        Duration accessTokenLife,
        Duration refreshTokenLife,
        String issuer,
        String audience,
        @Nullable String bootstrapPassword) {

    /** AUTH-11. */
    public static final Duration DEFAULT_ACCESS_TOKEN_LIFE = Duration.ofHours(24);
    /** A command line that is used once a week stays logged in. */
    public static final Duration DEFAULT_REFRESH_TOKEN_LIFE = Duration.ofDays(7);

    /** Tokens are whole seconds; the skew allowance would outweigh anything shorter. */
    private static final Duration MIN_LIFE = Duration.ofMinutes(1);

    private static final Duration MAX_LIFE = Duration.ofDays(365);

    public AuthSettings {
        check("access_token_life", accessTokenLife);
        check("refresh_token_life", refreshTokenLife);
        if (issuer.isBlank() || audience.isBlank()) {
            throw new IllegalArgumentException("issuer, audience: blank (expected: a name)");
        }
    }

    /** Everything by default. */
    public static AuthSettings defaults(Path dataDir, @Nullable String bootstrapPassword) {
        return new AuthSettings(
                dataDir,
                DEFAULT_ACCESS_TOKEN_LIFE,
                DEFAULT_REFRESH_TOKEN_LIFE,
                "conflux",
                "conflux",
                bootstrapPassword);
    }

    private static void check(String key, Duration life) {
        if (life.compareTo(MIN_LIFE) < 0 || life.compareTo(MAX_LIFE) > 0) {
            throw new IllegalArgumentException(key + ": " + life + " (expected: 1 minute to 365 days)");
        }
    }

    /** Without the password. */
    @Override
    public String toString() {
        return "AuthSettings[dataDir=" + dataDir + ", accessTokenLife=" + accessTokenLife + ", refreshTokenLife="
                + refreshTokenLife + ", issuer=" + issuer + ", audience=" + audience + ", bootstrapPassword="
                + (bootstrapPassword == null ? "none" : "***") + "]";
    }
}
