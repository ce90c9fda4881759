package dev.conflux.core.format;

import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Format;
import dev.conflux.core.model.Text;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.xml.XMLConstants;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import javax.xml.stream.util.StreamReaderDelegate;
import javax.xml.transform.stax.StAXSource;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import javax.xml.validation.Validator;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

/** An XML Schema 1.0. Includes and imports of other documents are refused; nothing is loaded from anywhere. */
final class XmlContentSchema implements ContentSchema {

    /** Ways that the JDK's backtracking engine may try the patterns of a schema on the longest text of a document. */
    private static final long MAX_WAYS = 10_000_000;

    /** The length that patterns are judged for when the schema is set. */
    private static final int USUAL_LENGTH = 64;

    private final Schema schema;
    private final List<String> patterns;

    private XmlContentSchema(Schema schema, List<String> patterns) {
        this.schema = schema;
        this.patterns = List.copyOf(patterns);
    }

    static XmlContentSchema compile(String text) {
        ContentNode root;
        try {
            root = XmlFormat.read(text);
        } catch (ConfluxException e) {
            throw ContentSchemas.unreadable(e);
        }
        var patterns = new ArrayList<String>();
        var found = new ArrayList<Violation>();
        lint("", "", root, patterns, found);
        if (!found.isEmpty()) {
            throw ContentSchemas.refused(found);
        }
        var problems = new ArrayList<Violation>();
        try {
            SchemaFactory factory = SchemaFactory.newDefaultInstance();
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            factory.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
            factory.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
            factory.setErrorHandler(new Collector(problems, "schema: "));
            Schema schema = factory.newSchema(new StreamSource(new StringReader(text)));
            if (problems.isEmpty()) {
                return new XmlContentSchema(schema, patterns);
            }
        } catch (SAXException e) {
            if (problems.isEmpty()) {
                problems.add(new Violation(
                        "", 1, 1, "schema", "schema: " + Malformed.oneLine(String.valueOf(e.getMessage()))));
            }
        }
        throw ContentSchemas.refused(problems);
    }

    /** References that lead out, and patterns that could take for ever. */
    private static void lint(String path, String name, ContentNode node, List<String> patterns, List<Violation> found) {
        String local = name.substring(name.indexOf(':') + 1);
        switch (node) {
            case ContentNode.Sequence sequence -> {
                for (int i = 0; i < sequence.items().size(); i++) {
                    lint(path + '/' + i, name, sequence.items().get(i), patterns, found);
                }
            }
            case ContentNode.Mapping mapping -> {
                ContentNode location = mapping.members().get("@schemaLocation");
                boolean leadsOut = local.equals("include")
                        || local.equals("redefine")
                        || local.equals("override")
                        || (local.equals("import") && location != null);
                if (leadsOut && found.size() < FormatLimits.MAX_VIOLATIONS) {
                    found.add(new Violation(
                            path,
                            node.line(),
                            node.column(),
                            "schema",
                            "schema: " + local + " of another document (nothing is loaded: put it into this one)"));
                }
                if (local.equals("pattern") && mapping.members().get("@value") instanceof ContentNode.Scalar regex) {
                    patterns.add(regex.text());
                    if (RegexSize.ways(regex.text(), USUAL_LENGTH) > MAX_WAYS
                            && found.size() < FormatLimits.MAX_VIOLATIONS) {
                        found.add(new Violation(
                                path,
                                node.line(),
                                node.column(),
                                "schema",
                                "schema: the pattern " + Text.excerpt(regex.text())
                                        + " can take too long (a repetition of something that itself repeats or"
                                        + " chooses): write it without"));
                    }
                }
                mapping.members()
                        .forEach((child, value) ->
                                lint(path + '/' + ContentTree.escape(child), child, value, patterns, found));
            }
            case ContentNode.Scalar scalar -> {}
        }
    }

    @Override
    public boolean judges(Format format) {
        return format.equals(Format.XML);
    }

