package dev.conflux.qa.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;

/** The benchmark's end of an {@link HttpLoad} process. */
final class HttpGenerator implements AutoCloseable {

    private static final Duration GRACE = Duration.ofMinutes(2);

    private final ChildJvm process;

    private HttpGenerator(ChildJvm process) {
        this.process = process;
    }

    /** Writes two small files into {@code directory}, named after {@code name}. */
    static HttpGenerator start(
            Setting setting, String name, HttpLoad.Mode mode, List<String> paths, List<String> headers)
            throws IOException, InterruptedException {
        Path pathFile = Files.write(setting.directory().resolve(name + ".paths"), paths);
        Path headerFile = Files.write(setting.directory().resolve(name + ".headers"), headers);
        ChildJvm process = ChildJvm.start(
                name,
                setting.directory().resolve(name + ".log"),
                Jars.options(setting, 128),
                Jars.own(setting.home()),
                HttpLoad.class,
                List.of(mode.name(), pathFile.toString(), headerFile.toString()));
        process.await("ready", GRACE);
        return new HttpGenerator(process);
    }

    /**
     * One measurement.
     *
     * @param serverCpuMicros of the processes named, during the measured time
     */
    record Measured(Level level, long serverCpuMicros, long generatorCpuMicros) {

        double serverCpuPerOperation() {
            return (double) serverCpuMicros / level.operations();
        }

        double generatorCpuPerOperation() {
            return (double) generatorCpuMicros / level.operations();
        }
    }

    /** Any error or no result at all makes the figures void. */
    Measured measure(int port, int concurrency, Duration warmUp, Duration measured, LongSupplier serverCpuMicros)
            throws InterruptedException {
        process.send("level " + port + " " + concurrency + " " + warmUp.toMillis() + " " + measured.toMillis());
        process.await("measuring", warmUp.plus(GRACE));
        long serversBefore = serverCpuMicros.getAsLong();
        long generatorBefore = ProcessFigures.cpuMicros(process.pid());
        Level level = Level.decode(process.await("level", measured.plus(GRACE)));
        var result = new Measured(
                level,
                serverCpuMicros.getAsLong() - serversBefore,
                ProcessFigures.cpuMicros(process.pid()) - generatorBefore);
        if (level.errors() > 0 || level.operations() == 0) {
            throw new BenchException(level.errors() + " errors and " + level.operations() + " successes at concurrency "
                    + concurrency + " (expected: no errors; the generator's log says which)");
        }
        return result;
    }

    @Override
    public void close() {
        process.close();
    }
}
