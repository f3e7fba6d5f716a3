//! The common behaviours on PostgreSQL.
#![allow(clippy::duplicate_mod, reason = "each behaviour is compiled once per engine")]

use crate::engines::postgres as engine;

#[path = "behaviours/append.rs"]
mod append;
#[path = "behaviours/migrations.rs"]
mod migrations;
#[path = "behaviours/rotation.rs"]
mod rotation;
#[path = "behaviours/statements.rs"]
mod statements;
#[path = "behaviours/transactions.rs"]
mod transactions;
#[path = "behaviours/values.rs"]
mod values;
