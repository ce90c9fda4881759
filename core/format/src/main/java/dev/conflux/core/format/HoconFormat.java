package dev.conflux.core.format;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import dev.conflux.core.model.Format;
import java.io.File;
import java.net.URL;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * HOCON. Includes are refused: they would read this server's files. Substitutions ({@code ${a.b}}) stay unresolved, since
 * only the application has their environment (and a few nested ones could grow beyond any memory); schemas do not judge
 * what they stand for. A key given twice is the language's way of overriding, and allowed. The library knows lines, not
 * columns: the column is that of the key in its line, where it can be found.
 */
public final class HoconFormat implements ConfigFormat {

    private static final ConfigParseOptions OPTIONS = ConfigParseOptions.defaults()
            .setSyntax(ConfigSyntax.CONF)
            .setAllowMissing(false)
            .setIncluder(new NoIncludes());

    private static final ConfigRenderOptions PLAIN = ConfigRenderOptions.concise();

    /** The library reads files for an includer that lacks one of these. */
    private static final class NoIncludes
            implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {

        @Override
        public ConfigIncluder withFallback(ConfigIncluder fallback) {
            return this;
        }

        @Override
        public ConfigObject include(ConfigIncludeContext context, String what) {
            throw new IncludeRefused();
        }

        @Override
        public ConfigObject includeFile(ConfigIncludeContext context, File what) {
            throw new IncludeRefused();
        }

        @Override
        public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
            throw new IncludeRefused();
        }

