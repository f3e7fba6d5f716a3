//! Remembers realms, users, grants and events, in SQLite or PostgreSQL.
//!
//! Everything is asked of [`Store`]. This crate knows no policy: whether something may happen is decided in `freshkey-core`, from what is read here, and
//! written down here only if it still fits.

mod columns;
mod config;
pub mod db;
mod events;
mod grants;
mod limits;
pub mod migrate;
mod once;
mod page;
pub mod postgres_tls;
mod sealing;
pub mod statements;
mod store;
mod sweep;
mod users;

pub use config::{NewRealm, RealmChange, RealmChanged, RealmCreated, RealmEntry};
pub use db::{DbOptions, EngineName, StoreError};
pub use events::{AuditRecord, EventFilter, EventKey, StoredEvent};
pub use grants::{GrantFilter, GrantsImported, RegressedGrant, RegressedRow, Stepped};
pub use page::{PAGE_ROWS_MAX, Page};
pub use sealing::SealingKey;
pub use store::{Store, StoreOptions};
pub use sweep::{Cutoff, GrantCutoffs, SweepPolicy, SweepPosition, Swept};
pub use users::{
    EmailRule, Imported, LoginBy, MembershipChange, ServiceAccounts, TextMatch, UserChanged, UserCreated, UserFilter, VersionedUser,
};
