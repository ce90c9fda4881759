package dev.conflux.base.tls;

import java.net.URI;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who a cluster member is, as its certificate says it: the URI {@code conflux://<cluster>/node/<id>} among the subject
 * alternative names. Host names come and go; this name decides.
 *
 * @param clusterName lower-case letters, digits and hyphens, 1 … 63 characters
 * @param nodeId >= 1
 */
public record PeerName(String clusterName, int nodeId) {

    private static final int SAN_URI = 6; // RFC 5280 §4.2.1.6: uniformResourceIdentifier [6]
    private static final Pattern CLUSTER = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
    private static final Pattern NAME = Pattern.compile("conflux://([a-z0-9-]{1,63})/node/([1-9][0-9]{0,9})");

    public PeerName {
        if (!CLUSTER.matcher(clusterName).matches()) {
            throw new IllegalArgumentException(
                    "cluster name: '" + clusterName + "' (expected: 1-63 of a-z, 0-9 and -, no - at the ends)");
        }
        if (nodeId < 1) {
            throw new IllegalArgumentException("node id: " + nodeId + " (expected: >= 1)");
        }
    }

    /** The subject alternative name to put into the certificate. */
    public URI uri() {
        return URI.create(toString());
    }

    /** Parses {@code conflux://<cluster>/node/<id>}. */
    public static PeerName parse(String uri) {
        Matcher matcher = NAME.matcher(uri);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("peer name: '" + uri + "' (expected: conflux://<cluster>/node/<id>)");
        }
        long id = Long.parseLong(matcher.group(2));
        if (id > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("node id: " + id + " (expected: <= " + Integer.MAX_VALUE + ")");
        }
        return new PeerName(matcher.group(1), (int) id);
    }

    /**
     * The name in a certificate. The caller has verified the chain; this only reads.
     *
     * @throws TlsException when there is none, more than one, or it does not parse
     */
    public static PeerName of(X509Certificate certificate) {
        var names = new ArrayList<String>();
        for (String uri : uris(certificate)) {
            if (uri.startsWith("conflux:")) {
                names.add(uri);
            }
        }
        if (names.size() != 1) {
            throw new TlsException("certificate of '" + certificate.getSubjectX500Principal() + "' carries "
                    + names.size() + " conflux:// names (expected: exactly 1)");
        }
        try {
            return parse(names.getFirst());
        } catch (IllegalArgumentException e) {
            throw new TlsException("certificate of '" + certificate.getSubjectX500Principal() + "': " + e.getMessage());
        }
    }

    private static List<String> uris(X509Certificate certificate) {
        @Nullable Collection<List<?>> names;
        try {
            names = certificate.getSubjectAlternativeNames();
        } catch (CertificateParsingException e) {
            throw new TlsException(
                    "certificate of '" + certificate.getSubjectX500Principal() + "': unreadable alternative names", e);
        }
        if (names == null) {
            return List.of();
        }
        var uris = new ArrayList<String>();
        for (List<?> name : names) {
            if (name.get(0) instanceof Integer kind && kind == SAN_URI && name.get(1) instanceof String uri) {
                uris.add(uri);
            }
        }
        return uris;
    }

    @Override
    public String toString() {
        return "conflux://" + clusterName + "/node/" + nodeId;
    }
}
