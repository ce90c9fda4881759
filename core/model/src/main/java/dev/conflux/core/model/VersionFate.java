package dev.conflux.core.model;

/** What retention does with a version, and why. Wire names are these in lower case. */
public enum VersionFate {
    /** Beyond the policy and referenced by nothing: the next cycle deletes it. */
    GOES,
    /** The newest version. */
    LATEST,
    /** A release rule serves it. */
    RELEASE_RULE,
    /** A schedule, a rollout or a proposal names it. */
    PLANNED,
    /** One of the newest release changes began or ended with it: a rollback to it must work. */
    ROLLBACK_TARGET,
    /** The policy keeps it by number. */
    COUNT,
    /** The policy keeps it by age. */
    DAYS,
    /** No policy, or one that keeps everything. */
    NO_POLICY
}
