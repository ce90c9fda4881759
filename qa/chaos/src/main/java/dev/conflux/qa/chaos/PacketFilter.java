package dev.conflux.qa.chaos;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Packets dropped by the kernel instead of bytes held back by proxies: everything runs in a network namespace of its
 * own, whose loopback has a packet filter; what a node says to another is told by the address of the pair ({@link
 * Network}). Connections live through a cut as between machines: by retransmissions, further and further apart. Needs
 * root, {@code unshare}, {@code ip} and {@code nft}. Late packets take netem, which not every kernel has: delays,
 * bandwidths and whatever concerns single connections are left out.
 */
final class PacketFilter {

    static final Set<FaultKind> NOT_WITHOUT_PROXIES =
            EnumSet.of(FaultKind.DELAY, FaultKind.BANDWIDTH, FaultKind.RESET, FaultKind.REFUSE, FaultKind.HALF_OPEN);

    /** Set in the process that is inside. */
    private static final String PROPERTY = "conflux.chaos.netns";

    private static final String TABLE = "inet conflux_chaos";

    /** A chain that looks at what arrives on loopback. */
    private static final String SETUP =
            "add table " + TABLE + "\nadd chain " + TABLE + " faults { type filter hook input priority 0; }\n";

    private record Pair(int from, int to) {}

    /** Guarded by this. */
    private final Map<Pair, Flow.Fault> faults = new HashMap<>();

    PacketFilter() {
        apply();
    }

    static boolean inUse() {
        return Boolean.getBoolean(PROPERTY);
    }

    /** What keeps this machine from it; empty when nothing does. */
    static String obstacle() {
        if (!Os.run("id", "-u").strip().equals("0")) {
            return "it needs root, for a network namespace";
        }
        String tried = Os.run("unshare", "--net", "sh", "-c", "ip link set lo up && nft add table " + TABLE);
        return tried.isEmpty() ? "" : "it needs unshare, ip and nft, and a kernel that filters: " + tried.strip();
    }

    /** Carries the harness out again, inside; its exit code. */
    static int inside(Class<?> main, List<String> arguments) {
        var command =
                new ArrayList<>(List.of("unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""));
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(
                List.of("-D" + PROPERTY + "=true", "-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(arguments);
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor();
        } catch (IOException e) {
            throw new ChaosException("no process in a network namespace", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChaosException("interrupted", e);
        }
    }

    /** From now on this happens to what one node says to another. */
    synchronized void set(int from, int to, Flow.Fault fault) {
        faults.put(new Pair(from, to), fault);
        apply();
    }

    /** All rules anew, in one step. */
    private synchronized void apply() {
        var rules =
                new StringBuilder(SETUP).append("flush chain ").append(TABLE).append(" faults\n");
        BiConsumer<Pair, String> drop = (pair, when) -> {
            // What it sends on connections that it has opened, then on those that it has accepted.
            rule(rules, "daddr " + Network.address(pair.from(), pair.to()).getHostAddress() + when);
            rule(rules, "saddr " + Network.address(pair.to(), pair.from()).getHostAddress() + when);
        };
        faults.forEach((pair, fault) -> {
            if (fault.cut()) {
                drop.accept(pair, "");
            } else if (fault.lossPercent() > 0) {
                drop.accept(pair, " numgen random mod 100 < " + fault.lossPercent());
            }
        });
        nft(rules.toString());
    }

    private static void rule(StringBuilder rules, String match) {
        rules.append("add rule ")
                .append(TABLE)
                .append(" faults ip ")
                .append(match)
                .append(" drop\n");
    }

    private static void nft(String commands) {
        try {
            Process process = new ProcessBuilder("nft", "-f", "-")
                    .redirectErrorStream(true)
                    .start();
            try (var in = process.getOutputStream()) {
                in.write(commands.getBytes(StandardCharsets.UTF_8));
            }
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new ChaosException("nft: " + output);
            }
        } catch (IOException e) {
            throw new ChaosException("nft cannot be run", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ChaosException("interrupted", e);
        }
    }
}
