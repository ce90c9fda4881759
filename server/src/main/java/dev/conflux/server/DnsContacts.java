package dev.conflux.server;

import dev.conflux.consensus.jraft.Origin;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import javax.naming.Context;
import javax.naming.NamingEnumeration;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.InitialDirContext;

/**
 * Peers behind one name, as a headless service has it: {@code dns://name:port} are all its IPv4 and IPv6 addresses, at
 * that port; {@code srv://name} are the targets of its SRV records, with their ports. Asked again as long as this node
 * belongs to no cluster. Search domains apply to {@code dns} only; {@code srv} needs the full name.
 */
record DnsContacts(String setting, String server, String name, int port) implements Origin.Contacts {

    private static final String EXPECTED = " (expected: dns://name:port, srv://name or srv://server:port/name)";

    /** Milliseconds for the first try, which are doubled for each of {@link #RETRIES}. */
    private static final String TIMEOUT_MILLIS = "500";

    private static final String RETRIES = "2";

    static DnsContacts parse(String setting) {
        if (setting.startsWith("dns://")) {
            PeerAddress address = PeerAddress.address("cluster.discovery", 0, setting.substring(6));
            return new DnsContacts(setting, "", address.host(), address.port());
        }
        if (!setting.startsWith("srv://")) {
            throw new ConfigurationException("cluster.discovery: " + setting + EXPECTED);
        }
        String rest = setting.substring(6);
        int slash = rest.indexOf('/');
        String name = rest.substring(slash + 1);
        if (name.isEmpty() || name.indexOf('/') >= 0 || name.indexOf(' ') >= 0 || slash == 0) {
            throw new ConfigurationException("cluster.discovery: " + setting + EXPECTED);
        }
        return new DnsContacts(setting, slash < 0 ? "" : rest.substring(0, slash), name, 0);
    }

    @Override
    public List<String> addresses() throws IOException {
        return port > 0 ? byAddress() : bySrv();
    }

    private List<String> byAddress() throws IOException {
        var addresses = new ArrayList<String>();
        for (InetAddress address : InetAddress.getAllByName(name)) {
            String host = address.getHostAddress();
            addresses.add((address instanceof Inet6Address ? "[" + host + "]" : host) + ":" + port);
        }
        return addresses;
    }

    // The DNS provider answers with text, it knows no objects to deserialise; a Hashtable is what JNDI takes.
    @SuppressWarnings({"BanJNDI", "JdkObsolete"})
    private List<String> bySrv() throws IOException {
        var environment = new Hashtable<String, String>();
        environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
        environment.put("com.sun.jndi.dns.timeout.initial", TIMEOUT_MILLIS);
        environment.put("com.sun.jndi.dns.timeout.retries", RETRIES);
        if (!server.isEmpty()) {
            environment.put(Context.PROVIDER_URL, "dns://" + server);
        }
        try {
            var context = new InitialDirContext(environment);
            try {
                Attribute records =
                        context.getAttributes(name, new String[] {"SRV"}).get("SRV");
                return records == null ? List.of() : targets(records);
            } finally {
                context.close();
            }
        } catch (NamingException e) {
            throw new IOException(setting + ": " + e.getMessage(), e);
        }
    }

    /** Each record is {@code priority weight port target.}: everybody is wanted, so the first two do not matter. */
    private List<String> targets(Attribute records) throws NamingException, IOException {
        var targets = new ArrayList<String>();
        for (NamingEnumeration<?> all = records.getAll(); all.hasMore(); ) {
            String[] fields = String.valueOf(all.next()).split(" ", -1);
            if (fields.length != 4) {
                throw new IOException(setting + ": an SRV record of " + fields.length + " fields (expected: 4)");
            }
            String target = fields[3].endsWith(".") ? fields[3].substring(0, fields[3].length() - 1) : fields[3];
            targets.add(target + ":" + fields[2]);
        }
        return targets;
    }

    @Override
    public String toString() {
        return setting;
    }
}
