//! Logs and metrics. A record is one line on standard error, and holds no token: none is ever handed to it.

use crate::config::{LogFormat, LogSettings};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The log or the metrics could not be set up.
#[derive(Debug)]
pub struct TelemetryError(String);

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log and metrics cannot be set up: {}", self.0)
    }
}

impl std::error::Error for TelemetryError {}

impl From<BuildError> for TelemetryError {
    fn from(error: BuildError) -> Self {
        Self(error.to_string())
    }
}

/// Sets up the log of this process. Once only.
pub fn install_logging(settings: &LogSettings) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| TelemetryError(error.to_string()))?;
    let is_coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = Lines { escapes: if is_coloured { Escapes::Kept } else { Escapes::Replaced } };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines).with_ansi(is_coloured);
    match settings.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    }
    .map_err(|error| TelemetryError(error.to_string()))
}

/// Sends panics to the log, without the values in their messages: one may be a token.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = location, "a task panicked");
    }));
}

/// Counts from now on, for who asks the second listener.
pub fn install_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError(error.to_string()))?;
    metrics::describe_counter!("freshkey_gateway_decisions_total", "Verdicts, by front, decision and reason.");
    metrics::describe_counter!(
        "freshkey_gateway_failures_total",
        "Requests that were allowed and did not get through, by front and reason."
    );
    metrics::describe_counter!("freshkey_gateway_key_fetch_failures_total", "Fetches of an issuer's keys that failed.");
    metrics::describe_counter!("freshkey_gateway_reloads_total", "Changes of the configuration, by outcome.");
    metrics::describe_gauge!("freshkey_gateway_cached_tokens", "Verified tokens that are remembered.");
    metrics::describe_gauge!("freshkey_gateway_ready", "1 when every issuer has keys.");
    Ok(handle)
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
    fn t_054_a_record_of_the_gateway_is_one_line_whatever_is_in_it() {
        let lines = Lines { escapes: Escapes::Replaced };
        assert_eq!(lines.one_line(b"a\r\nINFO forged\x1b[31m\x7f\tb\n"), b"a\\x0d\\x0aINFO forged\\x1b[31m\\x7f\tb\n");
        assert_eq!(Lines { escapes: Escapes::Kept }.one_line(b"\x1b[32mINFO\x1b[0m\n\n"), b"\x1b[32mINFO\x1b[0m\\x0a\n");
    }
}
