package dev.conflux.tool.local;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/** Ports for processes that are started, killed and started again at the same address. */
public final class FreePorts {

    /** Below those that systems give to outgoing connections, which would take the port of a process that is down. */
    private static final int FIRST = 10_000;

    private static final int COUNT = 10_000;

    private static final AtomicInteger next = new AtomicInteger(new Random().nextInt(COUNT));

    private FreePorts() {}

    /** Ports of 127.0.0.1 that nobody listens on, none of them given before by this process. */
    public static List<Integer> take(int count) {
        var ports = new ArrayList<Integer>();
        for (int tries = 0; ports.size() < count; tries++) {
            if (tries > COUNT) {
                throw new LocalException("no " + count + " free ports from " + FIRST + " to " + (FIRST + COUNT - 1));
            }
            int port = FIRST + Math.floorMod(next.getAndIncrement(), COUNT);
            try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                ports.add(socket.getLocalPort());
            } catch (IOException e) {
                // Somebody else's: the next one.
            }
        }
        return List.copyOf(ports);
    }
}
