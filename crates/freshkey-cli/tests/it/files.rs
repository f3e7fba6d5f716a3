//! Tokens in files, on loopback and by other sockets, read by those who want them so: the real programs where there are any.

pub(crate) mod clients;
mod containers;
mod guides;
mod mlflow;
mod oidc_agent;
mod systemd;
mod token_files;
mod token_source;
mod watch_file;
