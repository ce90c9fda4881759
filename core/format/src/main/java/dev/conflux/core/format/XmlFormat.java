package dev.conflux.core.format;

import dev.conflux.core.model.Format;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.xml.stream.Location;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * XML 1.0 in UTF-8 without a document type: no entities but the five, nothing external. As a tree: an element is a mapping
 * of its attributes ({@code @name}), its elements and its text ({@code #text}), or just its text when it has nothing else;
 * elements of the same name are a sequence; the root stands under its name. XInclude and style sheets are not acted on.
 */
public final class XmlFormat implements ConfigFormat {

    @Override
    public Format format() {
        return Format.XML;
    }

    @Override
    public List<String> mediaTypes() {
        return List.of("application/xml", "text/xml");
    }

    @Override
    public Optional<ContentTree> parse(byte[] content) {
        return Optional.of(new ContentTree(read(Texts.decode(content)), false));
    }

    /** The JDK's, not whatever the class path offers. One per document: a factory is not for several threads. */
    static XMLStreamReader reader(String text) throws XMLStreamException {
        XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        factory.setProperty(XMLInputFactory.IS_COALESCING, true);
        // Ours comes first, and says the same in every format.
        factory.setProperty("jdk.xml.maxElementDepth", Integer.toString(FormatLimits.MAX_DEPTH + 2));
        factory.setXMLResolver((publicId, systemId, baseUri, namespace) -> {
            throw new XMLStreamException("external entities are not read");
        });
        return factory.createXMLStreamReader(new StringReader(text));
    }

    /** Also for schemas. */
    static ContentNode read(String text) {
        refuseDocumentType(text);
        try {
            XMLStreamReader reader = reader(text);
            String encoding = reader.getCharacterEncodingScheme();
            if (encoding != null && !encoding.toUpperCase(Locale.ROOT).equals("UTF-8")) {
                throw Malformed.at(1, 1, "xml-encoding", "an encoding other than UTF-8 is declared");
            }
            var budget = new Budget(FormatLimits.MAX_NODES);
            var elements = new Elements(reader, text, budget);
            while (reader.getEventType() != XMLStreamConstants.START_ELEMENT) {
                elements.next();
            }
            var root = new LinkedHashMap<String, ContentNode>();
            root.put(name(reader.getPrefix(), reader.getLocalName()), elements.element());
            while (reader.getEventType() != XMLStreamConstants.END_DOCUMENT) {
                elements.next();
            }
            return new ContentNode.Mapping(root, 1, 1);
        } catch (XMLStreamException e) {
            Location at = e.getLocation();
            String message = e.getMessage() == null ? "not XML" : e.getMessage();
            int start = message.indexOf("Message: ");
            throw Malformed.at(
                    at == null ? 1 : at.getLineNumber(),
                    at == null ? 1 : at.getColumnNumber(),
                    "xml",
                    start < 0 ? message : message.substring(start + 9));
        }
    }

    /** The parser would skip it; it may stand before the root only, among comments and instructions. */
    private static void refuseDocumentType(String text) {
        int at = 0;
        while (true) {
            int next = text.indexOf('<', at);
            if (next < 0) {
                return;
            }
            String end;
            if (text.startsWith("<!--", next)) {
                end = "-->";
            } else if (text.startsWith("<?", next)) {
                end = "?>";
            } else if (text.startsWith("<!", next)) {
                throw Texts.at(text, next, "xml-doctype", "a document type (DOCTYPE) is not allowed");
            } else {
                return;
            }
            int closed = text.indexOf(end, next + 2);
            if (closed < 0) {
                return;
            }
            at = closed + end.length();
        }
    }

    static String name(@Nullable String prefix, String local) {
        return prefix == null || prefix.isEmpty() ? local : prefix + ':' + local;
    }

    /** Events to nodes, with the place where each element begins: the reader only knows where it ends. */
    private static final class Elements {

        private final XMLStreamReader reader;
        private final String text;
        private final Budget budget;
        private int offset;
        private int line = 1;
        private int lineStart;

        Elements(XMLStreamReader reader, String text, Budget budget) {
            this.reader = reader;
            this.text = text;
            this.budget = budget;
        }

        int next() throws XMLStreamException {
            return reader.next();
        }

        /** At a start tag; leaves at the end tag. */
        ContentNode element() throws XMLStreamException {
            seekTag();
            int startLine = line;
            int startColumn = offset - lineStart + 1;
            offset++;
            budget.node(startLine, startColumn);
            budget.enter(startLine, startColumn);
            var members = new LinkedHashMap<String, ContentNode>();
            for (int i = 0; i < reader.getNamespaceCount(); i++) {
                String prefix = reader.getNamespacePrefix(i);
                attribute(
                        members,
                        prefix == null ? "@xmlns" : "@xmlns:" + prefix,
                        reader.getNamespaceURI(i),
                        startLine,
                        startColumn);
            }
            for (int i = 0; i < reader.getAttributeCount(); i++) {
                attribute(
                        members,
                        '@' + name(reader.getAttributePrefix(i), reader.getAttributeLocalName(i)),
                        reader.getAttributeValue(i),
                        startLine,
                        startColumn);
            }
            var children = new LinkedHashMap<String, List<ContentNode>>();
            var characters = new StringBuilder();
            while (next() != XMLStreamConstants.END_ELEMENT) {
                switch (reader.getEventType()) {
                    case XMLStreamConstants.START_ELEMENT -> {
                        String child = name(reader.getPrefix(), reader.getLocalName());
                        children.computeIfAbsent(child, key -> new ArrayList<>())
                                .add(element());
                    }
                    case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA, XMLStreamConstants.SPACE ->
                        characters.append(reader.getText());
                    case XMLStreamConstants.ENTITY_REFERENCE ->
                        throw Malformed.at(startLine, startColumn, "xml", "an entity that is not one of the five");
                    default -> {}
                }
            }
            budget.leave();
            String own = characters.toString();
            if (members.isEmpty() && children.isEmpty()) {
                return new ContentNode.Scalar(ContentNode.Kind.STRING, own, startLine, startColumn);
            }
            for (Map.Entry<String, List<ContentNode>> child : children.entrySet()) {
                List<ContentNode> nodes = child.getValue();
                ContentNode first = nodes.getFirst();
                members.put(
                        child.getKey(),
                        nodes.size() == 1 ? first : new ContentNode.Sequence(nodes, first.line(), first.column()));
            }
            if (!own.isBlank()) {
                budget.node(startLine, startColumn);
                members.put(
                        "#text", new ContentNode.Scalar(ContentNode.Kind.STRING, own.strip(), startLine, startColumn));
            }
            return new ContentNode.Mapping(members, startLine, startColumn);
        }

        private void attribute(
                Map<String, ContentNode> members, String name, @Nullable String value, int line, int column) {
            budget.node(line, column);
            members.put(
                    name, new ContentNode.Scalar(ContentNode.Kind.STRING, value == null ? "" : value, line, column));
        }

        /** The document is well-formed up to here, so the next tag that is no comment, CDATA, instruction or end is it. */
        private void seekTag() {
            while (true) {
                if (text.startsWith("<!--", offset)) {
                    skipPast("-->");
                } else if (text.startsWith("<![CDATA[", offset)) {
                    skipPast("]]>");
                } else if (text.startsWith("<?", offset)) {
                    skipPast("?>");
                } else if (text.charAt(offset) == '<' && text.charAt(offset + 1) != '/') {
                    return;
                } else {
                    step();
                }
            }
        }

        private void skipPast(String end) {
            int to = text.indexOf(end, offset) + end.length();
            while (offset < to) {
                step();
            }
        }

        private void step() {
            if (text.charAt(offset++) == '\n') {
                line++;
                lineStart = offset;
            }
        }
    }
}
