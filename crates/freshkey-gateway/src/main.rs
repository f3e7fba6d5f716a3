//! The binary `freshkey-gateway`. Everything that it does is in the library; here it only starts, and says how it ended.

use freshkey_gateway::cli;
use std::process::ExitCode;

/// The many short-lived buffers of a request cost less with it than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