        @Override
        public ConfigObject includeResources(ConfigIncludeContext context, String what) {
            throw new IncludeRefused();
        }
    }

    private static final class IncludeRefused extends RuntimeException {
        private static final long serialVersionUID = 1;

        IncludeRefused() {
            super("include", null, false, false);
        }
    }

    @Override
    public Format format() {
        return Format.HOCON;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/hocon", "text/x-hocon");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        String text = Texts.decode(content);
        checkBounds(text);
        try {
            Config config = ConfigFactory.parseString(text, OPTIONS);
            return Optional.of(new ContentTree(new Nodes(text).node(config.root(), "", 1), true));
        } catch (IncludeRefused e) {
            throw Malformed.at(lineOfInclude(text), 1, "hocon-include", "include is not allowed");
        } catch (ConfigException e) {
            int line = e.origin() == null ? 1 : e.origin().lineNumber();
            throw Malformed.at(line, 1, "hocon", e.getMessage() == null ? "not HOCON" : e.getMessage());
        } catch (StackOverflowError e) {
            // The library recurses over dotted keys and expressions as well; it holds nothing that this could break.
            throw Budget.tooDeep(1, 1);
        }
    }

    private static int lineOfInclude(String text) {
        String[] lines = text.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            if (lines[i].strip().startsWith("include")) {
                return i + 1;
            }
        }
        return 1;
    }

    /** Counts what could be a key, a value or a level, without understanding it. */
    private static void checkBounds(String text) {
        var budget = new Budget(FormatLimits.MAX_NODES_HEAVY);
        int line = 1;
        int lineStart = 0;
        boolean blank = true;
        int dots = 0;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            int column = at - lineStart + 1;
            if (c == '.' && ++dots > FormatLimits.MAX_DEPTH) {
                throw Budget.tooDeep(line, column);
            }
            if (c <= ' ' || ",:={}[]".indexOf(c) >= 0) {
                dots = 0;
            }
            switch (c) {
                case '"' -> {
                    budget.node(line, column);
                    int end = endOfString(text, at);
                    for (int i = at; i < end; i++) {
                        if (text.charAt(i) == '\n') {
                            line++;
                            lineStart = i + 1;
                        }
                    }
                    at = end - 1;
                    blank = false;
                }
                case '#' -> at = endOfLine(text, at) - 1;
                case '/' -> {
                    if (text.startsWith("//", at)) {
                        at = endOfLine(text, at) - 1;
                    }
                    blank = false;
                }
                case '{', '[' -> {
                    budget.node(line, column);
                    budget.enter(line, column);
                }
                case '}', ']' -> budget.leave();
                case ',', ':', '=', '$' -> budget.node(line, column);
                case '.', ' ', '\t' -> {
                    if (c == '.' || !blank) {
                        budget.node(line, column);
                    }
                }
                case '\n' -> {
                    if (!blank) {
                        budget.node(line, column);
                    }
                    blank = true;
                    line++;
                    lineStart = at + 1;
                }
                default -> blank = false;
            }
        }
    }

    private static int endOfLine(String text, int from) {
        int end = text.indexOf('\n', from);
        return end < 0 ? text.length() : end;
    }

    private static int endOfString(String text, int from) {
        if (text.startsWith("\"\"\"", from)) {
            int end = text.indexOf("\"\"\"", from + 3);
            return end < 0 ? text.length() : end + 3;
        }
        for (int at = from + 1; at < text.length(); at++) {
            char c = text.charAt(at);
            if (c == '\\') {
                at++;
            } else if (c == '"' || c == '\n') {
                return at + 1;
            }
        }
        return text.length();
    }

    private static final class Nodes {

        private final String[] lines;
        private final Budget budget = new Budget(FormatLimits.MAX_NODES_HEAVY);

        Nodes(String text) {
            lines = text.split("\n", -1);
        }

        ContentNode node(ConfigValue value, String name, int parentLine) {
            int line = Math.max(value.origin().lineNumber(), 1);
            if (value.origin().lineNumber() < 1) {
                line = parentLine;
            }
            int column = column(name, line);
            budget.node(line, column);
            try {
                return switch (value.valueType()) {
                    case OBJECT -> object((ConfigObject) value, line, column);
                    case LIST -> {
                        budget.enter(line, column);
                        var items = new ArrayList<ContentNode>();
                        for (ConfigValue item : (ConfigList) value) {
                            items.add(node(item, "", line));
                        }
                        budget.leave();
                        yield new ContentNode.Sequence(items, line, column);
                    }
                    case NUMBER -> {
                        boolean finite = Double.isFinite(((Number) value.unwrapped()).doubleValue());
                        yield Texts.number(finite ? value.render(PLAIN) : "1e999", line, column);
                    }
                    case BOOLEAN ->
                        new ContentNode.Scalar(
                                ContentNode.Kind.BOOLEAN, value.unwrapped().toString(), line, column);
                    case NULL -> new ContentNode.Scalar(ContentNode.Kind.NULL, "null", line, column);
                    case STRING ->
                        new ContentNode.Scalar(
                                ContentNode.Kind.STRING,
                                Texts.wellFormed(value.unwrapped().toString(), line, column),
                                line,
                                column);
                };
            } catch (ConfigException.NotResolved e) {
                return new ContentNode.Scalar(ContentNode.Kind.UNKNOWN, value.render(PLAIN), line, column);
            }
        }

        private ContentNode object(ConfigObject object, int line, int column) {
            List<Map.Entry<String, ConfigValue>> entries = new ArrayList<>(object.entrySet());
            budget.enter(line, column);
            // The library forgets the order.
            entries.sort(Comparator.<Map.Entry<String, ConfigValue>>comparingInt(
                            entry -> entry.getValue().origin().lineNumber())
                    .thenComparing(Map.Entry::getKey));
            var members = new LinkedHashMap<String, ContentNode>();
            for (Map.Entry<String, ConfigValue> entry : entries) {
                members.put(
                        Texts.wellFormed(entry.getKey(), line, column), node(entry.getValue(), entry.getKey(), line));
            }
            budget.leave();
            return new ContentNode.Mapping(members, line, column);
        }

        private int column(String name, int line) {
            return name.isEmpty() || line > lines.length ? 1 : Math.max(lines[line - 1].indexOf(name), 0) + 1;
        }
    }
}
