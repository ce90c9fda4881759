package dev.conflux.qa.bench;

import java.util.Locale;

/** One field of a table. */
sealed interface Cell {

    /** As a person reads it. */
    String text();

    record Label(String text) implements Cell {}

    /**
     * A number.
     *
     * @param value as measured; kept in full in the JSON
     * @param decimals shown
     */
    record Figure(double value, int decimals) implements Cell {

        @Override
        public String text() {
            return String.format(Locale.ROOT, "%,." + decimals + "f", value);
        }
    }

    static Cell of(String text) {
        return new Label(text);
    }

    static Cell of(double value, int decimals) {
        return new Figure(value, decimals);
    }

    static Cell of(long value) {
        return new Figure(value, 0);
    }
}
