package dev.conflux.core.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.management.ThreadMXBean;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxError.Violation;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What nobody means well by: refused, and before it has cost anything. */
class BadInputTest {

    /** CPU time of one refusal, warm, with the quick compiler only: how busy the machine is does not count. */
    private static final long MAX_MILLIS = 200;

    private static final long MAX_ALLOCATED_BYTES = 20L * 1024 * 1024;

    private static final int MIB = FormatLimits.MAX_DOCUMENT_BYTES;

    record Cost<T>(T result, long millis, long allocatedBytes) {
        /** Of the second of two runs: the first loads classes. */
        static <T> Cost<T> of(Supplier<T> work) {
            Cost<T> cold = once(work);
            Cost<T> warm = once(work);
            assertThat(warm.result() == null).isEqualTo(cold.result() == null);
            return warm;
        }

        private static <T> Cost<T> once(Supplier<T> work) {
            var thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long bytes = thread.getCurrentThreadAllocatedBytes();
            long nanos = thread.getCurrentThreadCpuTime();
            T result = work.get();
            return new Cost<>(
                    result,
                    (thread.getCurrentThreadCpuTime() - nanos) / 1_000_000,
                    thread.getCurrentThreadAllocatedBytes() - bytes);
        }

        void check() {
            assertThat(allocatedBytes).as("bytes allocated").isLessThanOrEqualTo(MAX_ALLOCATED_BYTES);
            assertThat(millis).as("milliseconds").isLessThanOrEqualTo(MAX_MILLIS);
        }
    }

    private static Arguments bad(String format, String what, String content, String rule) {
        return bad(format, what, content.getBytes(StandardCharsets.UTF_8), rule);
    }

    private static Arguments bad(String format, String what, byte[] content, String rule) {
        return Arguments.of(format, what, content, rule);
    }

    /** {@code unit} as often as fits into a document between {@code head} and {@code tail}. */
    private static String full(String head, String unit, String tail) {
        return head + unit.repeat((MIB - head.length() - tail.length()) / unit.length()) + tail;
    }

    private static String numbered(String head, String unit, String tail) {
        var text = new StringBuilder(head);
        for (int i = 0; text.length() + unit.length() + 12 < MIB; i++) {
            text.append(unit.replace("%", Integer.toString(i)));
        }
        return text.append(tail).toString();
    }

