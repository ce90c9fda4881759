package dev.conflux.core.service;

import dev.conflux.core.model.Principal;

/** Login, refresh, logout. Blocks on the metadata database: virtual threads only. */
public final class AuthService {

    /**
     * What a successful login gives.
     *
     * @param expiresInSeconds life of the access token
     */
    public record Tokens(String accessToken, String refreshToken, long expiresInSeconds) {}

    /** Who the caller is, for {@code GET /auth/me}. */
    public record Me(long userId, String username, boolean superAdmin) {}

    public Tokens login(String username, String password) {
        throw new UnsupportedOperationException("being built: " + username + password.length());
    }

    public Tokens refresh(String refreshToken) {
        throw new UnsupportedOperationException("being built: " + refreshToken.length());
    }

    /** Revokes the session's refresh token; its access token ends by itself, or at once on this node. */
    public void logout(Principal principal, String accessToken) {
        throw new UnsupportedOperationException("being built: " + principal + accessToken.length());
    }

    public Me me(Principal principal) {
        throw new UnsupportedOperationException("being built: " + principal);
    }

    /** True when the metadata database answers: what control-plane readiness asks. Bounded to one second. */
    public boolean available() {
        throw new UnsupportedOperationException("being built");
    }
}
