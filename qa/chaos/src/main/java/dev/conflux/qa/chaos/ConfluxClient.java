package dev.conflux.qa.chaos;

import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** A client of the product that repeats nothing: one request, one fate. Stays with a node until that fails. One thread. */
final class ConfluxClient implements Closeable {

    /** Longer than a node's own for reads, shorter than its for writes: both ends of time are seen. */
    static final Duration TIMEOUT = Duration.ofMillis(3_500);

    /** Now and then it goes elsewhere of its own accord: one in so many requests. */
    private static final int WANDER = 20;

    private static final int BACKOFF_MILLIS = 60;

    /** Refused before the log, as the disk is full. */
    private static final int NO_SPACE = 507;

    private final ConfluxTarget target;
    private final SplittableRandom random;
    private int node;
    private @Nullable RawHttp connection;

    ConfluxClient(ConfluxTarget target, SplittableRandom random) {
        this.target = target;
        this.random = random;
        this.node = target.another(0, random);
    }

    /** What became of a request; {@code answer} is there unless the connection failed. */
    record Reply(Fate fate, RawHttp.@Nullable Answer answer) {

        RawHttp.Answer ok() {
            if (answer == null || fate != Fate.OK) {
                throw new ChaosException("not answered: " + this);
            }
            return answer;
        }
    }

    /** Whom the next request goes to. */
    int node() {
        if (random.nextInt(WANDER) == 0) {
            moveOn();
        }
        return node;
    }

    Reply read(String path, String consistency) {
        return send("GET", path, "X-Conflux-Consistency: " + consistency + "\r\n", "", true);
    }

    Reply write(String method, String path, String headers, String body) {
        return send(method, path, "Content-Type: application/json\r\n" + headers, body, false);
    }

    private Reply send(String method, String path, String headers, String body, boolean harmless) {
        Reply reply = attempt(method, path, headers, body, harmless);
        if (reply.fate() != Fate.OK && (reply.answer() == null || reply.answer().status() >= 500)) {
            moveOn();
            Os.sleep(Duration.ofMillis(1 + random.nextInt(BACKOFF_MILLIS)));
        }
        return reply;
    }

    private Reply attempt(String method, String path, String headers, String body, boolean harmless) {
        try {
            RawHttp http = connection;
            if (http == null) {
                http = new RawHttp(target.httpPort(node), TIMEOUT);
                connection = http;
            }
            RawHttp.Answer answer =
                    http.send(method, path, "Authorization: Bearer " + target.token() + "\r\n" + headers, body);
            return new Reply(fate(answer.status(), harmless), answer);
        } catch (ConnectException e) {
            close();
            return new Reply(Fate.FAIL, null);
        } catch (IOException e) {
            close();
            return new Reply(harmless ? Fate.FAIL : Fate.UNKNOWN, null);
        }
    }

    /** By the wire contract: only 504, and what no contract foresees, leaves it open. */
    private static Fate fate(int status, boolean harmless) {
        if (status < 300) {
            return Fate.OK;
        }
        return harmless || status < 500 || status == 503 || status == NO_SPACE ? Fate.FAIL : Fate.UNKNOWN;
    }

    /** Leaves the node for another one. */
    void moveOn() {
        close();
        node = target.another(node, random);
    }

    @Override
    public void close() {
        RawHttp open = connection;
        connection = null;
        if (open != null) {
            open.close();
        }
    }
}
