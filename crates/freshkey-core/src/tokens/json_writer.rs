//! Writes a JSON object field by field, in the order of the calls, straight into bytes.

use serde_json::{Map, Value};

/// An object under construction.
pub(super) struct ObjectWriter {
    bytes: Vec<u8>,
}

impl ObjectWriter {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(b'{');
        Self { bytes }
    }

    pub(super) fn number(&mut self, name: &str, value: i64) {
        self.key(name);
        self.bytes.extend_from_slice(value.to_string().as_bytes());
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        write_json(&mut self.bytes, value);
    }

    pub(super) fn value(&mut self, name: &str, value: &Value) {
        self.key(name);
        write_json(&mut self.bytes, value);
    }

    /// All fields of a map but those named.
    pub(super) fn rest(&mut self, map: &Map<String, Value>, but: &[&str]) {
        for (name, value) in map {
            if !but.contains(&name.as_str()) {
                self.value(name, value);
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }

    fn key(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        write_json(&mut self.bytes, name);
        self.bytes.push(b':');
    }
}

fn write_json<T: serde::Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    // Writing text or a JSON value into memory cannot fail: there is no IO, and every map key is a string.
    let written = serde_json::to_writer(bytes, value);
    debug_assert!(written.is_ok());
}
