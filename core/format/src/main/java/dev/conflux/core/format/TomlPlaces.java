package dev.conflux.core.format;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the keys of a TOML document stand: a scanner of its structure. It counts and bounds what is there before the
 * library builds anything of it, and leaves every question of meaning (escapes, dates, what may be defined twice) to it.
 */
final class TomlPlaces {

    /** Where a key or an item begins. */
    static final class Place {
        private final int line;
        private final int column;
        private final Map<String, Place> members = new HashMap<>();
        private final List<Place> items = new ArrayList<>(0);
        private String written = "";

        private Place(int line, int column) {
            this.line = line;
            this.column = column;
        }

        int line() {
            return line;
        }

        int column() {
            return column;
        }

        /** Of a number, a boolean or a date: its text. */
        String written() {
            return written;
        }

        /** Its own place when the scanner saw no such key. */
        Place member(String name) {
            return members.getOrDefault(name, this);
        }

        Place item(int index) {
            return index < items.size() ? items.get(index) : this;
        }
    }

    private final String text;
    private final Budget budget = new Budget(FormatLimits.MAX_NODES_HEAVY);
    private int at;
    private int line = 1;
    private int lineStart;

    private TomlPlaces(String text) {
        this.text = text;
    }

    static Place of(String text) {
        return new TomlPlaces(text).document();
    }

    private Place document() {
        var root = new Place(1, 1);
        Place table = root;
        while (skip(true)) {
            if (text.charAt(at) == '[') {
                int column = column();
                boolean array = text.startsWith("[[", at);
                at += array ? 2 : 1;
                skip(false);
                Place named = keys(root);
                skip(false);
                expect("]");
                if (array) {
                    expect("]");
                    var item = new Place(line, column);
                    named.items.add(item);
                    named = item;
                }
                table = named;
            } else {
                pair(table);
            }
            skip(false);
            if (at < text.length() && peek() != '\n' && peek() != '\r') {
                throw malformed("expected the end of the line");
            }
        }
        return root;
    }

    private void pair(Place table) {
        Place place = keys(table);
        skip(false);
        expect("=");
        skip(false);
        value(place);
    }

    /** Dotted keys, from {@code from} down; an array of tables stands for its last. */
    private Place keys(Place from) {
        Place place = from;
        int depth = 0;
        while (true) {
            if (++depth > FormatLimits.MAX_DEPTH) {
                throw Budget.tooDeep(line, column());
            }
            int keyLine = line;
            int column = column();
            budget.node(line, column);
            Place base = place.items.isEmpty() ? place : place.items.getLast();
            place = base.members.computeIfAbsent(key(), name -> new Place(keyLine, column));
            int after = at;
            skip(false);
            if (peek() != '.') {
                at = after;
                return place;
            }
            at++;
            skip(false);
        }
    }

    private String key() {
        char c = peek();
        if (c == '"' || c == '\'') {
            int from = at + 1;
            string();
            String raw = text.substring(from, at - 1);
            return c == '"' && raw.indexOf('\\') >= 0 ? unescape(raw) : raw;
        }
        int from = at;
        while (bare(peek())) {
            at++;
        }
        if (at == from) {
            throw malformed("expected a key");
        }
        return text.substring(from, at);
    }

    private static boolean bare(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }

    /** Wrong escapes are for the library to refuse. */
    private static String unescape(String raw) {
        var text = new StringBuilder(raw.length());
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c != '\\' || i + 1 == raw.length()) {
                text.append(c);
                continue;
            }
            char escaped = raw.charAt(++i);
            int digits = escaped == 'u' ? 4 : escaped == 'U' ? 8 : 0;
            if (digits > 0 && i + digits < raw.length()) {
                try {
                    text.appendCodePoint(Integer.parseInt(raw.substring(i + 1, i + 1 + digits), 16));
                } catch (IllegalArgumentException e) {
                    return raw;
                }
                i += digits;
            } else {
                text.append(
                        switch (escaped) {
                            case 'b' -> '\b';
                            case 't' -> '\t';
                            case 'n' -> '\n';
                            case 'f' -> '\f';
                            case 'r' -> '\r';
                            default -> escaped;
                        });
            }
        }
        return text.toString();
    }

    private void value(Place place) {
        switch (peek()) {
            case '"', '\'' -> string();
            case '[' -> {
                enter();
                while (true) {
                    skip(true);
                    if (peek() == ']') {
                        break;
                    }
                    budget.node(line, column());
                    var item = new Place(line, column());
                    place.items.add(item);
                    value(item);
                    skip(true);
                    if (peek() != ',') {
                        break;
                    }
                    at++;
                }
                leave("]");
            }
            case '{' -> {
                enter();
                skip(false);
                while (peek() != '}') {
                    pair(place);
                    skip(false);
                    if (peek() != ',') {
                        break;
                    }
                    at++;
                    skip(false);
                }
                leave("}");
            }
            default -> bareValue(place);
        }
    }

    private void enter() {
        budget.enter(line, column());
        at++;
    }

    private void leave(String end) {
        expect(end);
        budget.leave();
    }

    /** A number, a boolean or a date; a date may hold a blank. */
    private void bareValue(Place place) {
        int from = at;
        while (at < text.length() && ",]}#\n\r".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        if (at == from) {
            throw malformed("expected a value");
        }
        if (at - from > FormatLimits.MAX_NUMBER_LENGTH) {
            at = from;
            throw malformed("a value of more than " + FormatLimits.MAX_NUMBER_LENGTH + " characters");
        }
        place.written = text.substring(from, at).strip();
    }

    private void string() {
        String quote = text.substring(at, at + 1);
        boolean multiline = text.startsWith(quote.repeat(3), at);
        String end = multiline ? quote.repeat(3) : quote;
        boolean escapes = quote.equals("\"");
        int startLine = line;
        int startColumn = column();
        at += end.length();
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '\\' && escapes) {
                at++;
                step();
            } else if (c == '\n' && !multiline) {
                break;
            } else if (text.startsWith(end, at)) {
                at += end.length();
                // Up to two quotes may stand before the closing three.
                for (int i = 0; multiline && i < 2 && peek() == quote.charAt(0); i++) {
                    at++;
                }
                return;
            } else {
                step();
            }
        }
        throw Malformed.at(startLine, startColumn, "toml", "a string without its end");
    }

    private void step() {
        if (at < text.length() && text.charAt(at++) == '\n') {
            line++;
            lineStart = at;
        }
    }

    /** Past blanks, and on request past comments and ends of lines; true when something is left. */
    private boolean skip(boolean lines) {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
                step();
            } else if (c == '#') {
                while (at < text.length() && text.charAt(at) != '\n') {
                    at++;
                }
            } else {
                return true;
            }
        }
        return false;
    }

    /** NUL at the end: no document holds one. */
    private char peek() {
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private void expect(String wanted) {
        if (!text.startsWith(wanted, at)) {
            throw malformed("expected " + wanted);
        }
        at += wanted.length();
    }

    private int column() {
        return at - lineStart + 1;
    }

    private RuntimeException malformed(String message) {
        return Malformed.at(line, column(), "toml", message);
    }
}
