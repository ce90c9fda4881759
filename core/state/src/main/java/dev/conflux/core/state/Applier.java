package dev.conflux.core.state;

import dev.conflux.core.model.Command;
import dev.conflux.core.model.Result;

/** One kind of command. Stateless; a function of the transaction's state and the command. */
interface Applier<C extends Command> {

    /**
     * Checks everything, then writes.
     *
     * @throws Refusal when the command cannot be accepted; its writes are then taken back
     */
    Result apply(C command, StateTransaction transaction);
}
