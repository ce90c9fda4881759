package dev.conflux.core.service;

import dev.conflux.core.model.Config;
import dev.conflux.core.model.ConfigKey;
import dev.conflux.core.model.ConfigVersion;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Namespace;
import dev.conflux.core.model.Principal;
import dev.conflux.core.model.Release;
import dev.conflux.core.model.Text;
import dev.conflux.core.state.StateReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonPointer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds configs by what they are and hold. Each call looks at a bounded number of configs and bytes and may therefore end
 * with fewer items than asked for and a place to go on from. Blocks: virtual threads only.
 */
public final class SearchService {

    /** Configs looked at by one call. */
    static final int MAX_LOOKED_AT = 10_000;

    /** Content read by one call. */
    static final long MAX_CONTENT_BYTES = 32L << 20;

    private static final int READ = 250;

    /** An exact attribute; {@code value} null = whatever it is. */
    public record Attribute(String name, @Nullable String value) {}

    /**
     * A place in the newest version's content, for JSON.
     *
     * @param pointer as RFC 6901 says, beginning with a slash
     * @param value the text there, of a string as it is, of anything else as JSON; null = whatever it is
     */
    public record Place(String pointer, @Nullable String value) {}

    /**
     * What to find; all that is given must hold.
     *
     * @param tenant null = all; {@code app} and {@code env} narrow it further
     * @param prefix of the config's name
     * @param labels one rule must name each of them
     * @param after exclusive: the full name where an earlier call ended
     */
    public record Query(
            @Nullable String tenant,
            @Nullable String app,
            @Nullable String env,
            @Nullable String prefix,
            Map<String, String> labels,
            @Nullable Attribute attribute,
            @Nullable Place place,
            @Nullable ConfigKey after,
            int limit) {}

    /**
     * What was found, in the order of full names.
     *
     * @param next where to go on; null = everything has been looked at
     */
    public record Found(List<Config> items, @Nullable ConfigKey next) {}

    /** Only content that was checked when it came. */
    private static final JsonMapper MAPPER = new JsonMapper();

    private final StateReader reader;
    private final Authorizer authorizer;

    public SearchService(StateReader reader, Authorizer authorizer) {
        this.reader = reader;
        this.authorizer = authorizer;
    }

    /** Only what the principal may read, config by config. */
    public Found search(Principal principal, Query query) {
        Limits.pageSize(query.limit());
        Resource where = query.tenant() != null && query.app() != null && query.env() != null
                ? new Resource.OfNamespace(new Namespace(query.tenant(), query.app(), query.env()))
                : new Resource.Everything();
        authorizer.authorize(principal, Action.LIST, where);
        Place place = query.place();
        JsonPointer pointer = place == null ? JsonPointer.empty() : pointer(place.pointer());
        var found = new ArrayList<Config>();
        ConfigKey last = query.after();
        int lookedAt = 0;
        long bytes = 0;
        while (true) {
            List<Config> page = reader.configs(query.tenant(), query.app(), query.env(), null, last, READ);
            for (Config config : page) {
                last = config.key();
                lookedAt++;
                if (matches(query, config)
                        && authorizer.allows(principal, Action.READ, new Resource.OfConfig(config.key()))) {
                    if (place == null) {
                        found.add(config);
                    } else {
                        Optional<byte[]> content = json(config);
                        bytes += content.map(json -> json.length).orElse(0);
                        if (content.isPresent() && holds(content.get(), pointer, place.value())) {
                            found.add(config);
                        }
                    }
                }
                if (found.size() == query.limit() || lookedAt == MAX_LOOKED_AT || bytes >= MAX_CONTENT_BYTES) {
                    return new Found(found, last);
                }
            }
            if (page.size() < READ) {
                return new Found(found, null);
            }
        }
    }

    private static boolean matches(Query query, Config config) {
        Attribute attribute = query.attribute();
        if (attribute != null) {
            String value = config.metadata().customAttrs().get(attribute.name());
            if (value == null
                    || (attribute.value() != null && !attribute.value().equals(value))) {
                return false;
            }
        }
        String prefix = query.prefix();
        return (prefix == null || config.key().name().startsWith(prefix))
                && (query.labels().isEmpty()
                        || config.releases().stream().anyMatch(rule -> names(rule, query.labels())));
    }

    private static boolean names(Release rule, Map<String, String> labels) {
        return rule.labels().entrySet().containsAll(labels.entrySet());
    }

    private static JsonPointer pointer(String text) {
        try {
            if (text.startsWith("/")) {
                return JsonPointer.compile(text);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw Limits.refusal("path", Text.excerpt(text), "a JSON pointer, as /db/host");
    }

    private static boolean holds(byte[] json, JsonPointer pointer, @Nullable String value) {
        JsonNode node = MAPPER.readTree(json).at(pointer);
        if (node.isMissingNode()) {
            return false;
        }
        return value == null || value.equals(node.isString() ? node.stringValue() : node.toString());
    }

    /** Ciphertext holds nothing to find. */
    private Optional<byte[]> json(Config config) {
        Optional<ConfigVersion> newest = reader.version(config.id(), config.latestVersionId());
        return newest.filter(version -> version.format().equals(Format.JSON) && version.encryption() == null)
                .flatMap(version -> reader.content(config.id(), version.id()));
    }
}
