//! Every statement of the store in one list, so that one test proves that both engines understand each.
//! A module that owns SQL has its constants here.

use crate::db::{Append, Coalesced};
use crate::{config, events, grants, migrate, once, store, sweep, users};

/// The statements of one module.
pub struct StatementList {
    /// The module's name, for messages.
    pub module: &'static str,
    /// Statements in the portable subset.
    pub portable: &'static [&'static str],
    /// Hot statements with a form for each engine.
    pub coalesced: &'static [&'static Coalesced],
    /// Inserts that nobody waits for.
    pub append: &'static [&'static Append],
}

impl StatementList {
    /// A module whose statements are all portable.
    pub const fn portable(module: &'static str, portable: &'static [&'static str]) -> Self {
        StatementList { module, portable, coalesced: &[], append: &[] }
    }
}

/// All of them.
pub const ALL: &[StatementList] = &[
    StatementList::portable("migrate", migrate::STATEMENTS),
    StatementList::portable("store", store::STATEMENTS),
    StatementList::portable("config", config::STATEMENTS),
    StatementList { append: events::APPEND, ..StatementList::portable("events", events::STATEMENTS) },
    StatementList::portable("once", once::STATEMENTS),
    StatementList::portable("sweep", sweep::STATEMENTS),
    StatementList::portable("sweep of deleted realms", sweep::REALM_TABLES),
    StatementList::portable("grants::import", grants::import::STATEMENTS),
    StatementList::portable("grants::list", grants::list::STATEMENTS),
    StatementList::portable("grants::load", grants::load::STATEMENTS),
    StatementList { coalesced: grants::record::COALESCED, ..StatementList::portable("grants::record", grants::record::STATEMENTS) },
    StatementList::portable("grants::regressed", grants::regressed::STATEMENTS),
    StatementList::portable("users::change", users::change::STATEMENTS),
    StatementList::portable("users::failures", users::failures::STATEMENTS),
    StatementList::portable("users::list", users::list::STATEMENTS),
    StatementList::portable("users::load", users::load::STATEMENTS),
    StatementList::portable("users::one_time_codes", users::one_time_codes::STATEMENTS),
    StatementList::portable("users::sign_in", users::sign_in::STATEMENTS),
];
