package dev.conflux.base.tls;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A throw-away authority for development and tests: P-256, one year, its own key never leaves memory. Needs
 * {@code bcpkix-jdk18on} on the class path, which the server does not ship. Not for production: nobody guards it.
 */
public final class DevCertificateAuthority {

    private static final Duration VALIDITY = Duration.ofDays(365);
    private static final Duration CLOCK_SKEW = Duration.ofHours(1);
    private static final int SERIAL_BITS = 127; // positive and at most 20 octets (RFC 5280 §4.1.2.2)

    private final SecureRandom random = new SecureRandom();
    private final KeyPair pair;
    private final X500Name name;
    private final X509Certificate certificate;

    /**
     * Makes a new authority.
     *
     * @param commonName of the authority itself
     */
    public DevCertificateAuthority(String commonName) {
        this.pair = newPair();
        this.name = new X500Name("CN=" + commonName);
        try {
            var builder = builder(name, pair);
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
            this.certificate = sign(builder);
        } catch (CertIOException e) {
            throw new TlsException("authority cannot be made", e);
        }
    }

    public X509Certificate certificate() {
        return certificate;
    }

    /** A key and certificate for a member, good as server and as client, for localhost and 127.0.0.1. */
    public TlsIdentity issue(PeerName peer) {
        Issued issued = sign("conflux node " + peer.nodeId(), List.of(uri(peer)));
        return new TlsIdentity(
                issued.pair().getPrivate(), List.of(issued.certificate()), List.of(certificate), Instant.now());
    }

    /** A key and certificate without a member name: a web server's, or an intruder's. */
    public TlsIdentity issueUnnamed(String commonName) {
        Issued issued = sign(commonName, List.of());
        return new TlsIdentity(
                issued.pair().getPrivate(), List.of(issued.certificate()), List.of(certificate), Instant.now());
    }

    /**
     * Writes {@code ca.pem}, {@code node-<id>.pem} and {@code node-<id>.key.pem} (mode 600) for each id. Existing files
     * are replaced.
     */
    public void write(Path directory, String clusterName, List<Integer> nodeIds) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("ca.pem"), pem("CERTIFICATE", encoded(certificate)));
        for (int id : nodeIds) {
            TlsIdentity identity = issue(new PeerName(clusterName, id));
            Files.writeString(
                    directory.resolve("node-" + id + ".pem"), pem("CERTIFICATE", encoded(identity.certificate())));
            writeSecret(directory.resolve("node-" + id + ".key.pem"), identity.key());
        }
    }

    /** The files that {@link #write} makes for one member. */
    public static TlsFiles files(Path directory, int nodeId) {
        return new TlsFiles(
                directory.resolve("node-" + nodeId + ".pem"),
                directory.resolve("node-" + nodeId + ".key.pem"),
                directory.resolve("ca.pem"));
    }

    private record Issued(KeyPair pair, X509Certificate certificate) {}

    private Issued sign(String commonName, List<GeneralName> extraNames) {
        KeyPair subject = newPair();
        var names = new java.util.ArrayList<GeneralName>(extraNames);
        names.add(new GeneralName(GeneralName.dNSName, "localhost"));
        names.add(new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
        try {
            var builder = builder(new X500Name("CN=" + commonName), subject);
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
            builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(new KeyPurposeId[] {
                KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
            }));
            builder.addExtension(
                    Extension.subjectAlternativeName, false, new GeneralNames(names.toArray(GeneralName[]::new)));
            return new Issued(subject, sign(builder));
        } catch (CertIOException e) {
            throw new TlsException("certificate cannot be made", e);
        }
    }

    private JcaX509v3CertificateBuilder builder(X500Name subject, KeyPair subjectPair) {
        Instant now = Instant.now();
        return new JcaX509v3CertificateBuilder(
                name,
                new BigInteger(SERIAL_BITS, random).add(BigInteger.ONE),
                Date.from(now.minus(CLOCK_SKEW)),
                Date.from(now.plus(VALIDITY)),
                subject,
                subjectPair.getPublic());
    }

    private X509Certificate sign(JcaX509v3CertificateBuilder builder) {
        try {
            var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate());
            return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
        } catch (OperatorCreationException | GeneralSecurityException e) {
            throw new TlsException("certificate cannot be signed", e);
        }
    }

    private static GeneralName uri(PeerName peer) {
        return new GeneralName(GeneralName.uniformResourceIdentifier, peer.toString());
    }

    private KeyPair newPair() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"), random);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new TlsException("P-256 is not available", e);
        }
    }

    private static void writeSecret(Path file, PrivateKey key) throws IOException {
        // Created with its final mode: never readable by others, not even for a moment.
        Files.deleteIfExists(file);
        try (var channel = Files.newByteChannel(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            var bytes = java.nio.ByteBuffer.wrap(
                    pem("PRIVATE KEY", key.getEncoded()).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (FileAlreadyExistsException e) {
            throw new IOException(file + ": written by somebody else at the same time", e);
        }
    }

    private static byte[] encoded(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (GeneralSecurityException e) {
            throw new TlsException("certificate cannot be encoded", e);
        }
    }

    private static String pem(String kind, byte[] der) {
        var base64 = Base64.getMimeEncoder(64, new byte[] {'\n'});
        return "-----BEGIN " + kind + "-----\n" + base64.encodeToString(der) + "\n-----END " + kind + "-----\n";
    }
}
