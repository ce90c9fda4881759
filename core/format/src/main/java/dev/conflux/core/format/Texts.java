package dev.conflux.core.format;

import dev.conflux.core.model.Text;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Bytes to text, text to numbers: strictly. */
final class Texts {

    private static final char BYTE_ORDER_MARK = '\uFEFF';

    private Texts() {}

    /** UTF-8 without NUL; a byte order mark is left out. */
    static String decode(byte[] content) {
        String text = utf8(content);
        int nul = text.indexOf('\0');
        if (nul >= 0) {
            throw at(text, nul, "utf-8", "a NUL character");
        }
        return !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK ? text.substring(1) : text;
    }

    /** UTF-8. */
    static String utf8(byte[] content) {
        if (content.length > FormatLimits.MAX_DOCUMENT_BYTES) {
            throw Malformed.at(1, 1, "max-bytes", "more than " + FormatLimits.MAX_DOCUMENT_BYTES + " bytes");
        }
        var text = new String(content, StandardCharsets.UTF_8);
        // A replacement character is rare: only then it pays to look where it comes from.
        if (text.indexOf('\uFFFD') >= 0) {
            refuseBrokenUtf8(content);
        }
        return text;
    }

    private static void refuseBrokenUtf8(byte[] content) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        CharBuffer before = CharBuffer.allocate(content.length);
        CoderResult result = decoder.decode(ByteBuffer.wrap(content), before, true);
        if (result.isError()) {
            String good = before.flip().toString();
            throw at(good, good.length(), "utf-8", "bytes that are not UTF-8 (the format binary takes any bytes)");
        }
    }

    static RuntimeException at(String text, int offset, String rule, String message) {
        int lineStart = text.lastIndexOf('\n', offset - 1) + 1;
        int line = 1;
        for (int i = text.indexOf('\n'); i >= 0 && i < lineStart; i = text.indexOf('\n', i + 1)) {
            line++;
        }
        return Malformed.at(line, offset - lineStart + 1, rule, message);
    }

    /** Half a surrogate pair cannot be stored, sent or compared. */
    static String wellFormed(String text, int line, int column) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                boolean pair = Character.isHighSurrogate(text.charAt(i))
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (!pair) {
                    throw Malformed.at(line, column, "unicode", "half a surrogate pair");
                }
                i++;
            }
        }
        return text;
    }

    /** @param text a number as JSON writes it */
    static ContentNode.Scalar number(String text, int line, int column) {
        if (text.length() > FormatLimits.MAX_NUMBER_LENGTH) {
            throw Malformed.at(
                    line,
                    column,
                    "max-number-length",
                    "a number of more than " + FormatLimits.MAX_NUMBER_LENGTH + " characters");
        }
        int e = Math.max(text.indexOf('e'), text.indexOf('E'));
        if (e >= 0) {
            String power = text.substring(e + 1);
            int digits = 0;
            for (int i = 0; i < power.length(); i++) {
                char c = power.charAt(i);
                if (c >= '0' && c <= '9') {
                    digits = Math.min(digits * 10 + (c - '0'), FormatLimits.MAX_EXPONENT + 1);
                }
            }
            if (digits > FormatLimits.MAX_EXPONENT) {
                throw Malformed.at(
                        line,
                        column,
                        "number-range",
                        Text.excerpt(text) + ": beyond 10 to the power of " + FormatLimits.MAX_EXPONENT);
            }
        }
        return new ContentNode.Scalar(ContentNode.Kind.NUMBER, text, line, column);
    }

    /** Decimal digits of a number in base 8 or 16. */
    static String decimal(String digits, int radix) {
        return new BigInteger(digits, radix).toString();
    }

    static BigDecimal value(ContentNode.Scalar number) {
        return new BigDecimal(number.text());
    }
}
