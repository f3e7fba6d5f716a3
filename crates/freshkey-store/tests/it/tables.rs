//! Tables and statements of this suite, in the shape of the product's: a grant that rotates, and events that are appended.

use freshkey_store::db::{Append, Coalesced, Db, Expect, Transaction, Value};
use freshkey_store::migrate::{Migration, Migrations};

pub(crate) const MIGRATIONS: Migrations = Migrations(&[Migration {
    version: 1,
    name: "tables_of_the_suite",
    text: "
-- A comment; with a semicolon.
CREATE TABLE sample (
    id BIGINT NOT NULL PRIMARY KEY,
    amount BIGINT,
    label TEXT,
    payload BYTEA,
    is_enabled BOOLEAN,
    UNIQUE (label)
);
CREATE TABLE test_grant (
    sid BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    client_key BIGINT NOT NULL,
    family BIGINT NOT NULL,
    generation BIGINT NOT NULL CHECK (generation >= 0),
    predecessor_uses BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (sid, kind, client_key, family)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 80)*/;
CREATE TABLE test_event (
    id BYTEA NOT NULL PRIMARY KEY,
    happened_at BIGINT NOT NULL,
    body TEXT NOT NULL
) /*sqlite:WITHOUT ROWID*/;
",
}]);

pub(crate) const INSERT_SAMPLE: &str = "INSERT INTO sample (id, amount, label, payload, is_enabled) VALUES ($1, $2, $3, $4, $5)";
pub(crate) const INSERT_ID: &str = "INSERT INTO sample (id) VALUES ($1)";
pub(crate) const READ_IDS: &str = "SELECT id FROM sample ORDER BY id";
pub(crate) const READ_GENERATION: &str = "SELECT generation FROM test_grant WHERE sid = $1";
pub(crate) const COUNT_EVENTS: &str = "SELECT COUNT(*) FROM test_event";
const INSERT_GRANT: &str = "INSERT INTO test_grant \
    (sid, kind, client_key, family, generation, predecessor_uses, rotated_at, last_used_at) \
    VALUES ($1, 0, 1, 1, $2, 0, 0, 0)";

pub(crate) const ROTATE: Coalesced = Coalesced {
    sqlite: "UPDATE test_grant SET generation = generation + 1, predecessor_uses = 1, rotated_at = $6, last_used_at = $6 \
        WHERE sid = $1 AND kind = $2 AND client_key = $3 AND family = $4 AND generation = $5",
    postgres: "UPDATE test_grant AS g SET generation = g.generation + 1, predecessor_uses = 1, \
            rotated_at = item.now, last_used_at = item.now \
        FROM UNNEST($1::BYTEA[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[]) \
            WITH ORDINALITY AS item (sid, kind, client_key, family, generation, now, ordinal) \
        WHERE g.sid = item.sid AND g.kind = item.kind AND g.client_key = item.client_key \
            AND g.family = item.family AND g.generation = item.generation \
        RETURNING item.ordinal",
    key_params: 4,
};
/// The same statement, at a place that lives as long as the program.
pub(crate) static ROTATE_HOT: Coalesced = ROTATE;

pub(crate) static APPEND_EVENT: Append = Append {
    sqlite: "INSERT INTO test_event (id, happened_at, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO test_event (id, happened_at, body) \
        SELECT * FROM UNNEST($1::BYTEA[], $2::BIGINT[], $3::TEXT[]) ON CONFLICT DO NOTHING",
};

pub(crate) fn rotation(sid: [u8; 16], generation: i64) -> Vec<Value> {
    let now = 1_000 + generation;
    vec![sid.into(), 0.into(), 1.into(), 1.into(), generation.into(), now.into()]
}

pub(crate) fn event(number: u32, body: &str) -> Vec<Value> {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    vec![id.into(), number.into(), body.into()]
}

pub(crate) async fn insert_grants(db: &Db, sids: &[[u8; 16]]) {
    let mut transaction = Transaction::new();
    for sid in sids {
        transaction.push(INSERT_GRANT, vec![sid.into(), 0.into()], Expect::Rows(1));
    }
    assert!(db.write(transaction).await.expect("written").is_committed());
}

pub(crate) async fn generation_of(db: &Db, sid: [u8; 16]) -> i64 {
    let row = db.read_one(READ_GENERATION, &[sid.into()]).await.expect("readable");
    row.expect("the grant exists").int(0).expect("it is a number")
}

pub(crate) async fn ids(db: &Db) -> Vec<i64> {
    let rows = db.read(READ_IDS, &[]).await.expect("readable");
    rows.iter().map(|row| row.int("id").expect("it is a number")).collect()
}

pub(crate) async fn count_events(db: &Db) -> i64 {
    let row = db.read_one(COUNT_EVENTS, &[]).await.expect("readable");
    row.expect("a count is one row").int(0).expect("it is a number")
}

pub(crate) fn insert_id(id: i64) -> Transaction {
    Transaction::new().then(INSERT_ID, vec![id.into()], Expect::Rows(1))
}
