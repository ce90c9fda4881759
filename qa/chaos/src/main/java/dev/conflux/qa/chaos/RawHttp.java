package dev.conflux.qa.chaos;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * HTTP/1.1 over one connection, sending exactly what it is told, once: a library's hidden retries would falsify the
 * history. One thread.
 */
final class RawHttp implements Closeable {

    private static final int BUFFER = 16 * 1024;

    private final Socket socket;
    private final InputStream in;

    /** Nothing has been sent when this throws. */
    RawHttp(int port, Duration timeout) throws ConnectException {
        socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(Math.toIntExact(timeout.toMillis()));
            socket.connect(
                    new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port),
                    Math.toIntExact(timeout.toMillis()));
            in = new BufferedInputStream(socket.getInputStream(), BUFFER);
        } catch (IOException e) {
            close();
            var refused = new ConnectException(String.valueOf(e.getMessage()));
            refused.initCause(e);
            throw refused;
        }
    }

    /**
     * An answer.
     *
     * @param headers names in lower case
     */
    record Answer(int status, Map<String, String> headers, String body) {

        String header(String name) {
            return headers.getOrDefault(name, "");
        }

        /** The number behind the first {@code "name":} in the body; -1 when there is none. */
        long number(String name) {
            String field = "\"" + name + "\":";
            int start = body.indexOf(field);
            if (start < 0) {
                return -1;
            }
            int end = start + field.length();
            int from = end;
            while (end < body.length() && Character.isDigit(body.charAt(end))) {
                end++;
            }
            return end == from ? -1 : Long.parseLong(body.substring(from, end));
        }

        /** The problem's code; empty when it has none. */
        String code() {
            int start = body.indexOf("\"code\":\"");
            return start < 0 ? "" : body.substring(start + 8, body.indexOf('"', start + 8));
        }
    }

    /**
     * Sends and waits. After an exception the connection is useless, and nobody knows whether the request was carried
     * out.
     *
     * @param headers lines, each ended by CR LF
     */
    Answer send(String method, String path, String headers, String body) throws IOException {
        send(method, path, headers, body.getBytes(StandardCharsets.UTF_8));
        Answer head = head();
        return new Answer(head.status(), head.headers(), new String(body(head), StandardCharsets.UTF_8));
    }

    /** Sends, and reads no more than the headers: {@link #line} reads the body of a stream. */
    Answer open(String path, String headers) throws IOException {
        send("GET", path, headers, new byte[0]);
        return head();
    }

    private void send(String method, String path, String headers, byte[] body) throws IOException {
        var request = new ByteArrayOutputStream(512);
        request.writeBytes((method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "Content-Length: "
                        + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.UTF_8));
        request.writeBytes(body);
        socket.getOutputStream().write(request.toByteArray());
    }

    private Answer head() throws IOException {
        String status = line();
        var headers = new TreeMap<String, String>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        return new Answer(Integer.parseInt(status.split(" ", 3)[1]), headers, "");
    }

    private byte[] body(Answer head) throws IOException {
        if (head.header("transfer-encoding").equals("chunked")) {
            var body = new ByteArrayOutputStream();
            for (int size = chunk(); size > 0; size = chunk()) {
                body.writeBytes(exactly(size));
                line();
            }
            line();
            return body.toByteArray();
        }
        String length = head.header("content-length");
        return length.isEmpty() ? new byte[0] : exactly(Integer.parseInt(length));
    }

    private int chunk() throws IOException {
        return Integer.parseInt(line(), 16);
    }

    private byte[] exactly(int count) throws IOException {
        byte[] bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw new EOFException("connection closed within a body");
        }
        return bytes;
    }

    /** The next line without its end. */
    String line() throws IOException {
        var line = new ByteArrayOutputStream(64);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("connection closed");
            }
            if (c != '\r') {
                line.write(c);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // It is of no use any more anyway.
        }
    }
}
