package dev.conflux.consensus.jraft;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolverProvider;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A name server that does not answer for names below {@code .slow.invalid}; the system's for all others. */
public final class SlowNames extends InetAddressResolverProvider {

    static final String DOMAIN = ".slow.invalid";

    @Override
    public InetAddressResolver get(Configuration configuration) {
        InetAddressResolver system = configuration.builtinResolver();
        return new InetAddressResolver() {
            @Override
            public Stream<InetAddress> lookupByName(String host, LookupPolicy policy) throws UnknownHostException {
                if (host.endsWith(DOMAIN)) {
                    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(5));
                    throw new UnknownHostException(host);
                }
                return system.lookupByName(host, policy);
            }

            @Override
            public String lookupByAddress(byte[] address) throws UnknownHostException {
                return system.lookupByAddress(address);
            }
        };
    }

    @Override
    public String name() {
        return "slow names";
    }
}
