package dev.conflux.core.model;

import java.util.List;

/**
 * The named item. Holds no content.
 *
 * @param id unique for ever, also after deletion
 * @param latestVersionId the newest version created, released or not; the content CAS counter
 * @param metadataVersion starts at 1, +1 per metadata change; the metadata CAS counter
 * @param releasesRevision 0 without any release yet, +1 per change of the rules; the release CAS counter
 * @param releases the rules, as written
 * @param createdAtMillis Unix milliseconds by the leader's clock
 * @param updatedAtMillis last change of content, metadata or releases
 */
public record Config(
        long id,
        ConfigKey key,
        long latestVersionId,
        long metadataVersion,
        long releasesRevision,
        List<Release> releases,
        Metadata metadata,
        long createdAtMillis,
        long updatedAtMillis) {

    public Config {
        releases = List.copyOf(releases);
    }
}
