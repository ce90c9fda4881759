package dev.conflux.adapter.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.service.AuthSettings;
import dev.conflux.core.service.Authentication;
import dev.conflux.core.service.MetadataStore;
import dev.conflux.core.service.MetadataStoreContract;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Clock;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(SharedPostgres.class)
class PostgresMetadataStoreTest extends MetadataStoreContract {

    private static final Set<Sql> EXECUTED = Collections.synchronizedSet(EnumSet.noneOf(Sql.class));

    private static PostgresUrl url;
    private static PostgresMetadataStore store;
    private static PostgresMetadataStore otherNode;

    @BeforeAll
    static void open(PostgresUrl database) throws Exception {
        url = database;
        store = PostgresMetadataStore.open(CompletableFuture.completedFuture(url), EXECUTED::add);
        otherNode = PostgresMetadataStore.open(url);
        store.ready().get(30, TimeUnit.SECONDS);
        otherNode.ready().get(30, TimeUnit.SECONDS);
    }

    @AfterAll
    @Tag("META-19")
    static void shouldHaveExecutedEveryStatement() {
        store.close();
        otherNode.close();
        assertThat(EXECUTED).containsExactlyInAnyOrder(Sql.values());
    }

    @BeforeEach
    void empty() throws Exception {
        execute("truncate conflux.users, conflux.signing_keys, conflux.refresh_tokens restart identity");
    }

    @AfterEach
    void shouldGiveBackConnections() {
        // A leak of the pool's four would show as METADATA_UNAVAILABLE here.
        for (int i = 0; i < 5; i++) {
            store.ping();
        }
    }

    @Override
    protected MetadataStore store() {
        return store;
    }

    @Override
    protected MetadataStore sameDatabase() {
        return otherNode;
    }

    @Override
    protected void deactivate(MetadataStore.User user) throws Exception {
        execute("update conflux.users set is_active = false where id = " + user.id());
    }

    /** The server parses the statement and names its columns: wrong names and types fail here, one by one. */
    @ParameterizedTest
    @EnumSource(Sql.class)
    @Tag("META-19")
    void shouldFitTheSchema(Sql sql) throws Exception {
        try (Connection connection = connect();
                PreparedStatement statement = connection.prepareStatement(sql.text())) {
            statement.getMetaData();
            assertThat(statement.getParameterMetaData().getParameterCount())
                    .isEqualTo(sql.text().chars().filter(c -> c == '?').count());
        }
    }

    @Test
    @Tag("META-15")
    void shouldMigrateOnceWhenManyNodesStart(PostgresUrl fresh) throws Exception {
        // when
        List<PostgresMetadataStore> nodes = IntStream.range(0, 4)
                .mapToObj(i -> PostgresMetadataStore.open(fresh))
                .toList();
        // then
        for (PostgresMetadataStore node : nodes) {
            node.ready().get(30, TimeUnit.SECONDS);
            node.ping();
        }
        nodes.forEach(PostgresMetadataStore::close);
        try (Connection connection = DriverManager.getConnection(fresh.jdbcUrl(), fresh.login());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select count(*), count(*) filter (where success) from"
                        + " conflux.flyway_schema_history where version = '1'")) {
            row.next();
            assertThat(row.getInt(1)).isEqualTo(1);
            assertThat(row.getInt(2)).isEqualTo(1);
        }
    }

    @Test
    @Tag("AUTH-12")
    void shouldMakeOneAdminAndOneKeyWhenThreeNodesStart(PostgresUrl fresh, @TempDir Path dir) throws Exception {
        // when
        List<PostgresMetadataStore> stores = IntStream.range(0, 3)
                .mapToObj(i -> PostgresMetadataStore.open(fresh))
                .toList();
        List<Authentication> nodes = IntStream.range(0, 3)
                .mapToObj(i -> new Authentication(
                        stores.get(i), AuthSettings.defaults(dir.resolve("node" + i), null), Clock.systemUTC()))
                .toList();
        // then
        int files = 0;
        String password = "";
        for (Authentication node : nodes) {
            Optional<Path> file = node.ready().get(30, TimeUnit.SECONDS);
            if (file.isPresent()) {
                files++;
                password = Files.readString(file.get()).strip();
            }
        }
        assertThat(files).isEqualTo(1);
        String token = nodes.get(0).service().login("admin", password).accessToken();
        for (Authentication node : nodes) {
            assertThat(node.authenticator().authenticate(token).superAdmin()).isTrue();
        }
        nodes.forEach(Authentication::close);
        stores.forEach(PostgresMetadataStore::close);
    }

    @Test
    void shouldStoreNoRefreshTokenInTheClear(@TempDir Path dir) throws Exception {
        // given
        String password = "a good long password";
        try (var auth = new Authentication(store, AuthSettings.defaults(dir, password), Clock.systemUTC())) {
            auth.ready().get(30, TimeUnit.SECONDS);
            // when
            var tokens = auth.service().login("admin", password);
            // then
            try (Connection connection = connect();
                    Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery(
                            "select t::text || u::text from conflux.refresh_tokens t, conflux.users u")) {
                row.next();
                assertThat(row.getString(1))
                        .doesNotContain(tokens.refreshToken())
                        .doesNotContain(password)
                        .contains("$argon2id$");
            }
        }
    }

    @Test
    void shouldSetLimitsOnEveryConnection() throws Exception {
        String connectionString = PostgresMetadataStore.connectionString(
                PostgresUrl.parse(url.withPassword() + "?options=-c%20work_mem%3D2MB&socketTimeout=9"),
                java.time.Duration.ofSeconds(3),
                java.time.Duration.ofSeconds(5));
        assertThat(connectionString).contains("socketTimeout=9").contains("tcpKeepAlive=true");
        try (Connection connection = DriverManager.getConnection(connectionString, url.login());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select current_setting('statement_timeout'),"
                        + " current_setting('work_mem'), current_setting('application_name'), current_schema()")) {
            row.next();
            assertThat(row.getString(1)).isEqualTo("3s");
            assertThat(row.getString(2)).isEqualTo("2MB");
            assertThat(row.getString(3)).isEqualTo("conflux");
            assertThat(row.getString(4)).isEqualTo("conflux");
        }
    }

    @Test
    void shouldSayItIsABugWhenAStatementIsRefused() {
        // given: two sessions with the same token cannot be
        store.createFirstSuperAdmin("admin", "$hash", Clock.systemUTC().instant());
        var token = new MetadataStore.RefreshToken(
                MetadataStore.TokenHash.of("same"),
                java.util.UUID.randomUUID(),
                1,
                Clock.systemUTC().instant(),
                Clock.systemUTC().instant());
        store.addRefreshToken(token);
        // then
        assertThatThrownBy(() -> store.addRefreshToken(token))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error().code()).isEqualTo(ErrorCode.INTERNAL));
    }

    private static Connection connect() throws Exception {
        return DriverManager.getConnection(url.jdbcUrl() + "?currentSchema=conflux", url.login());
    }

    private static void execute(String sql) throws Exception {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
