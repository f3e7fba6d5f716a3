//! The few differences between the engines that text can bridge, and the splitting of migration scripts.
//! Not a parser of SQL: it knows quotes and comments, so that neither is ever changed.
//!
//! `$n` is `?n` in SQLite, `BYTEA` is `BLOB`, and a comment `/*sqlite:…*/` or `/*postgres:…*/` becomes text on its engine only.

use std::borrow::Cow;

/// The same statement for SQLite.
pub(crate) fn for_sqlite(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    for piece in Pieces(sql) {
        match piece {
            Piece::Quoted(quoted) => text.push_str(quoted),
            Piece::Comment(comment) => text.push_str(marked(comment, "/*sqlite:").unwrap_or(" ")),
            Piece::Code(code) => push_words_for_sqlite(&mut text, code),
        }
    }
    text
}

/// The same statement for PostgreSQL: only its markers are opened.
pub(crate) fn for_postgres(sql: &'static str) -> Cow<'static, str> {
    if !sql.contains("/*postgres:") {
        return Cow::Borrowed(sql);
    }
    let mut text = String::with_capacity(sql.len());
    for piece in Pieces(sql) {
        match piece {
            Piece::Quoted(piece) | Piece::Code(piece) => text.push_str(piece),
            Piece::Comment(comment) => text.push_str(marked(comment, "/*postgres:").unwrap_or(" ")),
        }
    }
    Cow::Owned(text)
}

/// The statements of a script, without the semicolons. What is left after the last one must be blank or comment.
pub(crate) fn split_script(script: &'static str) -> Vec<&'static str> {
    let mut statements = Vec::new();
    let (mut start, mut position, mut has_code) = (0, 0, false);
    for piece in Pieces(script) {
        if let Piece::Code(code) = piece {
            for (offset, character) in code.char_indices() {
                if character == ';' {
                    if has_code {
                        statements.push(script[start..position + offset].trim());
                    }
                    start = position + offset + 1;
                    has_code = false;
                } else if !character.is_whitespace() {
                    has_code = true;
                }
            }
        }
        position += piece.text().len();
    }
    if has_code {
        statements.push(script[start..].trim());
    }
    statements
}

fn marked<'sql>(comment: &'sql str, prefix: &str) -> Option<&'sql str> {
    comment.strip_prefix(prefix)?.strip_suffix("*/")
}

fn push_words_for_sqlite(text: &mut String, code: &str) {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = match rest.find(|character| is_word(character) != is_word(first)) {
            Some(length) => length,
            None => rest.len(),
        };
        let (run, after) = rest.split_at(length);
        match run {
            "BYTEA" => text.push_str("BLOB"),
            _ if run.ends_with('$') && after.starts_with(|c: char| c.is_ascii_digit()) => {
                text.push_str(&run[..run.len() - 1]);
                text.push('?');
            }
            _ => text.push_str(run),
        }
        rest = after;
    }
}

enum Piece<'sql> {
    Code(&'sql str),
    Quoted(&'sql str),
    Comment(&'sql str),
}

impl<'sql> Piece<'sql> {
    fn text(&self) -> &'sql str {
        match self {
            Piece::Code(text) | Piece::Quoted(text) | Piece::Comment(text) => text,
        }
    }
}

/// Cuts a text at quotes and comments. A quote or comment that never ends runs to the end of the text.
struct Pieces<'sql>(&'sql str);

impl<'sql> Iterator for Pieces<'sql> {
    type Item = Piece<'sql>;

    fn next(&mut self) -> Option<Piece<'sql>> {
        let text = self.0;
        let piece = match text.as_bytes() {
            [] => return None,
            [quote @ (b'\'' | b'"'), ..] => {
                let quote = char::from(*quote);
                Piece::Quoted(up_to_end_of(text, 1, quote.encode_utf8(&mut [0; 4])))
            }
            [b'-', b'-', ..] => Piece::Comment(up_to_end_of(text, 2, "\n")),
            [b'/', b'*', ..] => Piece::Comment(up_to_end_of(text, 2, "*/")),
            _ => {
                let ends = ["'", "\"", "--", "/*"];
                let end = ends.iter().filter_map(|end| text.find(end)).min();
                Piece::Code(&text[..end.unwrap_or(text.len())])
            }
        };
        self.0 = &text[piece.text().len()..];
        Some(piece)
    }
}

fn up_to_end_of<'sql>(text: &'sql str, skip: usize, end: &str) -> &'sql str {
    match text[skip..].find(end) {
        Some(position) => &text[..skip + position + end.len()],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_types_are_translated_and_quotes_are_not() {
        let cases = [
            ("a = $1 AND b=$12", "a = ?1 AND b=?12"),
            ("a IN($1,$2)", "a IN(?1,?2)"),
            ("id BYTEA, MYBYTEA BYTEA_X", "id BLOB, MYBYTEA BYTEA_X"),
            ("'$1 BYTEA' || \"$2\"", "'$1 BYTEA' || \"$2\""),
            ("'it''s $1' || $1", "'it''s $1' || ?1"),
            ("a -- $1 BYTEA\n+ $1", "a  + ?1"),
            (") /*sqlite:WITHOUT ROWID*/", ") WITHOUT ROWID"),
            (") /*postgres:WITH (fillfactor = 80)*/", ")  "),
            ("'unfinished $1", "'unfinished $1"),
            ("ä = $1", "ä = ?1"),
        ];
        for (portable, sqlite) in cases {
            assert_eq!(for_sqlite(portable), sqlite, "{portable}");
        }
    }

    #[test]
    fn postgres_text_only_loses_its_markers() {
        assert_eq!(for_postgres("a = $1 /*sqlite:X*/"), "a = $1 /*sqlite:X*/");
        let marked = ") /*sqlite:X*/ /*postgres:WITH (fillfactor = 80)*/";
        assert_eq!(for_postgres(marked), ")   WITH (fillfactor = 80)");
    }

    #[test]
    fn scripts_are_cut_at_semicolons_outside_quotes_and_comments() {
        let script = "-- one; two\nCREATE TABLE a (b TEXT DEFAULT ';');\n\n/* ; */ INSERT INTO a; ;\n-- end\n";
        let expected = ["-- one; two\nCREATE TABLE a (b TEXT DEFAULT ';')", "/* ; */ INSERT INTO a"];
        assert_eq!(split_script(script), expected);
        assert_eq!(split_script("SELECT 1"), ["SELECT 1"]);
        assert!(split_script(" -- nothing\n").is_empty());
    }
}
