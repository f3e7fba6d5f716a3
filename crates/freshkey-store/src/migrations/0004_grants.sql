-- One row for each chain of refresh tokens. No updated column is in an index, so that PostgreSQL updates in place (HOT);
-- columns of fixed size come first, so that nothing is lost to padding.
CREATE TABLE client_grant (
    family BIGINT NOT NULL,
    realm_key BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    predecessor_uses BIGINT NOT NULL,
    session_started_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    auth_time BIGINT,
    is_offline BOOLEAN NOT NULL,
    sid BYTEA NOT NULL,
    client_key BYTEA NOT NULL,
    user_key BYTEA NOT NULL,
    notes TEXT,
    PRIMARY KEY (sid, is_offline, client_key, family)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 90)*/;

CREATE INDEX client_grant_by_user ON client_grant (user_key);

-- Grants of which a newer token was seen than the database remembers, until an operator decides.
CREATE TABLE regressed_grant (
    sid BYTEA NOT NULL,
    is_offline BOOLEAN NOT NULL,
    client_key BYTEA NOT NULL,
    family BIGINT NOT NULL,
    seen_generation BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    PRIMARY KEY (sid, is_offline, client_key, family)
) /*sqlite:WITHOUT ROWID*/;

CREATE TABLE used_once (
    realm_key BIGINT NOT NULL,
    until BIGINT NOT NULL,
    id_hash BYTEA NOT NULL,
    kind TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    PRIMARY KEY (kind, realm_key, id_hash)
) /*sqlite:WITHOUT ROWID*/;

CREATE INDEX used_once_by_until ON used_once (until);

CREATE TABLE revoked_access_token (
    realm_key BIGINT NOT NULL,
    until BIGINT NOT NULL,
    jti_hash BYTEA NOT NULL,
    PRIMARY KEY (realm_key, jti_hash)
) /*sqlite:WITHOUT ROWID*/;

CREATE INDEX revoked_access_token_by_until ON revoked_access_token (until);
