package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Text;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a request may hold: checked before anything is looked up or proposed. */
public final class Limits {

    /** Content of one version: configurations are text; what is larger belongs into an object store. */
    public static final int MAX_CONTENT_BYTES = 1024 * 1024;

    /** Descriptions and comments: a paragraph, repeated in lists and events. */
    public static final int MAX_TEXT_LENGTH = 1024;

    /** A schema, in characters: it is stored with the metadata and its history. */
    public static final int MAX_SCHEMA_LENGTH = 64 * 1024;

    /** Attributes per config. */
    public static final int MAX_ATTRIBUTES = 64;

    /** Characters of an attribute's name. */
    public static final int MAX_ATTRIBUTE_NAME_LENGTH = 128;

    /** Characters of an attribute's value. */
    public static final int MAX_ATTRIBUTE_VALUE_LENGTH = 1024;

    /** Configs in one publish-batch: one log entry holds them all. */
    public static final int MAX_BATCH_ITEMS = 100;

    /** Keys of one watch subscription. */
    public static final int MAX_WATCH_KEYS = 1000;

    /** Largest number that a rule's priority may have, either way: leaves room above for a canary's. */
    public static final int MAX_PRIORITY = 1_000_000;

    private Limits() {}

    static String text(String field, String value) {
        if (value.length() > MAX_TEXT_LENGTH) {
            throw refusal(field, value.length() + " characters", "at most " + MAX_TEXT_LENGTH);
        }
        return wellFormed(field, value);
    }

    static String schema(String value) {
        if (value.length() > MAX_SCHEMA_LENGTH) {
            throw refusal("schema", value.length() + " characters", "at most " + MAX_SCHEMA_LENGTH);
        }
        return wellFormed("schema", value);
    }

    static SortedMap<String, String> attributes(Map<String, String> attributes) {
        if (attributes.size() > MAX_ATTRIBUTES) {
            throw refusal("custom_attrs", attributes.size() + " entries", "at most " + MAX_ATTRIBUTES);
        }
        attributes.forEach((name, value) -> {
            attributeName(name);
            if (value.length() > MAX_ATTRIBUTE_VALUE_LENGTH) {
                throw refusal(
                        "custom_attrs." + Text.excerpt(name),
                        value.length() + " characters",
                        "at most " + MAX_ATTRIBUTE_VALUE_LENGTH);
            }
            wellFormed("custom_attrs." + Text.excerpt(name), value);
        });
        return new TreeMap<>(attributes);
    }

    static void attributeName(String name) {
        if (name.isEmpty() || name.length() > MAX_ATTRIBUTE_NAME_LENGTH) {
            throw refusal("custom_attrs", Text.excerpt(name), "names of 1 to " + MAX_ATTRIBUTE_NAME_LENGTH);
        }
        wellFormed("custom_attrs", name);
    }

    /**
     * Labels as they are compared: keys in lower case.
     *
     * @param field what to call them in a refusal
     */
    public static SortedMap<String, String> labels(String field, Map<String, String> labels) {
        if (labels.size() > Release.MAX_LABELS) {
            throw refusal(field, labels.size() + " labels", "at most " + Release.MAX_LABELS);
        }
        var lowered = new TreeMap<String, String>();
        labels.forEach((key, value) -> {
            labelText(field, value);
            if (lowered.put(labelKey(field, key), value) != null) {
                throw refusal(field, Text.excerpt(key), "keys that differ in more than case");
            }
        });
        return lowered;
    }

    /** A label key in lower case. It must be able to stand in a header's name. */
    static String labelKey(String field, String key) {
        boolean valid = !key.isEmpty() && key.length() <= Release.MAX_LABEL_LENGTH;
        for (int i = 0; valid && i < key.length(); i++) {
            char c = key.charAt(i);
            valid = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || c == '-'
                    || c == '_'
                    || c == '.';
        }
        if (!valid) {
            throw refusal(
                    field,
                    Text.excerpt(key),
                    "label keys of 1 to " + Release.MAX_LABEL_LENGTH + " letters, digits, '-', '_', '.'");
        }
        return key.toLowerCase(Locale.ROOT);
    }

    static String labelText(String field, String value) {
        if (value.length() > Release.MAX_LABEL_LENGTH) {
            throw refusal(field, value.length() + " characters", "at most " + Release.MAX_LABEL_LENGTH);
        }
        return wellFormed(field, value);
    }

    static int pageSize(int limit) {
        if (limit < 1 || limit > Page.MAX_LIMIT) {
            throw refusal("limit", Integer.toString(limit), "1 to " + Page.MAX_LIMIT);
        }
        return limit;
    }

    static <T> List<T> atMost(String field, int limit, List<T> items) {
        if (items.size() > limit) {
            throw refusal(field, items.size() + " entries", "at most " + limit);
        }
        return items;
    }

    /** Half a surrogate pair would silently become a question mark when encoded. */
    static String wellFormed(String field, String value) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == 0) {
                throw refusal(field, "NUL at " + i, "text without NUL");
            }
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < value.length()
                        && Character.isLowSurrogate(value.charAt(i + 1));
                if (!pair) {
                    throw refusal(field, "half a surrogate pair at " + i, "well-formed Unicode");
                }
                i++;
            }
        }
        return value;
    }

    static ConfluxException refusal(String field, String value, String rule) {
        return new ConfluxException(new ConfluxError.InvalidArgument(field, value, rule));
    }
}
