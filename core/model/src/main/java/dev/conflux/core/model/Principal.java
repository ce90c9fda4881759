package dev.conflux.core.model;

/**
 * Who is asking, as proven by a token.
 *
 * @param userId number in the metadata database
 * @param name the login name; written into versions and histories
 * @param superAdmin may do everything, in every tenant
 */
public record Principal(long userId, String name, boolean superAdmin) {}
