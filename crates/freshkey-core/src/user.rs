//! A person, or the service account of a client, as read afresh for every token.

use crate::ids::{ClientKey, GroupKey, RoleKey, UserKey};
use crate::time::{EpochMillis, EpochSeconds};
use std::collections::BTreeMap;

/// What the rules know about a user. Nothing of it is ever cached between a change and a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The public id: the `sub` of the user's tokens.
    pub id: String,
    /// The key that rows refer to.
    pub key: UserKey,
    /// Lower case, unique in the realm.
    pub username: String,
    /// Lower case.
    pub email: Option<String>,
    /// Whether the address was proven.
    pub email_verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// A disabled user gets no token of any kind.
    pub enabled: bool,
    /// Tokens issued before this are stale; 0 for none.
    pub not_before: EpochSeconds,
    /// When the account was made.
    pub created_at_ms: EpochMillis,
    /// Free attributes, each with one or more values.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// What the user must do before signing in (`UPDATE_PASSWORD`, …). Any entry refuses the password grant.
    pub required_actions: Vec<String>,
    /// The client whose service account this is.
    pub service_account_of: Option<ClientKey>,
    /// Directly assigned roles, neither expanded nor inherited.
    pub roles: Vec<RoleKey>,
    /// Groups of which the user is a direct member.
    pub groups: Vec<GroupKey>,
}
