package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/**
 * YAML 1.2, core schema: {@code yes} and {@code no} are text. One document; keys are scalars; no tags but the core ones;
 * {@code <<} merges, as most of those who read configurations do. Reads events, never builds objects.
 */
public final class YamlFormat implements ConfigFormat {

    /** The library copies what it has of a token each time its buffer is full: large documents get a large buffer. */
    private static final int SMALL_DOCUMENT = 64 * 1024;

    private static final LoadSettings SMALL = settings(1024);
    private static final LoadSettings LARGE = settings(256 * 1024);

    private static LoadSettings settings(int bufferSize) {
        return LoadSettings.builder()
                .setUseMarks(true)
                .setBufferSize(bufferSize)
                .setCodePointLimit(FormatLimits.MAX_DOCUMENT_BYTES + 1)
                .build();
    }

    @Override
    public Format format() {
        return Format.YAML;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        String text = Texts.decode(content);
        try {
            return Optional.of(new ContentTree(new Composer(text).document(), true));
        } catch (MarkedYamlEngineException e) {
            Mark mark = e.getProblemMark().or(e::getContextMark).orElse(null);
            throw Malformed.at(
                    mark == null ? 1 : mark.getLine() + 1,
                    mark == null ? 1 : mark.getColumn() + 1,
                    "yaml",
                    e.getProblem());
        } catch (ReaderException e) {
            throw Texts.at(
                    text,
                    text.offsetByCodePoints(0, Math.min(e.getPosition(), text.codePointCount(0, text.length()))),
                    "yaml",
                    "a control character");
        } catch (YamlEngineException e) {
            throw Malformed.at(1, 1, "yaml", e.getMessage() == null ? "not YAML" : e.getMessage());
        }
    }

    /** Events to nodes. */
    private static final class Composer {

        private final ParserImpl events;
        private final Budget budget = new Budget(FormatLimits.MAX_NODES_YAML);
        /** Complete nodes only: an alias inside its own anchor finds nothing. */
        private final Map<String, ContentNode> anchors = new HashMap<>();

        private int aliases;

        Composer(String text) {
            LoadSettings settings = text.length() <= SMALL_DOCUMENT ? SMALL : LARGE;
            events = new ParserImpl(settings, new StreamReader(settings, text));
        }

        ContentNode document() {
            events.next();
            if (events.checkEvent(Event.ID.StreamEnd)) {
                return new ContentNode.Scalar(ContentNode.Kind.NULL, "null", 1, 1);
            }
            events.next();
            ContentNode root = node();
            events.next();
            if (!events.checkEvent(Event.ID.StreamEnd)) {
                Event second = events.next();
                throw Malformed.at(
                        line(second), column(second), "yaml", "a second document (one config is one document)");
            }
            return root;
        }

        private ContentNode node() {
            Event event = events.next();
            int line = line(event);
            int column = column(event);
            if (event instanceof AliasEvent alias) {
                return aliased(alias, line, column);
            }
            budget.node(line, column);
            var start = (NodeEvent) event;
            ContentNode node = switch (event.getEventId()) {
                case Scalar -> scalar((ScalarEvent) event, line, column);
                case SequenceStart -> {
                    refuseTag(((CollectionStartEvent) event).getTag().orElse(null), "seq", line, column);
                    budget.enter(line, column);
                    var items = new ArrayList<ContentNode>();
                    while (!events.checkEvent(Event.ID.SequenceEnd)) {
                        items.add(node());
                    }
                    events.next();
                    budget.leave();
                    yield budget.check(new ContentNode.Sequence(items, line, column));
                }
                case MappingStart -> {
                    refuseTag(((CollectionStartEvent) event).getTag().orElse(null), "map", line, column);
                    budget.enter(line, column);
                    ContentNode mapping = mapping(line, column);
                    budget.leave();
                    yield budget.check(mapping);
                }
                default -> throw Malformed.at(line, column, "yaml", "expected a value");
            };
            start.getAnchor().ifPresent(anchor -> anchors.put(anchor.getValue(), node));
            return node;
        }

        private ContentNode aliased(AliasEvent alias, int line, int column) {
            if (++aliases > FormatLimits.MAX_ALIASES) {
                throw Malformed.at(line, column, "max-aliases", "more than " + FormatLimits.MAX_ALIASES + " aliases");
            }
            ContentNode target = anchors.get(alias.getAlias().getValue());
            if (target == null) {
                throw Malformed.at(
                        line,
                        column,
                        "yaml",
                        "the alias *" + Text.excerpt(alias.getAlias().getValue())
                                + " has no complete anchor before it");
            }
            return target;
        }

