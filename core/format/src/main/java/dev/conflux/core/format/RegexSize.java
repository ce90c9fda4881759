package dev.conflux.core.format;

/**
 * How large a regular expression becomes when its counted repetitions are written out, and how many ways a backtracking
 * engine could try it. Knows the syntax that ECMA-262, RE2 and XSD share; in doubt it counts too much.
 */
final class RegexSize {

    /** No more than this is counted. */
    private static final long MANY = 1_000_000_000_000L;

    private final String regex;
    /** What an unbounded repetition of one character counts as. */
    private final long unbounded;

    private int at;

    private RegexSize(String regex, long unbounded) {
        this.regex = regex;
        this.unbounded = unbounded;
    }

    /** Characters and classes, written out. */
    static int of(String regex) {
        return (int) Math.min(Integer.MAX_VALUE, new RegexSize(regex, 1).alternatives(0).size);
    }

    /** Ways to match a text of {@code length} characters; a trillion for "beyond any measure". */
    static long ways(String regex, long length) {
        return new RegexSize(regex, Math.max(2, length)).alternatives(0).ways;
    }

    private record Part(long size, long ways) {}

    private Part alternatives(int depth) {
        long size = 0;
        long ways = 0;
        while (true) {
            Part branch = branch(depth);
            size = plus(size, branch.size);
            ways = plus(ways, branch.ways);
            if (at >= regex.length() || regex.charAt(at) != '|') {
                return new Part(size, ways);
            }
            at++;
        }
    }

    private Part branch(int depth) {
        long size = 1;
        long ways = 1;
        while (at < regex.length() && regex.charAt(at) != '|' && regex.charAt(at) != ')') {
            Part part = quantified(depth);
            size = plus(size, part.size);
            ways = times(ways, part.ways);
        }
        if (depth == 0 && at < regex.length() && regex.charAt(at) == ')') {
            // Not ours to refuse: the engine does.
            at++;
            return plusRest(size, ways);
        }
        return new Part(size, ways);
    }

    private Part plusRest(long size, long ways) {
        Part rest = branch(0);
        return new Part(plus(size, rest.size), times(ways, rest.ways));
    }

    private Part quantified(int depth) {
        Part part = atom(depth);
        while (at < regex.length()) {
            long least;
            long most;
            char c = regex.charAt(at);
            if (c == '*' || c == '+') {
                least = c == '+' ? 1 : 0;
                most = -1;
                at++;
            } else if (c == '?') {
                least = 0;
                most = 1;
                at++;
            } else if (c == '{' && counted() > 0) {
                int end = counted();
                String[] bounds = regex.substring(at + 1, end).split(",", -1);
                least = number(bounds[0]);
                most = bounds.length == 1 ? least : bounds[1].isEmpty() ? -1 : number(bounds[1]);
                at = end + 1;
            } else {
                break;
            }
            if (at < regex.length() && regex.charAt(at) == '?') {
                at++;
            }
            part = repeated(part, least, most);
        }
        return part;
    }

    private Part repeated(Part part, long least, long most) {
        long copies = Math.max(1, most < 0 ? least : most);
        long size = times(part.size, copies);
        if (part.ways == 1) {
            return new Part(size, most < 0 ? unbounded : plus(most - least, 1));
        }
        if (most < 0) {
            // A choice inside a repetition without end: exponential.
            return new Part(size, MANY);
        }
        long ways = 1;
        for (long i = 0; i < most && ways < MANY; i++) {
            ways = times(ways, part.ways);
        }
        return new Part(size, times(ways, plus(most - least, 1)));
    }

    private Part atom(int depth) {
        char c = regex.charAt(at++);
        if (c == '(') {
            Part part = depth > FormatLimits.MAX_DEPTH ? new Part(MANY, MANY) : alternatives(depth + 1);
            if (at < regex.length() && regex.charAt(at) == ')') {
                at++;
            }
            return part;
        }
        if (c == '\\' && at < regex.length()) {
            char escaped = regex.charAt(at++);
            if ((escaped == 'p' || escaped == 'P' || escaped == 'x')
                    && at < regex.length()
                    && regex.charAt(at) == '{') {
                int end = regex.indexOf('}', at);
                at = end < 0 ? regex.length() : end + 1;
            }
        } else if (c == '[') {
            characterClass();
        }
        return new Part(1, 1);
    }

    private void characterClass() {
        int open = 1;
        while (at < regex.length() && open > 0) {
            char c = regex.charAt(at++);
            if (c == '\\') {
                at++;
            } else if (c == '[') {
                open++;
            } else if (c == ']') {
                open--;
            }
        }
        at = Math.min(at, regex.length());
    }

    /** Index of the brace that ends a counted repetition here; 0 when this is none. */
    private int counted() {
        int end = at + 1;
        boolean digits = false;
        while (end < regex.length() && (Character.digit(regex.charAt(end), 10) >= 0 || regex.charAt(end) == ',')) {
            digits |= regex.charAt(end) != ',';
            end++;
        }
        return digits && end < regex.length() && regex.charAt(end) == '}' ? end : 0;
    }

    private static long number(String digits) {
        long value = 0;
        for (int i = 0; i < digits.length() && value < MANY; i++) {
            value = value * 10 + Character.digit(digits.charAt(i), 10);
        }
        return Math.min(value, MANY);
    }

    private static long plus(long a, long b) {
        return Math.min(MANY, a + b);
    }

    private static long times(long a, long b) {
        return a == 0 || b == 0 ? 0 : a > MANY / b ? MANY : a * b;
    }
}
