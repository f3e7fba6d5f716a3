//! Logs: one line for each record, for people or as JSON, on standard error.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How a process logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// For people or programs.
    pub format: LogFormat,
    /// A level, or directives in the words of `tracing`.
    pub level: String,
    /// Colours.
    pub colour: Colour,
}

/// For whom a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// People.
    Human,
    /// Programs.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

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
struct Lines {
    escapes: Escapes,
}

/// What becomes of ESC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
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
    fn one_line(self, record: &[u8]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_054_a_record_is_one_line_whatever_is_in_it() {
        let lines = Lines { escapes: Escapes::Replaced };
        assert_eq!(lines.one_line(b"a\r\nINFO forged\x1b[31m\x7f\tb\n"), b"a\\x0d\\x0aINFO forged\\x1b[31m\\x7f\tb\n");
        assert_eq!(Lines { escapes: Escapes::Kept }.one_line(b"\x1b[32mINFO\x1b[0m\n\n"), b"\x1b[32mINFO\x1b[0m\\x0a\n");
        assert_eq!(lines.one_line("é".as_bytes()), "é".as_bytes());
    }
}
