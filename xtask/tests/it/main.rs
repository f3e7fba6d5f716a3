//! What a newcomer types, typed: `cargo xtask up`, and the commands of the README against what it starts.

mod gateway;
mod readme;
mod up;
