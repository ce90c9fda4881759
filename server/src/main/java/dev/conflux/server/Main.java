package dev.conflux.server;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import dev.conflux.consensus.jraft.IdentityException;
import dev.conflux.core.model.ConfluxException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.Security;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The node's process. Exit codes are part of its interface: a supervisor restarts on 70, a person looks at the others. */
public final class Main {

    static final int EXIT_USAGE = 64;

    /** The data directory is not this node's, or is in use. */
    static final int EXIT_IDENTITY = 65;

    /** It could not start: a port in use, a disk full. */
    static final int EXIT_UNAVAILABLE = 69;

    static final int EXIT_CONFIGURATION = 78;

    private static final String USAGE = """
            usage: conflux-server [--config FILE] [--check] [--stop-with-parent]

              --config FILE        the node's conflux.yaml; environment variables CONFLUX_* win over it
              --check              read and check the configuration, print what is in force, end
              --stop-with-parent   stop when standard input closes
              --help               this text

            examples
              conflux-server --config /etc/conflux/conflux.yaml
              CONFLUX_PROFILE=dev CONFLUX_STORAGE_DATA_DIR=/tmp/conflux conflux-server

            exit codes: 0 stopped, 64 usage, 65 the data directory is not this node's or is in use, 69 could not start,
            70 halted (a disk or engine error: see the log), 78 configuration
            """;

    private Main() {}

    public static void main(String[] arguments) {
        // Names of peers move (a pod gets another address): the JVM would believe an answer for 30 s, a failure for 10
        // s.
        Security.setProperty("networkaddress.cache.ttl", "5");
        Security.setProperty("networkaddress.cache.negative.ttl", "1");
        Optional<Path> file = Optional.empty();
        boolean check = false;
        boolean stopWithParent = false;
        List<String> given = List.of(arguments);
        for (int i = 0; i < given.size(); i++) {
            switch (given.get(i)) {
                case "--config" -> {
                    if (++i == given.size()) {
                        end(EXIT_USAGE, "--config: missing value\n" + USAGE);
                    }
                    file = Optional.of(Path.of(given.get(i)));
                }
                case "--check" -> check = true;
                case "--stop-with-parent" -> stopWithParent = true;
                case "--help", "-h" -> {
                    System.out.print(USAGE);
                    return;
                }
                default -> end(EXIT_USAGE, given.get(i) + ": unknown option\n" + USAGE);
            }
        }
        try {
            ServerConfig config = ServerConfig.load(file, System.getenv());
            if (check) {
                config.effective().forEach(System.out::println);
                return;
            }
            run(config, stopWithParent);
        } catch (IOException | RuntimeException | Error e) {
            end(e); // Also for an Error: threads that are running already would keep half a node alive.
        }
    }

    /** Ends the process with the code and the message that fit the failure. */
    private static void end(Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        switch (failure) {
            case IdentityException e -> end(EXIT_IDENTITY, message);
            case ConfigurationException e -> end(EXIT_CONFIGURATION, message);
            case ConfluxException e -> end(EXIT_CONFIGURATION, e.error().message());
            case IllegalArgumentException e -> end(EXIT_CONFIGURATION, message);
            default -> {
                LoggerFactory.getLogger(Main.class).error("start failed", failure);
                end(EXIT_UNAVAILABLE, "could not start: " + message);
            }
        }
    }

    private static void run(ServerConfig config, boolean stopWithParent) throws IOException {
        configureLog(config);
        Logger log = LoggerFactory.getLogger(Main.class);
        config.effective().forEach(line -> log.info("configuration {}", line));
        if (config.dev()) {
            log.warn("development profile: the client port is plaintext; never use it in production");
        }
        var node = new Wiring(config, System.getenv("CONFLUX_BOOTSTRAP_ADMIN_PASSWORD"));
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            log.info("stopping");
                            node.close();
                            log.info("stopped");
                        },
                        "stop"));
        if (stopWithParent) {
            Thread.ofPlatform().daemon().name("stop-with-parent").start(Main::stopAtEndOfInput);
        }
        node.start(Main::end);
    }

    private static void stopAtEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Whatever is written there is of no interest.
            }
        } catch (IOException e) {
            // A broken life line is a closed one.
        }
        System.exit(0);
    }

    private static void configureLog(ServerConfig config) {
        var context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        Encoder<ILoggingEvent> encoder = config.jsonLog() ? new JsonEncoder() : textEncoder(context);
        encoder.setContext(context);
        encoder.start();
        var appender = new ConsoleAppender<ILoggingEvent>();
        appender.setContext(context);
        appender.setEncoder(encoder);
        appender.start();
        context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.WARN);
        context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(appender);
        context.getLogger("dev.conflux").setLevel(Level.toLevel(config.logLevel()));
        // The engine reports every attempt to reach a peer that is down; our transport says it once.
        context.getLogger("com.alipay").setLevel(Level.ERROR);
        // It logs every schema and pattern that it stops at: those are answers, not events.
        context.getLogger("com.networknt").setLevel(Level.OFF);
    }

    private static Encoder<ILoggingEvent> textEncoder(LoggerContext context) {
        var encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern("%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX,UTC} %-5level %logger{0} %msg%n");
        return encoder;
    }

    private static void end(int code, String message) {
        System.err.println("conflux-server: " + message);
        System.exit(code);
    }
}
