package dev.conflux.base.observe;

import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** W3C trace context, as far as a trace id goes. */
public final class TraceIds {

    private static final int ID_LENGTH = 32;
    private static final int HEADER_LENGTH = 55;
    private static final byte[] HEX = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};

    private TraceIds() {}

    /** The trace id of a {@code traceparent} header, or a new one when there is none or it is malformed. */
    public static String continuing(@Nullable String traceparent) {
        return traceparent != null && isValid(traceparent) ? traceparent.substring(3, 3 + ID_LENGTH) : next();
    }

    /** A new random id. Need not be unpredictable, only unlikely to repeat. */
    @SuppressWarnings("deprecation") // The only constructor that copies ASCII bytes without decoding them.
    public static String next() {
        var random = ThreadLocalRandom.current();
        var id = new byte[ID_LENGTH];
        hex(id, 0, random.nextLong() | 1);
        hex(id, ID_LENGTH / 2, random.nextLong());
        return new String(id, 0);
    }

    private static void hex(byte[] target, int from, long value) {
        long rest = value;
        for (int i = from + ID_LENGTH / 2 - 1; i >= from; i--) {
            target[i] = HEX[(int) rest & 0xf];
            rest >>>= 4;
        }
    }

    /** {@code 00-<32 hex>-<16 hex>-<2 hex>}, lower case, id not all zeroes; later versions may be longer. */
    private static boolean isValid(String header) {
        if (header.length() < HEADER_LENGTH
                || (header.length() > HEADER_LENGTH && (header.startsWith("00") || header.charAt(55) != '-'))
                || header.startsWith("ff")
                || header.charAt(2) != '-'
                || header.charAt(35) != '-'
                || header.charAt(52) != '-') {
            return false;
        }
        boolean nonZero = false;
        for (int i = 0; i < HEADER_LENGTH; i++) {
            char c = header.charAt(i);
            if (i == 2 || i == 35 || i == 52) {
                continue;
            }
            if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
                return false;
            }
            nonZero |= i > 2 && i < 35 && c != '0';
        }
        return nonZero;
    }
}