    private static Stream<Arguments> yaml() {
        var bomb = new StringBuilder("a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (char c = 'b'; c <= 'j'; c++) {
            String before = "*" + (char) (c - 1);
            bomb.append(c)
                    .append(": &")
                    .append(c)
                    .append(" [")
                    .append((before + ",").repeat(8))
                    .append(before)
                    .append("]\n");
        }
        var chain = new StringBuilder("a0: &a0 [x]\n");
        for (int i = 1; i < 300; i++) {
            chain.append("a%d: &a%d [*a%d]\n".formatted(i, i, i - 1));
        }
        var merges = new StringBuilder("base: &b {");
        for (int i = 0; i < 1000; i++) {
            merges.append('k').append(i).append(": 1, ");
        }
        merges.append("}\n");
        for (int i = 0; i < 900; i++) {
            merges.append('m').append(i).append(": {<<: *b}\n");
        }
        return Stream.of(
                bad("yaml", "nine levels of aliases", bomb.toString(), "max-nodes"),
                bad("yaml", "aliases as a ladder", chain.toString(), "max-depth"),
                bad("yaml", "merges that multiply", merges.toString(), "max-nodes"),
                bad("yaml", "a great many aliases", "a: &a x\nb: [" + "*a,".repeat(2000) + "]", "max-aliases"),
                bad("yaml", "10^4 nested [", "[".repeat(10_000), "max-depth"),
                bad("yaml", "10^4 nested {", "{".repeat(10_000), "yaml"),
                bad("yaml", "10^4 nested values", "{a: ".repeat(10_000), "max-depth"),
                bad("yaml", "nested [ to the limit", full("", "[", ""), "max-depth"),
                bad("yaml", "nested - to the limit", full("", "- ", ""), "max-depth"),
                bad("yaml", "nested ? to the limit", full("", "? ", ""), "yaml"),
                bad("yaml", "nested keys on many lines", full("", "? \n", ""), "duplicate-key"),
                bad(
                        "yaml",
                        "a type",
                        "!!javax.script.ScriptEngineManager [!!java.net.URL [\"http://x/\"]]",
                        "yaml-tag"),
                bad("yaml", "a type of a scalar", "a: !!java.io.File /etc/passwd", "yaml-tag"),
                bad("yaml", "a local type", "a: !thing {b: 1}", "yaml-tag"),
                bad("yaml", "a type that does not fit", "a: !!int x", "yaml-tag"),
                bad("yaml", "a merge of itself", "a: &a\n  b: 1\n  <<: *a\n", "yaml"),
                bad("yaml", "an alias of itself", "&a [*a]", "yaml"),
                bad("yaml", "an unknown alias", "a: *b", "yaml"),
                bad("yaml", "a merge of a scalar", "a: {<<: 1}", "yaml"),
                bad("yaml", "duplicate keys", "a: 1\nb: 2\na: 3\n", "duplicate-key"),
                bad("yaml", "keys that are the same as text", "1: a\n\"1\": b\n", "duplicate-key"),
                bad("yaml", "a key that is a list", "? [a]\n: 1", "yaml"),
                bad("yaml", "too large", new byte[50 * MIB], "max-bytes"),
                bad("yaml", "a number beyond double", "a: 1e999", "number-range"),
                bad("yaml", "a number of 10^6 digits", full("a: ", "9", ""), "max-number-length"),
                bad("yaml", "a hexadecimal number of 10^6 digits", full("a: 0x", "f", ""), "max-number-length"),
                bad("yaml", "10^5 keys and more", numbered("", "k%: \n", ""), "max-nodes"),
                bad("yaml", "10^5 items and more", full("[", "1,", "]"), "max-nodes"),
                bad("yaml", "two documents", "a: 1\n---\nb: 2\n", "yaml"),
                bad("yaml", "trailing text", "{a: 1} b", "yaml"),
                bad("yaml", "a tab as indentation", "a:\n\tb: 1", "yaml"),
                bad("yaml", "a control character", "a: \"\u0007\"", "yaml"),
                bad("yaml", "an open quote to the limit", full("a: \"", "x", ""), "yaml"),
                bad("yaml", "not UTF-8", new byte[] {'a', ':', ' ', (byte) 0xff}, "utf-8"),
                bad("yaml", "UTF-16", "a: 1".getBytes(StandardCharsets.UTF_16), "utf-8"));
    }

    private static Stream<Arguments> xml() {
        var laughs = new StringBuilder("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"lol\">");
        for (int i = 1; i < 10; i++) {
            laughs.append("<!ENTITY l")
                    .append(i)
                    .append(" \"")
                    .append(("&l" + (i - 1) + ";").repeat(10))
                    .append("\">");
        }
        laughs.append("]><l>&l9;</l>");
        String quadratic =
                "<!DOCTYPE a [<!ENTITY b \"" + "x".repeat(100_000) + "\">]><a>" + "&b;".repeat(10_000) + "</a>";
        return Stream.of(
                bad("xml", "billion laughs", laughs.toString(), "xml-doctype"),
                bad("xml", "quadratic blow-up", quadratic, "xml-doctype"),
                bad(
                        "xml",
                        "a file",
                        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
                        "xml-doctype"),
                bad("xml", "an address", "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><a/>", "xml-doctype"),
                bad(
                        "xml",
                        "a parameter entity",
                        "<!-- x --><?p?>\n<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><a/>",
                        "xml-doctype"),
                bad("xml", "an entity from nowhere", "<a>&x;</a>", "xml"),
                bad("xml", "depth to the limit", full("", "<a>", ""), "max-depth"),
                bad("xml", "many elements", full("<a>", "<b/>", "</a>"), "max-nodes"),
                bad("xml", "many attributes", numbered("<a ", "k%='' ", "/>"), "xml"),
                bad("xml", "duplicate attributes", "<a b='1' b='2'/>", "xml"),
                bad("xml", "two roots", "<a/><b/>", "xml"),
                bad("xml", "an open element", "<a><b></a>", "xml"),
                bad("xml", "text around", "<a/>x", "xml"),
                bad("xml", "nothing", "", "xml"),
                bad("xml", "a control character", "<a>&#7;</a>", "xml"),
                bad("xml", "UTF-16 with a mark", "<a/>".getBytes(StandardCharsets.UTF_16), "utf-8"),
                bad("xml", "UTF-16 that says so", "<?xml version='1.0' encoding='UTF-16'?><a/>", "xml-encoding"),
                bad("xml", "UTF-7 that says so", "<?xml version='1.0' encoding='UTF-7'?>+ADw-a+AD4-", "xml-encoding"),
                bad("xml", "Latin-1", "<a>\u00e9</a>".getBytes(StandardCharsets.ISO_8859_1), "utf-8"));
    }

