package dev.conflux.adapter.postgres;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

/**
 * Where a PostgreSQL database is and who enters. Prints itself without the password.
 *
 * @param hosts {@code host:port}, or several separated by commas: they are tried in order
 * @param parameters the driver's connection parameters
 */
public record PostgresUrl(String hosts, String database, String user, String password, Map<String, String> parameters) {

    private static final String JDBC_PREFIX = "jdbc:";
    private static final int DEFAULT_PORT = 5432;

    public PostgresUrl {
        parameters = Map.copyOf(parameters);
    }

    /**
     * Reads {@code postgresql://user:password@host:port,host:port/database?parameters} as the PostgreSQL tools do, or
     * the JDBC form {@code jdbc:postgresql://host:port/database?user=…&password=…}. Special characters in user and
     * password are percent-encoded.
     *
     * @throws IllegalArgumentException with a message that doesn't repeat the URL, because it may hold a password
     */
    public static PostgresUrl parse(String url) {
        String rest = url.startsWith(JDBC_PREFIX) ? url.substring(JDBC_PREFIX.length()) : url;
        int scheme = rest.indexOf("://");
        if (scheme < 0
                || !(rest.substring(0, scheme).equals("postgresql")
                        || rest.substring(0, scheme).equals("postgres"))) {
            throw invalid("starts with something else than postgresql://");
        }
        rest = rest.substring(scheme + 3);
        Map<String, String> parameters = new LinkedHashMap<>();
        int question = rest.indexOf('?');
        if (question >= 0) {
            readParameters(rest.substring(question + 1), parameters);
            rest = rest.substring(0, question);
        }
        int slash = rest.indexOf('/');
        String database = slash < 0 ? "" : decode(rest.substring(slash + 1));
        String authority = slash < 0 ? rest : rest.substring(0, slash);
        int at = authority.lastIndexOf('@');
        String user = "";
        String password = "";
        if (at >= 0) {
            String login = authority.substring(0, at);
            int colon = login.indexOf(':');
            user = decode(colon < 0 ? login : login.substring(0, colon));
            password = colon < 0 ? "" : decode(login.substring(colon + 1));
        }
        String userParameter = parameters.remove("user");
        String passwordParameter = parameters.remove("password");
        if (userParameter != null) {
            user = userParameter;
        }
        if (passwordParameter != null) {
            password = passwordParameter;
        }
        if (user.isEmpty()) {
            throw invalid("names no user");
        }
        if (database.isEmpty()) {
            throw invalid("names no database");
        }
        return new PostgresUrl(hosts(authority.substring(at + 1)), database, user, password, parameters);
    }

    /** The form that {@link #parse} reads, with the password: for files that only the owner can read. */
    public String withPassword() {
        String query = query();
        return "postgresql://" + encode(user) + ":" + encode(password) + "@" + hosts + "/" + encode(database)
                + (query.isEmpty() ? "" : "?" + query);
    }

    /** Without user and password. */
    String jdbcUrl() {
        String query = query();
        return "jdbc:postgresql://" + hosts + "/" + encode(database) + (query.isEmpty() ? "" : "?" + query);
    }

    Properties login() {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        return properties;
    }

    @Override
    public String toString() {
        return "postgresql://" + user + ":***@" + hosts + "/" + database;
    }

    private String query() {
        return parameters.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(parameter -> encode(parameter.getKey()) + "=" + encode(parameter.getValue()))
                .collect(Collectors.joining("&"));
    }

    private static String hosts(String list) {
        StringBuilder result = new StringBuilder();
        for (String host : list.isEmpty() ? new String[] {"localhost"} : list.split(",", -1)) {
            if (host.isEmpty()) {
                throw invalid("has an empty host");
            }
            // [::1] has colons of its own.
            boolean hasPort = host.lastIndexOf(':') > host.lastIndexOf(']');
            if (hasPort && !host.substring(host.lastIndexOf(':') + 1).matches("\\d{1,5}")) {
                throw invalid("has a port that is not a number");
            }
            result.append(result.isEmpty() ? "" : ",").append(host).append(hasPort ? "" : ":" + DEFAULT_PORT);
        }
        return result.toString();
    }

    private static void readParameters(String query, Map<String, String> into) {
        for (String parameter : query.split("&", -1)) {
            if (parameter.isEmpty()) {
                continue;
            }
            int equals = parameter.indexOf('=');
            if (equals <= 0) {
                throw invalid("has a parameter without a value");
            }
            String name = decode(parameter.substring(0, equals));
            String value = decode(parameter.substring(equals + 1));
            switch (name) {
                // The names of PostgreSQL's own tools, in the driver's words.
                case "connect_timeout" -> into.put("connectTimeout", value);
                case "application_name" -> into.put("ApplicationName", value);
                case "target_session_attrs" -> into.put("targetServerType", targetServerType(value));
                default -> into.put(name, value);
            }
        }
    }

    private static String targetServerType(String sessionAttributes) {
        return switch (sessionAttributes.toLowerCase(Locale.ROOT)) {
            case "any" -> "any";
            case "read-write", "primary" -> "primary";
            default ->
                throw invalid("has target_session_attrs other than any, read-write, primary: the store must write");
        };
    }

    private static String decode(String text) {
        // URLDecoder is for forms, where '+' is a blank; here it is a plus.
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static IllegalArgumentException invalid(String problem) {
        return new IllegalArgumentException(
                "database.url: " + problem + " (expected: postgresql://user:password@host:port/database?parameters)");
    }
}
