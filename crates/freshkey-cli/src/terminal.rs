//! Talk to the person at the terminal: on standard error, coloured only where a terminal shows colours. Data never goes this way, and nobody is asked
//! anything who has no terminal.

use freshkey_client::failure::shown;
use freshkey_client::{Failure, FailureKind};
use freshkey_protocol::Secret;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use zeroize::Zeroize as _;

/// How a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) colour: Colour,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Colour {
    // On a terminal, unless `NO_COLOR` is set. Not a doc comment: the help of every command would repeat it.
    #[default]
    Auto,
    Always,
    Never,
}

/// Tells what is wrong and what to do about it.
pub(crate) fn complain(failure: &Failure, output: Output) {
    let mut text = String::new();
    if output.json {
        let error = serde_json::json!({ "error": failure });
        text = format!("{error}\n");
    } else {
        let is_coloured = match output.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let (red, cyan, plain) = if is_coloured { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
        text.push_str(&format!("{red}error{plain}: {}\n", lines_shown(&failure.message)));
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("{cyan}hint{plain}: {}\n", lines_shown(hint)));
        }
    }
    // A standard error that is closed can't be told about.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A message of ours may have lines; what others have put into it may not move the cursor.
fn lines_shown(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// Says something.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Writes data to standard output.
pub(crate) fn print(data: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(data).and_then(|()| out.flush()).or_else(|error| match error.kind() {
        // `freshkey … | head -1` wants no more.
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new(FailureKind::Failed, format!("standard output cannot be written: {error}"))),
    })
}

/// Writes a JSON document.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(FailureKind::Failed, error.to_string()))?;
    print(format!("{text}\n").as_bytes())
}

/// Whether there is somebody to ask.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for something that may be seen.
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let _ = std::io::stderr().lock().write_all(question.as_bytes());
    let mut line = String::new();
    let read =
        std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::new(FailureKind::Failed, format!("no answer: {error}")))?;
    if read == 0 { Err(Failure::new(FailureKind::Usage, "no answer")) } else { Ok(line.trim_end_matches(['\r', '\n']).to_owned()) }
}

/// Asks for something that nobody sees.
pub(crate) fn ask_secret(question: &str) -> Result<Secret<String>, Failure> {
    let _ = std::io::stderr().lock().write_all(question.as_bytes());
    let read = console::Term::stderr().read_secure_line();
    read.map(Secret::new).map_err(|error| Failure::new(FailureKind::Failed, format!("no answer: {error}")))
}

/// The first line of standard input, as a secret.
pub(crate) fn secret_from_standard_input(bytes_max: u64) -> Result<Secret<String>, Failure> {
    secrets_from_standard_input::<1>(bytes_max).map(|[secret]| secret)
}

/// The first lines of standard input, a secret in each.
pub(crate) fn secrets_from_standard_input<const LINES: usize>(bytes_max: u64) -> Result<[Secret<String>; LINES], Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(bytes_max)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(FailureKind::Usage, format!("standard input cannot be read: {error}")))?;
    let mut lines = text.lines();
    let secrets = std::array::from_fn(|_| Secret::new(lines.next().unwrap_or_default().to_owned()));
    text.zeroize();
    match secrets.iter().position(|secret: &Secret<String>| secret.expose().is_empty()) {
        None => Ok(secrets),
        Some(0) => Err(Failure::new(FailureKind::Usage, "standard input is empty")),
        Some(number) => Err(Failure::new(FailureKind::Usage, format!("standard input has no line {}", number + 1))),
    }
}