    private static Stream<Arguments> json() {
        var collisions = new StringBuilder("{");
        for (int i = 0; i < 1 << 16; i++) {
            for (int bit = 0; bit < 16; bit++) {
                collisions.append(bit == 0 ? "\"" : "").append((i >> bit & 1) == 0 ? "Aa" : "BB");
            }
            collisions.append("\":1,");
            if (collisions.length() > MIB - 60) {
                break;
            }
        }
        collisions.append("\"\":1}x");
        return Stream.of(
                bad("json", "depth 10^5", "[".repeat(100_000), "json"),
                bad("json", "depth to the limit", full("", "{\"a\":", ""), "json"),
                bad("json", "colliding keys", collisions.toString(), "json"),
                bad("json", "10^5 values and more", full("[", "0,", "0]"), "max-nodes"),
                bad("json", "10^5 keys and more", numbered("{", "\"%\":0,", "\"\":0}"), "max-nodes"),
                bad("json", "NaN", "{\"a\":NaN}", "json"),
                bad("json", "Infinity", "[-Infinity]", "json"),
                bad("json", "a number of 10^6 digits", full("[", "9", "]"), "json"),
                bad("json", "a number beyond double", "[1e309]", "number-range"),
                bad("json", "an exponent of many digits", "[1e-99999999999]", "number-range"),
                bad("json", "half a surrogate pair", "[\"\\ud800\"]", "unicode"),
                bad("json", "half a surrogate pair as a name", "{\"\\udc00\":1}", "unicode"),
                bad("json", "a NUL", "{\"a\":\"\0\"}", "utf-8"),
                bad("json", "a control character", "[\"\u0001\"]", "json"),
                bad("json", "trailing text", "{} {}", "json"),
                bad("json", "duplicate names", "{\"a\":1,\"\\u0061\":2}", "duplicate-key"),
                bad("json", "a comment", "{/**/}", "json"),
                bad("json", "a trailing comma", "[1,]", "json"),
                bad("json", "leading zeros", "[007]", "json"),
                bad("json", "nothing", "", "json"),
                bad("json", "blanks only", " \n", "json"),
                bad("json", "UTF-16", "{}".getBytes(StandardCharsets.UTF_16), "utf-8"),
                bad("json", "UTF-32", "[1]".getBytes(Charset.forName("UTF-32")), "utf-8"));
    }

    private static Stream<Arguments> toml() {
        return Stream.of(
                bad("toml", "nested lists", full("a = ", "[", ""), "max-depth"),
                bad("toml", "nested tables", full("a = ", "{a = ", ""), "max-depth"),
                bad("toml", "a key of 10^5 parts", full("", "a.", "a = 1"), "max-depth"),
                bad("toml", "a table of 10^5 parts", full("[", "a.", "a]"), "max-depth"),
                bad("toml", "many keys", numbered("", "k%=1\n", ""), "max-nodes"),
                bad("toml", "many items", full("a = [", "1,", "]"), "max-nodes"),
                bad("toml", "many tables", numbered("", "[t%]\n", ""), "max-nodes"),
                bad("toml", "a number of 10^6 digits", full("a = ", "9", ""), "toml"),
                bad("toml", "a number beyond double", "a = 1e999", "number-range"),
                bad("toml", "garbage to the limit", full("", "\u00e9", "").substring(0, MIB / 2), "toml"),
                bad("toml", "duplicate keys", "a = 1\na = 2\n", "duplicate-key"),
                bad("toml", "a table twice", "[a]\n[a]\n", "toml"),
                bad("toml", "a key over a value", "a = 1\na.b = 2\n", "toml"),
                bad("toml", "no value", "a =\n", "toml"),
                bad("toml", "an open string", "a = \"x", "toml"),
                bad("toml", "an open text", full("a = '''", "x", ""), "toml"),
                bad("toml", "a wrong escape", "a = \"\\q\"", "toml"),
                bad("toml", "half a surrogate pair", "a = \"\\ud800\"", "unicode"),
                bad("toml", "a wrong date", "a = 2026-13-45", "toml"),
                bad("toml", "trailing text", "a = 1 b = 2", "toml"),
                bad("toml", "a NUL", "a = \"\0\"", "utf-8"));
    }

