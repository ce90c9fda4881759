package dev.conflux.core.format;

import dev.conflux.core.format.ContentNode.Kind;
import dev.conflux.core.format.ContentNode.Scalar;

/** Plain scalars by the core schema: YAML 1.2.2 §10.3.2. By hand, for speed and without regular expressions. */
final class YamlScalars {

    private YamlScalars() {}

    static Scalar plain(String text, int line, int column) {
        return switch (text) {
            case "", "~", "null", "Null", "NULL" -> new Scalar(Kind.NULL, "null", line, column);
            case "true", "True", "TRUE" -> new Scalar(Kind.BOOLEAN, "true", line, column);
            case "false", "False", "FALSE" -> new Scalar(Kind.BOOLEAN, "false", line, column);
            default -> {
                String number = number(text);
                yield number == null ? new Scalar(Kind.STRING, text, line, column) : Texts.number(number, line, column);
            }
        };
    }

    /** Its JSON form; null when it is none. Infinities and not-a-number, which JSON lacks, stay text. */
    private static @org.jspecify.annotations.Nullable String number(String text) {
        char first = text.charAt(0);
        if (first != '+' && first != '-' && first != '.' && (first < '0' || first > '9')) {
            return null;
        }
        if (text.startsWith("0x") || text.startsWith("0o")) {
            int radix = text.charAt(1) == 'x' ? 16 : 8;
            for (int i = 2; i < text.length(); i++) {
                if (text.charAt(i) > 'f' || Character.digit(text.charAt(i), radix) < 0) {
                    return null;
                }
            }
            if (text.length() == 2) {
                return null;
            }
            // Converting costs the square of the length; what is too long is refused as it is.
            return text.length() > FormatLimits.MAX_NUMBER_LENGTH ? text : Texts.decimal(text.substring(2), radix);
        }
        int at = first == '+' || first == '-' ? 1 : 0;
        int whole = digits(text, at);
        int end = at + whole;
        int fraction = 0;
        boolean dot = end < text.length() && text.charAt(end) == '.';
        if (dot) {
            fraction = digits(text, end + 1);
            end += 1 + fraction;
        }
        if (whole + fraction == 0) {
            return null;
        }
        int mantissaEnd = end;
        if (end < text.length() && (text.charAt(end) == 'e' || text.charAt(end) == 'E')) {
            int sign = end + 1 < text.length() && (text.charAt(end + 1) == '+' || text.charAt(end + 1) == '-') ? 1 : 0;
            int exponent = digits(text, end + 1 + sign);
            if (exponent == 0) {
                return null;
            }
            end += 1 + sign + exponent;
        }
        if (end < text.length()) {
            return null;
        }
        return end > FormatLimits.MAX_NUMBER_LENGTH
                ? text
                : (first == '-' ? "-" : "")
                        + jsonMantissa(text.substring(at, mantissaEnd))
                        + text.substring(mantissaEnd);
    }

    private static int digits(String text, int from) {
        int at = from;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        return at - from;
    }

    /** JSON wants no leading zeros, and digits on both sides of the point. */
    private static String jsonMantissa(String mantissa) {
        int zeros = 0;
        while (zeros + 1 < mantissa.length() && mantissa.charAt(zeros) == '0' && mantissa.charAt(zeros + 1) != '.') {
            zeros++;
        }
        String trimmed = mantissa.substring(zeros);
        if (trimmed.startsWith(".")) {
            trimmed = "0" + trimmed;
        }
        return trimmed.endsWith(".") ? trimmed + "0" : trimmed;
    }
}
