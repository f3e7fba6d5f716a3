-- Codes that a device must not be signed in with again: all whose count is below next_count. Beside the credential, not in it, so that an
-- administrator who writes a user back as it was read does not bring a used code back.
CREATE TABLE one_time_code_use (
    realm_key BIGINT NOT NULL,
    next_count BIGINT NOT NULL,
    user_key BYTEA NOT NULL,
    credential_id TEXT /*postgres:COLLATE "C"*/ NOT NULL,
    PRIMARY KEY (realm_key, user_key, credential_id)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 80)*/;
