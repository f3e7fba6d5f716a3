//! The layers: defaults, file, environment, flags. Each value remembers where it comes from; nothing is interpreted yet.

use super::DEFAULT_TOML;
use super::problems::{ConfigProblem, ConfigProblems};
use crate::limits::CONFIGURATION_BYTES_MAX;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

const PREFIX: &str = "FRESHKEY_";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The defaults.
    Default,
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, 0) => write!(f, "{}", path.display()),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: toml::Value,
    pub(super) origin: Origin,
}

/// All layers in one: the strongest value of every key.
#[derive(Debug)]
pub struct Layers {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) problems: Vec<ConfigProblem>,
}

impl Layers {
    /// Only the defaults.
    pub fn defaults() -> Self {
        let mut layers = Self { entries: BTreeMap::new(), problems: Vec::new() };
        match DeTable::parse(DEFAULT_TOML) {
            Ok(table) => {
                for leaf in leaves(table.get_ref(), DEFAULT_TOML) {
                    layers.entries.insert(leaf.key, Entry { value: leaf.value, origin: Origin::Default });
                }
            }
            // The defaults are part of the program, and a test reads them.
            Err(error) => layers.complain(Origin::Default, "", None, error.message().to_owned()),
        }
        layers
    }

    /// Reads a file over what is there.
    #[must_use]
    pub fn with_file(mut self, path: &Path) -> Self {
        let origin = Origin::File(path.to_owned(), 0);
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(CONFIGURATION_BYTES_MAX + 1).read_to_string(&mut text));
        if let Err(error) = read {
            self.complain(origin, "", None, format!("the file cannot be read: {error}"));
        } else if text.len() as u64 > CONFIGURATION_BYTES_MAX {
            self.complain(origin, "", None, format!("expected at most {CONFIGURATION_BYTES_MAX} bytes"));
        } else {
            self.add_text(path, &text);
        }
        self
    }

    fn add_text(&mut self, path: &Path, text: &str) {
        let at = |offset| Origin::File(path.to_owned(), line_of(text, offset));
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                return self.complain(at(offset), "", None, format!("this is not TOML: {}", error.message()));
            }
        };
        for leaf in leaves(table.get_ref(), text) {
            let origin = Origin::File(path.to_owned(), leaf.line);
            match self.entries.get_mut(&leaf.key) {
                Some(entry) if entry.value.same_type(&leaf.value) => *entry = Entry { value: leaf.value, origin },
                Some(entry) => {
                    let expectation = format!("expected {}", kind(&entry.value));
                    self.complain(origin, &leaf.key, Some(&leaf.value), expectation);
                }
                None => {
                    let expectation = self.unknown_key(&leaf.key);
                    self.complain(origin, &leaf.key, None, expectation);
                }
            }
        }
    }

    /// Takes variables named `FRESHKEY_SECTION__KEY` over what is there. Other variables mean something else and are left alone.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some((section, rest)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) else { continue };
            let key = format!("{section}.{}", rest.replace("__", ".")).to_lowercase();
            let origin = Origin::Environment(name.to_owned());
            match value.to_str() {
                Some(text) => self.add_word(origin, &key, text),
                None => self.complain(origin, &key, None, "expected text in UTF-8".to_owned()),
            }
        }
        self
    }

    /// Takes a flag of the command line over what is there.
    #[must_use]
    pub fn with_flag(mut self, flag: &'static str, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.add_word(Origin::Flag(flag), key, value);
        }
        self
    }

    /// A value that came as bare text; the default tells its type.
    fn add_word(&mut self, origin: Origin, key: &str, word: &str) {
        let Some(entry) = self.entries.get(key) else {
            let expectation = self.unknown_key(key);
            return self.complain(origin, key, None, expectation);
        };
        let value = match &entry.value {
            toml::Value::Integer(_) => word.trim().parse().ok().map(toml::Value::Integer),
            toml::Value::Boolean(_) => word.trim().parse().ok().map(toml::Value::Boolean),
            toml::Value::Array(_) => {
                let elements = word.split(',').map(str::trim).filter(|element| !element.is_empty());
                Some(toml::Value::Array(elements.map(|element| toml::Value::String(element.to_owned())).collect()))
            }
            _ => Some(toml::Value::String(word.to_owned())),
        };
        match value {
            Some(value) => drop(self.entries.insert(key.to_owned(), Entry { value, origin })),
            None => {
                let expectation = format!("expected {}", kind(&entry.value));
                self.complain(origin, key, Some(&toml::Value::String(word.to_owned())), expectation);
            }
        }
    }

    fn unknown_key(&self, key: &str) -> String {
        let last = key.rsplit('.').next().unwrap_or(key);
        let same_end = |known: &&String| known.rsplit('.').next() == Some(last);
        match self.entries.keys().min_by_key(|known| distance(known, key)) {
            Some(known) if distance(known, key) <= 3 => format!("there is no such key; did you mean {known}?"),
            _ => match self.entries.keys().find(same_end) {
                Some(known) => format!("there is no such key; did you mean {known}?"),
                None => "there is no such key; `freshkey-server config default` prints all of them".to_owned(),
            },
        }
    }

    pub(super) fn complain(&mut self, origin: Origin, key: &str, value: Option<&toml::Value>, expectation: String) {
        let value = value.filter(|_| !is_secret(key)).map(|value| shortened(&value.to_string()));
        self.problems.push(ConfigProblem { origin, key: key.to_owned(), value, expectation });
    }

    /// The effective values as TOML, each with its origin; passwords are left out.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        let mut entries: Vec<_> = self.entries.iter().map(|(key, entry)| (key.rsplit_once('.').unwrap_or(("", key)), key, entry)).collect();
        // A section must be in one piece.
        entries.sort_by_key(|(place, _, _)| *place);
        for ((of, name), key, entry) in entries {
            if of != section {
                text.push_str(&format!("{}[{of}]\n", if text.is_empty() { "" } else { "\n" }));
                section = of;
            }
            let value = match &entry.value {
                toml::Value::String(url) if is_secret(key) => toml::Value::String(without_password(url)).to_string(),
                value => value.to_string(),
            };
            text.push_str(&format!("{name} = {value}  # {}\n", entry.origin));
        }
        text
    }

    /// The layers, or everything that is wrong with them so far.
    pub(super) fn finish(self) -> Result<(), ConfigProblems> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigProblems(self.problems)) }
    }
}

