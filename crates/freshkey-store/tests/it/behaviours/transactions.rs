//! All or nothing, each caller its own answer, and nobody's failure is another's.

use freshkey_store::db::{Expect, Outcome, StoreError, Transaction};
use tokio::task::JoinSet;

use super::engine;
use crate::tables::{INSERT_ID, ids, insert_id};

const DELETE: &str = "DELETE FROM sample WHERE id = $1";
const RAISE: &str = "UPDATE sample SET amount = COALESCE(amount, 0) + 1 WHERE id >= $1";
const BY_AMOUNT: &str = "SELECT id FROM sample WHERE amount = $1";

#[tokio::test]
async fn a_guard_that_fails_undoes_everything_before_it() {
    let test = engine::open().await;
    let transaction = Transaction::new()
        .then(INSERT_ID, vec![1.into()], Expect::Rows(1))
        .then(INSERT_ID, vec![2.into()], Expect::Any)
        .then(DELETE, vec![3.into()], Expect::AtLeastOne)
        .then(INSERT_ID, vec![4.into()], Expect::Any);
    let outcome = test.db.write(transaction).await.expect("answered");
    assert!(matches!(outcome, Outcome::GuardFailed { index: 2 }), "{outcome:?}");
    assert!(ids(&test.db).await.is_empty());
}

#[tokio::test]
async fn a_single_statement_that_matches_too_much_is_undone() {
    let test = engine::open().await;
    for id in 1..=2 {
        assert!(test.db.write(insert_id(id)).await.expect("written").is_committed());
    }
    let transaction = Transaction::new().then(RAISE, vec![0.into()], Expect::Rows(1));
    let outcome = test.db.write(transaction).await.expect("answered");
    assert!(matches!(outcome, Outcome::GuardFailed { index: 0 }), "{outcome:?}");
    assert!(test.db.read(BY_AMOUNT, &[1.into()]).await.expect("readable").is_empty());
    let transaction = Transaction::new().then(RAISE, vec![3.into()], Expect::AtLeastOne);
    let outcome = test.db.write(transaction).await.expect("answered");
    assert!(matches!(outcome, Outcome::GuardFailed { index: 0 }), "{outcome:?}");
}

#[tokio::test]
async fn a_broken_rule_of_the_schema_undoes_everything_and_shows_no_sql() {
    let test = engine::open().await;
    let transaction = Transaction::new().then(INSERT_ID, vec![1.into()], Expect::Any).then(INSERT_ID, vec![1.into()], Expect::Any).then(
        INSERT_ID,
        vec![2.into()],
        Expect::Any,
    );
    let error = test.db.write(transaction).await.expect_err("refused");
    assert!(matches!(error, StoreError::Constraint(_)), "{error:?}");
    assert_eq!(error.to_string(), "a rule of the schema refused the change");
    assert!(ids(&test.db).await.is_empty());
    assert!(test.db.write(insert_id(1)).await.expect("written").is_committed());
}

#[tokio::test]
async fn an_empty_transaction_is_committed() {
    let test = engine::open().await;
    assert!(test.db.write(Transaction::new()).await.expect("answered").is_committed());
}

#[tokio::test]
async fn writers_at_the_same_time_each_get_their_own_result() {
    let test = engine::open().await;
    assert!(test.db.write(insert_id(1_000)).await.expect("written").is_committed());
    let mut writers = JoinSet::new();
    for id in 0..64_i64 {
        let db = test.db.clone();
        // A third commits, a third fails its guard after a change, a third breaks a rule after a change.
        let second = match id % 3 {
            0 => (DELETE, Expect::Rows(0)),
            1 => (DELETE, Expect::Rows(1)),
            _ => (INSERT_ID, Expect::Any),
        };
        let second_id = if id % 3 == 2 { 1_000 } else { 2_000 };
        let transaction =
            Transaction::new().then(INSERT_ID, vec![id.into()], Expect::Rows(1)).then(second.0, vec![second_id.into()], second.1);
        writers.spawn(async move { (id, db.write(transaction).await) });
    }
    while let Some(written) = writers.join_next().await {
        match written.expect("no panic") {
            (id, Ok(Outcome::Committed(results))) => assert_eq!((id % 3, results.len()), (0, 2)),
            (id, Ok(Outcome::GuardFailed { index })) => assert_eq!((id % 3, index), (1, 1)),
            (id, Err(StoreError::Constraint(_))) => assert_eq!(id % 3, 2),
            (id, Err(error)) => panic!("{id}: {error:?}"),
        }
    }
    let expected: Vec<i64> = (0..64).filter(|id| id % 3 == 0).chain([1_000]).collect();
    assert_eq!(ids(&test.db).await, expected);
}

#[tokio::test]
async fn what_is_acknowledged_is_seen_by_every_later_read() {
    let test = engine::open().await;
    let other = test.another_node().await;
    for id in 0..20 {
        let (writes, reads) = if id % 2 == 0 { (&test.db, &other) } else { (&other, &test.db) };
        assert!(writes.write(insert_id(id)).await.expect("written").is_committed());
        assert_eq!(ids(reads).await.len(), usize::try_from(id + 1).expect("small"));
    }
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_no_half_transaction() {
    let test = engine::open().await;
    for id in 0..32 {
        let transaction = Transaction::new().then(INSERT_ID, vec![(2 * id).into()], Expect::Rows(1)).then(
            INSERT_ID,
            vec![(2 * id + 1).into()],
            Expect::Rows(1),
        );
        let writing = test.db.write(transaction);
        // Polled once and dropped, as when the connection of the caller is gone.
        let _ = tokio::time::timeout(std::time::Duration::ZERO, writing).await;
    }
    // The writes that were queued before this one are through when it is, on SQLite; on PostgreSQL pairs show either way.
    assert!(test.db.write(insert_id(1_000)).await.expect("written").is_committed());
    let found = ids(&test.db).await;
    for id in found.iter().filter(|id| **id < 1_000) {
        assert!(found.contains(&(id ^ 1)), "half of a transaction: {id}");
    }
}

#[tokio::test]
async fn a_closed_database_answers_unavailable() {
    let test = engine::open().await;
    let other = test.db.clone();
    test.db.clone().close().await.expect("closed");
    let error = other.write(insert_id(1)).await.expect_err("closed");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}
