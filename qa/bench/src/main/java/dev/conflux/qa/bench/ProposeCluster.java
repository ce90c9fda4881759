package dev.conflux.qa.bench;

import dev.conflux.base.tls.DevCertificateAuthority;
import dev.conflux.tool.local.FreePorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Three member processes and the generator that drives their leader. */
final class ProposeCluster implements AutoCloseable {

    /** Which engine and transport. */
    enum Kind {
        OURS("ours, TLS 1.3"),
        STOCK("stock, plaintext");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        String text() {
            return text;
        }
    }

    static final int MEMBERS = 3;
    static final int COMMAND_BYTES = 256;

    /** Of a member: its rings, caches and buffers, and room to collect rarely. */
    static final int HEAP_MEBIBYTES = 256;

    private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
    private static final Duration GRACE = Duration.ofMinutes(2);

    private final List<ChildJvm> members;
    private final ChildJvm generator;

    private ProposeCluster(List<ChildJvm> members, ChildJvm generator) {
        this.members = members;
        this.generator = generator;
    }

    static ProposeCluster start(Setting setting, Kind kind, Path directory) throws IOException, InterruptedException {
        Path certificates = Files.createDirectories(directory).resolve("tls");
        List<Integer> ids = IntStream.rangeClosed(1, MEMBERS).boxed().toList();
        List<Integer> ports = FreePorts.take(MEMBERS);
        String peers =
                ids.stream().map(id -> id + "@127.0.0.1:" + ports.get(id - 1)).collect(Collectors.joining(","));
        if (kind == Kind.OURS) {
            new DevCertificateAuthority("Conflux benchmark CA").write(certificates, ProposeNode.CLUSTER, ids);
        }
        List<Path> own = Jars.own(setting.home());
        List<Path> classPath = kind == Kind.OURS ? own : Jars.stock(setting.home());
        var started = new ArrayList<ChildJvm>();
        try {
            for (int id : ids) {
                Path data = directory.resolve("node-" + id);
                started.add(ChildJvm.start(
                        "member " + id,
                        directory.resolve("node-" + id + ".log"),
                        Jars.options(setting, HEAP_MEBIBYTES),
                        classPath,
                        kind == Kind.OURS ? ProposeNode.class : StockNode.class,
                        List.of(Integer.toString(id), data.toString(), peers, certificates.toString())));
            }
            List<ChildJvm> members = List.copyOf(started);
            var clientPorts = new ArrayList<String>();
            for (ChildJvm member : members) {
                clientPorts.add(member.await("ready", START_TIMEOUT));
            }
            ChildJvm generator = ChildJvm.start(
                    "generator",
                    directory.resolve("generator.log"),
                    Jars.options(setting, 64),
                    own,
                    ProposeLoad.class,
                    List.of(clientPorts.get(leader(members)), Integer.toString(COMMAND_BYTES)));
            started.add(generator);
            generator.await("ready", START_TIMEOUT);
            return new ProposeCluster(members, generator);
        } catch (RuntimeException | InterruptedException e) {
            started.reversed().forEach(ChildJvm::close);
            throw e;
        }
    }

    /**
     * One measurement.
     *
     * @param memberCpuMicros all three, during the measured time
     */
    record Measured(Level level, long memberCpuMicros, long generatorCpuMicros) {

        double memberCpuPerOperation() {
            return (double) memberCpuMicros / level.operations();
        }

        double generatorCpuPerOperation() {
            return (double) generatorCpuMicros / level.operations();
        }
    }

    /** Any error or no result at all makes the figures void. */
    Measured measure(int concurrency, Duration warmUp, Duration measured) throws InterruptedException {
        generator.send("level " + concurrency + " " + warmUp.toMillis() + " " + measured.toMillis());
        generator.await("measuring", warmUp.plus(GRACE));
        long membersBefore = memberCpu();
        long generatorBefore = ProcessFigures.cpuMicros(generator.pid());
        Level level = Level.decode(generator.await("level", measured.plus(GRACE)));
        var result = new Measured(
                level, memberCpu() - membersBefore, ProcessFigures.cpuMicros(generator.pid()) - generatorBefore);
        if (level.errors() > 0 || level.operations() == 0) {
            throw new BenchException(level.errors() + " errors and " + level.operations() + " successes at concurrency "
                    + concurrency + " (expected: no errors)");
        }
        return result;
    }

    @Override
    public void close() {
        generator.close();
        members.parallelStream().forEach(ChildJvm::close);
    }

    private long memberCpu() {
        return ProcessFigures.cpuMicros(members.stream().map(ChildJvm::pid).toList());
    }

    /** The place of the member that leads. */
    private static int leader(List<ChildJvm> members) throws InterruptedException {
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (System.nanoTime() < deadline) {
            for (int i = 0; i < members.size(); i++) {
                members.get(i).send("status");
                if (Boolean.parseBoolean(members.get(i).await("leader", START_TIMEOUT))) {
                    return i;
                }
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
        throw new BenchException("no leader after " + START_TIMEOUT.toSeconds() + " s");
    }
}
