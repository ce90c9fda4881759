package dev.conflux.adapter.postgres;

import dev.conflux.core.service.OwnerOnlyFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real PostgreSQL server that belongs to this process: for a single node, for development, for tests. Durable (fsync
 * on), with a password (scram-sha-256), reachable from this machine only.
 *
 * <p>Its life is tied to ours by a small shell between the two, which holds one end of a pipe: when the JVM ends, in
 * whatever way, the pipe closes and the shell shuts PostgreSQL down. If that shell was killed too, the next start finds
 * the orphan by its pid file and data directory and stops it first. A server that dies is started again.
 *
 * <p>One platform thread owns the server; all methods may be called from any thread.
 */
public final class EmbeddedPostgres implements AutoCloseable {

    /**
     * Where it lives.
     *
     * @param directory for data, programs and passwords; created, for the owner alone
     * @param port on 127.0.0.1; 0 = any free one
     * @param binaries where the unpacked programs are kept
     */
    public record Settings(Path directory, int port, Path binaries) {

        public Settings {
            directory = directory.toAbsolutePath().normalize();
            binaries = binaries.toAbsolutePath().normalize();
            if (port < 0 || port > 65_535) {
                throw new IllegalArgumentException("port: " + port + " (expected: 0 to 65535)");
            }
        }

        /** Programs go into the directory as well. */
        public static Settings in(Path directory, int port) {
            return sharing(directory, directory, port);
        }

        /**
         * Programs go below {@code programs}, where any number of servers and processes use the same ones: unpacking
         * takes seconds.
         */
        public static Settings sharing(Path programs, Path directory, int port) {
            return new Settings(directory, port, programs.resolve("postgresql-" + PostgresBinaries.VERSION));
        }
    }

    private static final Logger log = LoggerFactory.getLogger(EmbeddedPostgres.class);

    private static final String USER = "conflux";
    private static final String DATABASE = "conflux";
    private static final String HOST = "127.0.0.1";
    /** 192 bits. */
    private static final int PASSWORD_BYTES = 24;

    /** The layout of the data directory; another one needs an upgrade by dump and restore. */
    private static final String DATA_MAJOR_VERSION =
            PostgresBinaries.VERSION.substring(0, PostgresBinaries.VERSION.indexOf('.'));

    private static final Duration INITDB_LIMIT = Duration.ofMinutes(2);
    /** After a crash it may have to replay its log. */
    private static final Duration READY_LIMIT = Duration.ofMinutes(5);

