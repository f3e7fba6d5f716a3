-- Append-only. The key is the time, then a number that tells events of one millisecond apart.
CREATE TABLE event (
    at_ms BIGINT NOT NULL,
    nonce BIGINT NOT NULL,
    realm_key BIGINT NOT NULL,
    kind TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    client_id TEXT /*postgres:COLLATE "C"*/,
    user_id TEXT /*postgres:COLLATE "C"*/,
    sid BYTEA,
    reason TEXT,
    address TEXT,
    correlation_id TEXT NOT NULL,
    details TEXT,
    PRIMARY KEY (at_ms, nonce)
) /*sqlite:WITHOUT ROWID*/;
