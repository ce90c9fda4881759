package dev.conflux.adapter.postgres;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** One server for all tests that don't stop it; a database of its own for each. Closed when the last test has run. */
final class SharedPostgres implements ParameterResolver {

    /** Unpacked once, also over builds. */
    static final Path BINARIES = Path.of("target", "postgresql-" + PostgresBinaries.VERSION);

    private static final AtomicInteger DATABASES = new AtomicInteger();

    private record Server(EmbeddedPostgres postgres, PostgresUrl url) implements AutoCloseable {
        @Override
        public void close() {
            postgres.close();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == PostgresUrl.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Server server = context.getRoot()
                .getStore(ExtensionContext.Namespace.create(SharedPostgres.class))
                .computeIfAbsent("server", key -> start(), Server.class);
        try {
            return newDatabase(server.url());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static Server start() {
        try {
            Path directory = Path.of("target", "shared-postgres").toAbsolutePath();
            PostgresBinaries.delete(directory);
            EmbeddedPostgres postgres = EmbeddedPostgres.start(new EmbeddedPostgres.Settings(directory, 0, BINARIES));
            return new Server(postgres, postgres.url().get(60, TimeUnit.SECONDS));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static PostgresUrl newDatabase(PostgresUrl server) throws Exception {
        String name = "test_" + DATABASES.incrementAndGet();
        try (Connection connection = DriverManager.getConnection(server.jdbcUrl(), server.login());
                Statement statement = connection.createStatement()) {
            statement.execute("create database " + name);
        }
        return new PostgresUrl(server.hosts(), name, server.user(), server.password(), Map.of());
    }
}
