//! What the house's servers stand on: sockets that nobody can hold, certificates that follow their files, proxies that are believed, logs that nobody can forge, and how a command
//! ends. It knows no protocol above TLS, no token and no configuration.

pub mod failure;
mod file_state;
pub mod limits;
pub mod listener;
pub mod logging;
pub mod network;
pub mod tls;

pub use file_state::FileState;
