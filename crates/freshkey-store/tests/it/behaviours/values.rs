//! What goes in comes out, on this engine as on the other.

use freshkey_store::db::{Expect, Outcome, StoreError, Transaction, Value};

use super::engine;
use crate::tables::INSERT_SAMPLE;

const READ: &str = "SELECT amount, label, payload, is_enabled FROM sample WHERE id = $1";
const READ_ENABLED: &str = "SELECT id FROM sample WHERE is_enabled ORDER BY id";
const RETURNING: &str = "UPDATE sample SET amount = amount + 1 WHERE amount < $1 RETURNING id, amount, label";
const JOINED: &str = "SELECT string_agg(label, ',' ORDER BY label), CAST(SUM(amount) AS BIGINT) FROM sample WHERE label LIKE $1";

#[tokio::test]
async fn values_come_back_as_they_were_written() {
    let test = engine::open().await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let cases: Vec<[Value; 4]> = vec![
        [i64::MAX.into(), "".into(), Value::from(&b""[..]), true.into()],
        [i64::MIN.into(), "ß 日本語 👩‍👩‍👧 \u{202e}'\";--".into(), Value::from(all_bytes), false.into()],
        [0.into(), "a\nb\tc\u{1}".into(), Value::from(&b"\0\0\0"[..]), true.into()],
        [(-1).into(), "x".repeat(100_000).into(), Value::from(vec![0; 100_000]), false.into()],
        [Value::Null, Value::Null, Value::Null, Value::Null],
    ];
    let mut transaction = Transaction::new();
    for (id, values) in cases.iter().enumerate() {
        let id = i64::try_from(id).expect("few cases");
        let params = std::iter::once(id.into()).chain(values.iter().cloned()).collect();
        transaction.push(INSERT_SAMPLE, params, Expect::Rows(1));
    }
    assert!(test.db.write(transaction).await.expect("written").is_committed());
    for (id, values) in cases.iter().enumerate() {
        let id = i64::try_from(id).expect("few cases");
        let row = test.db.read_one(READ, &[id.into()]).await.expect("readable").expect("it exists");
        assert_eq!(row.value(0), Ok(&values[0]));
        assert_eq!(row.value("label"), Ok(&values[1]));
        assert_eq!(row.value(2), Ok(&values[2]));
        let enabled = match values[3] {
            Value::Bool(enabled) => Some(enabled),
            _ => None,
        };
        assert_eq!(row.optional_bool("is_enabled"), Ok(enabled));
    }
    let enabled = test.db.read(READ_ENABLED, &[]).await.expect("readable");
    assert_eq!(enabled.len(), 2);
}

#[tokio::test]
async fn a_text_with_nul_is_refused_before_it_is_queued() {
    let test = engine::open().await;
    let params = vec![1.into(), Value::Null, "a\0b".into(), Value::Null, Value::Null];
    let transaction = Transaction::new().then(INSERT_SAMPLE, params, Expect::Any);
    let refused = test.db.write(transaction).await.expect_err("refused");
    assert_eq!(refused, StoreError::inconsistent("parameter $3 holds NUL"));
}

#[tokio::test]
async fn a_wrong_number_of_parameters_is_an_error_and_nothing_else() {
    let test = engine::open().await;
    let refused = test.db.read(READ, &[]).await.expect_err("refused");
    assert_eq!(refused, StoreError::inconsistent("a statement has 1 parameters, 0 were given"));
    assert!(test.db.read(READ, &[1.into()]).await.expect("readable").is_empty());
}

#[tokio::test]
async fn returned_rows_and_aggregates_are_the_same_everywhere() {
    let test = engine::open().await;
    let mut transaction = Transaction::new();
    for (id, label) in ["b", "a", "c"].into_iter().enumerate() {
        let id = i64::try_from(id).expect("three");
        let params = vec![id.into(), (id * 10).into(), label.into(), Value::Null, Value::Null];
        transaction.push(INSERT_SAMPLE, params, Expect::Rows(1));
    }
    transaction.push(RETURNING, vec![15.into()], Expect::Rows(2));
    let Outcome::Committed(results) = test.db.write(transaction).await.expect("written") else {
        panic!("the guards hold");
    };
    let mut returned: Vec<(i64, i64)> =
        results[3].rows.iter().map(|row| (row.int("id").expect("id"), row.int("amount").expect("amount"))).collect();
    returned.sort_unstable();
    assert_eq!((results[3].rows_affected, returned), (2, vec![(0, 1), (1, 11)]));
    let joined = test.db.read_long(JOINED, vec!["%".into()]).await.expect("readable");
    assert_eq!((joined[0].text(0), joined[0].int(1)), (Ok("a,b,c"), Ok(32)));
}
