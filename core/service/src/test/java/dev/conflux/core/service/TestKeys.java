package dev.conflux.core.service;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import java.time.Instant;

/** RSA keys take long to make: one pair for all tests that don't ask where it comes from. */
final class TestKeys {

    static final MetadataStore.SigningKey SIGNING_KEY = signingKey("0123456789abcdef01234567");

    private TestKeys() {}

    private static MetadataStore.SigningKey signingKey(String id) {
        try {
            RSAKey key = new RSAKeyGenerator(2048).generate();
            return new MetadataStore.SigningKey(
                    id,
                    "RS256",
                    key.toRSAPublicKey().getEncoded(),
                    key.toRSAPrivateKey().getEncoded(),
                    Instant.parse("2026-01-01T00:00:00Z"));
        } catch (JOSEException e) {
            throw new AssertionError(e);
        }
    }
}
