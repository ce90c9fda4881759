package dev.conflux.qa.bench;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/**
 * HTTP/1.1 load in a process of its own: N keep-alive connections, each with one request in flight and a virtual thread
 * that knows just enough HTTP. For what wrk cannot do (bodies that differ) and for machines without it.
 *
 * <p>Command: {@code level <port> <concurrency> <warm-up ms> <measured ms>}. Answers: {@code measuring}, then
 * {@code level …}.
 */
final class HttpLoad {

    /** What a request carries. */
    enum Mode {
        /** GET of each path in turn. */
        GET,
        /** POST of a publish request to each path in turn, its content different every time. */
        PUBLISH
    }

    private static final int BUFFER = 16 * 1024;

    private final Mode mode;
    private final List<String> paths;
    private final String headers;
    private final AtomicInteger turn = new AtomicInteger();
    private final AtomicLong contents = new AtomicLong();

    private HttpLoad(Mode mode, List<String> paths, List<String> headers) {
        this.mode = mode;
        this.paths = paths;
        this.headers =
                String.join("", headers.stream().map(line -> line + "\r\n").toList());
    }

    /** Arguments: mode, file with paths, file with headers. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        var load = new HttpLoad(
                Mode.valueOf(arguments[0]),
                Files.readAllLines(Path.of(arguments[1])),
                Files.readAllLines(Path.of(arguments[2])));
        var line = new LifeLine();
        line.say("ready");
        for (String command = line.next(); command != null; command = line.next()) {
            String[] words = command.split(" ", -1);
            Level level = load.run(
                    line,
                    Integer.parseInt(words[1]),
                    Integer.parseInt(words[2]),
                    Duration.ofMillis(Long.parseLong(words[3])),
                    Duration.ofMillis(Long.parseLong(words[4])));
            line.say("level " + level.encode());
        }
    }

    /** A publish request's body: {@code size} bytes of JSON text that no other request has. */
    static String content(long number, int size) {
        String start = "{\"number\":" + number + ",\"text\":\"";
        return start + "x".repeat(Math.max(0, size - start.length() - 2)) + "\"}";
    }

    private Level run(LifeLine line, int port, int concurrency, Duration warmUp, Duration measured)
            throws InterruptedException {
        long start = System.nanoTime() + warmUp.toNanos();
        long end = start + measured.toNanos();
        var workers = new ArrayList<Worker>();
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < concurrency; i++) {
            var worker = new Worker(port, start, end);
            workers.add(worker);
            threads.add(Thread.ofVirtual().start(worker));
        }
        TimeUnit.NANOSECONDS.sleep(start - System.nanoTime());
        line.say("measuring");
        for (Thread thread : threads) {
            thread.join();
        }
        Histogram latencies = Level.histogram();
        long errors = 0;
        long ended = end;
        for (Worker worker : workers) {
            ended = Math.max(ended, worker.ended);
            latencies.add(worker.latencies);
            errors += worker.errors;
        }
        return new Level(concurrency, latencies.getTotalCount(), errors, ended - start, latencies);
    }

    private byte[] nextRequest() {
        String path = paths.get(Math.floorMod(turn.getAndIncrement(), paths.size()));
        if (mode == Mode.GET) {
            return ("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n")
                    .getBytes(StandardCharsets.US_ASCII);
        }
        String content = content(contents.getAndIncrement(), PublishBenchmark.CONTENT_BYTES);
        String body = "{\"content\":\"" + content.replace("\"", "\\\"") + "\"}";
        return ("POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length() + "\r\n" + headers + "\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    private final class Worker implements Runnable {

        private final int port;
        private final long start;
        private final long end;
        private final Histogram latencies = Level.histogram();
        private long errors;
        private long ended;

        Worker(int port, long start, long end) {
            this.port = port;
            this.start = start;
            this.end = end;
        }

        @Override
        public void run() {
            try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setTcpNoDelay(true);
                socket.setSoTimeout(Math.toIntExact(Duration.ofSeconds(30).toMillis()));
                var in = new BufferedInputStream(socket.getInputStream(), BUFFER);
                boolean over = false;
                while (!over) {
                    byte[] request = nextRequest();
                    long sent = System.nanoTime();
                    socket.getOutputStream().write(request);
                    int status = answer(in);
                    long now = System.nanoTime();
                    over = Level.isOver(now, end, latencies);
                    if (status != 200) {
                        errors++;
                    } else if (now >= start && !over) {
                        latencies.recordValue(now - sent);
                        ended = now;
                    }
                }
            } catch (IOException e) {
                errors++;
                System.err.println("a connection broke: " + e);
            }
        }

        private int answer(InputStream in) throws IOException {
            String first = line(in);
            int status = Integer.parseInt(first.substring(9, 12)); // HTTP/1.1 200 OK
            long length = -1;
            for (String header = line(in); !header.isEmpty(); header = line(in)) {
                if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                    length = Long.parseLong(header.substring(15).strip());
                }
            }
            if (length < 0) {
                throw new IOException("an answer without a length: " + first);
            }
            String body = status == 200 ? "" : new String(in.readNBytes((int) length), StandardCharsets.UTF_8);
            if (status == 200) {
                in.skipNBytes(length);
            } else if (errors == 0) {
                System.err.println(first + ": " + body);
            }
            return status;
        }

        private String line(InputStream in) throws IOException {
            var text = new StringBuilder(64);
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new EOFException("the node has closed the connection");
                }
                if (c != '\r') {
                    text.append((char) c);
                }
            }
            return text.toString();
        }
    }
}
