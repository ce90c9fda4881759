package dev.conflux.consensus.jraft;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/** Lines {@code key=value}, for people and programs; the last line is a CRC-32C of all before it. */
final class CheckedText {

    private static final String CRC = "crc32c";

    private final StringBuilder lines = new StringBuilder();

    CheckedText add(String key, Object value) {
        lines.append(key).append('=').append(value).append('\n');
        return this;
    }

    /** With the checksum line. */
    String checked() {
        return lines + CRC + '=' + crc(lines.toString()) + '\n';
    }

    /** Without. */
    String unchecked() {
        return lines.toString();
    }

    /**
     * Reads what {@link #checked} wrote.
     *
     * @param source where it is from, for the message
     * @throws IdentityException when the checksum does not fit
     */
    static Values parseChecked(String text, String source) {
        int crcLine = text.lastIndexOf(CRC + '=');
        if (crcLine < 0 || !text.substring(crcLine).trim().equals(CRC + '=' + crc(text.substring(0, crcLine)))) {
            throw new IdentityException(source + " is damaged (its checksum does not fit). Restore it from a backup, or"
                    + " remove this member and join again with empty directories under a new node id");
        }
        return parse(text.substring(0, crcLine), source);
    }

    static Values parse(String text, String source) {
        var values = new LinkedHashMap<String, String>();
        text.lines().forEach(line -> {
            int equals = line.indexOf('=');
            if (equals < 1) {
                throw new IdentityException(source + ": line '" + line + "' (expected: key=value)");
            }
            values.put(line.substring(0, equals), line.substring(equals + 1));
        });
        return new Values(source, values);
    }

    /** What a text says. */
    record Values(String source, Map<String, String> all) {

        String text(String key) {
            String value = all.get(key);
            if (value == null) {
                throw new IdentityException(source + ": " + key + " is missing");
            }
            return value;
        }

        long number(String key) {
            String value = text(key);
            try {
                return Long.parseLong(value);
            } catch (NumberFormatException e) {
                throw new IdentityException(source + ": " + key + "=" + value + " (expected: a number)", e);
            }
        }

        int integer(String key) {
            return Math.toIntExact(number(key));
        }

        void expectFormat(String expected) {
            if (!text("format").equals(expected)) {
                throw new IdentityException(source + ": format " + text("format") + " (expected: " + expected
                        + "); written by another version?");
            }
        }
    }

    private static String crc(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return "%08x".formatted(crc.getValue());
    }
}