/// Keys whose values may hold a password.
pub(super) fn is_secret(key: &str) -> bool {
    key == "store.url"
}

/// An address with the password left out: between the first colon after `//` and the last `@`.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.rfind('@').unwrap_or(0));
    let shown = match authority.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{path}"),
        None => url.to_owned(),
    };
    // libpq's form allows it as a parameter, too.
    match shown.split_once("password=") {
        Some((before, after)) => format!("{before}password=***{}", after.find('&').map_or("", |end| &after[end..])),
        None => shown,
    }
}

struct Leaf {
    key: String,
    value: toml::Value,
    line: usize,
}

/// Every value of a document that is no table, with its dotted key and its line.
fn leaves(table: &DeTable<'_>, text: &str) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(table, "", text, &mut found);
    found
}

fn collect(table: &DeTable<'_>, prefix: &str, text: &str, found: &mut Vec<Leaf>) {
    for (key, value) in table {
        let dotted = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) => collect(inner, &dotted, text, found),
            other => found.push(Leaf { key: dotted, value: plain(other), line: line_of(text, key.span().start) }),
        }
    }
}

fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::String(number.to_string()),
        },
        DeValue::Float(number) => number.as_str().parse().map_or(toml::Value::Float(f64::NAN), toml::Value::Float),
        DeValue::Array(elements) => toml::Value::Array(elements.iter().map(|element| plain(element.get_ref())).collect()),
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Datetime(moment) => toml::Value::Datetime(*moment),
        // Tables in arrays have no place in this configuration; as an empty one it is refused for its type.
        DeValue::Table(_) => toml::Value::Table(toml::Table::new()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn kind(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Array(_) => "a list of texts",
        _ => "a text in quotes",
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Edits between two words (Levenshtein), for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
