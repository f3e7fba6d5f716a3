//! One row of an answer, with getters that say which column was not what the code expected.

use std::sync::Arc;

use super::{StoreError, Value};

/// The column names of a statement, shared by all its rows.
pub(crate) type ColumnNames = Arc<[Box<str>]>;

/// One row. Columns are addressed by position (cheapest) or by name.
#[derive(Clone, Debug)]
pub struct Row {
    names: ColumnNames,
    values: Vec<Value>,
}

/// A position in the select list, counted from 0, or a column's name.
pub trait Column: Copy {
    #[doc(hidden)]
    fn position(self, names: &[Box<str>]) -> Option<usize>;
    #[doc(hidden)]
    fn describe(self, names: &[Box<str>]) -> String;
}

impl Column for usize {
    fn position(self, names: &[Box<str>]) -> Option<usize> {
        (self < names.len()).then_some(self)
    }

    fn describe(self, names: &[Box<str>]) -> String {
        match names.get(self) {
            Some(name) => format!("column {name}"),
            None => format!("column number {self}"),
        }
    }
}

impl Column for &str {
    fn position(self, names: &[Box<str>]) -> Option<usize> {
        names.iter().position(|name| **name == *self)
    }

    fn describe(self, _names: &[Box<str>]) -> String {
        format!("column {self}")
    }
}

impl Row {
    pub(crate) fn new(names: ColumnNames, values: Vec<Value>) -> Self {
        Row { names, values }
    }

    /// The value as it is.
    pub fn value(&self, column: impl Column) -> Result<&Value, StoreError> {
        column
            .position(&self.names)
            .and_then(|position| self.values.get(position))
            .ok_or_else(|| StoreError::inconsistent(format!("no {}", column.describe(&self.names))))
    }

    /// A `BIGINT` that is not null.
    pub fn int(&self, column: impl Column) -> Result<i64, StoreError> {
        match self.value(column)? {
            Value::Int(value) => Ok(*value),
            other => Err(self.unexpected(column, "integer", other)),
        }
    }

    /// A `BIGINT`, or null.
    pub fn optional_int(&self, column: impl Column) -> Result<Option<i64>, StoreError> {
        self.unless_null(column, |row| row.int(column))
    }

    /// A `BOOLEAN` that is not null. SQLite answers 0 or 1; any other number is inconsistent.
    pub fn bool(&self, column: impl Column) -> Result<bool, StoreError> {
        match self.value(column)? {
            Value::Bool(value) => Ok(*value),
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(self.unexpected(column, "boolean", other)),
        }
    }

    /// A `BOOLEAN`, or null.
    pub fn optional_bool(&self, column: impl Column) -> Result<Option<bool>, StoreError> {
        self.unless_null(column, |row| row.bool(column))
    }

    /// A `TEXT` that is not null.
    pub fn text(&self, column: impl Column) -> Result<&str, StoreError> {
        match self.value(column)? {
            Value::Text(value) => Ok(value),
            other => Err(self.unexpected(column, "text", other)),
        }
    }

    /// A `TEXT`, or null.
    pub fn optional_text(&self, column: impl Column) -> Result<Option<&str>, StoreError> {
        self.unless_null(column, |row| row.text(column))
    }

    /// A `TEXT` moved out of the row without a copy; the column is null afterwards.
    pub fn take_text(&mut self, column: impl Column) -> Result<String, StoreError> {
        self.text(column)?;
        match self.take(column) {
            Value::Text(value) => Ok(value.into_owned()),
            other => Err(self.unexpected(column, "text", &other)),
        }
    }

    /// A `TEXT` or null, moved out of the row without a copy.
    pub fn take_optional_text(&mut self, column: impl Column) -> Result<Option<String>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            _ => self.take_text(column).map(Some),
        }
    }

    /// A `BYTEA` that is not null.
    pub fn bytes(&self, column: impl Column) -> Result<&[u8], StoreError> {
        match self.value(column)? {
            Value::Bytes(value) => Ok(value),
            other => Err(self.unexpected(column, "bytes", other)),
        }
    }

    /// A `BYTEA`, or null.
    pub fn optional_bytes(&self, column: impl Column) -> Result<Option<&[u8]>, StoreError> {
        self.unless_null(column, |row| row.bytes(column))
    }

    /// A `BYTEA` of exactly `N` bytes, as ids and keys are.
    pub fn array<const N: usize>(&self, column: impl Column) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(column)?;
        bytes
            .try_into()
            .map_err(|_| StoreError::inconsistent(format!("{}: expected {N} bytes, found {}", column.describe(&self.names), bytes.len())))
    }

    /// A `BYTEA` of exactly `N` bytes, or null.
    pub fn optional_array<const N: usize>(&self, column: impl Column) -> Result<Option<[u8; N]>, StoreError> {
        self.unless_null(column, |row| row.array(column))
    }

    fn unless_null<'row, T>(
        &'row self,
        column: impl Column,
        get: impl FnOnce(&'row Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            _ => get(self).map(Some),
        }
    }

    fn take(&mut self, column: impl Column) -> Value {
        let position = column.position(&self.names);
        match position.and_then(|position| self.values.get_mut(position)) {
            Some(value) => std::mem::replace(value, Value::Null),
            None => Value::Null,
        }
    }

    fn unexpected(&self, column: impl Column, expected: &str, found: &Value) -> StoreError {
        StoreError::inconsistent(format!("{}: expected {expected}, found {}", column.describe(&self.names), found.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let names: ColumnNames = ["id", "name", "enabled"].map(Box::from).into();
        let values = vec![Value::from([7_u8; 16]), Value::from("alice"), Value::Int(2)];
        Row::new(names, values)
    }

    #[test]
    fn columns_are_found_by_position_and_by_name() {
        assert_eq!(row().text(1), row().text("name"));
        assert_eq!(row().array::<16>("id"), Ok([7; 16]));
        assert_eq!(row().take_text(1), Ok("alice".to_owned()));
    }

    #[test]
    fn an_unexpected_value_names_its_column_and_not_its_content() {
        let mismatch = StoreError::inconsistent("column name: expected integer, found text");
        assert_eq!(row().int(1), Err(mismatch));
        let length = StoreError::inconsistent("column id: expected 8 bytes, found 16");
        assert_eq!(row().array::<8>("id"), Err(length));
        let boolean = StoreError::inconsistent("column enabled: expected boolean, found integer");
        assert_eq!(row().bool(2), Err(boolean));
        let absent = StoreError::inconsistent("no column number 3");
        assert_eq!(row().int(3), Err(absent));
        assert!(row().int("nickname").is_err());
    }
}
