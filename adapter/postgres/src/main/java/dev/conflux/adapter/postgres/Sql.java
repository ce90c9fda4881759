package dev.conflux.adapter.postgres;

/** Every statement, so that a test can check each one against a real schema. */
enum Sql {
    PING("select 1"),
    FIND_USER_BY_NAME("""
            select id, username, password_hash, is_active, super_admin, created_at from users where username = ?"""),
    FIND_USER_BY_ID("""
            select id, username, password_hash, is_active, super_admin, created_at from users where id = ?"""),
    HAS_SUPER_ADMIN("select exists (select 1 from users where super_admin)"),
    /** Held to the end of the transaction: one at a time over all nodes. */
    LOCK_UNTIL_COMMIT("select pg_advisory_xact_lock(?, ?)"),
    CREATE_SUPER_ADMIN("""
            insert into users (username, password_hash, super_admin, created_at) values (?, ?, true, ?)"""),
    SIGNING_KEYS("""
            select key_id, algorithm, public_key, private_key, created_at from signing_keys
            order by created_at desc, key_id"""),
    ADD_SIGNING_KEY("""
            insert into signing_keys (key_id, algorithm, public_key, private_key, created_at) values (?, ?, ?, ?, ?)"""),
    ADD_REFRESH_TOKEN("""
            insert into refresh_tokens (token_hash, session_id, user_id, issued_at, expires_at)
            values (?, ?, ?, ?, ?)"""),
    /** Locks the token's row: of two uses at once the second one sees what the first one did. */
    USE_REFRESH_TOKEN("""
            select t.session_id, t.expires_at, t.used_at is not null as used, t.revoked_at is not null as revoked,
                   u.id, u.username, u.password_hash, u.is_active, u.super_admin, u.created_at
            from refresh_tokens t join users u on u.id = t.user_id
            where t.token_hash = ? for update of t"""),
    MARK_REFRESH_TOKEN_USED("update refresh_tokens set used_at = ? where token_hash = ?"),
    REVOKE_SESSION("update refresh_tokens set revoked_at = ? where session_id = ? and revoked_at is null"),
    PURGE_REFRESH_TOKENS("delete from refresh_tokens where expires_at < ?");

    private final String text;

    Sql(String text) {
        this.text = text;
    }

    String text() {
        return text;
    }
}
