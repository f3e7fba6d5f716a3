//! Takes typed values out of the layers. Everything that does not fit is noted, so that all mistakes are told at once.

use super::layers::Layers;
use super::problems::ConfigProblems;
use std::path::PathBuf;

pub(super) struct Reader {
    layers: Layers,
}

impl Reader {
    pub(super) fn new(layers: Layers) -> Self {
        Self { layers }
    }

    /// A text; empty when it is not set.
    pub(super) fn text(&mut self, key: &str) -> String {
        match self.value(key) {
            Some(toml::Value::String(text)) => text.trim().to_owned(),
            _ => String::new(),
        }
    }

    /// A text that must be set.
    pub(super) fn required(&mut self, key: &str, expectation: &str) -> String {
        let text = self.text(key);
        if text.is_empty() {
            self.complain(key, &format!("is required: {expectation}"));
        }
        text
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// A text that is read by `parse`, if it is set.
    pub(super) fn parsed<T>(&mut self, key: &str, expectation: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key);
        if text.is_empty() {
            return None;
        }
        let parsed = parse(&text);
        if parsed.is_none() {
            self.complain(key, &format!("expected {expectation}"));
        }
        parsed
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> T {
        let text = self.text(key);
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
            return *found;
        }
        let list = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        self.complain(key, &format!("expected one of {list}"));
        words[0].1
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        matches!(self.value(key), Some(toml::Value::Boolean(true)))
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &str, min: u32, max: u32) -> u32 {
        let number = match self.value(key) {
            Some(toml::Value::Integer(number)) => u32::try_from(number).ok().filter(|number| (min..=max).contains(number)),
            _ => None,
        };
        if number.is_none() {
            self.complain(key, &format!("expected a whole number from {min} to {max}"));
        }
        number.unwrap_or(min)
    }

    /// Texts that are each read by `parse`.
    pub(super) fn list<T>(&mut self, key: &str, expectation: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let elements = match self.value(key) {
            Some(toml::Value::Array(elements)) => elements,
            _ => Vec::new(),
        };
        let parsed: Vec<T> = elements.iter().filter_map(|element| element.as_str().and_then(&parse)).collect();
        if parsed.len() < elements.len() {
            self.complain(key, &format!("expected {expectation} in every element"));
        }
        parsed
    }

    /// Notes what is wrong with a value.
    pub(super) fn complain(&mut self, key: &str, expectation: &str) {
        let Some(entry) = self.layers.entries.get(key).cloned() else { return };
        let is_set = entry.value != toml::Value::String(String::new());
        self.layers.complain(entry.origin, key, is_set.then_some(&entry.value), expectation.to_owned());
    }

    /// Everything that was noted, if anything was.
    pub(super) fn finish(self) -> Result<(), ConfigProblems> {
        self.layers.finish()
    }

    fn value(&self, key: &str) -> Option<toml::Value> {
        debug_assert!(self.layers.entries.contains_key(key), "{key} is not in the defaults");
        self.layers.entries.get(key).map(|entry| entry.value.clone())
    }
}