    @Override
    public List<Violation> violations(ContentTree tree, byte[] content) {
        int longest = longest(tree.root());
        for (String pattern : patterns) {
            if (RegexSize.ways(pattern, longest) > MAX_WAYS) {
                return List.of(new Violation(
                        "",
                        1,
                        1,
                        "schema-cost",
                        "a text of " + longest + " characters takes too long to check by the schema's pattern "
                                + Text.excerpt(pattern)));
            }
        }
        var found = new ArrayList<Violation>();
        try {
            var reader = new PathReader(XmlFormat.reader(Texts.decode(content)));
            Validator validator = schema.newValidator();
            validator.setErrorHandler(new Places(found, reader, tree));
            validator.validate(new StAXSource(reader));
        } catch (SAXException e) {
            if (found.isEmpty()) {
                found.add(new Violation("", 1, 1, "xsd", Malformed.oneLine(String.valueOf(e.getMessage()))));
            }
        } catch (XMLStreamException | IOException e) {
            throw new IllegalStateException("a document that was read a moment ago", e);
        }
        return List.copyOf(found);
    }

    private static int longest(ContentNode node) {
        return switch (node) {
            case ContentNode.Scalar scalar -> scalar.text().length();
            case ContentNode.Sequence sequence -> {
                int longest = 0;
                for (ContentNode item : sequence.items()) {
                    longest = Math.max(longest, longest(item));
                }
                yield longest;
            }
            case ContentNode.Mapping mapping -> {
                int longest = 0;
                for (ContentNode member : mapping.members().values()) {
                    longest = Math.max(longest, longest(member));
                }
                yield longest;
            }
        };
    }

    /** "cvc-type.3.1.3: The value ..." is a rule and a message. */
    private static Violation violation(String path, int line, int column, String prefix, SAXParseException e) {
        String message = String.valueOf(e.getMessage());
        int end = message.indexOf(": ");
        boolean named = end > 0 && message.lastIndexOf(' ', end) < 0;
        return new Violation(
                path,
                Math.max(line, 1),
                Math.max(column, 1),
                !prefix.isEmpty() ? "schema" : named ? message.substring(0, end) : "xsd",
                prefix + Malformed.oneLine(named ? message.substring(end + 2) : message));
    }

    /** Of a schema: places as the parser tells them. */
    private static final class Collector implements ErrorHandler {

        private final List<Violation> found;
        private final String prefix;

        Collector(List<Violation> found, String prefix) {
            this.found = found;
            this.prefix = prefix;
        }

        @Override
        public void warning(SAXParseException e) {}

        @Override
        public void error(SAXParseException e) {
            if (found.size() < FormatLimits.MAX_VIOLATIONS) {
                found.add(violation("", e.getLineNumber(), e.getColumnNumber(), prefix, e));
            }
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXParseException {
            error(e);
            throw e;
        }
    }

    /** Of a content: at the element where the reader stands. */
    private static final class Places implements ErrorHandler {

        private final List<Violation> found;
        private final PathReader reader;
        private final ContentTree tree;

        Places(List<Violation> found, PathReader reader, ContentTree tree) {
            this.found = found;
            this.reader = reader;
            this.tree = tree;
        }

        @Override
        public void warning(SAXParseException e) {}

        @Override
        public void error(SAXParseException e) throws SAXParseException {
            ContentNode node = tree.root();
            var path = new StringBuilder();
            for (Step step : reader.path()) {
                ContentNode child = ContentTree.child(node, step.name);
                if (child == null) {
                    break;
                }
                path.append('/').append(ContentTree.escape(step.name));
                node = child;
                if (child instanceof ContentNode.Sequence sequence
                        && step.index < sequence.items().size()) {
                    path.append('/').append(step.index);
                    node = sequence.items().get(step.index);
                }
            }
            found.add(violation(path.toString(), node.line(), node.column(), "", e));
            if (found.size() >= FormatLimits.MAX_VIOLATIONS) {
                throw e;
            }
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXParseException {
            error(e);
            throw e;
        }
    }

    private record Step(String name, int index, Map<String, Integer> children) {}

    /** Knows where it is. */
    private static final class PathReader extends StreamReaderDelegate {

        private final ArrayDeque<Step> path = new ArrayDeque<>();
        private boolean ended;

        PathReader(XMLStreamReader reader) {
            super(reader);
        }

        Iterable<Step> path() {
            return path.reversed();
        }

        @Override
        public int next() throws XMLStreamException {
            if (ended) {
                path.pop();
                ended = false;
            }
            int event = super.next();
            if (event == XMLStreamConstants.START_ELEMENT) {
                String name = XmlFormat.name(getPrefix(), getLocalName());
                int index = path.isEmpty() ? 0 : path.peek().children.merge(name, 1, Integer::sum) - 1;
                path.push(new Step(name, index, new HashMap<>()));
            } else if (event == XMLStreamConstants.END_ELEMENT) {
                // Its text is judged at its end.
                ended = true;
            }
            return event;
        }
    }
}
