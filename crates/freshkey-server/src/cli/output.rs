//! Data on standard output: tables for people, JSON for programs, secrets alone on their line. Talk goes to standard error.
//!
//! Whatever comes out of the database is escaped before a terminal sees it, so that nobody's display name rewrites the screen (T-054).

pub(crate) mod moment;
pub(crate) mod table;

use super::{ExitStatus, Failure};
use freshkey_protocol::Secret;
use serde::Serialize;
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal as _, Write};

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Colour {
    // On a terminal, unless `NO_COLOR` is set. Not a doc comment: the help of every command would repeat it.
    #[default]
    Auto,
    Always,
    Never,
}

/// How a command writes what it found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    colour: Colour,
}

/// One thing that a list shows.
pub(crate) trait Listed: Serialize {
    /// The headings of the table.
    const COLUMNS: &'static [&'static str];

    /// One text for each heading.
    fn cells(&self) -> Vec<String>;
}

/// One secret, for whoever has to store it.
#[derive(Serialize)]
struct ShownSecret<'a> {
    name: &'a str,
    secret: &'a str,
}

impl Output {
    /// Writes in this form.
    pub(crate) fn new(format: Format, colour: Colour) -> Self {
        Self { format, colour }
    }

    /// In which form it writes.
    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// A list: a table, or an array of objects. `empty` is said on standard error when there is nothing to show.
    pub(crate) fn list<T: Listed>(self, rows: &[T], empty: &str) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&rows),
            Format::Human if rows.is_empty() => {
                self.say(empty);
                Ok(())
            }
            Format::Human => write(&table::columns(T::COLUMNS, rows.iter().map(Listed::cells))),
        }
    }

    /// One thing: a line for each fact, or an object. Facts without a value are left out of the lines.
    pub(crate) fn facts<T: Serialize>(self, value: &T, facts: &[(&str, String)]) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(value),
            Format::Human => write(&table::facts(facts)),
        }
    }

    /// A JSON document, whatever the form: for representations, which have no other.
    pub(crate) fn json<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(ExitStatus::Failed, format!("the answer cannot be written as JSON: {error}")))?;
        text.push('\n');
        write(&text)
    }

    /// Text as it is: for scripts, pages and exports.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Failure> {
        write_bytes(bytes)
    }

    /// A secret: one line with nothing else on it.
    pub(crate) fn secret(self, name: &str, secret: &Secret<String>) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&ShownSecret { name, secret: secret.expose() }),
            Format::Human => {
                let line = Secret::new(format!("{}\n", secret.expose()));
                write(line.expose())
            }
        }
    }

    /// What a change did: a sentence on standard error, or an object.
    pub(crate) fn done(self, sentence: &str, facts: &Value) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(facts),
            Format::Human => {
                self.say(sentence);
                Ok(())
            }
        }
    }

    /// Talk, on standard error.
    pub(crate) fn say(self, sentence: &str) {
        self.talk("", "", sentence);
    }

    /// Something that went otherwise than the reader may think.
    pub(crate) fn warn(self, sentence: &str) {
        self.talk("warning: ", "\x1b[33m", sentence);
    }

    /// What to do next.
    pub(crate) fn hint(self, sentence: &str) {
        self.talk("hint: ", "\x1b[36m", sentence);
    }

    fn talk(self, label: &str, colour: &str, sentence: &str) {
        let (colour, plain) = if !label.is_empty() && self.colours_standard_error() { (colour, "\x1b[0m") } else { ("", "") };
        // A standard error that is closed can't be told about.
        let _ = writeln!(std::io::stderr().lock(), "{colour}{label}{plain}{}", escaped(sentence));
    }

    fn colours_standard_error(self) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// The text without anything that moves a cursor, changes a colour or turns the direction of writing: those are shown as escapes.
pub(crate) fn escaped(text: &str) -> String {
    let is_unsafe = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Standard output, for what is too large to be put together first.
pub(crate) fn standard_output() -> impl Write {
    std::io::stdout()
}

fn write(text: &str) -> Result<(), Failure> {
    write_bytes(text.as_bytes())
}

fn write_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has read enough: `… | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::new(ExitStatus::Failed, format!("standard output cannot be written: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_054_a_name_cannot_rewrite_the_screen() {
        assert_eq!(escaped("a\u{1b}[2Jb\r\nc"), "a\\u{1b}[2Jb\\r\\nc");
        assert_eq!(escaped("in\u{202e}vert"), "in\\u{202e}vert");
        assert_eq!(escaped("Jürgen 漢字"), "Jürgen 漢字");
    }
}
