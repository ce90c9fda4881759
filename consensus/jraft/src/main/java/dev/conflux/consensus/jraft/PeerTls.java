package dev.conflux.consensus.jraft;

import dev.conflux.base.tls.PeerName;
import dev.conflux.base.tls.TlsException;
import dev.conflux.base.tls.TlsIdentity;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;

/**
 * The one place that turns key material into TLS contexts: TLS 1.3 only, both sides present a certificate. Every new
 * connection asks it, so replacing the contexts here is all that a reload will need.
 */
final class PeerTls {

    private static final List<String> PROTOCOLS = List.of("TLSv1.3");

    /** AES-128 first: the JDK has intrinsics for it, and 128 bits are plenty for a session. */
    private static final List<String> CIPHERS = List.of("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384");

    private record Contexts(SslContext server, SslContext client) {}

    private final Contexts contexts;

    PeerTls(TlsIdentity identity) {
        this.contexts = build(identity);
    }

    SslContext server() {
        return contexts.server();
    }

    SslContext client() {
        return contexts.client();
    }

    /** Who is at the other end of a finished handshake. */
    static PeerName peer(SslHandler handler) {
        try {
            if (handler.engine().getSession().getPeerCertificates()[0] instanceof X509Certificate certificate) {
                return PeerName.of(certificate);
            }
        } catch (SSLPeerUnverifiedException e) {
            throw new TlsException("peer sent no certificate", e);
        }
        throw new TlsException("peer sent no X.509 certificate");
    }

    private static Contexts build(TlsIdentity identity) {
        X509Certificate[] chain = identity.chain().toArray(X509Certificate[]::new);
        X509Certificate[] authorities = identity.authorities().toArray(X509Certificate[]::new);
        try {
            SslContext server = SslContextBuilder.forServer(identity.key(), chain)
                    .sslProvider(SslProvider.JDK)
                    .protocols(PROTOCOLS)
                    .ciphers(CIPHERS)
                    .trustManager(authorities)
                    .clientAuth(ClientAuth.REQUIRE)
                    .build();
            SslContext client = SslContextBuilder.forClient()
                    .keyManager(identity.key(), chain)
                    .sslProvider(SslProvider.JDK)
                    .protocols(PROTOCOLS)
                    .ciphers(CIPHERS)
                    .trustManager(authorities)
                    // The member name in the certificate is checked instead: addresses may change, members may not.
                    .endpointIdentificationAlgorithm("")
                    .build();
            return new Contexts(server, client);
        } catch (SSLException e) {
            throw new TlsException("key material cannot be used for the peer listener", e);
        }
    }
}
