package dev.conflux.core.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.Base64;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.SecureRandom;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("AUTH-1")
@SuppressWarnings("JavaUtilDate") // The library under test speaks it.
class AccessTokensTest {

    private static final Principal ALICE = new Principal(7, "alice", true);

    @TempDir
    Path dir;

    private final InMemoryMetadataStore store = new InMemoryMetadataStore();
    private final ManualClock clock = new ManualClock();
    private AccessTokens tokens;
    private MetadataStore.SigningKey key;
    private JWSSigner signer;

    @BeforeEach
    void setUp() throws Exception {
        key = TestKeys.SIGNING_KEY;
        store.putKey(key);
        tokens = tokens(clock);
        tokens.prepare();
        signer = new RSASSASigner(
                KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(key.privateKey())));
    }

    @Test
    void shouldVerifyWhatItIssued() throws Exception {
        // given
        UUID session = UUID.randomUUID();
        // when
        String token = tokens.issue(ALICE, session);
        AccessTokens.Verified verified = tokens.verify(token);
        // then
        assertThat(verified.principal()).isEqualTo(ALICE);
        assertThat(verified.session()).isEqualTo(session);
        SignedJWT jwt = SignedJWT.parse(token);
        assertThat(jwt.getHeader().toJSONObject()).containsOnlyKeys("alg", "kid", "typ");
        assertThat(jwt.getJWTClaimsSet().toJSONObject())
                .containsOnlyKeys("iss", "aud", "sub", "name", "sa", "sid", "iat", "exp", "jti");
        assertThat(jwt.getJWTClaimsSet().getExpirationTime().toInstant())
                .isEqualTo(clock.instant().plus(Duration.ofHours(24)));
        assertThat(token.length()).isLessThan(900);
    }

    @Test
    void shouldHoldUntilExpiryAndAllowForSkewedClocks() {
        // given
        String token = tokens.issue(ALICE, UUID.randomUUID());
        // when
        clock.advance(Duration.ofHours(24).plusSeconds(29));
        // then
        assertThat(tokens.verify(token).principal()).isEqualTo(ALICE);
        clock.advance(Duration.ofSeconds(1));
        assertThatThrownBy(() -> tokens.verify(token))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error()).isInstanceOf(ConfluxError.Unauthenticated.class))
                .hasMessageContaining("expired");
    }

    @Test
    void shouldAcceptOurOwnHandmadeToken() throws Exception {
        // The attacks below differ from this one in one thing each.
        assertThat(tokens.verify(sign(header(), claims(c -> c))).principal()).isEqualTo(ALICE);
    }

    interface Forger {
        String forge(AccessTokensTest test) throws Exception;
    }

    private static Arguments attack(String name, Forger forger) {
        return Arguments.argumentSet(name, forger);
    }

    static Stream<Arguments> attacks() {
        return Stream.of(
                attack("empty", t -> ""),
                attack("not a token", t -> "Bearer abc"),
                attack("two dots only", t -> ".."),
                attack("five parts (JWE)", t -> "a.b.c.d.e"),
                attack("alg none", t -> new PlainJWT(t.claims(c -> c)).serialize()),
                attack("alg none with our signature", t -> {
                    String good = t.sign(t.header(), t.claims(c -> c));
                    return Base64URL.encode("{\"alg\":\"none\"}") + good.substring(good.indexOf('.'));
                }),
                attack("signature removed", t -> {
                    String good = t.sign(t.header(), t.claims(c -> c));
                    return good.substring(0, good.lastIndexOf('.') + 1);
                }),
                attack("signature of another token", t -> {
                    String good = t.sign(t.header(), t.claims(c -> c));
                    String other = t.sign(t.header(), t.claims(c -> c.subject("8")));
                    return good.substring(0, good.lastIndexOf('.')) + other.substring(other.lastIndexOf('.'));
                }),
                attack("HS256 keyed with the public key", t -> {
                    var jwt = new SignedJWT(
                            new JWSHeader.Builder(JWSAlgorithm.HS256)
                                    .type(JOSEObjectType.JWT)
                                    .keyID(t.key.keyId())
                                    .build(),
                            t.claims(c -> c));
                    jwt.sign(new MACSigner(t.key.publicKey()));
                    return jwt.serialize();
                }),
                attack("RS512 with the right key", t -> t.sign(t.header(JWSAlgorithm.RS512), t.claims(c -> c))),
                attack("PS256 with the right key", t -> t.sign(t.header(JWSAlgorithm.PS256), t.claims(c -> c))),
                attack("unknown kid", t -> t.sign(t.builder().keyID("other").build(), t.claims(c -> c))),
                attack("no kid", t -> t.sign(t.builder().keyID(null).build(), t.claims(c -> c))),
                attack(
                        "kid as path",
                        t -> t.sign(t.builder().keyID("../../etc/passwd").build(), t.claims(c -> c))),
                attack("somebody else's key under our kid", t -> {
                    var jwt = new SignedJWT(t.header(), t.claims(c -> c));
                    jwt.sign(new RSASSASigner(new RSAKeyGenerator(2048).generate()));
                    return jwt.serialize();
                }),
                attack("embedded jwk", t -> {
                    RSAKey own = new RSAKeyGenerator(2048).generate();
                    var jwt = new SignedJWT(t.builder().jwk(own.toPublicJWK()).build(), t.claims(c -> c));
                    jwt.sign(new RSASSASigner(own));
                    return jwt.serialize();
                }),
                attack(
                        "jku",
                        t -> t.sign(
                                t.builder()
                                        .jwkURL(URI.create("https://a.example"))
                                        .build(),
                                t.claims(c -> c))),
                attack(
                        "x5u",
                        t -> t.sign(
                                t.builder()
                                        .x509CertURL(URI.create("https://a.example"))
                                        .build(),
                                t.claims(c -> c))),
                attack(
                        "x5c",
                        t -> t.sign(
                                t.builder()
                                        .x509CertChain(List.of(Base64.encode("x")))
                                        .build(),
                                t.claims(c -> c))),
                attack(
                        "crit",
                        t -> t.sign(
                                t.builder()
                                        .criticalParams(Set.of("exp"))
                                        .customParam("exp", 1)
                                        .build(),
                                t.claims(c -> c))),
                attack(
                        "other typ",
                        t -> t.sign(
                                t.builder().type(new JOSEObjectType("at+jwt")).build(), t.claims(c -> c))),
                attack("no exp", t -> t.sign(t.header(), t.claims(c -> c.expirationTime(null)))),
                attack("expired", t -> t.sign(t.header(), t.claims(c -> c.expirationTime(t.at(-31))))),
                attack("no iat", t -> t.sign(t.header(), t.claims(c -> c.issueTime(null)))),
                attack("from the future", t -> t.sign(t.header(), t.claims(c -> c.issueTime(t.at(31))))),
                attack("not yet", t -> t.sign(t.header(), t.claims(c -> c.notBeforeTime(t.at(31))))),
                attack("wrong iss", t -> t.sign(t.header(), t.claims(c -> c.issuer("evil")))),
                attack("no iss", t -> t.sign(t.header(), t.claims(c -> c.issuer(null)))),
                attack("wrong aud", t -> t.sign(t.header(), t.claims(c -> c.audience("evil")))),
                attack("several aud", t -> t.sign(t.header(), t.claims(c -> c.audience(List.of("conflux", "evil"))))),
                attack("no sub", t -> t.sign(t.header(), t.claims(c -> c.subject(null)))),
                attack("sub not a number", t -> t.sign(t.header(), t.claims(c -> c.subject("admin")))),
                attack("sa as text", t -> t.sign(t.header(), t.claims(c -> c.claim("sa", "true")))),
                attack("no jti", t -> t.sign(t.header(), t.claims(c -> c.jwtID(null)))),
                attack("sid not a uuid", t -> t.sign(t.header(), t.claims(c -> c.claim("sid", "x")))),
                attack("oversize", t -> t.sign(t.header(), t.claims(c -> c.claim("pad", "x".repeat(8 * 1024))))),
                attack("claims not an object", t -> {
                    String good = t.sign(t.header(), t.claims(c -> c));
                    return good.substring(0, good.indexOf('.')) + "." + Base64URL.encode("[1]")
                            + good.substring(good.lastIndexOf('.'));
                }));
    }

    @ParameterizedTest
    @MethodSource("attacks")
    void shouldRefuse(Forger forger) throws Exception {
        String token = forger.forge(this);
        assertThatThrownBy(() -> tokens.verify(token))
                .isInstanceOfSatisfying(
                        ConfluxException.class,
                        e -> assertThat(e.error()).isInstanceOf(ConfluxError.Unauthenticated.class));
    }

    @Test
    @Tag("AUTH-9")
    void shouldFindNewKeyOfAnotherNodeButAskRarely() {
        // given
        ManualClock sameTime = clock;
        AccessTokens otherNode = tokens(sameTime);
        String token = tokens.issue(ALICE, UUID.randomUUID());
        int before = store.keyReads();
        // when
        assertThat(otherNode.verify(token).principal()).isEqualTo(ALICE);
        // then
        assertThat(store.keyReads()).isLessThanOrEqualTo(before + 1);
        for (int i = 0; i < 20; i++) {
            String forged = token.replaceFirst(
                    "^[^.]*",
                    Base64URL.encode("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k" + i + "\"}")
                            .toString());
            assertThatThrownBy(() -> otherNode.verify(forged)).isInstanceOf(ConfluxException.class);
        }
        assertThat(store.keyReads()).isLessThanOrEqualTo(before + 2);
    }

    @Test
    void shouldSignWithNewestKeyAndStillVerifyOlderTokens() throws Exception {
        // given
        String old = tokens.issue(ALICE, UUID.randomUUID());
        RSAKey next = new RSAKeyGenerator(2048).generate();
        store.putKey(new MetadataStore.SigningKey(
                "next",
                "RS256",
                next.toRSAPublicKey().getEncoded(),
                next.toRSAPrivateKey().getEncoded(),
                clock.instant().plusSeconds(1)));
        store.putKey(new MetadataStore.SigningKey(
                "of a newer release",
                "EdDSA",
                new byte[0],
                new byte[0],
                clock.instant().plusSeconds(2)));
        // when
        AccessTokens restarted = tokens(clock);
        String fresh = restarted.issue(ALICE, UUID.randomUUID());
        // then
        assertThat(SignedJWT.parse(fresh).getHeader().getKeyID()).isEqualTo("next");
        assertThat(restarted.verify(old).principal()).isEqualTo(ALICE);
        assertThat(restarted.verify(fresh).principal()).isEqualTo(ALICE);
    }

    private AccessTokens tokens(ManualClock time) {
        var keys = new SigningKeys(store, dir.resolve(UUID.randomUUID() + ".json"), time, new SecureRandom());
        return new AccessTokens(keys, AuthSettings.defaults(dir, null), time);
    }

    private JWSHeader.Builder builder() {
        return new JWSHeader.Builder(JWSAlgorithm.RS256)
                .type(JOSEObjectType.JWT)
                .keyID(key.keyId());
    }

    private JWSHeader header() {
        return header(JWSAlgorithm.RS256);
    }

    private JWSHeader header(JWSAlgorithm algorithm) {
        return new JWSHeader.Builder(algorithm)
                .type(JOSEObjectType.JWT)
                .keyID(key.keyId())
                .build();
    }

    private JWTClaimsSet claims(UnaryOperator<JWTClaimsSet.Builder> change) {
        return change.apply(new JWTClaimsSet.Builder()
                        .issuer("conflux")
                        .audience("conflux")
                        .subject("7")
                        .claim("name", "alice")
                        .claim("sa", true)
                        .claim("sid", "00000000-0000-0000-0000-000000000001")
                        .issueTime(at(0))
                        .expirationTime(at(60))
                        .jwtID("j"))
                .build();
    }

    private Date at(long seconds) {
        Instant instant = clock.instant().plusSeconds(seconds);
        return Date.from(instant);
    }

    private String sign(JWSHeader header, JWTClaimsSet claims) throws Exception {
        var jwt = new SignedJWT(header, claims);
        jwt.sign(signer);
        return jwt.serialize();
    }
}
