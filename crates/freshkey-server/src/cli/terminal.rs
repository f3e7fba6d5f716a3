//! Talk to the person at the terminal: on standard error, coloured only where a terminal shows colours. Data never goes this way.

use super::Failure;
use std::io::{IsTerminal as _, Write as _};

/// Tells what is wrong and what to do about it.
pub(crate) fn complain(failure: &Failure) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (red, cyan, plain) = if colour { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error{plain}: {}\n", failure.message);
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("{cyan}hint{plain}: {hint}\n"));
    }
    // A standard error that is closed can't be told about.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Says something.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Writes data to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(super::ExitStatus::Failed, format!("standard output cannot be written: {error}")))
}
