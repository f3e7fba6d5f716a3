//! An order from `cargo xtask bench`, and how a run ends.

use serde::de::DeserializeOwned;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

const INTERRUPTED: u8 = 130;

/// Runs `job` with an order in JSON until it is through, or until somebody interrupts it; either way everything that was started is stopped.
pub(crate) fn execute<Order: DeserializeOwned>(order: &str, job: impl AsyncFnOnce(&Order) -> Result<(), String>) -> ExitCode {
    let order: Order = match serde_json::from_str(order) {
        Ok(order) => order,
        Err(error) => return failed(&format!("the order is not understood: {error}")),
    };
    // One thread: the kernel ties the end of our children to the thread that started them.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            result = job(&order) => Some(result),
            () = interrupted() => None,
        }
    });
    match outcome {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(failure)) => failed(&failure),
        None => {
            eprintln!("bench: interrupted; everything that was started is stopped");
            ExitCode::from(INTERRUPTED)
        }
    }
}

fn failed(failure: &str) -> ExitCode {
    eprintln!("bench: {failure}");
    ExitCode::FAILURE
}

async fn interrupted() {
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        // Then the kernel's own way of ending us stays in force.
        _ => std::future::pending().await,
    }
}
