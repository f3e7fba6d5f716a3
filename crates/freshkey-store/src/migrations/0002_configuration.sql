-- One row that every change of configuration raises: what the nodes poll.
CREATE TABLE config_state (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    version BIGINT NOT NULL,
    next_realm_key BIGINT NOT NULL
) /*sqlite:WITHOUT ROWID*/;

INSERT INTO config_state (singleton, version, next_realm_key) VALUES (1, 1, 1);

-- A known text under the sealing key, so that a wrong key is noticed at the start and not at the first secret.
CREATE TABLE sealing_check (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    proof BYTEA NOT NULL
) /*sqlite:WITHOUT ROWID*/;

CREATE TABLE realm (
    realm_key BIGINT NOT NULL PRIMARY KEY,
    name TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE UNIQUE INDEX realm_by_name ON realm (name);

-- Realms whose users and entries are still to be swept. A realm key is never given twice.
CREATE TABLE deleted_realm (
    realm_key BIGINT NOT NULL PRIMARY KEY
) /*sqlite:WITHOUT ROWID*/;

CREATE TABLE config_item (
    realm_key BIGINT NOT NULL,
    kind TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    item_key BYTEA NOT NULL,
    id TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    name TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    document TEXT NOT NULL,
    secrets BYTEA,
    PRIMARY KEY (realm_key, kind, item_key)
);

CREATE UNIQUE INDEX config_item_by_name ON config_item (realm_key, kind, name);
