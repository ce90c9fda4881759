package dev.conflux.base.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsIdentityTest {

    private final DevCertificateAuthority authority = new DevCertificateAuthority("test");

    @TempDir
    Path directory;

    @Test
    void shouldLoadWhatTheDevAuthorityWrote() throws IOException {
        // when
        authority.write(directory, "alpha", List.of(1, 2));
        TlsIdentity identity = TlsIdentity.load(DevCertificateAuthority.files(directory, 2));

        // then
        assertThat(identity.peerName()).isEqualTo(new PeerName("alpha", 2));
        assertThat(identity.authorities()).containsExactly(authority.certificate());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("node-2.key.pem"))))
                .isEqualTo("rw-------");
    }

    @Test
    void shouldRefuseAKeyThatDoesNotFitTheCertificate() throws IOException {
        // given
        authority.write(directory, "alpha", List.of(1, 2));
        TlsFiles one = DevCertificateAuthority.files(directory, 1);
        TlsFiles two = DevCertificateAuthority.files(directory, 2);

        // then
        assertThatThrownBy(() -> TlsIdentity.load(new TlsFiles(one.certificate(), two.key(), one.authorities())))
                .isInstanceOf(TlsException.class)
                .hasMessageContaining("key does not belong to the certificate");
    }

    @Test
    void shouldRefuseAChainThatEndsElsewhere() {
        // given
        TlsIdentity identity = authority.issue(new PeerName("alpha", 1));
        var foreign = new DevCertificateAuthority("foreign");

        // then
        assertThatThrownBy(() -> new TlsIdentity(
                        identity.key(), identity.chain(), List.of(foreign.certificate()), Instant.now()))
                .isInstanceOf(TlsException.class)
                .hasMessageContaining("does not lead to a configured authority");
    }

    @Test
    void shouldRefuseAnExpiredCertificate() {
        // given
        TlsIdentity identity = authority.issue(new PeerName("alpha", 1));
        Instant later = Instant.now().plus(Duration.ofDays(366));

        // then
        assertThatThrownBy(() -> new TlsIdentity(identity.key(), identity.chain(), identity.authorities(), later))
                .isInstanceOf(TlsException.class)
                .hasMessageContaining("expired on");
    }

    @Test
    void shouldNameTheFileThatCannotBeUsed() throws IOException {
        // given
        authority.write(directory, "alpha", List.of(1));
        TlsFiles files = DevCertificateAuthority.files(directory, 1);
        Path garbage = Files.writeString(directory.resolve("garbage.pem"), "-----BEGIN RSA PRIVATE KEY-----\n");

        // then
        assertThatThrownBy(() -> TlsIdentity.load(new TlsFiles(files.certificate(), garbage, files.authorities())))
                .hasMessageContaining("garbage.pem")
                .hasMessageContaining("PKCS#8");
        assertThatThrownBy(() -> TlsIdentity.load(
                        new TlsFiles(directory.resolve("absent.pem"), files.key(), files.authorities())))
                .hasMessageContaining("absent.pem");
    }

    @Test
    void shouldReadTheMemberNameAndNothingElse() {
        // then
        assertThat(PeerName.parse("conflux://alpha/node/7")).isEqualTo(new PeerName("alpha", 7));
        assertThat(PeerName.of(authority.issue(new PeerName("b-2", 3)).certificate()))
                .isEqualTo(new PeerName("b-2", 3));
        assertThatThrownBy(() -> PeerName.of(authority.issueUnnamed("web").certificate()))
                .isInstanceOf(TlsException.class)
                .hasMessageContaining("0 conflux:// names");
        for (String wrong : List.of(
                "conflux://alpha/node/0",
                "conflux://alpha/node/01",
                "conflux://alpha/node/1/",
                "conflux://Alpha/node/1",
                "conflux://alpha/node/99999999999",
                "conflux://-/node/1",
                "https://alpha/node/1")) {
            assertThatThrownBy(() -> PeerName.parse(wrong)).as(wrong).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
