//! What the database layer costs, in CPU time of this process and in percentiles of waiting. ADR 2 quotes it.
//!
//! `cargo run --release -p freshkey-store --example store_costs [-- reads|commits|appends|postgres]`; `ROWS=…` (default 1,000,000).

#![allow(clippy::print_stdout, reason = "its output is its purpose")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![allow(clippy::cast_possible_truncation, reason = "its numbers are small")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use freshkey_store::db::{Append, Coalesced, Db, DbOptions, Expect, Transaction, Value};
use freshkey_store::migrate::{Migration, Migrations};
use freshkey_testkit::databases::{TestPostgres, TestSqlite};
use tokio::task::JoinSet;

const MIGRATIONS: Migrations = Migrations(&[Migration {
    version: 1,
    name: "tables_to_measure",
    text: "
CREATE TABLE client_grant (
    sid BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    client_key BIGINT NOT NULL,
    family BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    predecessor_uses BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ended_at BIGINT,
    user_id BYTEA NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (sid, kind, client_key, family)
) /*sqlite:WITHOUT ROWID*/ /*postgres:WITH (fillfactor = 80)*/;
CREATE TABLE event (
    id BYTEA NOT NULL PRIMARY KEY,
    happened_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    user_id BYTEA NOT NULL,
    body TEXT NOT NULL
) /*sqlite:WITHOUT ROWID*/;",
}]);

const INSERT: &str = "INSERT INTO client_grant (sid, kind, client_key, family, generation, predecessor_uses, \
    rotated_at, last_used_at, ended_at, user_id, scope) VALUES ($1, 0, 1, 1, 0, 0, 0, 0, NULL, $2, $3)";
const READ: &str = "SELECT generation, predecessor_uses, rotated_at, last_used_at, ended_at, user_id, scope \
    FROM client_grant WHERE sid = $1 AND kind = $2 AND client_key = $3 AND family = $4";
static ROTATE: Coalesced = Coalesced {
    sqlite: "UPDATE client_grant SET generation = generation + 1, predecessor_uses = 1, rotated_at = $6, last_used_at = $6 \
        WHERE sid = $1 AND kind = $2 AND client_key = $3 AND family = $4 AND generation = $5",
    postgres: "UPDATE client_grant AS g SET generation = g.generation + 1, predecessor_uses = 1, \
            rotated_at = item.now, last_used_at = item.now \
        FROM UNNEST($1::BYTEA[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[]) \
            WITH ORDINALITY AS item (sid, kind, client_key, family, generation, now, ordinal) \
        WHERE g.sid = item.sid AND g.kind = item.kind AND g.client_key = item.client_key \
            AND g.family = item.family AND g.generation = item.generation \
        RETURNING item.ordinal",
    key_params: 4,
};
static EVENT: Append = Append {
    sqlite: "INSERT INTO event (id, happened_at, kind, user_id, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO event (id, happened_at, kind, user_id, body) \
        SELECT * FROM UNNEST($1::BYTEA[], $2::BIGINT[], $3::TEXT[], $4::BYTEA[], $5::TEXT[]) ON CONFLICT DO NOTHING",
};

const SECONDS_PER_CELL: u64 = 4;
const WRITERS: u64 = 64;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    let wanted = |name: &str| part.is_empty() || part == name;
    let rows: u64 = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    println!("{rows} rows, {SECONDS_PER_CELL} s a cell");
    if ["reads", "commits", "appends"].into_iter().any(wanted) {
        let file = TestSqlite::new();
        load(&open(&file.url(), |_| ()).await, rows).await;
        let bytes = std::fs::metadata(file.path()).map_or(0, |metadata| metadata.len());
        println!("SQLite file: {} bytes/row", bytes / rows);
        if wanted("reads") {
            measure_reads(&file, rows).await;
        }
        if wanted("commits") {
            measure_commits(&file, rows).await;
        }
        if wanted("appends") {
            measure_appends(&open(&file.url(), |_| ()).await, "SQLite").await;
        }
    }
    if wanted("postgres") {
        measure_postgres(rows).await;
    }
}

