package dev.conflux.core.model;

/**
 * A deleted config that can still come back, with all its versions and histories.
 *
 * @param config as it was
 * @param deletedAtMillis log time, Unix milliseconds
 * @param deletedBy the principal's name
 * @param purging somebody has decided that it never comes back; what is left of it goes in steps
 */
public record TrashedConfig(Config config, long deletedAtMillis, String deletedBy, boolean purging) {}
