package dev.conflux.base.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;

/**
 * A private key, the certificate chain that belongs to it, and the authorities that others must descend from. Checked
 * when made, because the network libraries accept a key that does not fit and then fail every handshake. Immutable; a
 * reload makes a new one.
 */
public final class TlsIdentity {

    private static final Pattern PKCS8 =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    private final PrivateKey key;
    private final List<X509Certificate> chain;
    private final List<X509Certificate> authorities;

    /**
     * Checks and keeps key material.
     *
     * @param chain own certificate first
     * @param now the instant at which the certificates must be valid
     * @throws TlsException when the key does not fit the certificate, a certificate is expired or not yet valid, or the
     *     chain does not lead to one of the authorities
     */
    public TlsIdentity(PrivateKey key, List<X509Certificate> chain, List<X509Certificate> authorities, Instant now) {
        this.key = key;
        this.chain = List.copyOf(chain);
        this.authorities = List.copyOf(authorities);
        if (chain.isEmpty() || authorities.isEmpty()) {
            throw new TlsException("certificate chain: " + chain.size() + ", authorities: " + authorities.size()
                    + " (expected: at least 1 each)");
        }
        checkDates(now);
        checkPair();
        checkChain(now);
    }

    /** Reads and checks PEM files as of now. */
    public static TlsIdentity load(TlsFiles files) {
        return new TlsIdentity(
                readKey(files.key()),
                readCertificates(files.certificate()),
                readCertificates(files.authorities()),
                Instant.now());
    }

    public PrivateKey key() {
        return key;
    }

    /** Own certificate first. */
    public List<X509Certificate> chain() {
        return chain;
    }

    public List<X509Certificate> authorities() {
        return authorities;
    }

    public X509Certificate certificate() {
        return chain.getFirst();
    }

    /** The {@code conflux://} name in the own certificate. */
    public PeerName peerName() {
        return PeerName.of(certificate());
    }

    /** For libraries that take JDK factories. */
    public KeyManagerFactory keyManagerFactory() {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            char[] password = new char[0];
            store.load(null, password);
            store.setKeyEntry("self", key, password, chain.toArray(X509Certificate[]::new));
            KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(store, password);
            return factory;
        } catch (GeneralSecurityException | IOException e) {
            throw new TlsException("key material cannot be used", e);
        }
    }

    /** For libraries that take JDK factories. Checks chains only: who the peer is, is the caller's to check. */
    public TrustManagerFactory trustManagerFactory() {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, new char[0]);
            for (int i = 0; i < authorities.size(); i++) {
                store.setCertificateEntry("authority-" + i, authorities.get(i));
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            return factory;
        } catch (GeneralSecurityException | IOException e) {
            throw new TlsException("authorities cannot be used", e);
        }
    }

    private void checkDates(Instant now) {
        for (X509Certificate certificate : chain) {
            try {
                certificate.checkValidity(Date.from(now));
            } catch (CertificateExpiredException e) {
                throw new TlsException("certificate of '" + certificate.getSubjectX500Principal() + "' expired on "
                        + certificate.getNotAfter().toInstant());
            } catch (CertificateNotYetValidException e) {
                throw new TlsException("certificate of '" + certificate.getSubjectX500Principal()
                        + "' is not valid before "
                        + certificate.getNotBefore().toInstant());
            }
        }
    }

    private void checkPair() {
        PublicKey publicKey = certificate().getPublicKey();
        if (!publicKey.getAlgorithm().equals(key.getAlgorithm())) {
            throw new TlsException("key is " + key.getAlgorithm() + ", certificate of '"
                    + certificate().getSubjectX500Principal() + "' is " + publicKey.getAlgorithm());
        }
        String algorithm = key.getAlgorithm().equals("RSA") ? "SHA256withRSA" : "SHA256withECDSA";
        byte[] probe = new byte[32];
        new SecureRandom().nextBytes(probe);
        try {
            Signature signer = Signature.getInstance(algorithm);
            signer.initSign(key);
            signer.update(probe);
            byte[] signature = signer.sign();
            Signature verifier = Signature.getInstance(algorithm);
            verifier.initVerify(publicKey);
            verifier.update(probe);
            if (verifier.verify(signature)) {
                return;
            }
        } catch (GeneralSecurityException e) {
            throw new TlsException("key and certificate cannot be checked against each other", e);
        }
        throw new TlsException(
                "key does not belong to the certificate of '" + certificate().getSubjectX500Principal() + "'");
    }

    private void checkChain(Instant now) {
        var anchors = new HashSet<TrustAnchor>();
        for (X509Certificate authority : authorities) {
            anchors.add(new TrustAnchor(authority, null));
        }
        try {
            var parameters = new PKIXParameters(anchors);
            parameters.setRevocationEnabled(false); // no revocation source in a private cluster; rotation replaces it
            parameters.setDate(Date.from(now));
            var path = CertificateFactory.getInstance("X.509").generateCertPath(chain);
            CertPathValidator.getInstance("PKIX").validate(path, parameters);
        } catch (CertPathValidatorException e) {
            throw new TlsException(
                    "certificate of '" + certificate().getSubjectX500Principal()
                            + "' does not lead to a configured authority: " + e.getMessage(),
                    e);
        } catch (GeneralSecurityException e) {
            throw new TlsException("certificate chain cannot be checked", e);
        }
    }

    private static PrivateKey readKey(Path file) {
        Matcher matcher = PKCS8.matcher(read(file));
        if (!matcher.find()) {
            throw new TlsException(file + ": no 'BEGIN PRIVATE KEY' block (expected: unencrypted PKCS#8; convert with"
                    + " openssl pkcs8 -topk8 -nocrypt)");
        }
        byte[] der;
        try {
            der = Base64.getMimeDecoder().decode(matcher.group(1));
        } catch (IllegalArgumentException e) {
            throw new TlsException(file + ": not base64", e);
        }
        var spec = new PKCS8EncodedKeySpec(der);
        for (String algorithm : List.of("EC", "RSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(spec);
            } catch (GeneralSecurityException e) {
                // The next one may fit.
            }
        }
        throw new TlsException(file + ": not a usable EC or RSA key");
    }

    private static List<X509Certificate> readCertificates(Path file) {
        var in = new ByteArrayInputStream(read(file).getBytes(StandardCharsets.US_ASCII));
        try {
            var certificates = CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
                    .map(X509Certificate.class::cast)
                    .toList();
            if (certificates.isEmpty()) {
                throw new TlsException(file + ": no certificate (expected: PEM)");
            }
            return certificates;
        } catch (CertificateException e) {
            throw new TlsException(file + ": not a readable PEM certificate", e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new TlsException(file + ": cannot be read (" + e.getClass().getSimpleName() + ")", e);
        }
    }
}
