//! Shell assignments: how a quickstart hands values to the commands of the page.

use std::collections::BTreeMap;

/// A word that a POSIX shell reads back as exactly this text, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `NAME='value'`, a line each.
pub(crate) fn assignments(values: &[(&str, &str)]) -> String {
    values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect()
}

/// Reads back what [`assignments`] has written. `None` when it is something else.
pub(crate) fn read_assignments(text: &str) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = read_quoted(after)?;
        values.insert(name.to_owned(), value);
        rest = after.strip_prefix('\n')?;
    }
    Some(values)
}

fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix(r"\''") {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_back_exactly_what_was_quoted() {
        for text in ["", "plain", "it's", "''", "$HOME `id` $(id)", "a\nb", "\\", "\"", "a b  c", "é ✓", "'; touch /tmp/x; '"] {
            let output = Command::new("sh").args(["-c", &format!("printf %s {}", quoted(text))]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for text in ["A=b\n", "A='b'", "A='b", "A\n", "A='b' # c\n", "A='b'; id\n"] {
            assert_eq!(read_assignments(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn assignments_are_read_back(one in "[^\0]{0,20}", two in "['\\\\\n=]{0,8}") {
            let values = read_assignments(&assignments(&[("ONE", &one), ("TWO", &two)])).expect("ours");
            prop_assert_eq!(values.get("ONE"), Some(&one));
            prop_assert_eq!(values.get("TWO"), Some(&two));
        }
    }
}
