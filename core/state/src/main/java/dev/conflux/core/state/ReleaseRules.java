package dev.conflux.core.state;

import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Command.PlannedRelease;
import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.ReleaseChange;
import dev.conflux.core.model.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What appliers that change rules share: checks, the three plans, history and event. */
final class ReleaseRules {

    /** Only the config being created has no other. */
    private static final long FIRST_VERSION = 1;

    private ReleaseRules() {}

    /**
     * Turns planned rules into rules.
     *
     * @param newVersionId the version that this command creates; 0 when it creates none
     */
    static List<Release> resolve(
            List<PlannedRelease> planned, long configId, long newVersionId, StateTransaction transaction) {
        var rules = new ArrayList<Release>(planned.size());
        for (PlannedRelease plan : planned) {
            if (plan.newVersion() && newVersionId == 0) {
                throw new Refusal(new ConfluxError.InvalidArgument(
                        "releases[" + rules.size() + "].version_id", "new", "an existing version of this config"));
            }
            rules.add(plan.newVersion() ? plan.rule().withVersion(newVersionId) : plan.rule());
        }
        check(rules, configId, newVersionId, transaction);
        return rules;
    }

    private static void check(List<Release> rules, long configId, long newVersionId, StateTransaction transaction) {
        if (rules.size() > Release.MAX_RULES) {
            throw refused("releases", Integer.toString(rules.size()), "at most " + Release.MAX_RULES + " rules");
        }
        for (int i = 0; i < rules.size(); i++) {
            Release rule = rules.get(i);
            String field = "releases[" + i + "]";
            if (rule.versionId() != newVersionId && transaction.version(configId, rule.versionId()) == null) {
                if (newVersionId == FIRST_VERSION) {
                    throw refused(field + ".version_id", Long.toString(rule.versionId()), "1, the only version");
                }
                throw new Refusal(new ConfluxError.NotFound(
                        ErrorCode.VERSION_NOT_FOUND,
                        "version " + rule.versionId() + " of config " + configId + " (" + field + ".version_id)"));
            }
            Integer percentage = rule.percentage();
            if (percentage != null && (percentage < 0 || percentage > Release.BUCKETS)) {
                throw refused(
                        field + ".percentage",
                        Integer.toString(percentage),
                        "0 to " + Release.BUCKETS + " hundredths of a percent");
            }
            if (rule.labels().size() > Release.MAX_LABELS) {
                throw refused(
                        field + ".labels",
                        Integer.toString(rule.labels().size()),
                        "at most " + Release.MAX_LABELS + " labels");
            }
            for (Map.Entry<String, String> label : rule.labels().entrySet()) {
                checkKey(field + ".labels", label.getKey());
                checkLength(field + ".labels." + Text.excerpt(label.getKey()), label.getValue());
            }
            checkKey(field + ".bucket_by", rule.bucketBy());
            checkLength(field + ".salt", rule.salt());
        }
    }

    private static void checkKey(String field, String key) {
        boolean valid = !key.isEmpty() && key.length() <= Release.MAX_LABEL_LENGTH;
        for (int i = 0; valid && i < key.length(); i++) {
            char c = key.charAt(i);
            valid = c < 'A' || c > 'Z';
        }
        if (!valid) {
            throw refused(
                    field,
                    Text.excerpt(key),
                    "a lower-case label key of 1 to " + Release.MAX_LABEL_LENGTH + " characters");
        }
    }

    private static void checkLength(String field, String value) {
        if (value.length() > Release.MAX_LABEL_LENGTH) {
            throw refused(field, Text.excerpt(value), "at most " + Release.MAX_LABEL_LENGTH + " characters");
        }
    }

    private static Refusal refused(String field, String value, String rule) {
        return new Refusal(new ConfluxError.InvalidArgument(field, value, rule));
    }

    /**
     * The default rule serves {@code versionId}; every other rule stays. With several default rules it is the one that
     * is tried first, for only that one is ever served.
     */
    static List<Release> withDefault(List<Release> rules, long versionId) {
        int found = -1;
        for (int i = 0; i < rules.size(); i++) {
            if (rules.get(i).isDefault()
                    && (found < 0 || rules.get(i).priority() > rules.get(found).priority())) {
                found = i;
            }
        }
        var changed = new ArrayList<>(rules);
        if (found < 0) {
            changed.add(Release.defaultTo(versionId));
        } else {
            changed.set(found, rules.get(found).withVersion(versionId));
        }
        return changed;
    }

