//! One page of a long list: where it begins, and how much it holds. A page begins after a key, never at a count.

/// How many rows at most, from which key on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The key of the last row of the page before; `None` for the first page.
    pub after: Option<K>,
    /// Rows wanted; never more than [`PAGE_ROWS_MAX`] are answered.
    pub rows: usize,
}

/// Most rows in one page.
pub const PAGE_ROWS_MAX: usize = 1_000;

impl<K> Page<K> {
    /// The first page.
    pub fn first(rows: usize) -> Self {
        Self { after: None, rows }
    }

    /// The page that begins after this key.
    pub fn after(key: K, rows: usize) -> Self {
        Self { after: Some(key), rows }
    }

    pub(crate) fn limit(&self) -> crate::db::Value {
        crate::columns::count(self.rows.min(PAGE_ROWS_MAX))
    }
}
