package dev.conflux.core.service;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Issues and verifies access tokens: JWTs signed with RS256, nothing else (RFC 8725: the algorithm is ours to choose,
 * never the token's; every claim is checked; key material in headers is not looked at but refused). Any thread.
 */
final class AccessTokens {

    /**
     * A token that holds.
     *
     * @param session the login it stems from
     * @param validUntilMillis end of life, skew allowance included
     */
    record Verified(Principal principal, UUID session, long validUntilMillis) {}

    /** Ours are about 700 characters. More is not ours, and not worth decoding. */
    static final int MAX_TOKEN_CHARS = 8 * 1024;
    /** Nodes' clocks may differ by this much; kept by NTP at a tiny fraction of it. */
    static final Duration CLOCK_SKEW = Duration.ofSeconds(30);

    private static final Set<String> HEADER_PARAMETERS = Set.of("alg", "kid", "typ");
    private static final String NAME = "name";
    private static final String SUPER_ADMIN = "sa";
    private static final String SESSION = "sid";
    private static final int MAX_KEY_ID_CHARS = 64;

    private final SigningKeys keys;
    private final Clock clock;
    private final String issuer;
    private final String audience;
    private final Duration life;

    AccessTokens(SigningKeys keys, AuthSettings settings, Clock clock) {
        this.keys = keys;
        this.clock = clock;
        this.issuer = settings.issuer();
        this.audience = settings.audience();
        this.life = settings.accessTokenLife();
    }

    Duration life() {
        return life;
    }

    /** Makes sure that {@link #issue} cannot fail for want of a key. */
    void prepare() {
        keys.signer();
    }

    /** A new token. May block on the database when this node has not signed before. */
    String issue(Principal principal, UUID session) {
        SigningKeys.Signer signer = keys.signer();
        Instant now = clock.instant();
        var header = new JWSHeader.Builder(JWSAlgorithm.RS256)
                .type(JOSEObjectType.JWT)
                .keyID(signer.keyId())
                .build();
        var claims = new JWTClaimsSet.Builder()
                .issuer(issuer)
                .audience(audience)
                .subject(Long.toString(principal.userId()))
                .claim(NAME, principal.name())
                .claim(SUPER_ADMIN, principal.superAdmin())
                .claim(SESSION, session.toString())
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plus(life)))
                .jwtID(UUID.randomUUID().toString())
                .build();
        var token = new SignedJWT(header, claims);
        try {
            token.sign(signer.signer());
        } catch (JOSEException e) {
            throw new IllegalStateException("cannot sign an access token", e);
        }
        return token.serialize();
    }

    /**
     * What the token says, if it holds.
     *
     * @throws ConfluxException with {@link ConfluxError.Unauthenticated}; the message does not help a forger
     */
    Verified verify(String token) {
        if (token.length() > MAX_TOKEN_CHARS) {
            throw refused(null);
        }
        try {
            SignedJWT jwt = SignedJWT.parse(token);
            JWSVerifier verifier = verifierFor(jwt.getHeader());
            if (verifier == null || !jwt.verify(verifier)) {
                throw refused(null);
            }
            return check(jwt.getJWTClaimsSet());
        } catch (ParseException | JOSEException | IllegalArgumentException | IllegalStateException e) {
            // The last two: what a parser of hostile input may throw beside its own exceptions.
            throw refused(e);
        }
    }

    private @Nullable JWSVerifier verifierFor(JWSHeader header) {
        String keyId = header.getKeyID();
        boolean ours = JWSAlgorithm.RS256.equals(header.getAlgorithm())
                && JOSEObjectType.JWT.equals(header.getType())
                && HEADER_PARAMETERS.containsAll(header.getIncludedParams())
                && keyId != null
                && keyId.length() <= MAX_KEY_ID_CHARS;
        return ours ? keys.verifier(keyId) : null;
    }

    private Verified check(JWTClaimsSet claims) throws ParseException {
        Date expires = claims.getExpirationTime();
        Date issued = claims.getIssueTime();
        Date notBefore = claims.getNotBeforeTime();
        String subject = claims.getSubject();
        String name = claims.getStringClaim(NAME);
        String session = claims.getStringClaim(SESSION);
        Boolean superAdmin = claims.getBooleanClaim(SUPER_ADMIN);
        if (expires == null
                || issued == null
                || subject == null
                || name == null
                || session == null
                || superAdmin == null
                || claims.getJWTID() == null
                || !issuer.equals(claims.getIssuer())
                || !List.of(audience).equals(claims.getAudience())) {
            throw refused(null);
        }
        long now = clock.millis();
        long skew = CLOCK_SKEW.toMillis();
        if (millis(issued) > now + skew || (notBefore != null && millis(notBefore) > now + skew)) {
            throw refused(null);
        }
        long validUntil = millis(expires) + skew;
        if (validUntil <= now) {
            throw new ConfluxException(
                    new ConfluxError.Unauthenticated("the access token has expired (refresh it, or log in again)"));
        }
        return new Verified(
                new Principal(Long.parseLong(subject), name, superAdmin), UUID.fromString(session), validUntil);
    }

    private static long millis(Date date) {
        return date.toInstant().toEpochMilli();
    }

    static ConfluxException refused(@Nullable Throwable cause) {
        return new ConfluxException(
                new ConfluxError.Unauthenticated("the access token is not valid (log in to get one)"), cause);
    }
}