    /**
     * {@code rule} comes first in the list, and replaces a rule for the same clients: same labels, bucket and salt. The
     * share itself is not compared, so that a rollout grows from 5 to 10 percent in place; but whether there is a share
     * is, so that a rollout to part of everybody never replaces the default rule.
     */
    static List<Release> withRule(List<Release> rules, Release rule) {
        var changed = new ArrayList<Release>(rules.size() + 1);
        changed.add(rule);
        for (Release other : rules) {
            boolean same = other.labels().equals(rule.labels())
                    && other.bucketBy().equals(rule.bucketBy())
                    && other.salt().equals(rule.salt())
                    && (other.percentage() == null) == (rule.percentage() == null);
            if (!same) {
                changed.add(other);
            }
        }
        return changed;
    }

    /** Puts {@code rules} in force: the config, its release history and, if the answer may change, an event. */
    static Config change(
            Config config, List<Release> rules, String comment, String action, StateTransaction transaction) {
        if (rules.size() > Release.MAX_RULES) {
            throw refused("releases", Integer.toString(rules.size()), "at most " + Release.MAX_RULES + " rules");
        }
        long releasesRevision = StateTransaction.next("releases_revision", config.releasesRevision());
        var changed = new Config(
                config.id(),
                config.key(),
                config.latestVersionId(),
                config.metadataVersion(),
                releasesRevision,
                rules,
                config.metadata(),
                config.createdAtMillis(),
                transaction.nowMillis());
        transaction.putReleaseChange(new ReleaseChange(
                config.id(),
                releasesRevision,
                transaction.revision(),
                config.releases(),
                rules,
                comment,
                transaction.author(),
                action,
                transaction.nowMillis()));
        if (!config.releases().equals(changed.releases())) {
            transaction.addEvent(event(config, changed.releases(), false, transaction));
        }
        return changed;
    }

    static ChangeEvent event(Config config, List<Release> after, boolean deleted, StateTransaction transaction) {
        SortedMap<Long, ChangeEvent.VersionSummary> versions = new TreeMap<>();
        for (Release rule : after) {
            if (!versions.containsKey(rule.versionId())) {
                ConfigVersion version = transaction.version(config.id(), rule.versionId());
                if (version == null) {
                    throw new IllegalStateException("rule without version: " + config.id() + "/" + rule.versionId());
                }
                versions.put(rule.versionId(), new ChangeEvent.VersionSummary(version.hash(), version.description()));
            }
        }
        return new ChangeEvent(
                transaction.revision(),
                config.id(),
                config.key(),
                config.releases(),
                after,
                versions,
                deleted,
                transaction.nowMillis());
    }

    /** A config that served nothing, because it was deleted, serves again. */
    static ChangeEvent restored(Config config, StateTransaction transaction) {
        var absent = new Config(
                config.id(),
                config.key(),
                config.latestVersionId(),
                config.metadataVersion(),
                config.releasesRevision(),
                List.of(),
                config.metadata(),
                config.createdAtMillis(),
                config.updatedAtMillis());
        return event(absent, config.releases(), false, transaction);
    }

    /** Refuses an expectation that is not met; no expectation is always met unless {@code required}. */
    static void checkCas(ConfluxError.Counter counter, @Nullable Long expected, long actual, Requirement requirement) {
        if (expected == null) {
            if (requirement == Requirement.REQUIRED) {
                throw new Refusal(new ConfluxError.CasRequired(counter, actual));
            }
        } else if (expected != actual) {
            throw new Refusal(new ConfluxError.CasMismatch(counter, expected, actual));
        }
    }

    /** Whether a write must say what it expects. */
    enum Requirement {
        OPTIONAL,
        REQUIRED;

        static Requirement of(boolean required) {
            return required ? REQUIRED : OPTIONAL;
        }
    }
}
