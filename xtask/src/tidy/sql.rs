//! SQL is written once, as whole constants, in the store. Whoever builds statements from pieces opens T-043.

use std::ops::Range;

use super::source::RustSource;
use super::tree::TextFile;
use super::{Finding, Tree};

/// Verb, and what must follow it for the text to be a statement and not a sentence or an HTTP method.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("SELECT", &[]),
    ("INSERT", &["INTO", "OR"]),
    ("UPDATE", &[]),
    ("DELETE", &["FROM"]),
    ("CREATE", &["TABLE", "INDEX", "UNIQUE", "SCHEMA", "DATABASE", "VIEW", "ROLE"]),
    ("ALTER", &["TABLE", "DATABASE", "ROLE"]),
    ("DROP", &["TABLE", "INDEX", "SCHEMA", "DATABASE"]),
    ("PRAGMA", &[]),
    ("WITH", &[]),
];
const CLAUSES: &[&str] = &["WHERE", "AND", "OR", "ORDER", "GROUP", "LIMIT", "SET", "VALUES", "FROM", "JOIN", "RETURNING"];
const BUILDERS: &[&str] = &["format!(", "format_args!(", "push_str(", "concat("];

/// String literals that start like a statement, in product code outside the store.
pub(super) fn only_in_the_store(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |file: &&TextFile| file.product_crate().is_some_and(|name| name != "store");
    literals(tree, elsewhere)
        .filter(|(file, _, literal)| is_statement(&file.text[literal.clone()]))
        .map(|(file, _, literal)| Finding::new(&file.path, file.line_at(literal.start), "SQL text outside the store"))
        .collect()
}

/// Statements or clauses handed to `format!` and the like, or joined with `+`, in the store's product code.
pub(super) fn never_built(tree: &Tree) -> Vec<Finding> {
    let in_store = |file: &&TextFile| file.product_crate() == Some("store");
    literals(tree, in_store)
        .filter(|(file, source, literal)| {
            let text = &file.text[literal.clone()];
            (is_statement(text) || is_clause(text)) && is_a_piece(&source.code, literal)
        })
        .map(|(file, _, literal)| {
            let message = "a statement built from pieces: write it as one constant";
            Finding::new(&file.path, file.line_at(literal.start), message)
        })
        .collect()
}

fn literals<'tree>(
    tree: &'tree Tree,
    wanted: impl Fn(&&TextFile) -> bool + 'tree,
) -> impl Iterator<Item = (&'tree TextFile, &'tree RustSource, Range<usize>)> {
    tree.rust_files()
        .filter(move |(file, _)| wanted(file))
        .flat_map(|(file, source)| {
            let ranges = source.literals.iter().cloned();
            ranges.map(move |literal| (file, source, literal))
        })
        .filter(|(file, _, literal)| file.is_product_code(literal.start))
}

fn is_statement(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (Some(first), Some(second)) = (words.next(), words.next()) else {
        return false;
    };
    STATEMENTS.iter().any(|(verb, next)| *verb == first && (next.is_empty() || next.contains(&second)))
}

fn is_clause(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    CLAUSES.contains(&first) && words.next().is_some()
}

/// Does code around the literal make it a part of something longer?
fn is_a_piece(code: &str, literal: &Range<usize>) -> bool {
    let before = code[..literal.start].trim_end_matches(['"', '#', 'r']).trim_end();
    let after = code[literal.end..].trim_start_matches(['"', '#']).trim_start();
    let after = [".to_owned()", ".to_string()", ".into()"].into_iter().find_map(|call| after.strip_prefix(call)).unwrap_or(after);
    let is_argument_of_write =
        before.rsplit_once('(').is_some_and(|(head, arguments)| head.ends_with("write!") && arguments.ends_with(','));
    BUILDERS.iter().any(|builder| before.ends_with(builder))
        || is_argument_of_write
        || before.ends_with('+')
        || after.trim_start().starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "crates/freshkey-server/src/a.rs";
    const STORE: &str = "crates/freshkey-store/src/a.rs";

    #[test]
    fn sql_outside_the_store_is_a_finding() {
        for literal in ["SELECT id FROM realm", "INSERT INTO a", "\\n  DELETE FROM b"] {
            let text = format!("const A: &str = \"{}\";", literal.replace("\\n", "\n"));
            assert_eq!(only_in_the_store(&Tree::sample(&[(SERVER, &text)])).len(), 1, "{literal}");
            assert!(only_in_the_store(&Tree::sample(&[(STORE, &text)])).is_empty());
        }
    }

    #[test]
    fn words_that_only_look_like_sql_are_fine() {
        let text = "const A: [&str; 5] = [\"DELETE\", \"UPDATE_PASSWORD now\", \"Select one\", \"DELETE /a\", \"CREATE\"]; \
                    // \"SELECT 1 FROM a\"\n#[cfg(test)] mod tests { const B: &str = \"SELECT 1\"; }";
        assert!(only_in_the_store(&Tree::sample(&[(SERVER, text)])).is_empty());
    }

    #[test]
    fn t_043_a_statement_built_from_pieces_is_a_finding() {
        for text in [
            "let a = format!(\"SELECT {b} FROM c\");",
            "let a = format!(\n    r#\"UPDATE c SET d = {b}\"#,\n);",
            "a.push_str(\" WHERE b = 1\");",
            "let a = \"SELECT 1 \".to_owned() + b;",
            "let a = b + \"ORDER BY c\";",
            "write!(a, \"SELECT {b}\");",
        ] {
            assert_eq!(never_built(&Tree::sample(&[(STORE, text)])).len(), 1, "{text}");
        }
    }

    #[test]
    fn whole_statements_are_fine() {
        for text in [
            "const A: &str = \"SELECT 1 FROM a\";",
            "db.query(\"SELECT 1 FROM a\", &[b + c])",
            "const A: &str = concat!(\"SELECT 1 \", \"FROM a\");",
            "let a = format!(\"realm {b}\");",
        ] {
            assert!(never_built(&Tree::sample(&[(STORE, text)])).is_empty(), "{text}");
        }
    }
}
