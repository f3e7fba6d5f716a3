//! Tables without lines, as wide as the terminal allows, and lists of facts.

use super::escaped;
use comfy_table::{ContentArrangement, Table, presets};

/// Columns under headings. Where there is no terminal nothing is wrapped, so that each row stays one line.
pub(crate) fn columns(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(if table.is_tty() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| escaped(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    lines(&table)
}

/// A name and a value on each line; values that are empty are left out.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name:width$}  {}\n", escaped(value)));
    }
    text
}

fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_lines_and_columns_line_up() {
        let rows = [vec!["a".to_owned(), "first\nsecond".to_owned()], vec!["longer".to_owned(), String::new()]];
        let text = columns(&["name", "note"], rows.into_iter());
        assert_eq!(text, "NAME    NOTE\na       first\\nsecond\nlonger\n");
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        assert_eq!(
            facts(&[("name", "x".to_owned()), ("e-mail", String::new()), ("roles", "admin".to_owned())]),
            "name    x\nroles   admin\n"
        );
    }
}
