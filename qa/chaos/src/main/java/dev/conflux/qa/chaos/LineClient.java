package dev.conflux.qa.chaos;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** The sample services' protocol: a line there, a line back. One thread. */
final class LineClient implements Closeable {

    private final Socket socket;
    private final BufferedReader in;

    /** Nothing has been sent when this throws. */
    LineClient(int port, Duration timeout) throws ConnectException {
        socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(Math.toIntExact(timeout.toMillis()));
            socket.connect(
                    new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port),
                    Math.toIntExact(timeout.toMillis()));
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            close();
            var refused = new ConnectException(String.valueOf(e.getMessage()));
            refused.initCause(e);
            throw refused;
        }
    }

    /** After an exception nobody knows whether the request was carried out. */
    String ask(String line) throws IOException {
        send(line);
        return answer();
    }

    /** Does not wait; {@link #answer} does. */
    void send(String line) throws IOException {
        socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    String answer() throws IOException {
        String answer = in.readLine();
        if (answer == null) {
            throw new EOFException("connection closed");
        }
        return answer;
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
