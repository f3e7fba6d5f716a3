//! The order to stop: SIGTERM from a service manager, SIGINT from a keyboard.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for both from the moment it is made, so that none is lost while the server starts.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
