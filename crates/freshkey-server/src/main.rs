//! The binary `freshkey-server`. Everything that it does is in the library; here it only starts, and says how it ended.

use freshkey_server::cli;
use std::process::ExitCode;

/// Argon2 and the many short-lived buffers of a request cost less with it than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
