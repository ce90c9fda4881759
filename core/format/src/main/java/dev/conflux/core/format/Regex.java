package dev.conflux.core.format;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import com.networknt.schema.regex.RegularExpression;

/**
 * A pattern of a JSON Schema on RE2: time grows with the length of text times the size of the pattern, never faster. Look
 * around and back references, which RE2 cannot have, are refused when the schema is set.
 */
final class Regex implements RegularExpression {

    /** Characters of a pattern. */
    private static final int MAX_LENGTH = 1024;

    /** What counted repetitions, multiplied where they nest, may blow a pattern up to. */
    private static final int MAX_SIZE = 2_000;

    /** Steps for all patterns of one validation, some half a second: characters looked at, times the pattern's size. */
    private static final long MAX_STEPS = 20_000_000;

    /** Steps of the validation under way on this thread. */
    static final ScopedValue<long[]> STEPS = ScopedValue.newInstance();

    /** A validation used up its steps. */
    static final class TooCostly extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooCostly() {
            super("patterns take too long", null, false, false);
        }
    }

    private final Pattern pattern;
    private final int size;

    private Regex(Pattern pattern, int size) {
        this.pattern = pattern;
        this.size = size;
    }

    /** @throws PatternSyntaxException when RE2 cannot have it, or it is too large */
    static Regex compile(String regex) {
        if (regex.length() > MAX_LENGTH) {
            throw new PatternSyntaxException("longer than " + MAX_LENGTH + " characters", "");
        }
        int size = RegexSize.of(regex);
        if (size > MAX_SIZE) {
            throw new PatternSyntaxException("its repetitions multiply to more than " + MAX_SIZE, "");
        }
        return new Regex(Pattern.compile(javaScriptToRe2(regex)), size);
    }

    @Override
    public boolean matches(String value) {
        if (STEPS.isBound()) {
            long[] steps = STEPS.get();
            steps[0] += (long) (value.length() + 1) * size;
            if (steps[0] > MAX_STEPS) {
                throw new TooCostly();
            }
        }
        return pattern.matcher(value).find();
    }

    /** What ECMA-262 writes differently. */
    private static String javaScriptToRe2(String regex) {
        var text = new StringBuilder(regex.length());
        for (int i = 0; i < regex.length(); i++) {
            char c = regex.charAt(i);
            if (c != '\\' || i + 1 == regex.length()) {
                text.append(c);
                continue;
            }
            char escaped = regex.charAt(++i);
            if (escaped == 'u' && isHex(regex, i + 1, 4)) {
                text.append("\\x{").append(regex, i + 1, i + 5).append('}');
                i += 4;
            } else {
                text.append(c).append(escaped);
            }
        }
        return text.toString();
    }

    private static boolean isHex(String text, int from, int length) {
        for (int i = from; i < from + length; i++) {
            if (i >= text.length() || Character.digit(text.charAt(i), 16) < 0) {
                return false;
            }
        }
        return true;
    }
}
