package dev.conflux.adapter.postgres;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.ErrorCode;
import dev.conflux.core.service.MetadataStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@link MetadataStore} on PostgreSQL 13 or newer.
 *
 * <p>Opening returns at once. One virtual thread waits for the address, brings the schema up to date (a lock in the
 * database lets one node do it), then opens the pool; until then, and whenever the database is away, calls are refused
 * with {@code METADATA_UNAVAILABLE}: within {@link #ACQUIRE_TIMEOUT} when it cannot be reached, within
 * {@link #ANSWER_TIMEOUT} when it hangs in the middle of a statement.
 *
 * <p>Migrations and statements have a connection setup each, so that the statements can get a role of their own that
 * owns no tables.
 */
public final class PostgresMetadataStore implements MetadataStore {

    private static final Logger log = LoggerFactory.getLogger(PostgresMetadataStore.class);

    private static final String SCHEMA = "conflux";
    private static final int OLDEST_SERVER = 13;
    /** A few short statements per login; a cluster of seven nodes still fits a server with its default of 100. */
    private static final int POOL_SIZE = 4;
    /** With a validation below: an unreachable database is noticed in less than a second. */
    static final Duration ACQUIRE_TIMEOUT = Duration.ofMillis(500);
    /** The pool's smallest. */
    private static final Duration VALIDATION_TIMEOUT = Duration.ofMillis(250);
    /** For the one statement of {@link #ping}; with the two above it makes less than a second. */
    private static final Duration PING_TIMEOUT = Duration.ofMillis(240);
    /** Ours read and write a handful of rows; more means that something is stuck. */
    private static final Duration STATEMENT_TIMEOUT = Duration.ofSeconds(3);
    /** When even the statement timeout isn't heard of: the machine or the network is gone. */
    static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);
    /** The driver counts in seconds. */
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);
    /** A later migration may have to rewrite a table. */
    private static final Duration MIGRATION_STATEMENT_TIMEOUT = Duration.ofMinutes(10);

    private static final Duration FIRST_RETRY = Duration.ofMillis(100);
    private static final Duration LAST_RETRY = Duration.ofSeconds(5);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(3);

    /** First half of our advisory lock keys ("cflx"); the second half says what for. */
    private static final int LOCK_SPACE = 0x63666c78;

    private static final int LOCK_SUPER_ADMIN = 1;
    private static final int LOCK_SIGNING_KEY = 2;

    private final CompletionStage<PostgresUrl> address;
    private final Consumer<Sql> observer;
    private final CompletableFuture<HikariDataSource> pool = new CompletableFuture<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread opener;
    private volatile String problem = "it has not been reached yet";

    private PostgresMetadataStore(CompletionStage<PostgresUrl> address, Consumer<Sql> observer) {
        this.address = address;
        this.observer = observer;
        this.opener = Thread.ofVirtual().name("metadata-opener").unstarted(this::openUntilClosed);
    }

    /** A store for a database whose address is known. Returns at once. */
    public static PostgresMetadataStore open(PostgresUrl url) {
        return open(CompletableFuture.completedFuture(url));
    }

    /** A store for a database whose address will be known, as with {@link EmbeddedPostgres#url}. Returns at once. */
    public static PostgresMetadataStore open(CompletionStage<PostgresUrl> address) {
        return open(address, sql -> {});
    }

    /** @param observer told of every statement before it runs */
    static PostgresMetadataStore open(CompletionStage<PostgresUrl> address, Consumer<Sql> observer) {
        var store = new PostgresMetadataStore(address, observer);
        store.opener.start();
        return store;
    }

    /** Completes when the schema is up to date and statements are served for the first time. */
    public CompletableFuture<Void> ready() {
        return pool.thenApply(ignored -> null);
    }

    @Override
    public Optional<User> findUser(String username) {
        return run("find a user", connection -> {
            try (PreparedStatement statement = prepare(connection, Sql.FIND_USER_BY_NAME)) {
                statement.setString(1, username);
                return oneUser(statement);
            }
        });
    }

    @Override
    public Optional<User> findUser(long id) {
        return run("find a user", connection -> {
            try (PreparedStatement statement = prepare(connection, Sql.FIND_USER_BY_ID)) {
                statement.setLong(1, id);
                return oneUser(statement);
            }
        });
    }

    @Override
    public boolean hasSuperAdmin() {
        return run("look for a super-admin", PostgresMetadataStore.this::hasSuperAdmin);
    }

    @Override
    public boolean createFirstSuperAdmin(String username, String passwordHash, Instant now) {
        return inTransaction("create the first super-admin", connection -> {
            lockUntilCommit(connection, LOCK_SUPER_ADMIN);
            if (hasSuperAdmin(connection)) {
                return false;
            }
            try (PreparedStatement statement = prepare(connection, Sql.CREATE_SUPER_ADMIN)) {
                statement.setString(1, username);
                statement.setString(2, passwordHash);
                statement.setObject(3, utc(now));
                statement.executeUpdate();
            }
            return true;
        });
    }

    @Override
    public List<SigningKey> signingKeys() {
        return run("list signing keys", this::signingKeys);
    }

    @Override
    public List<SigningKey> addFirstSigningKey(SigningKey key) {
        return inTransaction("add the first signing key", connection -> {
            lockUntilCommit(connection, LOCK_SIGNING_KEY);
            List<SigningKey> present = signingKeys(connection);
            if (!present.isEmpty()) {
                return present;
            }
            try (PreparedStatement statement = prepare(connection, Sql.ADD_SIGNING_KEY)) {
                statement.setString(1, key.keyId());
                statement.setString(2, key.algorithm());
                statement.setBytes(3, key.publicKey());
                statement.setBytes(4, key.privateKey());
                statement.setObject(5, utc(key.createdAt()));
                statement.executeUpdate();
            }
            return signingKeys(connection);
        });
    }

    @Override
    public void addRefreshToken(RefreshToken token) {
        run("store a session", connection -> {
            add(connection, token);
            return true;
        });
    }

    @Override
    public Rotation rotateRefreshToken(TokenHash used, TokenHash next, Instant now, Instant nextExpiresAt) {
        return inTransaction("rotate a refresh token", connection -> {
            User user;
            UUID session;
            try (PreparedStatement statement = prepare(connection, Sql.USE_REFRESH_TOKEN)) {
                statement.setBytes(1, used.bytes());
                try (ResultSet row = statement.executeQuery()) {
                    if (!row.next() || row.getBoolean("revoked")) {
                        return new Rotation.Refused();
                    }
                    user = user(row);
                    session = row.getObject("session_id", UUID.class);
                    if (row.getBoolean("used")) {
                        revoke(connection, session, now);
                        return new Rotation.Reused(session, user.id());
                    }
                    if (!instant(row, "expires_at").isAfter(now) || !user.active()) {
                        return new Rotation.Refused();
                    }
                }
            }
            try (PreparedStatement statement = prepare(connection, Sql.MARK_REFRESH_TOKEN_USED)) {
                statement.setObject(1, utc(now));
                statement.setBytes(2, used.bytes());
                statement.executeUpdate();
            }
            add(connection, new RefreshToken(next, session, user.id(), now, nextExpiresAt));
            return new Rotation.Rotated(user, session);
        });
    }

    @Override
    public void revokeSession(UUID session, Instant now) {
        run("revoke a session", connection -> {
            revoke(connection, session, now);
            return true;
        });
    }

    @Override
    public int purgeRefreshTokens(Instant limit) {
        return run("purge refresh tokens", connection -> {
            try (PreparedStatement statement = prepare(connection, Sql.PURGE_REFRESH_TOKENS)) {
                statement.setObject(1, utc(limit));
                return statement.executeUpdate();
            }
        });
    }

    @Override
    public void ping() {
        run("ping", connection -> {
            int usual = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, (int) PING_TIMEOUT.toMillis());
            try (PreparedStatement statement = prepare(connection, Sql.PING)) {
                statement.execute();
            }
            connection.setNetworkTimeout(Runnable::run, usual);
            return true;
        });
    }

    @Override
    public void close() {
        closed.countDown();
        opener.interrupt();
        try {
            opener.join(CLOSE_TIMEOUT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (pool.isDone() && !pool.isCompletedExceptionally()) {
            pool.resultNow().close();
        } else {
            pool.cancel(false);
        }
    }

    // Opening.

    private void openUntilClosed() {
        Duration retry = FIRST_RETRY;
        try {
            PostgresUrl url = awaitAddress();
            while (url != null && closed.getCount() > 0) {
                try {
                    migrate(url);
                    HikariDataSource opened = openPool(url);
                    if (!pool.complete(opened)) {
                        opened.close();
                    }
                    return;
                } catch (SQLException | RuntimeException e) {
                    reportProblem(url, e);
                }
                if (closed.await(retry.toMillis(), TimeUnit.MILLISECONDS)) {
                    return;
                }
                retry = retry.multipliedBy(2).compareTo(LAST_RETRY) > 0 ? LAST_RETRY : retry.multipliedBy(2);
            }
        } catch (InterruptedException e) {
            // Closed.
            Thread.currentThread().interrupt();
        }
    }

    private @Nullable PostgresUrl awaitAddress() throws InterruptedException {
        problem = "it is being started";
        try {
            return address.toCompletableFuture().get();
        } catch (ExecutionException | java.util.concurrent.CancellationException e) {
            Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
            problem = "it could not be started: " + cause.getMessage();
            return null;
        }
    }

    private void reportProblem(PostgresUrl url, Exception e) {
        Throwable root = e;
        while (root.getCause() != null && !(root instanceof SQLException)) {
            root = root.getCause();
        }
        String reason = String.valueOf(root.getMessage());
        if (!reason.equals(problem) && closed.getCount() > 0) {
            problem = reason;
            log.atWarn()
                    .setMessage("metadata_database_not_ready")
                    .addKeyValue("database", url)
                    .addKeyValue("reason", reason)
                    .log();
        }
    }

    private static void migrate(PostgresUrl url) throws SQLException {
        requireServerVersion(url);
        try {
            Flyway flyway = Flyway.configure()
                    .dataSource(
                            new OwnerDataSource(url, connectionString(url, MIGRATION_STATEMENT_TIMEOUT, Duration.ZERO)))
                    .locations("classpath:dev/conflux/adapter/postgres/migration")
                    .schemas(SCHEMA)
                    .defaultSchema(SCHEMA)
                    .createSchemas(true)
                    // A database of a newer release, during a rolling upgrade: its migrations are compatible.
                    .ignoreMigrationPatterns("*:future")
                    .connectRetries(0)
                    .load();
            int count = flyway.migrate().migrationsExecuted;
            if (count > 0) {
                log.atInfo()
                        .setMessage("metadata_schema_migrated")
                        .addKeyValue("database", url)
                        .addKeyValue("migrations", count)
                        .log();
            }
        } catch (FlywayException e) {
            throw new IllegalStateException("cannot migrate the schema: " + e.getMessage(), e);
        }
    }

    private static void requireServerVersion(PostgresUrl url) throws SQLException {
        try (Connection connection =
                DriverManager.getConnection(connectionString(url, STATEMENT_TIMEOUT, ANSWER_TIMEOUT), url.login())) {
            int version = connection.getMetaData().getDatabaseMajorVersion();
            if (version < OLDEST_SERVER) {
                throw new IllegalStateException(
                        "PostgreSQL " + version + " is too old (expected: " + OLDEST_SERVER + " or newer)");
            }
        }
    }

    private static HikariDataSource openPool(PostgresUrl url) {
        var config = new HikariConfig();
        config.setPoolName("metadata");
        config.setJdbcUrl(connectionString(url, STATEMENT_TIMEOUT, ANSWER_TIMEOUT));
        config.setUsername(url.user());
        config.setPassword(url.password());
        config.setMaximumPoolSize(POOL_SIZE);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(ACQUIRE_TIMEOUT.toMillis());
        config.setValidationTimeout(VALIDATION_TIMEOUT.toMillis());
        config.setInitializationFailTimeout(-1);
        config.setIdleTimeout(Duration.ofMinutes(5).toMillis());
        config.setMaxLifetime(Duration.ofMinutes(30).toMillis());
        return new HikariDataSource(config);
    }

    /** Without login. What the operator's URL says goes first. */
    static String connectionString(PostgresUrl url, Duration statementTimeout, Duration answerTimeout) {
        var parameters = new java.util.HashMap<String, String>();
        parameters.put("ApplicationName", "conflux");
        parameters.put("connectTimeout", Long.toString(CONNECT_TIMEOUT.toSeconds()));
        parameters.put("loginTimeout", Long.toString(CONNECT_TIMEOUT.toSeconds()));
        parameters.put("socketTimeout", Long.toString(answerTimeout.toSeconds()));
        parameters.put("tcpKeepAlive", "true");
        parameters.put("currentSchema", SCHEMA);
        parameters.putAll(url.parameters());
        String options = "-c statement_timeout=" + statementTimeout.toMillis()
                + " -c idle_in_transaction_session_timeout=" + statementTimeout.toMillis();
        parameters.merge("options", options, (theirs, ours) -> ours + " " + theirs);
        return new PostgresUrl(url.hosts(), url.database(), url.user(), url.password(), parameters).jdbcUrl();
    }

    // Running statements.

    @FunctionalInterface
    private interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    private <T> T run(String what, Work<T> work) {
        try (Connection connection = pool().getConnection()) {
            return work.on(connection);
        } catch (SQLException e) {
            throw failure(what, e);
        }
    }

    private <T> T inTransaction(String what, Work<T> work) {
        return run(what, connection -> {
            // The pool rolls back and restores auto-commit when a connection comes back without a commit.
            connection.setAutoCommit(false);
            T result = work.on(connection);
            connection.commit();
            return result;
        });
    }

    private HikariDataSource pool() {
        try {
            return pool.get(ACQUIRE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unavailable("the wait was interrupted", e);
        } catch (TimeoutException e) {
            throw unavailable(problem, e);
        } catch (ExecutionException | java.util.concurrent.CancellationException e) {
            throw unavailable("it is closed", e);
        }
    }

    private static ConfluxException failure(String what, SQLException e) {
        String state = String.valueOf(e.getSQLState());
        boolean away = e instanceof java.sql.SQLTransientException
                || state.equals("null")
                || state.startsWith("08") // connection
                || state.startsWith("57") // shutting down, cancelled by a timeout
                || state.startsWith("53") // out of connections, memory, disk
                || state.startsWith("28") // login refused
                || state.startsWith("40") // deadlock, serialisation
                || state.equals("3D000") // database dropped
                || state.equals("55P03") // lock not available
                || state.equals("25006"); // a standby, during a failover
        if (away) {
            return unavailable("cannot " + what, e);
        }
        return new ConfluxException(new ConfluxError.Internal("cannot " + what + " in the metadata database"), e);
    }

    private static ConfluxException unavailable(String reason, Exception cause) {
        return new ConfluxException(
                new ConfluxError.Unavailable(
                        ErrorCode.METADATA_UNAVAILABLE, "the metadata database does not answer: " + reason),
                cause);
    }

    private PreparedStatement prepare(Connection connection, Sql sql) throws SQLException {
        observer.accept(sql);
        return connection.prepareStatement(sql.text());
    }

    private void lockUntilCommit(Connection connection, int purpose) throws SQLException {
        try (PreparedStatement statement = prepare(connection, Sql.LOCK_UNTIL_COMMIT)) {
            statement.setInt(1, LOCK_SPACE);
            statement.setInt(2, purpose);
            statement.execute();
        }
    }

    private boolean hasSuperAdmin(Connection connection) throws SQLException {
        try (PreparedStatement statement = prepare(connection, Sql.HAS_SUPER_ADMIN);
                ResultSet row = statement.executeQuery()) {
            return row.next() && row.getBoolean(1);
        }
    }

    private List<SigningKey> signingKeys(Connection connection) throws SQLException {
        List<SigningKey> keys = new ArrayList<>();
        try (PreparedStatement statement = prepare(connection, Sql.SIGNING_KEYS);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                keys.add(new SigningKey(
                        row.getString("key_id"),
                        row.getString("algorithm"),
                        row.getBytes("public_key"),
                        row.getBytes("private_key"),
                        instant(row, "created_at")));
            }
        }
        return List.copyOf(keys);
    }

    private void add(Connection connection, RefreshToken token) throws SQLException {
        try (PreparedStatement statement = prepare(connection, Sql.ADD_REFRESH_TOKEN)) {
            statement.setBytes(1, token.hash().bytes());
            statement.setObject(2, token.session());
            statement.setLong(3, token.userId());
            statement.setObject(4, utc(token.issuedAt()));
            statement.setObject(5, utc(token.expiresAt()));
            statement.executeUpdate();
        }
    }

    private void revoke(Connection connection, UUID session, Instant now) throws SQLException {
        try (PreparedStatement statement = prepare(connection, Sql.REVOKE_SESSION)) {
            statement.setObject(1, utc(now));
            statement.setObject(2, session);
            statement.executeUpdate();
        }
    }

    private static Optional<User> oneUser(PreparedStatement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery()) {
            return row.next() ? Optional.of(user(row)) : Optional.empty();
        }
    }

    private static User user(ResultSet row) throws SQLException {
        return new User(
                row.getLong("id"),
                row.getString("username"),
                row.getString("password_hash"),
                row.getBoolean("is_active"),
                row.getBoolean("super_admin"),
                instant(row, "created_at"));
    }

    private static Instant instant(ResultSet row, String column) throws SQLException {
        return row.getObject(column, OffsetDateTime.class).toInstant();
    }

    private static OffsetDateTime utc(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }
}
