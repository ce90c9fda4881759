package dev.conflux.core.model;

/** What has to be true at the end of a stage's bake time before a rollout goes on. */
public sealed interface Gate {

    /** Characters of a gate's URL or query: some hundred bytes are usual. */
    int MAX_TEXT_LENGTH = 2048;

    /** A person has to say so. */
    record Manual() implements Gate {}

    /**
     * Every sample of an instant query compares so with the threshold.
     *
     * @param url of the server, without the path of its API
     * @param query PromQL
     */
    record Prometheus(String url, String query, Comparison comparison, double threshold) implements Gate {}

    /** Whoever listens there says so. */
    record Webhook(String url) implements Gate {}

    /** How a value has to compare with the threshold for the gate to pass. */
    enum Comparison {
        LESS(1, "<"),
        LESS_OR_EQUAL(2, "<="),
        GREATER(3, ">"),
        GREATER_OR_EQUAL(4, ">=");

        private final int number;
        private final String sign;

        Comparison(int number, String sign) {
            this.number = number;
            this.sign = sign;
        }

        /** What the state stores. */
        public int number() {
            return number;
        }

        /** On the wire. */
        public String sign() {
            return sign;
        }

        /** Whether the gate passes; never for a NaN. */
        public boolean holds(double value, double threshold) {
            return switch (this) {
                case LESS -> value < threshold;
                case LESS_OR_EQUAL -> value <= threshold;
                case GREATER -> value > threshold;
                case GREATER_OR_EQUAL -> value >= threshold;
            };
        }
    }
}
