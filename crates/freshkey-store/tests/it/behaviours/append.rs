//! Rows that nobody waits for: written soon, all of them after a flush, given back when there is no room.

use freshkey_store::db::Value;

use super::engine;
use crate::tables::{APPEND_EVENT, count_events, event, insert_id};

#[tokio::test]
async fn a_flush_waits_for_every_row_before_it() {
    let test = engine::open().await;
    for number in 0..3_000 {
        test.db.append(&APPEND_EVENT, event(number, "signed in")).expect("there is room");
    }
    test.db.flush().await.expect("flushed");
    assert_eq!(count_events(&test.db).await, 3_000);
    assert_eq!(test.db.append_refused_total(), 0);
}

#[tokio::test]
async fn a_row_is_written_without_anyone_asking() {
    let test = engine::open().await;
    test.db.append(&APPEND_EVENT, event(1, "signed in")).expect("there is room");
    for _ in 0..200_000 {
        if count_events(&test.db).await == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the row is not there after so many looks");
}

#[tokio::test]
async fn a_full_buffer_gives_the_row_back_and_counts_it() {
    let test = engine::open().await;
    // This test's thread never yields, so on PostgreSQL nothing is written meanwhile; SQLite's thread may drain some of it.
    let refused = (0..1_000_000).find_map(|number| {
        let refused = test.db.append(&APPEND_EVENT, event(number, "signed in")).err();
        refused.map(|refused| (number, refused))
    });
    let (number, refused) = refused.expect("the buffer is bounded");
    assert_eq!(refused.params, event(number, "signed in"));
    assert_eq!((refused.refused_total, test.db.append_refused_total()), (1, 1));
    test.db.flush().await.expect("flushed");
    assert_eq!(count_events(&test.db).await, i64::from(number));
}

#[tokio::test]
async fn a_row_that_is_refused_spoils_no_other() {
    let test = engine::open().await;
    for number in 0..10 {
        let mut row = event(number, "signed in");
        if number == 5 {
            row[2] = Value::Null;
        }
        test.db.append(&APPEND_EVENT, row).expect("there is room");
    }
    test.db.append(&APPEND_EVENT, event(3, "again")).expect("there is room");
    test.db.append(&APPEND_EVENT, event(11, "a\0b")).expect("there is room");
    test.db.flush().await.expect("flushed");
    assert_eq!(count_events(&test.db).await, 10);
    assert!(test.db.write(insert_id(1)).await.expect("written").is_committed());
}

#[tokio::test]
async fn closing_writes_what_is_left() {
    let test = engine::open().await;
    test.db.append(&APPEND_EVENT, event(1, "signed out")).expect("there is room");
    test.db.clone().close().await.expect("closed");
    assert_eq!(count_events(&test.another_node().await).await, 1);
}
