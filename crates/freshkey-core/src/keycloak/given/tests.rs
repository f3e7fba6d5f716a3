use super::*;
use serde_json::{Value, json};

fn read<T: Shape>(value: Value) -> Given<T> {
    serde_json::from_value(value).unwrap()
}

fn found<T: Shape>(value: Value) -> String {
    match read::<T>(value) {
        Given::Broken { found, .. } => found,
        Given::Absent => "absent".to_owned(),
        Given::Here(_) => "here".to_owned(),
    }
}

#[test]
fn t_041_null_is_absent_and_not_false() {
    assert_eq!(read::<bool>(Value::Null), Given::Absent);
    assert_eq!(read::<i64>(Value::Null), Given::Absent);
    assert_eq!(read::<Vec<String>>(Value::Null), Given::Absent);
    assert_eq!(read::<bool>(json!(false)), Given::Here(false));
}

#[test]
fn scalars_are_read_from_what_keycloak_reads_them_from() {
    assert_eq!(read::<bool>(json!("true")), Given::Here(true));
    assert_eq!(read::<i64>(json!("300")), Given::Here(300));
    assert_eq!(read::<String>(json!(300)), Given::Here("300".to_owned()));
    assert_eq!(read::<String>(json!(true)), Given::Here("true".to_owned()));
    assert_eq!(found::<bool>(json!(1)), "1");
    assert_eq!(found::<bool>(json!("yes")), "\"yes\"");
    assert_eq!(found::<i64>(json!(1.5)), "1.5");
    assert_eq!(found::<i64>(json!(u64::MAX)), u64::MAX.to_string());
    assert_eq!(found::<String>(json!({ "secret": "x" })), "an object");
}

#[test]
fn one_broken_entry_breaks_the_list_and_a_null_one_is_left_out() {
    assert_eq!(read::<Vec<i64>>(json!([1, null, "2"])), Given::Here(vec![1, 2]));
    assert_eq!(found::<Vec<i64>>(json!([1, [], 2])), "a list");
    let map = read::<BTreeMap<String, String>>(json!({ "a": "b", "c": null }));
    assert_eq!(map, Given::Here(BTreeMap::from([("a".to_owned(), "b".to_owned())])));
    assert_eq!(found::<BTreeMap<String, String>>(json!({ "a": [] })), "an object");
}

#[test]
fn t_054_what_is_shown_is_short_and_on_one_line() {
    let shown = shortened(&format!("a\r\n\u{1b}[31m{}", "x".repeat(1000)));
    assert!(shown.chars().count() < 100 && !shown.contains(['\r', '\n', '\u{1b}']), "{shown}");
}
