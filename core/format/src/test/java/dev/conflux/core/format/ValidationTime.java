package dev.conflux.core.format;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a publish pays for reading and judging 1 KiB of JSON. Not a test: {@code java -cp ... ValidationTime}, best of ten
 * rounds and the median, in microseconds.
 */
final class ValidationTime {

    private static final int ROUNDS = 10;
    private static final int CALLS = 20_000;

    private ValidationTime() {}

    static String content() {
        var text = new StringBuilder(
                "{\"server\":{\"port\":8080,\"host\":\"config.example.org\",\"tls\":true},\"features\":[");
        for (int i = 0; text.length() < 1000; i++) {
            text.append(i == 0 ? "" : ",")
                    .append("{\"name\":\"feature-")
                    .append(i)
                    .append("\",\"on\":true,\"share\":0.5}");
        }
        return text.append("]}").toString();
    }

    static final String SCHEMA = """
            {"type":"object","required":["server"],"additionalProperties":false,"properties":{
              "server":{"type":"object","properties":{"port":{"type":"integer","minimum":1,"maximum":65535},
                "host":{"type":"string","pattern":"^[a-z.]+$"},"tls":{"type":"boolean"}}},
              "features":{"type":"array","maxItems":100,"items":{"type":"object","required":["name"],"properties":{
                "name":{"type":"string","maxLength":64},"on":{"type":"boolean"},"share":{"type":"number","maximum":1}}}}}}""";

    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) {
        byte[] content = content().getBytes(StandardCharsets.UTF_8);
        var format = new JsonFormat();
        ContentSchema schema = ContentSchemas.compiled(SCHEMA);
        long[] parse = new long[ROUNDS];
        long[] both = new long[ROUNDS];
        int sink = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                sink += format.parse(content).orElseThrow().root().size();
            }
            long middle = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                sink += ContentSchemas.compiled(SCHEMA)
                        .violations(format.parse(content).orElseThrow(), content)
                        .size();
            }
            parse[round] = (middle - start) / CALLS;
            both[round] = (System.nanoTime() - middle) / CALLS;
        }
        if (schema.violations(format.parse(content).orElseThrow(), content).size() != 0) {
            throw new IllegalStateException("the content must fit");
        }
        Arrays.sort(parse);
        Arrays.sort(both);
        System.out.printf(
                "%d bytes: read %.1f us (best %.1f), read and judge %.1f us (best %.1f) [%d]%n",
                content.length,
                parse[ROUNDS / 2] / 1000.0,
                parse[0] / 1000.0,
                both[ROUNDS / 2] / 1000.0,
                both[0] / 1000.0,
                sink);
    }
}
