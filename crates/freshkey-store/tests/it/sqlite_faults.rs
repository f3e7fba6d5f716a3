//! What a process of its own suffers: it is killed while it writes, or its disk ends. The child is this test binary again, running
//! one of the ignored tests here on the file that its parent names.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use freshkey_store::db::{Expect, StoreError, Transaction};
use freshkey_testkit::databases::TestSqlite;
use tokio::task::JoinSet;

use crate::engines;
use crate::tables::{self, ROTATE_HOT, generation_of, ids, insert_grants, insert_id, rotation};

const FILE: &str = "FRESHKEY_TEST_CHILD_DATABASE";
const FILL: &str = "INSERT INTO sample (id, payload) VALUES ($1, $2)";
const SID: [u8; 16] = [7; 16];

pub(crate) struct OutputLines(Lines<BufReader<ChildStdout>>);

impl Iterator for OutputLines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next()?.ok()
    }
}

pub(crate) fn start_child(file: &TestSqlite, test: &str) -> (Child, OutputLines) {
    start(Command::new(std::env::current_exe().expect("we run")), file, test)
}

fn start(mut command: Command, file: &TestSqlite, test: &str) -> (Child, OutputLines) {
    command.args([test, "--exact", "--ignored", "--nocapture"]).env(FILE, file.url());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a process can be started");
    let stdout = child.stdout.take().expect("it is piped");
    (child, OutputLines(BufReader::new(stdout).lines()))
}

fn url_of_parent() -> String {
    std::env::var(FILE).expect("started by a test of this module")
}

/// The number after a word in a line of the child.
fn number_after(line: &str, word: &str) -> Option<i64> {
    line.split_once(word)?.1.trim().parse().ok()
}

#[test]
fn t_087_every_acknowledged_write_survives_kill_9() {
    let file = TestSqlite::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = engines::open(&file.url()).await;
        tables::MIGRATIONS.run(&db, 0).await.expect("the tables are created");
        insert_grants(&db, &[SID]).await;
        db.close().await.expect("closed");
    });
    for round in 0..10_usize {
        let (mut child, mut lines) = start_child(&file, "sqlite_faults::child_writes_until_it_is_killed");
        // A different point each time, from the very first acknowledgement on.
        let kill_after = 1 + round * 37 % 311;
        let mut acked: Vec<String> = lines.by_ref().filter(|line| line.contains("acked")).take(kill_after).collect();
        child.kill().expect("it runs");
        acked.extend(lines.filter(|line| line.contains("acked")));
        assert!(!child.wait().expect("it ended").success());
        runtime.block_on(async {
            let db = engines::open(&file.url()).await;
            let found = ids(&db).await;
            let rows: Vec<i64> = acked.iter().filter_map(|l| number_after(l, "acked row ")).collect();
            let lost: Vec<&i64> = rows.iter().filter(|id| !found.contains(id)).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
            let newest = acked.iter().filter_map(|l| number_after(l, "acked generation ")).max();
            let generation = generation_of(&db, SID).await;
            // At most one rotation was committed and not yet printed.
            assert!(newest.is_none_or(|newest| generation - newest <= 1 && generation >= newest));
            assert!(!rows.is_empty() || newest.is_some(), "round {round}: nothing was acknowledged");
            db.close().await.expect("closed");
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of t_087"]
async fn child_writes_until_it_is_killed() {
    let db = engines::open(&url_of_parent()).await;
    let first = ids(&db).await.last().copied().unwrap_or(0) + 1;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let db = db.clone();
        writers.spawn(async move {
            for n in 0..1_000_000 {
                let id = first + n * 8 + writer;
                assert!(db.write(insert_id(id)).await.expect("written").is_committed());
                println!("\nacked row {id}");
            }
        });
    }
    let mut generation = generation_of(&db, SID).await;
    loop {
        let rows = db.coalesced(&ROTATE_HOT, rotation(SID, generation)).await;
        assert_eq!(rows.expect("written"), 1);
        generation += 1;
        println!("\nacked generation {generation}");
    }
}

#[tokio::test]
#[ignore = "the child of a_second_process_writes_while_the_server_runs"]
async fn child_writes_fifty_rows() {
    let db = engines::open(&url_of_parent()).await;
    for id in 0..50 {
        assert!(db.write(insert_id(id)).await.expect("written").is_committed());
    }
    db.close().await.expect("closed");
    println!("\ndone");
}

#[test]
fn t_090_a_full_disk_under_the_log_is_unavailable_without_partial_state_and_recovers() {
    let file = TestSqlite::new();
    // A limit on the size of files stands in for the disk; the signal that comes with it is ignored, so that the write fails.
    let mut command = Command::new("sh");
    let binary = std::env::current_exe().expect("we run");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 2048; exec \"$0\" \"$@\""]).arg(binary);
    let (mut child, mut lines) = start(command, &file, "sqlite_faults::child_writes_until_the_disk_is_full");
    assert!(lines.any(|line| line.contains("refused")), "the child met the limit");
    let lifted = Command::new("prlimit").args(["--pid", &child.id().to_string(), "--fsize=unlimited"]).status();
    assert!(lifted.expect("prlimit exists").success());
    assert!(lines.any(|line| line.contains("recovered")), "the child went on");
    assert!(child.wait().expect("it ended").success());
}

#[tokio::test]
#[ignore = "the child of t_090"]
async fn child_writes_until_the_disk_is_full() {
    let db = engines::open(&url_of_parent()).await;
    tables::MIGRATIONS.run(&db, 0).await.expect("the tables are created");
    let fill = |id: i64| {
        let params = vec![id.into(), vec![7; 50_000].into()];
        insert_id(id + 1_000_000).then(FILL, params, Expect::Rows(1))
    };
    let mut acked = 0;
    let write = |transaction: Transaction| db.write(transaction);
    loop {
        match write(fill(acked)).await {
            Ok(outcome) => assert!(outcome.is_committed()),
            Err(StoreError::Unavailable(_)) => break,
            Err(other) => panic!("{other:?}"),
        }
        acked += 1;
    }
    assert!(acked > 0);
    assert_eq!(ids(&db).await.len(), usize::try_from(2 * acked).expect("small"));
    println!("\nrefused");
    while write(fill(acked)).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ids(&db).await.len(), usize::try_from(2 * acked + 2).expect("small"));
    println!("\nrecovered");
}
