//! The files of the repository as the rules see them, and what kind of code each of them is.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::source::RustSource;
use crate::workspace;

const SKIPPED_FOLDERS: [&str; 8] = [".git", "target", "corpus", "artifacts", "node_modules", "__pycache__", ".venv", ".cache"];
/// What is larger than this is data, not text that somebody wrote.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Every text file, sorted by path, and what cargo knows of the members.
pub(crate) struct Tree {
    pub(crate) files: Vec<TextFile>,
    pub(super) metadata: Value,
}

impl Tree {
    /// Reads the working tree. Files that aren't UTF-8 are left out.
    pub(crate) fn read() -> Result<Self, String> {
        let root = workspace::root();
        let mut files = Vec::new();
        collect(&root, &root, &mut files).map_err(|error| format!("cannot read the repository: {error}"))?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(Self { files, metadata: workspace::metadata()? })
    }

    /// The content of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }

    pub(super) fn rust_files(&self) -> impl Iterator<Item = (&TextFile, &RustSource)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// A tree made of these files, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        Self {
            files: files.iter().map(|(path, text)| TextFile::new((*path).to_owned(), (*text).to_owned())).collect(),
            metadata: Value::Null,
        }
    }
}

/// One file of text.
pub(crate) struct TextFile {
    /// Relative to the root, with `/` on every platform.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) rust: Option<RustSource>,
}

impl TextFile {
    pub(super) fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| RustSource::read(&text));
        Self { path, text, rust }
    }

    pub(super) fn line_at(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The product crate that this file belongs to, without `freshkey-`. The test kit is no part of the product.
    pub(super) fn product_crate(&self) -> Option<&str> {
        if self.path.starts_with("python/src/") {
            return Some("python");
        }
        let name = self.path.strip_prefix("crates/freshkey-")?.split('/').next()?;
        (!matches!(name, "testkit" | "bench")).then_some(name)
    }

    /// A file of a product crate that is compiled for tests only, or that belongs to no product crate.
    pub(super) fn is_test_file(&self) -> bool {
        let mut parts = self.path.split('/').rev();
        let is_tests_file = parts.next().is_some_and(|name| name == "tests.rs" || name.ends_with("_tests.rs"));
        is_tests_file || parts.any(|folder| matches!(folder, "tests" | "benches" | "examples" | "fuzz_targets"))
    }

    /// Is there product code at this place, neither a test nor a tool?
    pub(super) fn is_product_code(&self, offset: usize) -> bool {
        self.product_crate().is_some() && !self.is_test_file() && !self.rust.as_ref().is_some_and(|source| source.is_in_test(offset))
    }

    /// Is there a test at this place?
    pub(super) fn is_test_code(&self, offset: usize) -> bool {
        self.is_test_file() || self.rust.as_ref().is_some_and(|source| source.is_in_test(offset))
    }

    /// Some folder, or the file itself, bears this name.
    pub(super) fn is_under(&self, name: &str) -> bool {
        self.path.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == name)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if kind.is_dir() && !SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped) {
            collect(root, &entry.path(), files)?;
        } else if kind.is_file() && entry.metadata()?.len() <= FILE_BYTES_MAX {
            let path = entry.path();
            let (Ok(relative), Ok(text)) = (path.strip_prefix(root), fs::read_to_string(&path)) else {
                continue;
            };
            let relative = relative.to_string_lossy().replace('\\', "/");
            files.push(TextFile::new(relative, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile::new(path.to_owned(), text.to_owned())
    }

    #[test]
    fn product_code_is_told_from_tests_and_tools() {
        assert!(file("crates/freshkey-core/src/role.rs", "fn a() {}").is_product_code(0));
        for path in [
            "crates/freshkey-core/src/role/tests.rs",
            "crates/freshkey-store/tests/it/main.rs",
            "crates/freshkey-testkit/src/lib.rs",
            "xtask/src/main.rs",
        ] {
            assert!(!file(path, "fn a() {}").is_product_code(0), "{path}");
        }
        let mixed = file("crates/freshkey-core/src/role.rs", "#[cfg(test)] mod tests { }");
        assert!(!mixed.is_product_code(5) && mixed.is_test_code(5));
    }

    #[test]
    fn folders_and_files_count_by_their_whole_name() {
        assert!(file("crates/freshkey-core/src/keycloak/words.rs", "").is_under("keycloak"));
        assert!(file("crates/freshkey-core/src/keycloak.rs", "").is_under("keycloak"));
        assert!(!file("crates/freshkey-core/src/keycloaks.rs", "").is_under("keycloak"));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let text = file("a.rs", "a\nb\nc");
        assert_eq!((text.line_at(0), text.line_at(2), text.line_at(4)), (1, 2, 3));
    }
}
