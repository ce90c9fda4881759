package dev.conflux.server;

/** A value that must not appear in a log or a message. */
record Secret(String value) {

    @Override
    public String toString() {
        return "***";
    }
}
