package dev.conflux.core.service;

/** What can be permitted. */
public enum Action {
    READ,
    WRITE,
    DELETE,
    LIST,
    PUBLISH,
    /** Runs the cluster; only super-admins. */
    ADMIN
}
