package dev.conflux.base.failpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * Named places where a test can make a node fail. In a distribution nothing happens there: the one class that can do
 * something is in this module's test artifact, and without it the constant below is null, so that compiled code holds
 * no trace of a call.
 *
 * <p>A name is used at one place, is written out there, and says {@code area.what}. A {@code defence.…} switches a
 * guard off, to show that a test notices. Safe for any thread.
 */
public final class Failpoints {

    /** Names the file that arms them; set without the test artifact, it stops the start. */
    public static final String PROPERTY = "conflux.failpoints";

    private static final String ARMED_CLASS = "dev.conflux.base.failpoint.ArmedFailpoints";

    private static final @Nullable Armed ARMED = load();

    private Failpoints() {}

    /** What the test artifact brings. */
    public interface Armed {

        /**
         * The process has come to a point. May halt it or sleep.
         *
         * @return true when the caller should leave out what it was about to do
         * @throws IOException when the point is armed so
         */
        boolean hit(String point) throws IOException;

        /** By how much a clock is wrong here, in the clock's unit. */
        long shift(String point);
    }

    /** A place where nothing can be thrown but what any code may throw: halt, sleep, {@link UncheckedIOException}. */
    public static void hit(String point) {
        if (ARMED != null) {
            skips(point);
        }
    }

    /** A place where a disk may fail: halt, sleep, {@link IOException}. */
    public static void disk(String point) throws IOException {
        if (ARMED != null) {
            ARMED.hit(point);
        }
    }

    /** As {@link #hit}; true when the caller should leave out what it was about to do. Never true in a distribution. */
    public static boolean skips(String point) {
        if (ARMED == null) {
            return false;
        }
        try {
            return ARMED.hit(point);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** By how much a clock is to be wrong here; always 0 in a distribution. */
    public static long shift(String point) {
        return ARMED == null ? 0 : ARMED.shift(point);
    }

    private static @Nullable Armed load() {
        if (System.getProperty(PROPERTY) == null) {
            return null;
        }
        try {
            return Class.forName(ARMED_CLASS)
                    .asSubclass(Armed.class)
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(
                    "-D" + PROPERTY + " is set, but this is no test build: unset it (cause: " + e + ")", e);
        }
    }
}
