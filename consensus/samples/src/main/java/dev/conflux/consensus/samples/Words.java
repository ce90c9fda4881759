package dev.conflux.consensus.samples;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** Commands, queries and answers are words with one space between them. */
final class Words {

    /** Of one word. */
    static final int MAX_LENGTH = 128;

    private Words() {}

    static List<String> of(byte[] text) {
        return of(new String(text, StandardCharsets.UTF_8));
    }

    static List<String> of(String text) {
        return List.of(text.split(" ", -1));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Letters, digits and {@code . _ : -}. */
    static boolean valid(String word) {
        if (word.isEmpty() || word.length() > MAX_LENGTH) {
            return false;
        }
        for (int i = 0; i < word.length(); i++) {
            char c = word.charAt(i);
            boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            boolean digit = c >= '0' && c <= '9';
            if (!letter && !digit && "._:-".indexOf(c) < 0) {
                return false;
            }
        }
        return true;
    }
}
