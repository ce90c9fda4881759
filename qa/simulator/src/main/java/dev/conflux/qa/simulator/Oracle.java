package dev.conflux.qa.simulator;

import dev.conflux.consensus.api.LogEntry;
import dev.conflux.core.model.ChangeEvent;
import dev.conflux.core.model.Outcome;
import dev.conflux.core.state.AppliedListener;
import dev.conflux.core.state.CommandCodec;
import dev.conflux.core.state.CommandEnvelope;
import dev.conflux.core.state.ConfigState;
import dev.conflux.core.state.ConfigView;
import dev.conflux.core.state.StateStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The state machine without a cluster: it applies each committed entry by itself, once, and never crashes. What every
 * member does is compared with it.
 */
final class Oracle {

    private final StateStore store = new SimulatedStore(Defect.NONE, new SplittableRandom(0));
    private final ConfigState state = new ConfigState(store);
    private final List<Entry> committed = new ArrayList<>();
    private final List<byte[]> outcomes = new ArrayList<>();
    private final List<String> digests = new ArrayList<>();
    private final List<ChangeEvent> events = new ArrayList<>();
    private final Map<String, Long> effects = new HashMap<>();

    Oracle() {
        state.addListener(new AppliedListener() {
            @Override
            public void onApplied(ConfigView view, List<ChangeEvent> made) {
                events.addAll(made);
            }

            @Override
            public void onRestored(ConfigView view) {}
        });
    }

    /** A member says that {@code entry} is committed at {@code index}. */
    @SuppressWarnings("ReferenceEquality") // A copy that travels is the same entry; an equal one is another.
    void committed(int node, long index, Entry entry, LogEntry asLogEntry) {
        if (index <= committed.size()) {
            Entry known = committed.get((int) index - 1);
            if (known != entry) {
                throw new Violation("node " + node + " commits an entry of term " + entry.term() + " at " + index
                        + ", where one of term " + known.term() + " is committed");
            }
            return;
        }
        if (index != committed.size() + 1) {
            throw new Violation("node " + node + " commits " + index + " after " + committed.size());
        }
        committed.add(entry);
        byte[] outcome = new byte[0];
        if (entry.command() != null) {
            long before = state.view().revision();
            outcome = state.apply(List.of(asLogEntry)).getFirst();
            checkEffect(index, entry.command(), CommandCodec.decodeOutcome(outcome), before);
        }
        outcomes.add(outcome);
        digests.add(state.view().digest());
    }

    /** A request has one effect; only an effect moves the revision, by one. */
    private void checkEffect(long index, byte[] command, Outcome outcome, long before) {
        long after = state.view().revision();
        boolean effect = outcome instanceof Outcome.Accepted accepted && !accepted.replayed();
        if (after != before + (effect ? 1 : 0)) {
            throw new Violation("entry " + index + " moved the revision from " + before + " to " + after);
        }
        CommandEnvelope envelope = CommandCodec.decode(command);
        if (effect) {
            // The trace id stands for the request here: it stays when the key is ignored.
            Long first = effects.putIfAbsent(envelope.traceId(), index);
            if (first != null) {
                throw new Violation(
                        "request " + envelope.traceId() + " had an effect at " + first + " and at " + index);
            }
        }
    }

    byte[] outcome(long index) {
        return outcomes.get((int) index - 1);
    }

    String digest(long index) {
        return index == 0 ? "" : digests.get((int) index - 1);
    }

    ConfigState state() {
        return state;
    }

    StateStore store() {
        return store;
    }

    /** Every change event, in order, as told when it was made. */
    List<ChangeEvent> events() {
        return events;
    }

    long lastIndex() {
        return committed.size();
    }
}