        private ContentNode mapping(int line, int column) {
            var members = new LinkedHashMap<String, ContentNode>();
            var merged = new ArrayList<ContentNode.Mapping>();
            while (!events.checkEvent(Event.ID.MappingEnd)) {
                Event key = events.next();
                int keyLine = line(key);
                int keyColumn = column(key);
                String name;
                boolean merge = false;
                if (key instanceof ScalarEvent plain) {
                    name = Texts.wellFormed(plain.getValue(), keyLine, keyColumn);
                    merge = plain.isPlain() && name.equals("<<");
                    refuseTag(plain.getTag().orElse(null), "str", keyLine, keyColumn);
                } else if (key instanceof AliasEvent alias
                        && aliased(alias, keyLine, keyColumn) instanceof ContentNode.Scalar scalar) {
                    name = scalar.text();
                } else {
                    throw Malformed.at(keyLine, keyColumn, "yaml", "a key that is not a scalar");
                }
                ContentNode value = node();
                if (merge) {
                    addMerged(value, merged, keyLine, keyColumn);
                } else if (members.put(name, value) != null) {
                    throw Malformed.at(
                            keyLine, keyColumn, "duplicate-key", "the key " + Text.excerpt(name) + " is there twice");
                }
            }
            events.next();
            for (ContentNode.Mapping source : merged) {
                source.members().forEach(members::putIfAbsent);
                if (members.size() > FormatLimits.MAX_NODES_YAML) {
                    throw Malformed.at(
                            line, column, "max-nodes", "more than " + FormatLimits.MAX_NODES_YAML + " keys and values");
                }
            }
            return new ContentNode.Mapping(members, line, column);
        }

        private void addMerged(ContentNode value, List<ContentNode.Mapping> merged, int line, int column) {
            List<ContentNode> sources =
                    value instanceof ContentNode.Sequence sequence ? sequence.items() : List.of(value);
            for (ContentNode source : sources) {
                if (!(source instanceof ContentNode.Mapping mapping)) {
                    throw Malformed.at(line, column, "yaml", "<< merges mappings only");
                }
                for (int i = 0; i < mapping.members().size(); i++) {
                    // Each merged key costs, also one that is there already.
                    budget.node(line, column);
                }
                merged.add(mapping);
            }
        }

        private static ContentNode scalar(ScalarEvent event, int line, int column) {
            String text = Texts.wellFormed(event.getValue(), line, column);
            String tag = event.getTag().orElse(null);
            if (tag == null || tag.equals("!")) {
                return event.isPlain() && tag == null
                        ? YamlScalars.plain(text, line, column)
                        : new ContentNode.Scalar(ContentNode.Kind.STRING, text, line, column);
            }
            if (tag.equals(CORE + "str")) {
                return new ContentNode.Scalar(ContentNode.Kind.STRING, text, line, column);
            }
            ContentNode.Scalar resolved = YamlScalars.plain(text, line, column);
            boolean fits = switch (resolved.kind()) {
                case NUMBER -> tag.equals(CORE + "int") || tag.equals(CORE + "float");
                case BOOLEAN -> tag.equals(CORE + "bool");
                case NULL -> tag.equals(CORE + "null");
                case STRING, UNKNOWN -> false;
            };
            if (!fits) {
                throw tagRefused(tag, line, column);
            }
            return resolved;
        }

        private static final String CORE = "tag:yaml.org,2002:";

        private static void refuseTag(@Nullable String tag, String allowed, int line, int column) {
            if (tag != null && !tag.equals("!") && !tag.equals(CORE + allowed)) {
                throw tagRefused(tag, line, column);
            }
        }

        private static RuntimeException tagRefused(String tag, int line, int column) {
            return Malformed.at(
                    line,
                    column,
                    "yaml-tag",
                    "the tag " + Text.excerpt(tag)
                            + " (only str, int, float, bool, null, seq and map, where they fit)");
        }

        private static int line(Event event) {
            return event.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
        }

        private static int column(Event event) {
            return event.getStartMark().map(mark -> mark.getColumn() + 1).orElse(1);
        }
    }
}
