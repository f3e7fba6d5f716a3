-- email_holder is empty where an address may belong to one user only, else the user's key: one index finds addresses and keeps the rule.
-- role_keys and group_keys repeat what user_role and user_group say, so that a refresh finds a user in one row. Each key is a comma and 32
-- hexadecimal digits in lower case. Whatever changes one of the two tables changes the column in the same transaction, with the row locked.
CREATE TABLE user_account (
    realm_key BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    email_verified BOOLEAN NOT NULL,
    user_key BYTEA NOT NULL,
    id TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    username TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    email TEXT /*postgres:COLLATE "C"*/,
    email_holder BYTEA NOT NULL,
    first_name TEXT,
    last_name TEXT,
    attributes TEXT,
    required_actions TEXT,
    service_account_of BYTEA,
    role_keys TEXT,
    group_keys TEXT,
    other TEXT,
    PRIMARY KEY (realm_key, user_key)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 90)*/;

CREATE UNIQUE INDEX user_account_by_username ON user_account (realm_key, username);

CREATE UNIQUE INDEX user_account_by_email ON user_account (realm_key, email, email_holder) WHERE email IS NOT NULL;

CREATE INDEX user_account_of_client ON user_account (realm_key, service_account_of) WHERE service_account_of IS NOT NULL;

CREATE TABLE user_role (
    realm_key BIGINT NOT NULL,
    user_key BYTEA NOT NULL,
    role_key BYTEA NOT NULL,
    PRIMARY KEY (realm_key, user_key, role_key)
) /*sqlite:WITHOUT ROWID*/;

CREATE INDEX user_role_by_role ON user_role (realm_key, role_key, user_key);

CREATE TABLE user_group (
    realm_key BIGINT NOT NULL,
    user_key BYTEA NOT NULL,
    group_key BYTEA NOT NULL,
    PRIMARY KEY (realm_key, user_key, group_key)
) /*sqlite:WITHOUT ROWID*/;

CREATE INDEX user_group_by_group ON user_group (realm_key, group_key, user_key);

CREATE TABLE credential (
    realm_key BIGINT NOT NULL,
    position BIGINT NOT NULL,
    user_key BYTEA NOT NULL,
    id TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    kind TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    document TEXT NOT NULL,
    secret BYTEA NOT NULL,
    PRIMARY KEY (realm_key, user_key, id)
) /*sqlite:WITHOUT ROWID*/;

CREATE TABLE login_failures (
    realm_key BIGINT NOT NULL,
    failure_count BIGINT NOT NULL,
    last_failure_at_ms BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    temporary_lockouts BIGINT NOT NULL,
    permanently_locked BOOLEAN NOT NULL,
    user_key BYTEA NOT NULL,
    last_address TEXT,
    PRIMARY KEY (realm_key, user_key)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 80)*/;
