package dev.conflux.server;

import java.time.Duration;
import java.util.Locale;

/** Reads a setting's text; every refusal names the key, the value and what was expected. */
final class Values {

    private Values() {}

    static int integer(String key, String text, int min, int max) {
        try {
            int value = Integer.parseInt(text.strip());
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Falls through to the one message.
        }
        throw new ConfigurationException(
                key + ": " + text + " (expected: a whole number from " + min + " to " + max + ")");
    }

    static boolean bool(String key, String text) {
        return switch (text.strip().toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new ConfigurationException(key + ": " + text + " (expected: true or false)");
        };
    }

    /** {@code 250ms}, {@code 10s}, {@code 5m}, {@code 24h}. */
    static Duration duration(String key, String text) {
        String value = text.strip();
        int digits = leadingDigits(value);
        long unitMillis = switch (value.substring(digits)) {
            case "ms" -> 1;
            case "s" -> 1_000;
            case "m" -> 60_000;
            case "h" -> 3_600_000;
            default -> 0;
        };
        if (unitMillis > 0 && digits > 0 && digits <= 9) {
            return Duration.ofMillis(Long.parseLong(value.substring(0, digits)) * unitMillis);
        }
        throw new ConfigurationException(key + ": " + text + " (expected: a duration like 250ms, 10s, 5m or 24h)");
    }

    /** {@code 0B}, {@code 512KiB}, {@code 128MiB}, {@code 2GiB}. */
    static long bytes(String key, String text) {
        String value = text.strip();
        int digits = leadingDigits(value);
        int shift = switch (value.substring(digits)) {
            case "B" -> 0;
            case "KiB" -> 10;
            case "MiB" -> 20;
            case "GiB" -> 30;
            default -> -1;
        };
        if (shift >= 0 && digits > 0 && digits <= 9) {
            return Long.parseLong(value.substring(0, digits)) << shift;
        }
        throw new ConfigurationException(key + ": " + text + " (expected: a size like 0B, 512KiB, 128MiB or 2GiB)");
    }

    private static int leadingDigits(String value) {
        int digits = 0;
        while (digits < value.length() && value.charAt(digits) >= '0' && value.charAt(digits) <= '9') {
            digits++;
        }
        return digits;
    }
}
