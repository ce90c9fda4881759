package dev.conflux.core.state;

import java.util.Arrays;

/**
 * What has to be done by itself, in short. A new object each time that it may have changed, so identity tells.
 *
 * @param nextDueMillis log time at which the first item is due; {@link #NOTHING} without one
 * @param pendingSchedules of all configs
 * @param activeRollouts of all configs, paused ones too
 */
public record Agenda(long nextDueMillis, long pendingSchedules, long activeRollouts) {

    /** There is no item. */
    public static final long NOTHING = Long.MAX_VALUE;

    /** What an item is. */
    public enum Kind {
        SCHEDULE(1),
        ROLLOUT(2);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /**
     * One thing to do.
     *
     * @param dueMillis log time
     * @param id of the schedule or rollout
     */
    public record Item(long dueMillis, Kind kind, long configId, long id) {

        byte[] key() {
            byte[] key = new byte[26];
            key[0] = StateArea.AGENDA.prefix();
            System.arraycopy(StateKeys.longBytes(dueMillis), 0, key, 1, 8);
            key[9] = (byte) kind.number();
            System.arraycopy(StateKeys.longBytes(configId), 0, key, 10, 8);
            System.arraycopy(StateKeys.longBytes(id), 0, key, 18, 8);
            return key;
        }

        static Item of(byte[] key) {
            Kind kind = Arrays.stream(Kind.values())
                    .filter(k -> k.number() == key[9])
                    .findFirst()
                    .orElseThrow(() -> new StateStoreException("agenda: an item of kind " + key[9]));
            return new Item(StateKeys.longAt(key, 1), kind, StateKeys.longAt(key, 10), StateKeys.longAt(key, 18));
        }
    }

    static Agenda of(StateReads store, StateMeta meta) {
        var next = new long[] {NOTHING};
        store.scan(StateArea.AGENDA.from(), StateArea.AGENDA.to(), StateReads.Order.ASCENDING, (key, value) -> {
            next[0] = Item.of(key).dueMillis();
            return false;
        });
        return new Agenda(next[0], meta.pendingSchedules, meta.activeRollouts);
    }
}
