//! Keys that clients publish at URLs, as this node knows them: one immutable set for each client, fetched by a task of its own, at most one at a time.
//!
//! When to fetch is decided by `freshkey_core::client_keys`, whom to call by `freshkey_core::outgoing`.

use crate::limits::CLIENT_KEY_SETS_MAX;
use crate::outgoing::Outgoing;
use freshkey_core::Now;
use freshkey_core::client_auth::KeysWanted;
use freshkey_core::client_keys::{BeforeUse, ClientKeys, LastTry, before_use};
use freshkey_core::ids::{ClientKey, RealmKey};
use freshkey_core::outgoing::FetchedUrl;
use freshkey_core::time::EpochSeconds;
use freshkey_protocol::jose::Algorithm;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// All of them.
pub struct PublishedKeys(Arc<Shared>);

struct Shared {
    outgoing: Outgoing,
    /// Held for moments, never while anybody is called.
    entries: Mutex<HashMap<(RealmKey, ClientKey), Entry>>,
}

/// What is known of one client.
struct Entry {
    url: FetchedUrl,
    algorithm: Option<Algorithm>,
    known: Option<Arc<ClientKeys>>,
    tried_at: Option<EpochSeconds>,
    /// Open while a fetch is under way, whatever becomes of it.
    fetch: Option<watch::Receiver<()>>,
}

impl PublishedKeys {
    /// Knows nothing yet.
    pub fn new(outgoing: Outgoing) -> Self {
        Self(Arc::new(Shared { outgoing, entries: Mutex::default() }))
    }

    /// The keys to check an assertion with, fetched if need be; `None` when there are none.
    pub async fn of(&self, realm: RealmKey, wanted: &KeysWanted, now: Now) -> Option<Arc<ClientKeys>> {
        let place = (realm, wanted.client().key);
        let fetch = {
            let mut entries = self.0.entries();
            make_room(&mut entries, &place);
            let entry = entries.entry(place).or_insert_with(|| Entry::of(wanted));
            if entry.url != *wanted.url() || entry.algorithm != wanted.algorithm() {
                *entry = Entry::of(wanted);
            }
            match before_use(entry.known.as_deref(), entry.last_try(), wanted.key_id(), now) {
                BeforeUse::UseKnown => None,
                BeforeUse::Wait => entry.fetch.clone(),
                BeforeUse::Fetch => Some(self.0.start(place, &wanted.client().client_id, entry, now)),
                BeforeUse::UseKnownAndFetch => {
                    drop(self.0.start(place, &wanted.client().client_id, entry, now));
                    None
                }
            }
        };
        if let Some(mut fetch) = fetch {
            // It ends by being dropped.
            let _ = fetch.changed().await;
        }
        let entries = self.0.entries();
        entries.get(&place).and_then(|entry| entry.known.clone()).filter(|known| known.is_usable(now))
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<(RealmKey, ClientKey), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>, place: (RealmKey, ClientKey), client_id: &str, entry: &mut Entry, now: Now) -> watch::Receiver<()> {
        let (under_way, fetch) = watch::channel(());
        entry.tried_at = Some(now.seconds());
        entry.fetch = Some(fetch.clone());
        let (shared, url, algorithm, client_id) = (Arc::clone(self), entry.url.clone(), entry.algorithm, client_id.to_owned());
        tokio::spawn(async move {
            let keys = match shared.outgoing.fetch(&url).await {
                Ok(text) => ClientKeys::read(&text, algorithm, now).map_err(|reason| reason.to_string()),
                Err(reason) => Err(reason.to_string()),
            };
            match keys {
                Ok(keys) => {
                    let mut entries = shared.entries();
                    // Unless the client was given another URL meanwhile.
                    if let Some(entry) = entries.get_mut(&place).filter(|entry| entry.url == url && entry.algorithm == algorithm) {
                        entry.known = Some(Arc::new(keys));
                    }
                }
                Err(reason) => tracing::warn!(client = client_id, %url, reason, "the keys of a client cannot be fetched"),
            }
            drop(under_way);
        });
        fetch
    }
}

impl Entry {
    fn of(wanted: &KeysWanted) -> Self {
        Self { url: wanted.url().clone(), algorithm: wanted.algorithm(), known: None, tried_at: None, fetch: None }
    }

    fn last_try(&self) -> LastTry {
        let is_under_way = self.fetch.as_ref().is_some_and(|fetch| fetch.has_changed().is_ok());
        match self.tried_at {
            _ if is_under_way => LastTry::UnderWay,
            None => LastTry::Never,
            Some(at) => LastTry::At(at),
        }
    }
}

/// Only clients that are configured have entries; those of clients that were removed must not gather for ever.
fn make_room(entries: &mut HashMap<(RealmKey, ClientKey), Entry>, place: &(RealmKey, ClientKey)) {
    if entries.len() >= CLIENT_KEY_SETS_MAX && !entries.contains_key(place) {
        let oldest = entries.iter().min_by_key(|(_, entry)| entry.tried_at).map(|(place, _)| *place);
        oldest.and_then(|oldest| entries.remove(&oldest));
    }
}
