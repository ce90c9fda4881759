package dev.conflux.protocol.http;

import dev.conflux.core.service.Action;

/** Who may call a route at all; the service then decides on the very thing that is asked for. */
sealed interface Access {

    /** Anybody, without a token. */
    record Public() implements Access {}

    /** Anybody with a valid token, about himself. */
    record Authenticated() implements Access {}

    /**
     * On a listener that only this machine reaches: anybody there may look, as a super-admin would see it, also when
     * nobody can log in. What changes something needs a token everywhere.
     */
    record Local() implements Access {}

    /** Only who may do this with what the request names. */
    record Requires(Action action) implements Access {}
}