async fn measure_reads(file: &TestSqlite, rows: u64) {
    for (name, mmap_bytes, cache_bytes) in [
        ("cache 2 MB, no mmap", 0, 2 << 20),
        ("cache 8 MB, no mmap", 0, 8 << 20),
        ("cache 32 MB, no mmap", 0, 32 << 20),
        ("cache 2 MB, mmap 1 GB", 1 << 30, 2 << 20),
    ] {
        let url = file.url();
        let db = open(&url, |options| {
            options.mmap_bytes = mmap_bytes;
            options.reader_cache_bytes = cache_bytes;
        });
        let db = db.await;
        let (mut random, until) = (Random(1), Instant::now() + Duration::from_secs(2));
        let (mut reads, cpu) = (0_u64, cpu_now());
        while Instant::now() < until {
            for _ in 0..100 {
                let params = [sid(random.below(rows)).into(), 0.into(), 1.into(), 1.into()];
                let row = db.read_one(READ, &params).await.expect("readable").expect("it exists");
                assert_eq!(row.optional_int("ended_at"), Ok(None));
                reads += 1;
            }
        }
        println!(
            "point read, {name}: {:.2} us CPU, RSS {} MB (of which file {} MB)",
            micros(cpu_now() - cpu, reads),
            status_mb("VmRSS:"),
            status_mb("RssFile:")
        );
        db.close().await.expect("closed");
    }
}

async fn measure_commits(file: &TestSqlite, rows: u64) {
    let generations = all_new(rows);
    for (name, writers, cache_bytes) in [
        ("1 writer", 1, 8 << 20),
        ("16 writers", 16, 8 << 20),
        ("64 writers", WRITERS, 8 << 20),
        ("64 writers, cache 64 MB", WRITERS, 64 << 20),
    ] {
        let db = open(&file.url(), |options| options.writer_cache_bytes = cache_bytes).await;
        let name = format!("SQLite rotation, {name}");
        rotate_for_a_while(&db, &generations, writers, &name).await;
        let log = std::fs::metadata(file.path().with_extension("db-wal"));
        println!("    log {} MB, RSS {} MB", log.map_or(0, |log| log.len() >> 20), status_mb("VmRSS:"));
        db.close().await.expect("closed");
    }
}

/// The generation of each grant, so that rotating needs no reading.
type Generations = Arc<Vec<AtomicU32>>;

/// Every writer rotates random grants of its own share, and the waits are the caller's.
async fn rotate_for_a_while(db: &Db, generations: &Generations, writers: u64, name: &str) {
    let (started, cpu) = (Instant::now(), cpu_now());
    let until = started + Duration::from_secs(SECONDS_PER_CELL);
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let (db, generations) = (db.clone(), generations.clone());
        tasks.spawn(async move {
            let share = generations.len() as u64 / writers;
            let (mut random, mut waits) = (Random(writer + 7), Vec::new());
            while Instant::now() < until {
                let number = writer * share + random.below(share);
                let generation = generations[number as usize].fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                let rotated = db.coalesced(&ROTATE, rotation(number, generation.into())).await;
                waits.push(begun.elapsed());
                assert_eq!(rotated.expect("written"), 1);
            }
            waits
        });
    }
    let mut waits: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let (cpu, seconds) = (cpu_now() - cpu, started.elapsed().as_secs_f64());
    waits.sort_unstable();
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{name}: {:.0}/s, {:.1} us CPU, wait p50 {:.2} p99 {:.2} p99.9 {:.2} max {:.1} ms",
        waits.len() as f64 / seconds,
        micros(cpu, waits.len() as u64),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

fn all_new(rows: u64) -> Generations {
    Arc::new((0..rows).map(|_| AtomicU32::new(0)).collect())
}

