//! The upper layer on SQLite.
#![allow(clippy::duplicate_mod, reason = "each behaviour is compiled once per engine")]

use crate::stores::sqlite as engine;

#[path = "store/config.rs"]
mod config;
#[path = "store/events.rs"]
mod events;
#[path = "store/grants.rs"]
mod grants;
#[path = "store/lists.rs"]
mod lists;
#[path = "store/moved.rs"]
mod moved;
#[path = "store/once.rs"]
mod once;
#[path = "store/races.rs"]
mod races;
#[path = "store/recording.rs"]
mod recording;
#[path = "store/sealing.rs"]
mod sealing;
#[path = "store/sign_in.rs"]
mod sign_in;
#[path = "store/sweep.rs"]
mod sweep;
#[path = "store/users.rs"]
mod users;
