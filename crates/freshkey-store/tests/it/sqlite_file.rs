//! What SQLite's file promises: private, bounded log, shared with other processes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use freshkey_store::db::{Db, Expect, StoreError, Transaction};
use freshkey_testkit::databases::TestSqlite;
use tokio::task::JoinSet;

use crate::engines;
use crate::tables::{self, INSERT_ID, ids, insert_id};

const FILL: &str = "INSERT INTO sample (id, payload) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload";

async fn open_with_tables(file: &TestSqlite) -> Db {
    let db = engines::open(&file.url()).await;
    tables::MIGRATIONS.run(&db, 0).await.expect("the tables are created");
    db
}

fn modes(file: &TestSqlite) -> Vec<(String, u32)> {
    let directory = file.path();
    let directory = directory.parent().expect("it is in a directory");
    let entries = std::fs::read_dir(directory).expect("it exists").flatten();
    let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    let mut modes: Vec<(String, u32)> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), mode(&entry.path()))).collect();
    modes.sort();
    modes
}

#[tokio::test]
async fn t_053_file_log_and_shared_memory_are_private() {
    let file = TestSqlite::new();
    let db = open_with_tables(&file).await;
    assert!(db.write(insert_id(1)).await.expect("written").is_committed());
    let expected = ["freshkey.db", "freshkey.db-shm", "freshkey.db-wal"];
    assert_eq!(modes(&file), expected.map(|name| (name.to_owned(), 0o600)));
}

#[tokio::test]
async fn t_053_a_file_that_others_may_read_is_made_private() {
    let file = TestSqlite::new();
    std::fs::write(file.path(), "").expect("writable");
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).expect("ours");
    let _db = open_with_tables(&file).await;
    assert!(modes(&file).iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes(&file));
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("missing/freshkey.db");
    let options = freshkey_store::db::DbOptions::from_url(&format!("sqlite:{}", file.display()));
    let error = Db::open(&options.expect("well-formed")).await.err().expect("refused");
    assert!(matches!(error, StoreError::Misconfigured { .. }), "{error:?}");
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_under_constant_writing_and_reading() {
    let file = TestSqlite::new();
    let db = open_with_tables(&file).await;
    let mut writers = JoinSet::new();
    for writer in 0..8_i64 {
        let db = db.clone();
        writers.spawn(async move {
            for n in 0..800 {
                let id = writer * 1_000 + n % 8;
                let params = vec![id.into(), vec![u8::try_from(n % 251).expect("a byte"); 65_536].into()];
                let transaction = Transaction::new().then(FILL, params, Expect::Rows(1));
                assert!(db.write(transaction).await.expect("written").is_committed());
            }
        });
    }
    let reader = db.clone();
    let reading = tokio::spawn(async move {
        loop {
            ids(&reader).await;
            tokio::task::yield_now().await;
        }
    });
    while let Some(done) = writers.join_next().await {
        done.expect("no panic");
    }
    reading.abort();
    // 420 MB were written; without checkpoints all of it would be in the log. However slow the checkpointer is, the writer starts over at 256 MiB.
    let log = file.path().with_extension("db-wal");
    let bytes = std::fs::metadata(log).expect("it exists").len();
    assert!(bytes < 270 << 20, "the log has {bytes} bytes");
    assert_eq!(ids(&db).await.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_writes_while_the_server_runs() {
    let file = TestSqlite::new();
    let db = open_with_tables(&file).await;
    let (mut child, mut lines) = crate::sqlite_faults::start_child(&file, "sqlite_faults::child_writes_fifty_rows");
    for id in 1_000..1_200 {
        assert!(db.write(insert_id(id)).await.expect("written").is_committed());
    }
    assert!(lines.any(|line| line.contains("done")), "the other process has finished");
    assert!(child.wait().expect("it ended").success());
    assert_eq!(ids(&db).await.len(), 250);
}

#[tokio::test]
async fn a_lock_of_another_process_ends_as_unavailable_and_changes_nothing() {
    let file = TestSqlite::new();
    drop(open_with_tables(&file).await);
    let mut options = freshkey_store::db::DbOptions::from_url(&file.url()).expect("well-formed");
    options.deadline = std::time::Duration::from_millis(50);
    let db = Db::open(&options).await.expect("the database opens");
    let other = rusqlite::Connection::open(file.path()).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let error = db.write(insert_id(1)).await.expect_err("the file is locked");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(ids(&db).await.is_empty(), "readers don't wait for a writer");
    other.execute_batch("ROLLBACK").expect("it was begun");
    assert!(db.write(insert_id(1)).await.expect("written").is_committed());
}

#[tokio::test]
async fn t_090_a_full_database_is_unavailable_without_partial_state_and_recovers() {
    let file = TestSqlite::new();
    let db = open_with_tables(&file).await;
    let pragma = |sql| Transaction::new().then(sql, Vec::new(), Expect::Any);
    assert!(db.write(pragma("PRAGMA max_page_count = 40")).await.expect("set").is_committed());
    let mut last = 0;
    let error = loop {
        let transaction = Transaction::new().then(INSERT_ID, vec![(last + 100_000).into()], Expect::Rows(1)).then(
            FILL,
            vec![last.into(), vec![7; 9_000].into()],
            Expect::Rows(1),
        );
        match db.write(transaction).await {
            Ok(outcome) => assert!(outcome.is_committed()),
            Err(error) => break error,
        }
        last += 1;
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(ids(&db).await.len(), usize::try_from(2 * last).expect("small"));
    assert!(db.write(pragma("PRAGMA max_page_count = 100000")).await.expect("set").is_committed());
    let params = vec![last.into(), vec![7; 9_000].into()];
    let transaction = Transaction::new().then(FILL, params, Expect::Rows(1));
    assert!(db.write(transaction).await.expect("there is room again").is_committed());
}
