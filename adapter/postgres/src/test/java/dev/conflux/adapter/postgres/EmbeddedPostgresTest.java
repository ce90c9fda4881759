package dev.conflux.adapter.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.service.AuthSettings;
import dev.conflux.core.service.Authentication;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedPostgresTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    Path dir;

    private final List<EmbeddedPostgres> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(EmbeddedPostgres::close);
    }

    @Test
    void shouldStartDurableAndKeepDataOverRestarts() throws Exception {
        // given
        long begin = System.nanoTime();
        EmbeddedPostgres first = start(0);
        PostgresUrl url = urlOf(first);
        long firstStart = System.nanoTime() - begin;
        // then
        assertThat(query(url, "select current_setting('fsync') || current_setting('listen_addresses')"))
                .isEqualTo("on127.0.0.1");
        assertThat(query(url, "select version()"))
                .startsWith("PostgreSQL " + PostgresBinaries.VERSION.replaceFirst("\\.0$", "") + " ");
        assertThat(query(url, "select current_setting('data_checksums')")).isEqualTo("on");
        execute(url, "create table kept (x int)");
        // when
        long pid = first.postmasterPid();
        begin = System.nanoTime();
        first.close();
        long stop = System.nanoTime() - begin;
        assertThat(alive(pid)).isFalse();
        begin = System.nanoTime();
        PostgresUrl again = urlOf(start(0));
        long laterStart = System.nanoTime() - begin;
        // then
        assertThat(query(again, "select count(*) from kept")).isEqualTo("0");
        assertThat(again.password()).isEqualTo(url.password()).hasSize(32);
        System.out.printf(
                "embedded PostgreSQL: first start %d ms, stop %d ms, later start %d ms%n",
                firstStart / 1_000_000, stop / 1_000_000, laterStart / 1_000_000);
    }

    @Test
    void shouldLetNobodyInWithoutThePassword() throws Exception {
        // given
        PostgresUrl url = urlOf(start(0));
        // then
        for (String password : List.of("", "wrong", "conflux")) {
            var login = new Properties();
            login.setProperty("user", "conflux");
            login.setProperty("password", password);
            assertThatThrownBy(() -> DriverManager.getConnection(url.jdbcUrl(), login))
                    .isInstanceOf(SQLException.class);
        }
        assertThat(query(url, "select rolpassword from pg_authid where rolname = 'conflux'"))
                .startsWith("SCRAM-SHA-256$");
        assertThat(query(url, "select string_agg(distinct auth_method || ' ' || address, ',') from pg_hba_file_rules"))
                .isEqualTo("scram-sha-256 127.0.0.1");
        assertThat(mode(dir.resolve("pg"))).isEqualTo("rwx------");
        assertThat(mode(dir.resolve("pg/data"))).isEqualTo("rwx------");
        assertThat(mode(dir.resolve("pg/superuser-password"))).isEqualTo("rw-------");
        assertThat(mode(dir.resolve("pg/connection-url"))).isEqualTo("rw-------");
        assertThat(mode(dir.resolve("pg/server.log"))).isEqualTo("rw-------");
        assertThat(PostgresUrl.parse(
                        Files.readString(dir.resolve("pg/connection-url")).strip()))
                .isEqualTo(url);
        assertThat(Files.readString(dir.resolve("pg/server.log"))).doesNotContain(url.password());
    }

    @Test
    void shouldEndWithAJvmThatIsKilled() throws Exception {
        // given
        Child child = startChild();
        assertThat(alive(child.postmaster())).isTrue();
        // when
        child.process().destroyForcibly().waitFor();
        // then
        await().atMost(Duration.ofSeconds(5))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> !alive(child.postmaster()));
        assertThat(dir.resolve("pg/data/postmaster.pid")).doesNotExist();
    }

    @Test
    void shouldStopAnOrphanInsteadOfAdoptingIt() throws Exception {
        // given: both the JVM and the watchdog are killed
        Child child = startChild();
        child.process()
                .descendants()
                .filter(p -> p.pid() != child.postmaster()
                        && p.info().command().orElse("").endsWith("sh"))
                .forEach(ProcessHandle::destroyForcibly);
        child.process().children().filter(p -> p.pid() != child.postmaster()).forEach(ProcessHandle::destroyForcibly);
        child.process().destroyForcibly().waitFor();
        assertThat(alive(child.postmaster())).isTrue();
        // when
        EmbeddedPostgres next = start(0);
        PostgresUrl url = urlOf(next);
        // then
        assertThat(alive(child.postmaster())).isFalse();
        assertThat(next.postmasterPid()).isNotEqualTo(child.postmaster());
        assertThat(query(url, "select 1")).isEqualTo("1");
    }

    @Test
    void shouldRefuseASecondOwner() throws Exception {
        // given
        PostgresUrl url = urlOf(start(0));
        // then
        assertThatThrownBy(() -> urlOf(start(0))).hasMessageContaining("another running process owns");
        assertThat(query(url, "select 1")).isEqualTo("1");
    }

    @Test
    void shouldStartAServerThatDiedAgain() throws Exception {
        // given
        EmbeddedPostgres postgres = start(0);
        PostgresUrl url = urlOf(postgres);
        long died = postgres.postmasterPid();
        // when
        ProcessHandle.of(died).orElseThrow().destroyForcibly();
        // then
        await().atMost(LIMIT).until(() -> postgres.postmasterPid() != died && reachable(url));
    }

    @Test
    void shouldSayWhyItCannotStart() throws Exception {
        // given
        Path other = dir.resolve("other");
        urlOf(start(0)).parameters();
        Files.createDirectories(other.resolve("data"));
        Files.writeString(other.resolve("data/PG_VERSION"), "9\n");
        // then
        assertThatThrownBy(() -> urlOf(start(other, 0))).hasMessageContaining("superuser-password is missing");
        Files.writeString(other.resolve("superuser-password"), "x");
        assertThatThrownBy(() -> urlOf(start(other, 0)))
                .hasMessageContaining("was written by PostgreSQL 9, this one is 18");
    }

    @Test
    void shouldRunAsSystemUserWhereNamespacesAreForbidden() throws Exception {
        assumeTrue(UnprivilegedLaunch.isRoot(), "only root can become somebody else");
        UnprivilegedLaunch launch = UnprivilegedLaunch.asSystemUser().orElseThrow();
        assertThat(launch.owner()).isPresent();
        assertThat(launch.command(List.of("x"))).startsWith("setpriv").endsWith("x");
        Path closed = Files.createDirectory(
                dir.resolve("closed"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path program = Files.writeString(closed.resolve("program"), "");
        assertThatThrownBy(() -> launch.requireExecutable(program)).hasMessageContaining("parent directory");
        // A directory that this user can reach, unlike the test's own.
        Path reachable = Files.createTempDirectory(
                Path.of("/tmp"),
                "conflux-test",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        try (EmbeddedPostgres postgres =
                EmbeddedPostgres.start(EmbeddedPostgres.Settings.in(reachable.resolve("pg"), 0), () -> launch)) {
            Files.setPosixFilePermissions(reachable, PosixFilePermissions.fromString("rwx--x--x"));
            PostgresUrl url = urlOf(postgres);
            assertThat(query(url, "select 1")).isEqualTo("1");
            assertThat(ProcessHandle.of(postgres.postmasterPid())
                            .orElseThrow()
                            .info()
                            .user())
                    .isPresent()
                    .isNotEqualTo(ProcessHandle.current().info().user());
        } finally {
            PostgresBinaries.delete(reachable);
        }
    }

    @Test
    void shouldRefuseQuicklyWhileTheDatabaseIsAwayAndStillVerifyTokens() throws Exception {
        // given
        EmbeddedPostgres postgres = start(0);
        PostgresUrl url = urlOf(postgres);
        int port = Integer.parseInt(url.hosts().substring(url.hosts().indexOf(':') + 1));
        String password = "a good long password";
        AuthSettings settings = AuthSettings.defaults(dir.resolve("node"), password);
        try (PostgresMetadataStore store = PostgresMetadataStore.open(url);
                var auth = new Authentication(store, settings, Clock.systemUTC())) {
            auth.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            var tokens = auth.service().login("admin", password);
            // when it hangs
            signal("STOP", postgres.postmasterPid());
            List<Long> backends = ProcessHandle.of(postgres.postmasterPid())
                    .orElseThrow()
                    .children()
                    .map(ProcessHandle::pid)
                    .toList();
            for (long backend : backends) {
                signal("STOP", backend);
            }
            assertThat(millis(() -> assertThat(auth.service().available()).isFalse()))
                    .isLessThan(1_000);
            for (long backend : backends) {
                signal("CONT", backend);
            }
            signal("CONT", postgres.postmasterPid());
            await().atMost(LIMIT).until(() -> auth.service().available());
            // when it is stopped
            postgres.close();
            // then
            for (int i = 0; i < 3; i++) {
                assertThat(millis(() -> assertUnavailable(() -> auth.service().login("admin", password))))
                        .isLessThan(1_000);
                assertThat(millis(() -> assertUnavailable(() -> auth.service().refresh(tokens.refreshToken()))))
                        .isLessThan(1_000);
            }
            assertThat(millis(() -> assertThat(auth.service().available()).isFalse()))
                    .isLessThan(1_000);
            assertThat(auth.authenticator().authenticate(tokens.accessToken()).name())
                    .isEqualTo("admin");
            // and a node that starts now
            try (PostgresMetadataStore late = PostgresMetadataStore.open(url);
                    var restarted = new Authentication(late, settings, Clock.systemUTC())) {
                assertThat(restarted
                                .authenticator()
                                .authenticate(tokens.accessToken())
                                .name())
                        .isEqualTo("admin");
                assertThat(millis(() ->
                                assertUnavailable(() -> restarted.service().login("admin", password))))
                        .isLessThan(1_000);
                // when it is back
                start(port);
                restarted.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
                assertThat(restarted.service().login("admin", password)).isNotNull();
                await().atMost(LIMIT).until(() -> auth.service().available());
            }
        }
    }

    @Test
    void shouldServeAStoreThatWasOpenedFirst() throws Exception {
        // given
        CompletableFuture<PostgresUrl> address = start(0).url();
        // when
        try (PostgresMetadataStore store = PostgresMetadataStore.open(address)) {
            store.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            // then
            store.ping();
        }
    }

    /** The JVM that gets killed: {@link #startChild} runs it. */
    public static final class Owner {
        public static void main(String[] arguments) throws Exception {
            EmbeddedPostgres postgres = EmbeddedPostgres.start(
                    new EmbeddedPostgres.Settings(Path.of(arguments[0]), 0, SharedPostgres.BINARIES));
            postgres.url().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            System.out.println("pid " + postgres.postmasterPid());
            System.in.read();
        }
    }

    private record Child(Process process, long postmaster) {}

    private Child startChild() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Owner.class.getName(),
                        dir.resolve("pg").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader reader = process.inputReader(StandardCharsets.UTF_8);
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.startsWith("pid ")) {
                return new Child(process, Long.parseLong(line.substring(4)));
            }
        }
        throw new AssertionError("the child ended");
    }

    private EmbeddedPostgres start(int port) {
        return start(dir.resolve("pg"), port);
    }

    private EmbeddedPostgres start(Path directory, int port) {
        EmbeddedPostgres postgres =
                EmbeddedPostgres.start(new EmbeddedPostgres.Settings(directory, port, SharedPostgres.BINARIES));
        opened.add(postgres);
        return postgres;
    }

    private static PostgresUrl urlOf(EmbeddedPostgres postgres) throws Exception {
        return postgres.url().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    private static boolean alive(long pid) {
        // A zombie has ended; whoever inherited it just has not looked yet.
        try {
            String status = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            return !status.substring(status.lastIndexOf(')') + 2).startsWith("Z");
        } catch (java.io.IOException e) {
            return false;
        }
    }

    private static boolean reachable(PostgresUrl url) {
        try {
            return query(url, "select 1").equals("1");
        } catch (SQLException e) {
            return false;
        }
    }

    private static String query(PostgresUrl url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.login());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }

    private static void execute(PostgresUrl url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.login());
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static void signal(String name, long pid) throws Exception {
        new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + pid).start().waitFor();
    }

    private static String mode(Path path) throws Exception {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private static long millis(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1_000_000;
    }

    private static void assertUnavailable(ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error().code()).isEqualTo(ErrorCode.METADATA_UNAVAILABLE));
    }
}
