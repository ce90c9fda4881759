package dev.conflux.core.service;

import dev.conflux.core.model.ConfluxError;
import dev.conflux.core.model.ConfluxException;
import dev.conflux.core.model.Principal;
import java.util.Locale;

/**
 * The one place that says yes. Denies by default. Super-admins may do everything; nobody else may do anything until
 * roles exist.
 */
public final class Authorizer {

    /** Whether it is allowed. In memory, no I/O, any thread. */
    public boolean allows(Principal principal, Action action, Resource resource) {
        return principal.superAdmin();
    }

    /**
     * Returns when it is allowed.
     *
     * @throws ConfluxException with {@link ConfluxError.PermissionDenied}
     */
    public void authorize(Principal principal, Action action, Resource resource) {
        if (!allows(principal, action, resource)) {
            throw new ConfluxException(
                    new ConfluxError.PermissionDenied(action.name().toLowerCase(Locale.ROOT), resource.toString()));
        }
    }
}
