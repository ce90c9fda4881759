package dev.conflux.core.model;

/** What becomes of content that those who read the released version could not read. */
public enum CompatibilityPolicy {
    /** Nobody looks. */
    NONE(0, "none"),
    /** It is let in with warnings. */
    WARN(1, "warn"),
    /** It is refused. */
    REFUSE(2, "refuse");

    private final int number;
    private final String wireName;

    CompatibilityPolicy(int number, String wireName) {
        this.number = number;
        this.wireName = wireName;
    }

    /** What the log stores. */
    public int number() {
        return number;
    }

    public String wireName() {
        return wireName;
    }
}
