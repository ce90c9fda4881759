package dev.conflux.core.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.conflux.consensus.api.LogEntry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * One log, applied by processes that differ in whatever must not matter. Each process iterates {@code Set.of} and
 * {@code Map.of} in an order of its own, which no test within one process can see.
 */
class OtherProcessTest {

    private static final int COMMANDS = 600;

    private static final List<List<String>> PROCESSES = List.of(
            List.of("-Duser.language=tr", "-Duser.country=TR", "-Duser.timezone=Asia/Kathmandu"),
            List.of("-Xint", "-Duser.language=ar", "-Duser.country=EG", "-Dfile.encoding=ISO-8859-1"),
            List.of("-XX:+UseParallelGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=America/St_Johns"));

    @Test
    void shouldAnswerAndEndAlikeInEveryProcess() throws Exception {
        long seed = Long.getLong("conflux.seed", System.nanoTime());
        System.out.println("conflux.seed=" + seed);
        String here = Replay.fingerprint(seed);
        for (List<String> options : PROCESSES) {
            assertThat(elsewhere(options, seed))
                    .as("seed %d with %s", seed, options)
                    .isEqualTo(here);
        }
    }

    private static String elsewhere(List<String> options, long seed) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Replay.class.getName(), "" + seed));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as("exit code with %s", options).isZero();
        return said.strip();
    }

    /** What the processes run. */
    static final class Replay {

        private Replay() {}

        public static void main(String[] arguments) throws Exception {
            System.out.println(fingerprint(Long.parseLong(arguments[0])));
        }

        /** Of every answer, and of every byte of the state. */
        static String fingerprint(long seed) throws Exception {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            var store = new InMemoryStateStore();
            try (var state =
                    new ConfigState(store, new StateLimits(20, 7_200_000, 30, 15, 1_200_000), 4_000, new Appliers())) {
                List<LogEntry> log = Commands.random(seed, COMMANDS);
                for (int i = 0; i < log.size(); i += 7) {
                    state.apply(log.subList(i, Math.min(log.size(), i + 7))).forEach(digest::update);
                }
                for (StateArea area : StateArea.values()) {
                    store.scan(area.from(), area.to(), StateReads.Order.ASCENDING, (key, value) -> {
                        digest.update(key);
                        digest.update(value);
                        return true;
                    });
                }
                return state.view().revision() + " " + state.view().digest() + " "
                        + HexFormat.of().formatHex(digest.digest());
            }
        }
    }
}
