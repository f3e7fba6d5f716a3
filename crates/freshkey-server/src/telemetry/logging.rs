//! Logs: one line for each record, for people or as JSON, on standard error.

use crate::config::{Colour, LogFormat, LogSettings};
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The log could not be set up.
#[derive(Debug)]
pub struct LoggingError(String);

impl fmt::Display for LoggingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log cannot be set up: {}", self.0)
    }
}

impl std::error::Error for LoggingError {}

/// Sets up the log of this process. Once only.
pub fn install_logging(settings: &LogSettings) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| LoggingError(error.to_string()))?;
    let colour = match settings.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let lines = Lines { escapes: if colour { Escapes::Kept } else { Escapes::Replaced } };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines).with_ansi(colour);
    match settings.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    }
    .map_err(|error| LoggingError(error.to_string()))
}

/// Writes each record as exactly one line: what came from outside can neither forge another nor command the terminal (T-054).
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    pub(super) escapes: Escapes,
}

/// What becomes of ESC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// It is ours: the formatter escapes those in values itself.
    Kept,
    /// There should be none.
    Replaced,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Lines {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        // Nobody may be reading any more. A line that is lost must not fail the request that it tells of.
        let _ = io::stderr().lock().write_all(&self.one_line(record));
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

impl Lines {
    /// The formatter hands over a whole record at a time, with a line end.
    pub(super) fn one_line(self, record: &[u8]) -> Vec<u8> {
        let (text, end) = record.strip_suffix(b"\n").map_or((record, &b""[..]), |text| (text, &b"\n"[..]));
        let mut line = Vec::with_capacity(record.len());
        for byte in text {
            match byte {
                b'\t' => line.push(b'\t'),
                0x1b if self.escapes == Escapes::Kept => line.push(0x1b),
                0..=0x1f | 0x7f => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                _ => line.push(*byte),
            }
        }
        line.extend_from_slice(end);
        line
    }
}