async fn measure_appends(db: &Db, name: &str) {
    let total = 200_000_u64;
    let (started, cpu) = (Instant::now(), cpu_now());
    for number in 0..total {
        let mut row = event(number);
        while let Err(refused) = db.append(&EVENT, row) {
            row = refused.params;
            tokio::task::yield_now().await;
            db.flush().await.expect("flushed");
        }
    }
    db.flush().await.expect("flushed");
    let cpu = cpu_now() - cpu;
    let building = {
        let cpu = cpu_now();
        for number in 0..total {
            std::hint::black_box(event(number));
        }
        cpu_now() - cpu
    };
    println!(
        "{name} append, 200 B rows: {:.2} us CPU each, of which {:.2} for making the row; {:.0}/s",
        micros(cpu, total),
        micros(building, total),
        total as f64 / started.elapsed().as_secs_f64()
    );
}

async fn measure_postgres(rows: u64) {
    let server = TestPostgres::start().await;
    let db = open(&server.database().await.url, |_| ()).await;
    load(&db, rows).await;
    let (mut random, cpu, started) = (Random(1), cpu_now(), Instant::now());
    for _ in 0..20_000 {
        let params = [sid(random.below(rows)).into(), 0.into(), 1.into(), 1.into()];
        assert!(db.read_one(READ, &params).await.expect("readable").is_some());
    }
    println!(
        "PostgreSQL point read, one at a time: {:.1} us client CPU, {:.0}/s",
        micros(cpu_now() - cpu, 20_000),
        20_000.0 / started.elapsed().as_secs_f64()
    );
    let generations = all_new(rows);
    for writers in [1, 16, 64, 256] {
        let name = format!("PostgreSQL rotation, {writers} writers");
        rotate_for_a_while(&db, &generations, writers, &name).await;
    }
    measure_appends(&db, "PostgreSQL").await;
}

async fn open(url: &str, change: impl FnOnce(&mut DbOptions)) -> Db {
    let mut options = DbOptions::from_url(url).expect("well-formed");
    options.deadline = Duration::from_secs(30);
    change(&mut options);
    let db = Db::open(&options).await.expect("the database opens");
    MIGRATIONS.run(&db, 0).await.expect("the tables are created");
    db
}

async fn load(db: &Db, rows: u64) {
    let (started, cpu) = (Instant::now(), cpu_now());
    for first in (0..rows).step_by(10_000) {
        let mut transaction = Transaction::new();
        for number in first..(first + 10_000).min(rows) {
            let params = vec![sid(number).into(), sid(number / 3).into(), "openid email offline_access".into()];
            transaction.push(INSERT, params, Expect::Rows(1));
        }
        assert!(db.write(transaction).await.expect("written").is_committed());
    }
    println!("loaded {:?} in {:.1} s, {:.1} us CPU a row", db.engine(), started.elapsed().as_secs_f64(), micros(cpu_now() - cpu, rows));
}

fn rotation(number: u64, generation: i64) -> Vec<Value> {
    vec![sid(number).into(), 0.into(), 1.into(), 1.into(), generation.into(), 1_700_000_000_i64.into()]
}

fn event(number: u64) -> Vec<Value> {
    let body = "{\"client_id\":\"jupyter\",\"ip\":\"192.0.2.1\",\"scope\":\"openid email offline_access\",\"auth_method\":\"openid-connect\",\"x\":\"0123456789\"}";
    vec![sid(number).into(), 1_700_000_000_i64.into(), Value::from_static("REFRESH_TOKEN"), sid(number / 3).into(), body.into()]
}

/// Time-ordered in front, different behind, as a UUIDv7 is.
fn sid(number: u64) -> [u8; 16] {
    let mut sid = [0; 16];
    sid[..8].copy_from_slice(&number.to_be_bytes());
    sid[8..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    sid
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn micros(cpu: Duration, count: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / count as f64
}

/// CPU time of all threads of this process, to 10 ms.
fn cpu_now() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Duration::from_millis(ticks * 10)
}

fn status_mb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}
