package dev.conflux.qa.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The child's end of {@link ChildJvm}: commands come in, answers go out, and the end of the input is the end. */
final class LifeLine {

    private final BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    /** The next command; null when the parent has closed the line or has gone. */
    @Nullable
    String next() throws IOException {
        return in.readLine();
    }

    void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
