//! The hot statement: exactly one caller wins a generation, whatever shares its batch.

use freshkey_store::db::{Db, StoreError};
use tokio::task::JoinSet;

use super::engine;
use crate::tables::{ROTATE_HOT, generation_of, insert_grants, rotation};

const SID: [u8; 16] = [7; 16];

/// One attempt per item, at the same time, over the nodes in turn: how many rows each matched.
async fn race(nodes: &[&Db], items: Vec<([u8; 16], i64)>) -> Vec<u64> {
    let mut racers = JoinSet::new();
    for (position, (sid, generation)) in items.into_iter().enumerate() {
        let db = nodes[position % nodes.len()].clone();
        racers.spawn(async move { db.coalesced(&ROTATE_HOT, rotation(sid, generation)).await });
    }
    racers.join_all().await.into_iter().map(|rows| rows.expect("answered")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_001_sixty_four_racers_over_two_nodes_advance_the_generation_once() {
    let test = engine::open().await;
    let other = test.another_node().await;
    insert_grants(&test.db, &[SID]).await;
    for generation in 0..10 {
        let rows = race(&[&test.db, &other], vec![(SID, generation); 64]).await;
        assert_eq!(rows.iter().sum::<u64>(), 1, "winners of generation {generation}");
        assert_eq!(generation_of(&test.db, SID).await, generation + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_item_of_a_batch_gets_its_own_answer() {
    let test = engine::open().await;
    let sids: Vec<[u8; 16]> = (0..100).map(|n| [n; 16]).collect();
    insert_grants(&test.db, &sids).await;
    // Every third presents a generation that isn't current, every seventh a grant that doesn't exist.
    let items: Vec<([u8; 16], i64)> = (0..100_u8)
        .map(|n| match (n % 3, n % 7) {
            (_, 0) => ([200; 16], 0),
            (0, _) => ([n; 16], 5),
            _ => ([n; 16], 0),
        })
        .collect();
    let mut racers = JoinSet::new();
    for (sid, generation) in items {
        let db = test.db.clone();
        racers.spawn(async move {
            let rows = db.coalesced(&ROTATE_HOT, rotation(sid, generation)).await;
            (sid, generation, rows.expect("answered"))
        });
    }
    while let Some(answered) = racers.join_next().await {
        let (sid, generation, rows) = answered.expect("no panic");
        let matches = generation == 0 && sid != [200; 16];
        assert_eq!(rows, u64::from(matches), "{sid:?} {generation}");
    }
    for n in 0..100 {
        let rotated = n % 3 != 0 && n % 7 != 0;
        assert_eq!(generation_of(&test.db, [n; 16]).await, i64::from(rotated), "{n}");
    }
}

#[tokio::test]
async fn items_for_the_same_key_follow_each_other() {
    let test = engine::open().await;
    insert_grants(&test.db, &[SID]).await;
    // This runtime has one thread and runs tasks in the order of their start, so each item presents what the one before it leaves.
    let mut queued = JoinSet::new();
    for generation in 0..20 {
        let db = test.db.clone();
        queued.spawn(async move { db.coalesced(&ROTATE_HOT, rotation(SID, generation)).await });
    }
    assert_eq!(queued.join_all().await, vec![Ok(1); 20]);
    assert_eq!(generation_of(&test.db, SID).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_cannot_be_run_spoils_no_other() {
    let test = engine::open().await;
    let sids: Vec<[u8; 16]> = (0..32).map(|n| [n; 16]).collect();
    insert_grants(&test.db, &sids).await;
    let mut racers = JoinSet::new();
    for sid in sids {
        let db = test.db.clone();
        let mut item = rotation(sid, 0);
        if sid[0] % 8 == 0 {
            item.pop();
        }
        racers.spawn(async move { (sid, db.coalesced(&ROTATE_HOT, item).await) });
    }
    while let Some(answered) = racers.join_next().await {
        match answered.expect("no panic") {
            (sid, Ok(rows)) => assert_eq!((sid[0] % 8 == 0, rows), (false, 1)),
            (sid, Err(StoreError::Inconsistent { .. })) => assert_eq!(sid[0] % 8, 0),
            (sid, Err(error)) => panic!("{sid:?} {error:?}"),
        }
    }
}
