package dev.conflux.core.service;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import dev.conflux.core.model.ConfluxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.text.ParseException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The key pairs behind access tokens. The metadata database is their home; public halves are kept in memory and in a
 * file, so that tokens can be verified while the database is away, also after a restart of the node.
 *
 * <p>Every key is RSA and bound to RS256. Look-ups read an immutable map; loading is under this object's monitor.
 */
final class SigningKeys {

    /** What {@link #signer} gives. */
    record Signer(String keyId, JWSSigner signer) {}

    private static final Logger log = LoggerFactory.getLogger(SigningKeys.class);

    /** NIST SP 800-57: 112 bits of security, enough until 2030; larger keys verify slower. Rotation replaces it. */
    private static final int RSA_BITS = 2048;
    /** Tokens with made-up key ids reach the database this often at most. */
    static final long RELOAD_INTERVAL_MILLIS = 5_000;

    private static final int KEY_ID_BYTES = 12;

    private final MetadataStore store;
    private final Path file;
    private final Clock clock;
    private final SecureRandom random;
    private volatile Map<String, JWSVerifier> verifiers = Map.of();
    private volatile @Nullable Signer signer;
    private volatile String written = "";
    private long lastReloadMillis = Long.MIN_VALUE / 2;

    SigningKeys(MetadataStore store, Path file, Clock clock, SecureRandom random) {
        this.store = store;
        this.file = file;
        this.clock = clock;
        this.random = random;
        readFile();
    }

    /**
     * The verifier for a key id; null = no such key. An unknown id may ask the database (at most once per
     * {@link #RELOAD_INTERVAL_MILLIS} for all callers together), everything else is a map look-up.
     */
    @Nullable
    JWSVerifier verifier(String keyId) {
        JWSVerifier known = verifiers.get(keyId);
        return known != null ? known : reloadIfDue().get(keyId);
    }

    /**
     * The key to sign with, made on first use in the cluster.
     *
     * @throws ConfluxException with {@code METADATA_UNAVAILABLE}
     */
    Signer signer() {
        Signer current = signer;
        return current != null ? current : refresh();
    }

    /** Loads all keys from the database and makes the first one if there is none. */
    synchronized Signer refresh() {
        List<MetadataStore.SigningKey> keys = store.signingKeys();
        if (keys.isEmpty()) {
            keys = store.addFirstSigningKey(generate());
        }
        return install(keys);
    }

    private synchronized Map<String, JWSVerifier> reloadIfDue() {
        long now = clock.millis();
        if (now - lastReloadMillis < RELOAD_INTERVAL_MILLIS) {
            return verifiers;
        }
        lastReloadMillis = now;
        try {
            List<MetadataStore.SigningKey> keys = store.signingKeys();
            if (!keys.isEmpty()) {
                install(keys);
            }
        } catch (ConfluxException e) {
            log.atDebug().setMessage("signing_keys_not_reloaded").setCause(e).log();
        }
        return verifiers;
    }

    private Signer install(List<MetadataStore.SigningKey> keys) {
        try {
            KeyFactory rsa = KeyFactory.getInstance("RSA");
            List<JWK> publicKeys = new ArrayList<>();
            for (MetadataStore.SigningKey key : keys) {
                if (!key.algorithm().equals(JWSAlgorithm.RS256.getName())) {
                    // A newer release's key, during a rolling upgrade: not ours to use.
                    log.atWarn()
                            .setMessage("signing_key_ignored")
                            .addKeyValue("kid", key.keyId())
                            .addKeyValue("algorithm", key.algorithm())
                            .log();
                    continue;
                }
                var publicKey = (RSAPublicKey) rsa.generatePublic(new X509EncodedKeySpec(key.publicKey()));
                publicKeys.add(new RSAKey.Builder(publicKey)
                        .keyID(key.keyId())
                        .algorithm(JWSAlgorithm.RS256)
                        .keyUse(KeyUse.SIGNATURE)
                        .build());
            }
            if (publicKeys.isEmpty()) {
                throw new IllegalStateException("no RS256 key among the " + keys.size() + " signing keys");
            }
            JWKSet set = new JWKSet(publicKeys);
            verifiers = verifiersOf(set);
            String newest = publicKeys.getFirst().getKeyID();
            Signer current = signer;
            if (current == null || !current.keyId().equals(newest)) {
                MetadataStore.SigningKey key = keys.stream()
                        .filter(candidate -> candidate.keyId().equals(newest))
                        .findFirst()
                        .orElseThrow();
                current = new Signer(
                        newest, new RSASSASigner(rsa.generatePrivate(new PKCS8EncodedKeySpec(key.privateKey()))));
                signer = current;
            }
            writeFile(set);
            return current;
        } catch (GeneralSecurityException | JOSEException e) {
            throw new IllegalStateException("a stored signing key cannot be read", e);
        }
    }

    private static Map<String, JWSVerifier> verifiersOf(JWKSet set) throws JOSEException {
        Map<String, JWSVerifier> result = new HashMap<>();
        for (JWK key : set.getKeys()) {
            if (key instanceof RSAKey rsa && rsa.size() >= RSA_BITS && JWSAlgorithm.RS256.equals(rsa.getAlgorithm())) {
                result.put(rsa.getKeyID(), new RSASSAVerifier(rsa.toRSAPublicKey()));
            }
        }
        return Map.copyOf(result);
    }

    private void readFile() {
        if (!Files.exists(file)) {
            return;
        }
        try {
            String text = Files.readString(file);
            verifiers = verifiersOf(JWKSet.parse(text));
            written = text;
        } catch (IOException | ParseException | JOSEException e) {
            // Only a copy: the database has the originals, and the next load replaces the file.
            log.atWarn()
                    .setMessage("verification_keys_unreadable")
                    .addKeyValue("file", file)
                    .setCause(e)
                    .log();
        }
    }

    private void writeFile(JWKSet set) {
        String text = set.toString(true);
        if (text.equals(written)) {
            return;
        }
        try {
            OwnerOnlyFile.write(file, text);
            written = text;
        } catch (IOException e) {
            log.atWarn()
                    .setMessage("verification_keys_not_written")
                    .addKeyValue("file", file)
                    .setCause(e)
                    .log();
        }
    }

    private MetadataStore.SigningKey generate() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(RSA_BITS, random);
            KeyPair pair = generator.generateKeyPair();
            byte[] id = new byte[KEY_ID_BYTES];
            random.nextBytes(id);
            return new MetadataStore.SigningKey(
                    HexFormat.of().formatHex(id),
                    JWSAlgorithm.RS256.getName(),
                    pair.getPublic().getEncoded(),
                    pair.getPrivate().getEncoded(),
                    clock.instant());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has RSA", e);
        }
    }
}
