package dev.conflux.consensus.api;

/**
 * Who is to be added.
 *
 * @param id that no member has or ever had
 * @param address {@code host:port} of its peer listener, as every member reaches it
 * @param clientAddress where its clients go: kept and shown, never used here; may be empty; no whitespace
 */
public record NewMember(NodeId id, String address, String clientAddress) {

    private static final int MAX_TEXT = 255;

    public NewMember {
        if (address.isEmpty() || !fits(address) || !fits(clientAddress)) {
            throw new IllegalArgumentException("member " + id + ": addresses '" + address + "' and '" + clientAddress
                    + "' (expected: host:port, at most " + MAX_TEXT + " characters without spaces)");
        }
    }

    private static boolean fits(String text) {
        return text.length() <= MAX_TEXT && text.chars().allMatch(c -> c > ' ' && c < 127);
    }
}
