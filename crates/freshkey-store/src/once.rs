//! Things that can be used once. Whether this use is the first is what the insert itself says (T-025).

use crate::columns::short_hash;
use crate::db::{Expect, Outcome, StoreError, Transaction, Value};
use crate::store::Store;
use freshkey_core::Now;
use freshkey_core::change::OnceKind;
use freshkey_core::client_auth::FirstUse;
use freshkey_core::ids::RealmKey;
use freshkey_core::time::EpochSeconds;

/// An entry that has expired may be taken over, so that a late sweep refuses nobody.
const USE: &str = "INSERT INTO used_once (kind, realm_key, id_hash, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, realm_key, id_hash) DO UPDATE SET until = excluded.until WHERE used_once.until <= $5";

pub(crate) const STATEMENTS: &[&str] = &[USE];

impl Store {
    /// Uses `id` up until `until`, and says whether that was the first use. Of any number of callers one hears `Yes`, on whatever node.
    ///
    /// Errors: with `OutcomeUnknown` it may have been used up; the caller has to refuse.
    pub async fn use_once(&self, kind: OnceKind, realm: RealmKey, id: &str, until: EpochSeconds, now: Now) -> Result<FirstUse, StoreError> {
        let params =
            vec![Value::from_static(word(kind)), Value::Int(realm.0), short_hash(id), Value::Int(until), Value::Int(now.seconds())];
        Ok(match self.db.write(Transaction::new().then(USE, params, Expect::AtLeastOne)).await? {
            Outcome::Committed(_) => FirstUse::Yes,
            Outcome::GuardFailed { .. } => FirstUse::No,
        })
    }
}

fn word(kind: OnceKind) -> &'static str {
    match kind {
        OnceKind::ClientAssertion => "client-assertion",
    }
}
