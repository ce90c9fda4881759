package dev.conflux.qa.chaos;

import dev.conflux.base.failpoint.ArmedFailpoints;
import dev.conflux.tool.local.LocalCluster;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;

/** The packaged node with the one jar beside its own that arms its failpoints. Its other jars are linked, not copied. */
final class ArmedDistribution {

    private static boolean used; // guarded by the class

    private ArmedDistribution() {}

    /** From now on {@link LocalCluster} starts armed nodes. */
    static synchronized void use() {
        if (used) {
            return;
        }
        Path packaged = LocalCluster.distribution();
        try {
            // Beside the packaged one, whose unpacked PostgreSQL it shares.
            Path armed = Files.createTempDirectory(packaged.toAbsolutePath().getParent(), "conflux-armed-");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> Os.delete(armed), "armed-distribution"));
            Files.createDirectories(armed.resolve("bin"));
            Files.createDirectories(armed.resolve("lib"));
            Files.copy(
                    packaged.resolve("bin/conflux-server"),
                    armed.resolve("bin/conflux-server"),
                    StandardCopyOption.COPY_ATTRIBUTES);
            try (Stream<Path> jars = Files.list(packaged.resolve("lib"))) {
                for (Path jar : jars.toList()) {
                    Files.createSymbolicLink(armed.resolve("lib").resolve(jar.getFileName()), jar.toAbsolutePath());
                }
            }
            Path arming = Path.of(ArmedFailpoints.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            // The last of the jars: one before them would make the AOT cache useless.
            Files.createSymbolicLink(armed.resolve("lib").resolve("zz-armed-failpoints.jar"), arming.toAbsolutePath());
            System.setProperty(LocalCluster.DISTRIBUTION_PROPERTY, armed.toString());
            used = true;
        } catch (IOException | URISyntaxException e) {
            throw new ChaosException("the packaged node in " + packaged + " cannot be armed", e);
        }
    }
}
