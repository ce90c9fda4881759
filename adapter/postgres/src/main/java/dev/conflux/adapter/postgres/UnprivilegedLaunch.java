package dev.conflux.adapter.postgres;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * PostgreSQL refuses to run as root, and containers often are. As root it gets a user namespace in which it isn't; where
 * the host forbids that, another system user, who then owns the directory.
 *
 * @param prefix goes before the command
 * @param owner the user that must own the directory; empty = the one we are
 */
record UnprivilegedLaunch(List<String> prefix, Optional<String> owner) {

    private static final long PROBE_SECONDS = 10;
    /** In this order, if they exist. */
    private static final List<String> SYSTEM_USERS = List.of("postgres", "nobody");

    static UnprivilegedLaunch detect() throws IOException, InterruptedException {
        if (!isRoot()) {
            return new UnprivilegedLaunch(List.of(), Optional.empty());
        }
        Optional<UnprivilegedLaunch> namespace = inUserNamespace();
        if (namespace.isPresent()) {
            return namespace.get();
        }
        return asSystemUser()
                .orElseThrow(() -> new IOException(
                        "PostgreSQL refuses to run as root, this host allows no user namespaces (unshare -U fails), and neither"
                                + " setpriv with a user of " + SYSTEM_USERS
                                + " works; run Conflux as another user, or set"
                                + " database.url to a PostgreSQL of your own"));
    }

    static boolean isRoot() throws IOException, InterruptedException {
        return run(List.of("id", "-u")).equals(Optional.of("0"));
    }

    static Optional<UnprivilegedLaunch> inUserNamespace() throws InterruptedException {
        // Prints the overflow user inside: proof that it is not root there.
        return run(List.of("unshare", "-U", "id", "-u"))
                .filter(user -> !user.equals("0"))
                .map(user -> new UnprivilegedLaunch(List.of("unshare", "-U"), Optional.empty()));
    }

    static Optional<UnprivilegedLaunch> asSystemUser() throws InterruptedException {
        for (String user : SYSTEM_USERS) {
            Optional<String> uid = run(List.of("id", "-u", user));
            Optional<String> gid = run(List.of("id", "-g", user));
            if (uid.isPresent() && gid.isPresent()) {
                List<String> prefix =
                        List.of("setpriv", "--reuid=" + uid.get(), "--regid=" + gid.get(), "--clear-groups", "--");
                if (run(concat(prefix, List.of("id", "-u"))).equals(uid)) {
                    return Optional.of(new UnprivilegedLaunch(prefix, Optional.of(uid.get() + ":" + gid.get())));
                }
            }
        }
        return Optional.empty();
    }

    List<String> command(List<String> command) {
        return concat(prefix, command);
    }

    /** Hands the directory over, if somebody else must own it. */
    void own(Path directory) throws IOException, InterruptedException {
        if (owner.isPresent()
                && run(List.of("chown", "-R", owner.get(), directory.toString()))
                        .isEmpty()) {
            throw new IOException("cannot give " + directory + " to user " + owner.get());
        }
    }

    /** Precise, because the reason is usually a parent directory. */
    void requireExecutable(Path program) throws IOException, InterruptedException {
        if (run(command(List.of("test", "-x", program.toString()))).isEmpty()) {
            throw new IOException("user " + owner.orElse("of this process") + " cannot execute " + program
                    + " (it must be allowed to enter every parent directory, and the file system must not be mounted"
                    + " noexec)");
        }
    }

    /** The output without white space around it; empty = the program is missing or failed. */
    private static Optional<String> run(List<String> command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            String output =
                    new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            if (!process.waitFor(PROBE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return Optional.empty();
            }
            return process.exitValue() == 0 ? Optional.of(output.strip()) : Optional.empty();
        } catch (IOException e) {
            // Not installed.
            return Optional.empty();
        }
    }

    private static List<String> concat(List<String> first, List<String> second) {
        List<String> all = new ArrayList<>(first);
        all.addAll(second);
        return List.copyOf(all);
    }
}
