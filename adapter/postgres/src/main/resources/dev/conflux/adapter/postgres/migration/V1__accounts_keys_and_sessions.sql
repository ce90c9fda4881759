-- Accounts, signing keys and sessions. All tables live in the schema of the connection (conflux).
-- Tenants, roles, permissions and the audit log follow in migrations of their own; they reference users(id).

create table users (
    id            bigint generated always as identity primary key,
    username      text        not null unique check (char_length(username) between 1 and 128),
    password_hash text        not null,
    is_active     boolean     not null default true,
    super_admin   boolean     not null default false,
    created_at    timestamptz not null default now()
);

create table signing_keys (
    key_id      text        primary key,
    algorithm   text        not null,
    public_key  bytea       not null,
    private_key bytea       not null,
    created_at  timestamptz not null
);

create table refresh_tokens (
    token_hash bytea       primary key check (octet_length(token_hash) = 32),
    session_id uuid        not null,
    user_id    bigint      not null references users (id) on delete cascade,
    issued_at  timestamptz not null,
    expires_at timestamptz not null,
    -- Traded for its successor. A second use after this means that somebody has a copy.
    used_at    timestamptz,
    revoked_at timestamptz
);

create index refresh_tokens_session on refresh_tokens (session_id);
create index refresh_tokens_user on refresh_tokens (user_id);
create index refresh_tokens_expiry on refresh_tokens (expires_at);
