//! What is printed: data to standard output, talk to standard error.

use super::{ExitStatus, Failure};
use std::io::{self, Write as _};

/// Prints data as it is. Whoever reads may stop reading at any time.
pub(super) fn print(data: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(ExitStatus::Failed, format!("nothing can be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says what went wrong.
pub(super) fn complain(failure: &Failure) {
    let mut err = io::stderr().lock();
    // Nobody may be there to hear it.
    let _ = writeln!(err, "freshkey-gateway: {failure}");
    if let Some(hint) = &failure.hint {
        let _ = writeln!(err, "hint: {hint}");
    }
}
