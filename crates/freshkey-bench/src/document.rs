//! Tables as text, and their places in the document that takes them: each between two marks of its own, which the next run replaces. What people wrote
//! around them stays.

use crate::output::line;
use std::fs;
use std::path::Path;

/// A place in the document.
pub(crate) struct Section<'a> {
    /// The word in its marks.
    pub(crate) mark: &'a str,
    /// What stands before the table when it is written for the first time.
    pub(crate) head: &'a str,
}

/// Prints a text, and puts it into its place in the document if there is one.
pub(crate) fn report(section: &Section<'_>, text: &str, path: Option<&Path>) -> Result<(), String> {
    line(text.trim_end())?;
    let Some(path) = path else { return Ok(()) };
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, replaced(section, &before, text)).map_err(|error| format!("{}: {error}", path.display()))?;
    eprintln!("written: {}", path.file_name().unwrap_or_default().to_string_lossy());
    Ok(())
}

fn replaced(section: &Section<'_>, before: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {}: begin -->", section.mark), format!("<!-- {}: end -->", section.mark));
    let block = format!("{begin}\n{text}{end}");
    match before.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1))) {
        Some((head, tail)) => format!("{head}{block}{tail}"),
        None if before.is_empty() => format!("{}{block}\n", section.head),
        None => format!("{}\n\n{}{block}\n", before.trim_end(), section.head),
    }
}

/// A table whose first row is its head, each column as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
        text += &format!("|{}\n", cells.collect::<String>());
        if number == 0 {
            let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
            text += &format!("|{rule}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_after_what_is_there_and_replaces_the_last_one_of_its_mark() {
        let section = Section { mark: "client", head: "## The client\n\n" };
        let first = replaced(&section, "# Performance\n\nnotes\n", "one\n");
        assert_eq!(first, "# Performance\n\nnotes\n\n## The client\n\n<!-- client: begin -->\none\n<!-- client: end -->\n");
        let second = replaced(&section, &format!("{first}\nmore\n"), "two\n");
        assert!(second.ends_with("begin -->\ntwo\n<!-- client: end -->\n\nmore\n") && !second.contains("one\n"), "{second}");
        assert_eq!(second.matches("## The client").count(), 1);
        assert!(replaced(&section, "", "one\n").starts_with("## The client"));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = table(&[vec!["a".to_owned(), "b".to_owned()], vec!["x".repeat(40), "×".to_owned()]]);
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [widths[0]; 3]);
    }
}
