package dev.conflux.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerConfigTest {

    @TempDir
    Path directory;

    @Test
    void shouldReadFileAndLetTheEnvironmentWin() throws IOException {
        // given
        Path file = write("""
                profile: dev
                server: { port: 8081 }
                cluster: { node_id: 2, peers: ["127.0.0.1:9090"] }
                """);

        // when
        var config = ServerConfig.load(
                Optional.of(file), Map.of("CONFLUX_SERVER_PORT", "8099", "CONFLUX_NODE_ID", "1", "PATH", "/bin"));

        // then
        assertThat(config.server().port()).isEqualTo(8099);
        assertThat(config.server().host()).isEqualTo("127.0.0.1");
        assertThat(config.cluster().nodeId()).isEqualTo(1);
        assertThat(config.database().url()).isNull();
    }

    @Test
    void shouldProtectWhatIsInUseFromDeletionUnlessADeveloperTriesThingsOut() throws IOException {
        Path developer = write("profile: dev");
        assertThat(ServerConfig.load(Optional.of(developer), Map.of()).gc().deleteProtection())
                .isZero();
        assertThat(ServerConfig.load(Optional.of(developer), Map.of("CONFLUX_GC_DELETE_PROTECTION", "10m"))
                        .gc()
                        .deleteProtection())
                .isEqualTo(Duration.ofMinutes(10));
        assertThat(Setting.GC_DELETE_PROTECTION.defaultText()).isEqualTo("10m");
    }

    @Test
    void shouldHideTheDatabasePasswordInTheEffectiveConfiguration() throws IOException {
        // given
        Path file = write("""
                profile: dev
                database: { url: "postgresql://conflux:hunter2@localhost/conflux" }
                """);

        // when
        var config = ServerConfig.load(Optional.of(file), Map.of());

        // then
        assertThat(config.toString() + config.effective()).doesNotContain("hunter2");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            server: {prot: 8080}                                               | server.prot is not a setting
            server: {port: 80800}                                              | server.port: 80800 (expected: a whole number from 1 to 65535)
            ops: {port: 8080}                                                  | ops.port: 8080 (expected: another port
            cluster: {peers: ['a:9090', 'a:9090']}                             | a:9090 appears twice
            cluster: {peers: ['1@a:9090', '1@b:9090']}                         | node id 1 appears twice
            cluster: {node_id: 4, peers: ['a:9090', 'b:9090']}                 | cluster.node_id: 4 (expected: one of the ids
            cluster: {join: true, address: 'd:9090'}                           | cluster.peers: missing (expected: with cluster.join
            cluster: {join: true, peers: ['a:9090']}                           | cluster.address: missing
            cluster: {join: true, node_id: 4, address: 'd:9090', peers: ['a:9090']} | cluster.tls.cert_file: missing
            cluster: {discovery: 'dns://p:9090', peers: ['a:9090']}            | both are set
            cluster: {discovery: 'http://p', address: 'a:9090'}                | cluster.discovery: http://p (expected: dns://name:port
            cluster: {discovery: 'dns://p:9090', address: 'a:9090', founders: 0} | cluster.founders: 0
            cluster: {discovery: 'dns://p:9090', node_id: ordinal}             | cluster.address: missing
            cluster: {node_id: ordinal, address: 'a:9090'}                     | first label ends in a number
            cluster: {address: 'x:9090', peers: ['a:9090', 'b:9090']}          | cluster.address: x:9090 (expected: a:9090
            cluster: {peers: ['a']}                                            | cluster.peers: a (expected: host:port
            cluster: {peers: ['a:9090', 'b:9090']}                             | cluster.tls.cert_file: missing
            cluster: {heartbeat_interval: 500ms, election_timeout: 500ms}      | cluster.heartbeat_interval: 500ms (expected: shorter
            cluster: {election_timeout: 5}                                     | cluster.election_timeout: 5 (expected: a duration
            server: {host: 0.0.0.0}                                            | server.tls.cert_file: missing
            server: {tls: {cert_file: /nowhere}}                               | only some are set
            database: {url: 'mysql://root:secret@x/y'}                         | database.url: *** (expected: postgresql
            storage: {min_free_space: 5GB}                                     | storage.min_free_space: 5GB (expected: a size
            storage: {snapshot_after_bytes: 1KiB}                              | storage.snapshot_after_bytes: 1024B (expected: at least 1MiB
            storage: {stuck_timeout: 10ms}                                     | storage.stuck_timeout: 10ms (expected: at least 1s
            rollouts: {gate_hosts: ['http://p:9090']}                          | rollouts.gate_hosts: http://p:9090 (expected: host or host:port
            rollouts: {gate_hosts: '*'}                                        | rollouts.gate_hosts: * (expected: host or host:port
            rollouts: {gate_timeout: 0s}                                       | rollouts.gate_timeout: 0 (expected: more)
            [1, 2]                                                             | the document (expected: keys and values)
            server: &a {port: 1}                                               | another port
            """)
    void shouldRefuseToStartWithOnePreciseMessage(String yaml, String message) throws IOException {
        // given
        String text = yaml.startsWith("server: &a")
                ? "profile: dev\nserver: {port: 9090}"
                : yaml.startsWith("[") ? yaml : "profile: dev\n" + yaml;
        Path file = write(text);

        // then
        assertThatThrownBy(() -> ServerConfig.load(Optional.of(file), Map.of()))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("secret@");
    }

    @Test
    void shouldRefuseAProductionNodeWithoutTls() {
        assertThatThrownBy(() -> ServerConfig.load(Optional.empty(), Map.of()))
                .hasMessageContaining("server.tls.cert_file: missing");
    }

    @Test
    void shouldRefuseAnUnknownVariable() {
        assertThatThrownBy(() -> ServerConfig.load(Optional.empty(), Map.of("CONFLUX_SERVER_PROT", "1")))
                .hasMessageContaining("CONFLUX_SERVER_PROT is not a setting");
    }

    @Test
    void shouldHaveItsReferenceInTheDocs() throws IOException {
        // given
        Path page = Path.of("../docs/configuration.md");

        // when
        if (Boolean.getBoolean("golden.update")) {
            String text = Files.readString(page);
            int start = text.indexOf("| key |");
            Files.writeString(page, (start < 0 ? text + "\n" : text.substring(0, start)) + Setting.reference());
        }

        // then
        assertThat(Files.readString(page)).contains(Setting.reference());
    }

    private Path write(String yaml) throws IOException {
        return Files.writeString(directory.resolve("conflux.yaml"), yaml);
    }
}
