package dev.conflux.tool.local;

import java.nio.file.Path;

/** The commands that {@code ./cx run} offers to copy; the README shows the same ones and a test runs them. */
final class Snippets {

    private Snippets() {}

    static String login(String url, Path credentials) {
        return """
                TOKEN=$(curl -s %s/api/v1/auth/login -H 'Content-Type: application/json' \\
                  -d "{\\"username\\":\\"admin\\",\\"password\\":\\"$(cat %s)\\"}" | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')""".formatted(url, credentials);
    }

    static String publish(String url) {
        return """
                curl -s -X POST %s/api/v1/mgt/configs -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
                  -d '{"tenant":"acme","app":"shop","env":"prod","name":"db.json","format":"json","content":"{\\"pool\\":10}","publish_initial":true}'""".formatted(url);
    }

    static String fetch(String url) {
        return """
                curl -s -i %s/api/v1/fetch/config/acme/shop/prod/db.json -H "Authorization: Bearer $TOKEN\"""".formatted(url);
    }

    static String watch(String url) {
        return """
                curl -s -N '%s/api/v1/watch?key=acme/shop/prod/*' -H "Authorization: Bearer $TOKEN" -H 'Accept: text/event-stream'""".formatted(url);
    }
}
