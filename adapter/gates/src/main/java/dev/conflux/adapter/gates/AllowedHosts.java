package dev.conflux.adapter.gates;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which URLs this node may be made to ask: whoever may publish writes them, so without a list of the operator's they could
 * reach whatever the node reaches. Empty = none.
 *
 * <p>Only the text of the host is compared, never what it resolves to: an operator who lists a name trusts its zone.
 */
public final class AllowedHosts {

    private final Set<String> entries;

    /** @param entries {@code host} for any port, {@code host:port} for one; case does not matter */
    public AllowedHosts(List<String> entries) {
        this.entries =
                entries.stream().map(entry -> entry.toLowerCase(Locale.ROOT)).collect(Collectors.toUnmodifiableSet());
    }

    /** Why the URL must not be asked; empty = it may. */
    Optional<String> refusal(String url) {
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            return Optional.of("not a URL");
        }
        String scheme = uri.getScheme();
        if (scheme == null || !(scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))) {
            return Optional.of("scheme " + scheme);
        }
        String host = uri.getHost();
        if (host == null) {
            return Optional.of("no host");
        }
        if (uri.getRawUserInfo() != null) {
            return Optional.of("user in the URL");
        }
        if (uri.getRawFragment() != null) {
            return Optional.of("fragment in the URL");
        }
        String name = host.toLowerCase(Locale.ROOT);
        int port = uri.getPort() >= 0 ? uri.getPort() : scheme.equalsIgnoreCase("https") ? 443 : 80;
        return entries.contains(name) || entries.contains(name + ":" + port)
                ? Optional.empty()
                : Optional.of("host " + name + ":" + port + " is not in rollouts.gate_hosts");
    }
}