    private static final Duration READY_POLL = Duration.ofMillis(10);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);
    private static final Duration FIRST_RESTART = Duration.ofMillis(250);
    private static final Duration LAST_RESTART = Duration.ofSeconds(30);
    /** A port taken, children of a killed server still ending: passes. More: tell the operator. */
    private static final int FIRST_START_ATTEMPTS = 5;

    private static final int LOG_TAIL_CHARS = 2_000;

    /**
     * Small: some thousand rows, a few connections per node. max_connections: 4 per node and a migration each, for
     * seven nodes. No replication: that is what an external PostgreSQL is for.
     */
    private static final Map<String, String> CONFIGURATION = Map.ofEntries(
            Map.entry("listen_addresses", HOST),
            Map.entry("unix_socket_directories", ""),
            Map.entry("fsync", "on"),
            Map.entry("synchronous_commit", "on"),
            Map.entry("full_page_writes", "on"),
            Map.entry("password_encryption", "scram-sha-256"),
            Map.entry("shared_buffers", "16MB"),
            Map.entry("max_connections", "40"),
            Map.entry("max_wal_size", "64MB"),
            Map.entry("wal_level", "minimal"),
            Map.entry("max_wal_senders", "0"),
            Map.entry("max_logical_replication_workers", "0"),
            Map.entry("max_worker_processes", "2"),
            Map.entry("autovacuum_max_workers", "1"),
            Map.entry("io_method", "sync"),
            Map.entry("jit", "off"),
            Map.entry("log_checkpoints", "off"),
            Map.entry("timezone", "UTC"));

    /**
     * $1 = seconds until the shutdown becomes an immediate one, the rest = the server's command. Standard input is the
     * JVM's pipe: its end is the signal. "read" is built in, so killing the watcher leaves nothing behind.
     */
    private static final String WATCHDOG = """
            patience=$1; shift
            # A session of its own: Ctrl-C in a terminal is for the JVM, which then stops the server in order.
            if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
            exec 3<&0
            "$@" </dev/null 3<&- &
            server=$!
            trap '' INT TERM HUP
            (
              while read -r _ <&3; do :; done
              kill -INT "$server"
              while [ "$patience" -gt 0 ] && kill -0 "$server" 2>/dev/null; do sleep 1; patience=$((patience - 1)); done
              kill -QUIT "$server"
            ) 2>/dev/null &
            watcher=$!
            exec 3<&-
            wait "$server"
            result=$?
            kill -KILL "$watcher" 2>/dev/null
            exit "$result"
            """;

    private static final int WATCHDOG_PATIENCE_SECONDS = 3;

    /** How to get rid of root; a test takes the second best way. */
    @FunctionalInterface
    interface LaunchChoice {
        UnprivilegedLaunch choose() throws IOException, InterruptedException;
    }

    private final Settings settings;
    private final LaunchChoice launchChoice;
    private final Path data;
    private final Path serverLog;
    private final CompletableFuture<PostgresUrl> url = new CompletableFuture<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread owner;
    private volatile long postmasterPid;
    /** Guarded by {@code this}. */
    private @Nullable Process watchdog;

    private EmbeddedPostgres(Settings settings, LaunchChoice launchChoice) {
        this.settings = settings;
        this.launchChoice = launchChoice;
        this.data = settings.directory().resolve("data");
        this.serverLog = settings.directory().resolve("server.log");
        this.owner = Thread.ofPlatform().name("embedded-postgres").daemon().unstarted(this::own);
    }

    /** Starts in the background; returns at once. See {@link #url} for how it went. */
    public static EmbeddedPostgres start(Settings settings) {
        return start(settings, UnprivilegedLaunch::detect);
    }

    static EmbeddedPostgres start(Settings settings, LaunchChoice launchChoice) {
        var postgres = new EmbeddedPostgres(settings, launchChoice);
        postgres.owner.start();
        return postgres;
    }

    /**
     * Completes when the server takes connections; exceptionally, with a message for the operator, when it cannot be
     * started. Valid until {@link #close}, also over restarts of the server.
     */
    public CompletableFuture<PostgresUrl> url() {
        return url.copy();
    }

    /** The server's process; 0 = none yet. */
    long postmasterPid() {
        return postmasterPid;
    }

    /** Shuts the server down and waits for it, ten seconds at most. Idempotent. */
    @Override
    public void close() {
        closed.countDown();
        stopServer();
        owner.interrupt();
        try {
            owner.join(STOP_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        url.completeExceptionally(new IllegalStateException("the embedded PostgreSQL is closed"));
    }

    private void own() {
        try {
            OwnerOnlyFile.createDirectory(settings.directory());
            try (FileChannel lockFile = FileChannel.open(
                    settings.directory().resolve("owner.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                lock(lockFile);
                UnprivilegedLaunch launch = launchChoice.choose();
                prepare(launch);
                try {
                    keepRunning(launch);
                } finally {
                    // Before the lock goes: the next owner must not find ours.
                    stopServer();
                }
            }
        } catch (IOException | RuntimeException e) {
            boolean expected = closed.getCount() == 0;
            if (url.completeExceptionally(e) && !expected) {
                log.atError()
                        .setMessage("embedded_postgres_failed")
                        .addKeyValue("directory", settings.directory())
                        .addKeyValue("reason", e.getMessage())
                        .log();
            }
        } catch (InterruptedException e) {
            // Closed.
            Thread.currentThread().interrupt();
        }
    }

    private static void lock(FileChannel file) throws IOException {
        try {
            FileLock lock = file.tryLock();
            if (lock != null) {
                return;
            }
        } catch (OverlappingFileLockException e) {
            // Another part of this very process.
        }
        throw new IOException(
                "another running process owns the embedded PostgreSQL in this directory (expected: one node per data"
                        + " directory; other nodes use its URL)");
    }

    private void prepare(UnprivilegedLaunch launch) throws IOException, InterruptedException {
        String architecture = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (!architecture.equals("Linux amd64")) {
            throw new IOException("the embedded PostgreSQL is for Linux on x86-64, this is " + architecture
                    + " (set database.url to a PostgreSQL of your own)");
        }
        Files.setPosixFilePermissions(settings.directory(), PosixFilePermissions.fromString("rwx------"));
        PostgresBinaries.unpack(settings.binaries());
        stopOrphan();
        Path passwordFile = settings.directory().resolve("superuser-password");
        boolean initialized = Files.exists(data.resolve("PG_VERSION"));
        if (!Files.exists(passwordFile)) {
            if (initialized) {
                throw new IOException(passwordFile + " is missing, and " + data + " needs it (restore it from a backup;"
                        + " or remove the directory to start with an empty database)");
            }
            byte[] password = new byte[PASSWORD_BYTES];
            new SecureRandom().nextBytes(password);
            OwnerOnlyFile.write(
                    passwordFile, Base64.getUrlEncoder().withoutPadding().encodeToString(password));
        }
        launch.own(settings.directory());
        launch.own(settings.binaries());
        launch.requireExecutable(program("postgres"));
        if (!initialized) {
            initialize(launch, passwordFile);
        }
        String major = Files.readString(data.resolve("PG_VERSION")).strip();
        if (!major.equals(DATA_MAJOR_VERSION)) {
            throw new IOException(data + " was written by PostgreSQL " + major + ", this one is " + DATA_MAJOR_VERSION
                    + " (dump it with the old release of Conflux and restore it here)");
        }
    }

    private void initialize(UnprivilegedLaunch launch, Path passwordFile) throws IOException, InterruptedException {
        String prefix = "data.initializing.";
        try (DirectoryStream<Path> unfinished = Files.newDirectoryStream(settings.directory(), prefix + "*")) {
            for (Path path : unfinished) {
                deleteUnfinished(path);
            }
        }
        Path initializing =
                settings.directory().resolve(prefix + ProcessHandle.current().pid());
        Path output = settings.directory().resolve("initdb.log");
        Process initdb = new ProcessBuilder(launch.command(List.of(
                        program("initdb").toString(),
                        "--pgdata=" + initializing,
                        "--username=" + USER,
                        "--pwfile=" + passwordFile,
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                        // Sorts the same on every machine, whatever its C library.
                        "--locale=C",
                        "--locale-provider=builtin",
                        "--builtin-locale=C.UTF-8",
                        "--wal-segsize=4")))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            initdb.getOutputStream().close();
            if (!initdb.waitFor(INITDB_LIMIT.toSeconds(), TimeUnit.SECONDS) || initdb.exitValue() != 0) {
                throw new IOException("initdb failed: " + tail(output));
            }
        } finally {
            initdb.destroyForcibly();
        }
        // Replaces initdb's list, which also lets in replication and, were there sockets, local users.
        Files.writeString(initializing.resolve("pg_hba.conf"), """
                # Written by Conflux. Everybody, from this machine only, with a password.
                host all all %s/32 scram-sha-256
                """.formatted(HOST));
        Files.deleteIfExists(output);
        Files.move(initializing, data, StandardCopyOption.ATOMIC_MOVE);
        OwnerOnlyFile.syncDirectory(settings.directory());
    }

    /** Of a start that was cut short; its initdb may still be writing for a moment, so it may take another start. */
    private static void deleteUnfinished(Path path) {
        try {
            PostgresBinaries.delete(path);
        } catch (IOException e) {
            log.atInfo()
                    .setMessage("embedded_postgres_leftover")
                    .addKeyValue("directory", path)
                    .log();
        }
    }

    private void keepRunning(UnprivilegedLaunch launch) throws IOException, InterruptedException {
        int port = settings.port();
        int failures = 0;
        Duration pause = FIRST_RESTART;
        while (closed.getCount() > 0) {
            try {
                if (port == 0 || (settings.port() == 0 && !url.isDone())) {
                    port = freePort();
                }
                Process started = launchServer(launch, port);
                if (started == null) {
                    return;
                }
                awaitReady(started);
                PostgresUrl address = address(port);
                createDatabase(address);
                OwnerOnlyFile.write(settings.directory().resolve("connection-url"), address.withPassword() + "\n");
                log.atInfo()
                        .setMessage("embedded_postgres_started")
                        .addKeyValue("database", address)
                        .addKeyValue("pid", postmasterPid)
                        .log();
                url.complete(address);
                failures = 0;
                pause = FIRST_RESTART;
                int result = started.waitFor();
                if (closed.getCount() > 0) {
                    log.atError()
                            .setMessage("embedded_postgres_ended")
                            .addKeyValue("result", result)
                            .addKeyValue("log", tail(serverLog))
                            .log();
                }
            } catch (IOException | SQLException e) {
                failures++;
                if (!url.isDone() && failures >= FIRST_START_ATTEMPTS) {
                    throw new IOException("PostgreSQL does not start: " + e.getMessage(), e);
                }
                log.atWarn()
                        .setMessage("embedded_postgres_not_started")
                        .addKeyValue("reason", e.getMessage())
                        .log();
            }
            stopServer();
            if (closed.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
            pause = pause.multipliedBy(2).compareTo(LAST_RESTART) > 0 ? LAST_RESTART : pause.multipliedBy(2);
            // Somebody may have killed the watchdog alone.
            stopOrphan();
        }
    }

    private synchronized @Nullable Process launchServer(UnprivilegedLaunch launch, int port) throws IOException {
        if (closed.getCount() == 0) {
            return null;
        }
        if (Files.exists(serverLog)) {
            Files.move(
                    serverLog,
                    settings.directory().resolve("server.log.1"),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        }
        OwnerOnlyFile.write(serverLog, "");
        List<String> server = new ArrayList<>(
                List.of(program("postgres").toString(), "-D", data.toString(), "-p", Integer.toString(port)));
        CONFIGURATION.forEach((name, value) -> {
            server.add("-c");
            server.add(name + "=" + value);
        });
        List<String> command = new ArrayList<>(
                List.of("/bin/sh", "-c", WATCHDOG, "conflux-postgres", Integer.toString(WATCHDOG_PATIENCE_SECONDS)));
        command.addAll(launch.command(server));
        Process started = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(serverLog.toFile()))
                .start();
        watchdog = started;
        return started;
    }

    /** PostgreSQL writes "ready" as the eighth line of its pid file. */
    private void awaitReady(Process started) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + READY_LIMIT.toNanos();
        while (!started.waitFor(READY_POLL.toMillis(), TimeUnit.MILLISECONDS)) {
            List<String> lines = pidFile();
            if (lines.size() >= 8 && lines.get(7).startsWith("ready")) {
                long pid = Long.parseLong(lines.getFirst().strip());
                // The file may still be the previous server's.
                if (started.children().anyMatch(child -> child.pid() == pid)) {
                    postmasterPid = pid;
                    return;
                }
            }
            if (System.nanoTime() - deadline > 0) {
                throw new IOException("not ready after " + READY_LIMIT.toMinutes() + " minutes; its log ends with: "
                        + tail(serverLog));
            }
        }
        throw new IOException("it ended with " + started.exitValue() + "; its log ends with: " + tail(serverLog));
    }

    private PostgresUrl address(int port) throws IOException {
        String password = Files.readString(settings.directory().resolve("superuser-password"))
                .strip();
        return new PostgresUrl(HOST + ":" + port, DATABASE, USER, password, Map.of());
    }

    private static void createDatabase(PostgresUrl url) throws SQLException {
        var maintenance = new PostgresUrl(url.hosts(), "postgres", url.user(), url.password(), Map.of());
        try (Connection connection = DriverManager.getConnection(maintenance.jdbcUrl(), maintenance.login());
                PreparedStatement exists = connection.prepareStatement("select 1 from pg_database where datname = ?")) {
            exists.setString(1, DATABASE);
            if (!exists.executeQuery().next()) {
                try (Statement create = connection.createStatement()) {
                    create.execute("create database " + DATABASE);
                }
            }
        }
    }

    private void stopServer() {
        Process stopping;
        synchronized (this) {
            stopping = watchdog;
            watchdog = null;
        }
        if (stopping == null) {
            return;
        }
        try {
            stopping.getOutputStream().close();
            if (!stopping.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                stopping.children().forEach(ProcessHandle::destroyForcibly);
            }
        } catch (IOException e) {
            // It is gone already.
        } catch (InterruptedException e) {
            // The pipe is closed, so it ends without us.
            Thread.currentThread().interrupt();
        }
    }

    private void stopOrphan() throws IOException, InterruptedException {
        OptionalLong orphan = runningServer();
        if (orphan.isEmpty()) {
            return;
        }
        long pid = orphan.getAsLong();
        log.atWarn()
                .setMessage("embedded_postgres_orphan_stopped")
                .addKeyValue("pid", pid)
                .addKeyValue("directory", data)
                .log();
        Optional<ProcessHandle> process = ProcessHandle.of(pid);
        for (String signal : List.of("INT", "QUIT", "KILL")) {
            if (process.isEmpty() || !process.get().isAlive()) {
                return;
            }
            new ProcessBuilder("/bin/sh", "-c", "kill -" + signal + " " + pid)
                    .start()
                    .waitFor();
            try {
                process.get().onExit().get(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS);
                return;
            } catch (TimeoutException | ExecutionException e) {
                // The next signal is a stronger one.
            }
        }
        throw new IOException("an earlier PostgreSQL, process " + pid + ", does not end (stop it by hand)");
    }

    /** By pid file and, because process numbers are used again, by the command line of that process. */
    private OptionalLong runningServer() throws IOException {
        List<String> lines = pidFile();
        if (lines.isEmpty() || !lines.getFirst().strip().matches("\\d{1,18}")) {
            return OptionalLong.empty();
        }
        long pid = Long.parseLong(lines.getFirst().strip());
        Path commandLine = Path.of("/proc", Long.toString(pid), "cmdline");
        try {
            List<String> arguments = List.of(
                    Files.readString(commandLine, StandardCharsets.ISO_8859_1).split("\0"));
            int dataArgument = arguments.indexOf("-D") + 1;
            boolean ours = arguments.getFirst().endsWith("postgres")
                    && dataArgument > 0
                    && dataArgument < arguments.size()
                    && arguments
                            .get(dataArgument)
                            .equals(new String(
                                    data.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
            return ours ? OptionalLong.of(pid) : OptionalLong.empty();
        } catch (IOException e) {
            // No such process.
            return OptionalLong.empty();
        }
    }

    private List<String> pidFile() throws IOException {
        Path file = data.resolve("postmaster.pid");
        try {
            return Files.readAllLines(file);
        } catch (java.nio.file.NoSuchFileException e) {
            return List.of();
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private Path program(String name) {
        return settings.binaries().resolve("bin").resolve(name);
    }

    private static String tail(Path file) throws IOException {
        String text = Files.exists(file)
                ? Files.readString(file, StandardCharsets.ISO_8859_1).strip()
                : "";
        return text.substring(Math.max(0, text.length() - LOG_TAIL_CHARS));
    }
}
