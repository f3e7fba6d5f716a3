//! What tells that a file has changed, without reading it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A file as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    inode: u64,
    bytes: u64,
    changed_at: (i64, i64),
}

impl FileState {
    /// The file as it is now; `None` when there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { inode: metadata.ino(), bytes: metadata.len(), changed_at: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}