    private static Stream<Arguments> lines() {
        return Stream.of(
                bad("ini", "no separator", "[a]\nkey\n", "ini"),
                bad("ini", "no key", "= 1", "ini"),
                bad("ini", "an open section", "[a\nb = 1\n", "ini"),
                bad("ini", "an empty section", "[]\n", "ini"),
                bad("ini", "a section twice", "[a]\n[b]\n[a]\n", "duplicate-key"),
                bad("ini", "a key twice", "[a]\nb = 1\nb = 2\n", "duplicate-key"),
                bad("ini", "a NUL", "a = \0", "utf-8"),
                bad("ini", "many keys", numbered("", "%=\n", ""), "max-nodes"),
                bad("ini", "many sections", numbered("", "[%]\n", ""), "max-nodes"),
                bad("properties", "a key twice", "a=1\na:2\n", "duplicate-key"),
                bad("properties", "a wrong escape", "a=\\u12g4", "properties"),
                bad("properties", "half a surrogate pair", "a=\\ud800", "unicode"),
                bad("properties", "a key of 10^5 parts", full("", "a.", "a=1"), "max-depth"),
                bad("properties", "many keys", numbered("", "%=\n", ""), "max-nodes"),
                bad("properties", "a NUL", "a=\0", "utf-8"),
                bad("properties", "not UTF-8", "a=\u00e9".getBytes(StandardCharsets.ISO_8859_1), "utf-8"),
                bad("hocon", "a file", "a = 1\ninclude file(\"/etc/passwd\")\n", "hocon-include"),
                bad("hocon", "an address", "include url(\"http://127.0.0.1:1/\")", "hocon-include"),
                bad("hocon", "a resource", "a { include classpath(\"logback.xml\") }", "hocon-include"),
                bad("hocon", "a name", "include \"application\"", "hocon-include"),
                bad("hocon", "a required file", "include required(file(\"/etc/passwd\"))", "hocon-include"),
                bad("hocon", "nested {", full("", "a{", ""), "max-depth"),
                bad("hocon", "nested [", full("a=", "[", ""), "max-depth"),
                bad("hocon", "a key of 10^4 parts", "a.".repeat(10_000) + "a = 1", "max-depth"),
                bad("hocon", "a key of 10^5 parts", full("", "a.", "a=1"), "max-depth"),
                bad("hocon", "many keys", numbered("", "k%=1\n", ""), "max-nodes"),
                bad("hocon", "many words", full("a = ", "x ", ""), "max-nodes"),
                bad("hocon", "many quoted words", full("a = ", "\"\"", ""), "max-nodes"),
                bad("hocon", "an open object", "a {", "hocon"),
                bad("hocon", "an open string", "a = \"x", "hocon"),
                bad("hocon", "a number beyond double", "a = 1e999", "number-range"),
                bad("hocon", "a NUL", "a = \0", "utf-8"),
                bad("text", "not UTF-8", new byte[] {'a', (byte) 0xc3}, "utf-8"));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource({"yaml", "xml", "json", "toml", "lines"})
    void shouldRefuseWithAPlaceAtNoCost(String format, String what, byte[] content, String rule) {
        ConfigFormat reader = Formats.installed().named(format).orElseThrow();

        Cost<ConfluxException> cost =
                Cost.of(() -> catchThrowableOfType(ConfluxException.class, () -> reader.parse(content)));

        assertThat(cost.result()).as("refused").isNotNull();
        assertThat(cost.result().error().code()).isEqualTo(ErrorCode.MALFORMED_CONTENT);
        Violation violation = ((ConfluxError.InvalidContent) cost.result().error())
                .violations()
                .getFirst();
        assertThat(violation.rule()).as(violation.message()).isEqualTo(rule);
        assertThat(violation.line()).isPositive();
        assertThat(violation.column()).isPositive();
        assertThat(violation.message())
                .isNotBlank()
                .hasSizeLessThanOrEqualTo(200)
                .doesNotContain("\n");
        cost.check();
    }

    private static Stream<Arguments> schemas() {
        return Stream.of(
                Arguments.of("a remote reference", "{\"$ref\":\"http://127.0.0.1:1/s\"}", "/$ref"),
                Arguments.of("a file", "{\"items\":{\"$ref\":\"file:///etc/passwd\"}}", "/items/$ref"),
                Arguments.of("a resource", "{\"$ref\":\"classpath:logback.xml\"}", "/$ref"),
                Arguments.of("a relative reference", "{\"$id\":\"http://127.0.0.1:1/\",\"$ref\":\"s.json\"}", "/$ref"),
                Arguments.of("a dynamic reference", "{\"$dynamicRef\":\"http://127.0.0.1:1/s#x\"}", "/$dynamicRef"),
                Arguments.of("a reference to nowhere", "{\"$ref\":\"#/$defs/x\"}", ""),
                Arguments.of("another dialect", "{\"$schema\":\"http://127.0.0.1:1/meta\"}", "/$schema"),
                Arguments.of("an old dialect", "{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "/$schema"),
                Arguments.of("a dialect inside", "{\"items\":{\"$schema\":\"http://127.0.0.1:1/\"}}", "/items/$schema"),
                Arguments.of("a wrong type", "{\"properties\":{\"a\":{\"type\":\"nubmer\"}}}", "/properties/a/type"),
                Arguments.of("a wrong keyword value", "{\"minLength\":-1}", "/minLength"),
                Arguments.of("a broken pattern", "{\"pattern\":\"(\"}", "/pattern"),
                Arguments.of("look-around", "{\"pattern\":\"(?=a)b\"}", "/pattern"),
                Arguments.of(
                        "a back reference", "{\"patternProperties\":{\"(a)\\\\1\":{}}}", "/patternProperties/(a)\\1"),
                Arguments.of("repetitions that multiply", "{\"pattern\":\"((a{100}){100}){100}\"}", "/pattern"),
                Arguments.of("a long pattern", "{\"pattern\":\"" + "a".repeat(2000) + "\"}", "/pattern"),
                Arguments.of("a list", "[]", ""),
                Arguments.of("no JSON", "{", ""),
                Arguments.of("depth", "{\"items\":".repeat(10_000), ""),
                Arguments.of("duplicate names", "{\"type\":\"object\",\"type\":\"array\"}", ""),
                Arguments.of(
                        "an XSD of another place",
                        XSD.formatted("<xs:include schemaLocation='http://127.0.0.1:1/'/>"),
                        "/xs:schema/xs:include"),
                Arguments.of(
                        "an XSD import",
                        XSD.formatted("<xs:import namespace='x' schemaLocation='file:///etc/passwd'/>"),
                        "/xs:schema/xs:import"),
                Arguments.of("an XSD with a document type", "<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>", ""),
                Arguments.of("an XSD that is none", "<x/>", ""),
                Arguments.of("an XSD with an unknown type", XSD.formatted("<xs:element name='a' type='xs:nope'/>"), ""),
                Arguments.of(
                        "an XSD with a catastrophic pattern",
                        XSD.formatted(
                                "<xs:simpleType name='t'><xs:restriction base='xs:string'><xs:pattern value='(a+)+b'/></xs:restriction></xs:simpleType>"),
                        "/xs:schema/xs:simpleType/xs:restriction/xs:pattern"),
                Arguments.of(
                        "an XSD that repeats without end",
                        XSD.formatted(
                                "<xs:element name='a'><xs:complexType><xs:sequence maxOccurs='100000000'><xs:element name='b'/><xs:element name='c'/></xs:sequence></xs:complexType></xs:element>"),
                        ""));
    }

    private static final String XSD = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>%s</xs:schema>";

    @ParameterizedTest(name = "{0}")
    @MethodSource("schemas")
    void shouldRefuseSchemasThatLeadOutOrNeverEnd(String what, String schema, String path) {
        Cost<ConfluxException> cost =
                Cost.of(() -> catchThrowableOfType(ConfluxException.class, () -> ContentSchemas.compiled(schema)));

        assertThat(cost.result()).as("refused").isNotNull();
        assertThat(cost.result().error().code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        List<Violation> violations =
                ((ConfluxError.InvalidContent) cost.result().error()).violations();
        assertThat(violations)
                .as("%s", violations)
                .anySatisfy(violation -> assertThat(violation.path()).isEqualTo(path));
        assertThat(violations)
                .allSatisfy(violation -> assertThat(violation.message()).startsWith("schema: "));
        cost.check();
    }

    private static Stream<Arguments> expensive() {
        var doubling = new StringBuilder("{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
        for (int i = 0; i < 40; i++) {
            doubling.append("\"a%d\":{\"allOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"$ref\":\"#/$defs/a%d\"}]},"
                    .formatted(i, i + 1, i + 1));
        }
        doubling.append("\"a40\":{}}}");
        return Stream.of(
                Arguments.of("a reference to itself", "{\"$ref\":\"#\"}", "1", "schema-cost"),
                Arguments.of(
                        "a ring of references",
                        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}",
                        "1",
                        "schema-cost"),
                Arguments.of("references that double", doubling.toString(), "1", "schema-cost"),
                Arguments.of(
                        "recursion that doubles with the depth",
                        "{\"items\":{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}}",
                        "[".repeat(100) + "]".repeat(100),
                        "schema-cost"),
                Arguments.of(
                        "a catastrophic pattern",
                        "{\"pattern\":\"^(a+)+$\"}",
                        "\"" + "a".repeat(100_000) + "!\"",
                        "pattern"),
                Arguments.of("another", "{\"pattern\":\"^(a|a)*b$\"}", "\"" + "a".repeat(100_000) + "!\"", "pattern"),
                Arguments.of(
                        "a pattern on a long text",
                        "{\"pattern\":\"(x+x+)+y{100}\"}",
                        "\"" + "x".repeat(1_000_000) + "\"",
                        "schema-cost"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("expensive")
    void shouldStopValidationThatNeverEnds(String what, String schema, String content, String rule) {
        ContentSchema compiled = ContentSchemas.compiled(schema);
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        ContentTree tree = new JsonFormat().parse(bytes).orElseThrow();

        Cost<List<Violation>> cost = Cost.of(() -> compiled.violations(tree, bytes));

        assertThat(cost.result()).extracting(Violation::rule).containsExactly(rule);
        assertThat(cost.millis()).isLessThanOrEqualTo(5 * MAX_MILLIS);
    }

    @Test
    void shouldLeaveAloneWhatLooksDangerousAndIsNot() {
        assertThat(tree("yaml", "a: yes\nb: no\nc: NO\nd: on\ne: 010\nf: 1_000\ng: 12:30\n"))
                .isEqualTo(
                        "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"NO\",\"d\":\"on\",\"e\":10,\"f\":\"1_000\",\"g\":\"12:30\"}");
        assertThat(tree("json", "{\"__proto__\":{\"admin\":true}}")).isEqualTo("{\"__proto__\":{\"admin\":true}}");
        assertThat(tree("xml", "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='/etc/passwd'/></a>"))
                .isEqualTo(
                        "{\"a\":{\"@xmlns:xi\":\"http://www.w3.org/2001/XInclude\",\"xi:include\":{\"@href\":\"/etc/passwd\"}}}");
        assertThat(
                        tree(
                                "xml",
                                "<?xml-stylesheet href='http://127.0.0.1:1/x.xsl'?><!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE b>]]></a>"))
                .isEqualTo("{\"a\":\"<!DOCTYPE b>\"}");
        assertThat(tree("toml", "a = nan\nb = -inf\n")).isEqualTo("{\"a\":\"nan\",\"b\":\"-inf\"}");
    }

    @Test
    void shouldNotResolveWhatOnlyTheApplicationKnows() {
        // given a substitution of the environment and one that doubles forty times
        var text = new StringBuilder("path = ${HOME}\npart = \"x\"${?USER}\na0 = [1]\n");
        for (int i = 1; i <= 40; i++) {
            text.append("a%d = ${a%d}${a%d}\n".formatted(i, i - 1, i - 1));
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);

        Cost<ContentTree> cost = Cost.of(() -> new HoconFormat().parse(bytes).orElseThrow());

        var found = new ArrayList<ContentNode.Kind>();
        for (String path : List.of("/path", "/part", "/a40")) {
            found.add(((ContentNode.Scalar) cost.result().find(path).orElseThrow()).kind());
        }
        assertThat(found).containsOnly(ContentNode.Kind.UNKNOWN);
        assertThat(ContentSchemas.compiled("{\"properties\":{\"path\":{\"type\":\"integer\"}}}")
                        .violations(cost.result(), bytes))
                .isEmpty();
        cost.check();
    }

    private static String tree(String format, String content) {
        return JsonTrees.text(Formats.installed()
                .named(format)
                .orElseThrow()
                .parse(content.getBytes(StandardCharsets.UTF_8))
                .orElseThrow()
                .root());
    }
}
