package dev.conflux.qa.chaos;

import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** A client of a sample service that repeats nothing. Stays with a node until that fails. One thread. */
final class SampleClient implements Closeable {

    private static final int WANDER = 20;
    private static final int BACKOFF_MILLIS = 60;

    private final SampleTarget target;
    private final SplittableRandom random;
    private int node;
    private @Nullable LineClient connection;

    SampleClient(SampleTarget target, SplittableRandom random) {
        this.target = target;
        this.random = random;
        this.node = target.another(0, random);
    }

    /**
     * What became of a request.
     *
     * @param words of the answer after its {@code ok}; empty unless OK
     */
    record Reply(Fate fate, List<String> words) {

        long revision() {
            return Long.parseLong(words.getFirst());
        }
    }

    /** Whom the next request goes to. */
    int node() {
        if (random.nextInt(WANDER) == 0) {
            moveOn();
        }
        return node;
    }

    Reply send(String line) {
        Reply reply = attempt(line);
        if (reply.fate() != Fate.OK) {
            moveOn();
            Os.sleep(Duration.ofMillis(1 + random.nextInt(BACKOFF_MILLIS)));
        }
        return reply;
    }

    private Reply attempt(String line) {
        boolean harmless = line.startsWith("read ");
        try {
            LineClient open = connection;
            if (open == null) {
                open = new LineClient(target.clientPort(node), ConfluxClient.TIMEOUT);
                connection = open;
            }
            String answer = open.ask(line);
            if (answer.startsWith("ok ")) {
                return new Reply(Fate.OK, List.of(answer.substring(3).split(" ", -1)));
            }
            return new Reply(harmless || answer.startsWith("failed ") ? Fate.FAIL : Fate.UNKNOWN, List.of());
        } catch (ConnectException e) {
            close();
            return new Reply(Fate.FAIL, List.of());
        } catch (IOException e) {
            close();
            return new Reply(harmless ? Fate.FAIL : Fate.UNKNOWN, List.of());
        }
    }

    private void moveOn() {
        close();
        node = target.another(node, random);
    }

    @Override
    public void close() {
        LineClient open = connection;
        connection = null;
        if (open != null) {
            open.close();
        }
    }
}
