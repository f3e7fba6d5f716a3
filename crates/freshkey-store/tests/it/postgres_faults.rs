//! What PostgreSQL can do to us: sessions that are ended, a server that is killed, connections that break at the worst moment, rows that stay locked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freshkey_store::db::{Db, DbOptions, Expect, StoreError, Transaction};
use freshkey_testkit::databases::TestPostgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::engines;
use crate::tables::{self, INSERT_ID, ROTATE_HOT, generation_of, ids, insert_grants, insert_id, rotation};

const SID: [u8; 16] = [7; 16];
const END_ALL_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'freshkey'";

async fn open_with_tables(url: &str, deadline: Duration) -> Db {
    let mut options = DbOptions::from_url(url).expect("well-formed");
    options.deadline = deadline;
    let db = Db::open(&options).await.expect("the database opens");
    tables::MIGRATIONS.run(&db, 0).await.expect("the tables are created");
    db
}

fn two_rows(id: i64) -> Transaction {
    insert_id(id).then(INSERT_ID, vec![(id + 1_000).into()], Expect::Rows(1))
}

#[tokio::test]
async fn sessions_that_the_server_ends_are_opened_again() {
    let server = TestPostgres::start().await;
    let url = server.database().await.url;
    let db = open_with_tables(&url, Duration::from_secs(5)).await;
    insert_grants(&db, &[SID]).await;
    for round in 0..5 {
        assert!(db.write(two_rows(round)).await.expect("written").is_committed());
        assert_eq!(db.coalesced(&ROTATE_HOT, rotation(SID, round)).await, Ok(1));
        server.execute(END_ALL_SESSIONS).await;
        assert_eq!(generation_of(&db, SID).await, round + 1);
    }
    assert_eq!(ids(&db).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_087_every_acknowledged_write_survives_kill_9_of_the_server() {
    let server = TestPostgres::start().await;
    let url = server.database().await.url;
    let db = open_with_tables(&url, Duration::from_secs(1)).await;
    let acked = Arc::new(AtomicUsize::new(0));
    let (writer, counter) = (db.clone(), acked.clone());
    let writing = tokio::spawn(async move {
        for id in 0.. {
            match writer.write(two_rows(id * 10_000)).await {
                Ok(outcome) => assert!(outcome.is_committed()),
                Err(error) => return (id, error),
            }
            counter.fetch_add(1, Ordering::Relaxed);
        }
        unreachable!("the server is killed")
    });
    while acked.load(Ordering::Relaxed) < 50 {
        tokio::task::yield_now().await;
    }
    server.kill_9();
    let (first_unacked, error) = writing.await.expect("no panic");
    assert!(error.is_transient(), "{error:?}");
    server.restart().await;
    let found = ids(&db).await;
    for id in 0..first_unacked {
        assert!(found.contains(&(id * 10_000)) && found.contains(&(id * 10_000 + 1_000)), "{id}");
    }
    assert!(found.len() % 2 == 0, "half of a transaction");
    assert!(db.write(two_rows(5)).await.expect("it is back").is_committed());
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_costs_only_time() {
    let server = TestPostgres::start().await;
    let url = server.database().await.url;
    let db = open_with_tables(&url, Duration::from_secs(20)).await;
    server.shut_down_fast();
    let writer = db.clone();
    let writing = tokio::spawn(async move { writer.write(two_rows(1)).await });
    let reader = db.clone();
    let reading = tokio::spawn(async move { ids(&reader).await });
    server.restart().await;
    assert!(writing.await.expect("no panic").expect("tried again").is_committed());
    reading.await.expect("tried again");
    assert_eq!(ids(&db).await, [1, 1_001]);
}

#[tokio::test]
async fn a_row_that_stays_locked_is_unavailable_within_the_deadline() {
    let url = TestPostgres::shared().await.database().await.url;
    let db = open_with_tables(&url, Duration::from_millis(300)).await;
    insert_grants(&db, &[SID]).await;
    let (other, driver) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("the server is up");
    tokio::spawn(driver);
    other.batch_execute("BEGIN; SELECT 1 FROM test_grant FOR UPDATE").await.expect("locked");
    let error = db.coalesced(&ROTATE_HOT, rotation(SID, 0)).await.expect_err("locked");
    assert!(error.is_transient(), "{error:?}");
    other.batch_execute("ROLLBACK").await.expect("it was begun");
    // If our deadline came first the outcome is unknown, and the abandoned statement may still run once, even after a reload.
    // Whoever reloads after each lost race wins in the end, and no generation is won twice.
    let mut attempts = 0;
    let won = loop {
        let generation = generation_of(&db, SID).await;
        match db.coalesced(&ROTATE_HOT, rotation(SID, generation)).await.expect("unlocked") {
            1 => break generation,
            rows => assert_eq!(rows, 0),
        }
        attempts += 1;
        assert!(attempts <= 1, "only one abandoned statement can come between");
    };
    assert_eq!(generation_of(&db, SID).await, won + 1);
    let may_have_run = i64::from(matches!(error, StoreError::OutcomeUnknown(_)));
    assert!(won <= may_have_run, "generation {won} after {error:?}");
}

#[tokio::test]
async fn two_nodes_that_lock_each_other_out_both_get_through() {
    let url = TestPostgres::shared().await.database().await.url;
    let one = open_with_tables(&url, Duration::from_secs(5)).await;
    let two = engines::open(&url).await;
    for id in [1, 2] {
        assert!(one.write(insert_id(id)).await.expect("written").is_committed());
    }
    const TOUCH: &str = "UPDATE sample SET amount = COALESCE(amount, 0) + 1 WHERE id = $1";
    let touch = |first: i64, second: i64| {
        Transaction::new().then(TOUCH, vec![first.into()], Expect::Rows(1)).then(TOUCH, vec![second.into()], Expect::Rows(1))
    };
    let mut nodes = tokio::task::JoinSet::new();
    for n in 0..40 {
        let db = if n % 2 == 0 { one.clone() } else { two.clone() };
        let transaction = if n % 2 == 0 { touch(1, 2) } else { touch(2, 1) };
        nodes.spawn(async move { db.write(transaction).await });
    }
    for outcome in nodes.join_all().await {
        assert!(outcome.expect("tried again").is_committed());
    }
    let rows = one.read("SELECT amount FROM sample ORDER BY id", &[]).await.expect("readable");
    assert_eq!(rows.iter().map(|row| row.int(0)).collect::<Vec<_>>(), [Ok(40), Ok(40)]);
}

/// Where the proxy below breaks the connection.
#[derive(Clone, Copy)]
enum BreakAt {
    /// The commit reaches the server, its answer doesn't reach us.
    AnswerToCommit,
    /// The first change of a transaction is swallowed.
    FirstStatement,
}

/// A proxy that passes everything on, until it is armed and sees what it waits for; then it breaks that connection, once.
struct BreakingProxy {
    port: u16,
    is_armed: Arc<AtomicBool>,
}

impl BreakingProxy {
    async fn start(server_port: u16, at: BreakAt) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let is_armed = Arc::new(AtomicBool::new(false));
        let armed = is_armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await.expect("it is up");
                tokio::spawn(pass_on(client, server, at, armed.clone()));
            }
        });
        BreakingProxy { port, is_armed }
    }
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream, at: BreakAt, is_armed: Arc<AtomicBool>) {
    let (mut from_client, mut from_server) = ([0; 16_384], [0; 16_384]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let sent = &from_client[..length];
                let is_it = match at {
                    BreakAt::AnswerToCommit => contains(sent, b"COMMIT"),
                    BreakAt::FirstStatement => contains(sent, b"BEGIN"),
                };
                let breaks = is_it && is_armed.swap(false, Ordering::SeqCst);
                if breaks && matches!(at, BreakAt::FirstStatement) {
                    return;
                }
                if server.write_all(sent).await.is_err() {
                    return;
                }
                if breaks {
                    // Its answer is the proof that the server has committed; we keep it.
                    let _ = server.read(&mut from_server).await;
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

async fn through_proxy(at: BreakAt) -> (Db, BreakingProxy) {
    let url = TestPostgres::shared().await.database().await.url;
    let (before, after) = url.rsplit_once("@127.0.0.1:").expect("it is local");
    let (port, database) = after.split_once('/').expect("it names a database");
    let proxy = BreakingProxy::start(port.parse().expect("a port"), at).await;
    let url = format!("{before}@127.0.0.1:{}/{database}", proxy.port);
    (open_with_tables(&url, Duration::from_secs(5)).await, proxy)
}

#[tokio::test]
async fn t_088_a_connection_lost_during_commit_is_an_unknown_outcome_and_never_repeated() {
    let (db, proxy) = through_proxy(BreakAt::AnswerToCommit).await;
    assert!(db.write(two_rows(1)).await.expect("written").is_committed());
    proxy.is_armed.store(true, Ordering::SeqCst);
    let error = db.write(two_rows(2)).await.expect_err("the answer is lost");
    assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
    // Here the server had committed. A repetition would have failed on the key, and been told as a refusal.
    assert_eq!(ids(&db).await, [1, 2, 1_001, 1_002]);
}

#[tokio::test]
async fn t_088_a_connection_lost_before_commit_is_tried_again() {
    let (db, proxy) = through_proxy(BreakAt::FirstStatement).await;
    assert!(db.write(two_rows(1)).await.expect("written").is_committed());
    proxy.is_armed.store(true, Ordering::SeqCst);
    assert!(db.write(two_rows(2)).await.expect("tried again").is_committed());
    assert!(!proxy.is_armed.load(Ordering::SeqCst), "the connection was broken");
    assert_eq!(ids(&db).await, [1, 2, 1_001, 1_002]);
}

#[tokio::test]
async fn t_094_a_host_that_accepts_and_says_nothing_holds_up_nobody() {
    let url = TestPostgres::shared().await.database().await.url;
    // The kernel accepts for a process that stands still.
    let frozen = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let frozen_first = url.replacen('@', &format!("@{},", frozen.local_addr().expect("bound")), 1);
    let db = open_with_tables(&frozen_first, Duration::from_secs(5)).await;
    assert!(db.write(two_rows(1)).await.expect("written").is_committed());
}

#[tokio::test]
async fn t_094_where_one_host_is_silent_and_none_leads_it_is_unavailable_before_the_deadline() {
    let frozen = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("bound");
    let url = format!("postgres://a:b@{},{gone}/c", frozen.local_addr().expect("bound"));
    let mut options = DbOptions::from_url(&url).expect("well-formed");
    options.deadline = Duration::from_secs(60);
    let opened = tokio::time::timeout(Duration::from_secs(20), Db::open(&options)).await.expect("long before the deadline");
    assert!(opened.is_err_and(|error| error.is_transient()));
}
