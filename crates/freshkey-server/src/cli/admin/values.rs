//! Values as they are typed on the command line, read once. Every function is for clap, so an error is a text that says what was expected.

use crate::limits::TYPED_VALUE_BYTES_MAX;
use std::collections::BTreeMap;

/// `name=value`: a field, an attribute. The value may be empty and may have further equal signs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// What is set.
    pub(crate) name: String,
    /// To what.
    pub(crate) value: String,
}

/// Reads `name=value`.
pub(crate) fn parse_assignment(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, for instance department=blue")?;
    let name = parse_name(name)?;
    if value.len() > TYPED_VALUE_BYTES_MAX {
        return Err(format!("the value of {name} is longer than {TYPED_VALUE_BYTES_MAX} bytes"));
    }
    if value.contains('\0') {
        return Err(format!("the value of {name} has a NUL in it"));
    }
    Ok(Assignment { name, value: value.to_owned() })
}

/// Reads a name: not empty, without control characters.
pub(crate) fn parse_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected a name that isn't empty and has no control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Several values for one name make a list, in the order in which they were typed.
pub(crate) fn grouped(assignments: &[Assignment]) -> BTreeMap<String, Vec<String>> {
    let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for assignment in assignments {
        grouped.entry(assignment.name.clone()).or_default().push(assignment.value.clone());
    }
    grouped
}

/// Reads how many rows a page has.
pub(crate) fn parse_page_rows(text: &str) -> Result<usize, String> {
    let rows = text.parse::<usize>().ok().filter(|rows| (1..=freshkey_store::PAGE_ROWS_MAX).contains(rows));
    rows.ok_or_else(|| format!("expected a number from 1 to {}", freshkey_store::PAGE_ROWS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_splits_at_the_first_equal_sign() {
        let cases = [("a=b", Some(("a", "b"))), ("a=", Some(("a", ""))), ("a=b=c", Some(("a", "b=c"))), ("a.b=1", Some(("a.b", "1")))];
        for (text, expected) in cases {
            let read = parse_assignment(text).ok();
            assert_eq!(read.as_ref().map(|read| (read.name.as_str(), read.value.as_str())), expected, "{text}");
        }
        for text in ["", "a", "=b", " =b", "a\n=b", "a=\0"] {
            assert!(parse_assignment(text).is_err(), "{text:?}");
        }
        assert!(parse_assignment(&format!("a={}", "b".repeat(TYPED_VALUE_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn several_values_of_one_name_are_a_list() {
        let read: Vec<_> = ["a=1", "b=2", "a=3"].iter().map(|text| parse_assignment(text).expect("sound")).collect();
        let expected = BTreeMap::from([("a".to_owned(), vec!["1".to_owned(), "3".to_owned()]), ("b".to_owned(), vec!["2".to_owned()])]);
        assert_eq!(grouped(&read), expected);
    }

    #[test]
    fn a_page_has_at_least_one_row_and_an_end() {
        assert_eq!(parse_page_rows("100"), Ok(100));
        for text in ["0", "-1", "1001", "many", ""] {
            assert!(parse_page_rows(text).is_err(), "{text}");
        }
    }
}
