-- What there is exactly one of per database. Its id tells a restored copy from the original in logs and backups.
CREATE TABLE cluster (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    cluster_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL
) /*sqlite:WITHOUT ROWID*/;
