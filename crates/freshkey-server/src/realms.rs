//! The realms as snapshots: loaded when first asked for, checked for changes four times a second, replaced whole.
//!
//! Configuration may be a second old, never more than five unchecked: after that token requests are refused (T-010). Nothing about a
//! person is in here.

use crate::clock::Clock;
use crate::limits::CONFIGURATION_AGE_MAX_MS;
use arc_swap::ArcSwap;
use freshkey_core::keycloak::snapshot::build_realm;
use freshkey_core::realm::Realm;
use freshkey_store::{Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Mutex;

/// A realm as it is served.
#[derive(Debug)]
pub struct ServedRealm {
    /// The snapshot.
    pub realm: Arc<Realm>,
    /// The issuer that its tokens name: the public base URL and the realm's path, no slash at the end.
    pub issuer: String,
    /// The same for endpoints that programs call, which may be reached by another name.
    pub backchannel: String,
}

/// Where the realms are reached.
#[derive(Debug, Clone)]
pub struct BaseUrls {
    /// Scheme, host, port and path prefix of everything that people and tokens see.
    pub public: String,
    /// The same for endpoints that programs call, if it differs.
    pub backchannel: Option<String>,
}

/// The realms of this node.
pub struct Realms {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    urls: BaseUrls,
    known: ArcSwap<Known>,
    /// When the configuration was last known to be current.
    checked_at_ms: AtomicI64,
    /// Held while a realm is loaded, so that many requests for a cold one load it once.
    loading: Mutex<()>,
}

/// What this node knows of the configuration.
#[derive(Default)]
struct Known {
    config_version: i64,
    /// Every realm there is, by name; its snapshot once it was needed.
    realms: HashMap<String, Slot>,
}

#[derive(Clone)]
struct Slot {
    version: i64,
    served: Option<Arc<ServedRealm>>,
}

/// How current the configuration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Checked within the last seconds.
    Current,
    /// Could not be checked for too long.
    Stale,
}

impl Realms {
    /// Realms out of a store. Knows none before the first [`Self::check`].
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, urls: BaseUrls) -> Self {
        Self { store, clock, urls, known: ArcSwap::default(), checked_at_ms: AtomicI64::new(i64::MIN), loading: Mutex::new(()) }
    }

    /// The realm with this name, loaded if need be; `None` when there is none.
    pub async fn get(&self, name: &str) -> Result<Option<Arc<ServedRealm>>, StoreError> {
        match self.known.load().realms.get(name) {
            None => return Ok(None),
            Some(Slot { served: Some(served), .. }) => return Ok(Some(Arc::clone(served))),
            Some(_) => {}
        }
        let _loading = self.loading.lock().await;
        if let Some(served) = self.known.load().realms.get(name).and_then(|slot| slot.served.clone()) {
            return Ok(Some(served));
        }
        let Some(served) = self.load(name).await? else { return Ok(None) };
        self.put(name, &served);
        Ok(Some(served))
    }

    /// Whether token requests may act on what is known.
    pub fn freshness(&self) -> Freshness {
        let age_ms = self.clock.now().milliseconds().saturating_sub(self.checked_at_ms.load(Ordering::Relaxed));
        if age_ms <= CONFIGURATION_AGE_MAX_MS { Freshness::Current } else { Freshness::Stale }
    }

    /// Looks for changes and takes them over. A realm whose configuration cannot be read stays as it was, and the log says why.
    pub async fn check(&self) -> Result<(), StoreError> {
        let asked_at_ms = self.clock.now().milliseconds();
        let config_version = self.store.config_version().await?;
        let known = self.known.load_full();
        if config_version != known.config_version || known.realms.is_empty() {
            let _loading = self.loading.lock().await;
            self.take_over(config_version).await?;
        }
        self.checked_at_ms.fetch_max(asked_at_ms, Ordering::Relaxed);
        Ok(())
    }

    async fn take_over(&self, config_version: i64) -> Result<(), StoreError> {
        let before = self.known.load_full();
        let mut realms = HashMap::new();
        for entry in self.store.realm_list().await? {
            let old = before.realms.get(&entry.name);
            let slot = match old {
                Some(slot) if slot.version == entry.version => slot.clone(),
                // Loaded before: load the new one now, so that no request waits for it.
                Some(Slot { served: Some(served), .. }) => {
                    Slot { version: entry.version, served: Some(self.reload(&entry.name, served).await?) }
                }
                _ => Slot { version: entry.version, served: None },
            };
            realms.insert(entry.name, slot);
        }
        self.known.store(Arc::new(Known { config_version, realms }));
        Ok(())
    }

    async fn reload(&self, name: &str, old: &Arc<ServedRealm>) -> Result<Arc<ServedRealm>, StoreError> {
        match self.load(name).await {
            Ok(new) => Ok(new.unwrap_or_else(|| Arc::clone(old))),
            Err(StoreError::Inconsistent { .. }) => Ok(Arc::clone(old)),
            Err(error) => Err(error),
        }
    }

    async fn load(&self, name: &str) -> Result<Option<Arc<ServedRealm>>, StoreError> {
        let Some(documents) = self.store.load_realm(name).await? else { return Ok(None) };
        let (realm, warnings) = build_realm(&documents).map_err(|error| {
            tracing::error!(realm.name = name, error = %error, "the configuration of a realm cannot be used");
            StoreError::Inconsistent { what: format!("configuration of the realm {name}") }
        })?;
        for warning in warnings {
            tracing::warn!(realm.name = name, warning = %warning, "a part of the configuration is not used");
        }
        let frontend = realm.settings.frontend_url.as_deref().unwrap_or(&self.urls.public);
        let backchannel = self.urls.backchannel.as_deref().unwrap_or(frontend);
        let served = ServedRealm {
            issuer: format!("{frontend}/realms/{name}"),
            backchannel: format!("{backchannel}/realms/{name}"),
            realm: Arc::new(realm),
        };
        Ok(Some(Arc::new(served)))
    }

    fn put(&self, name: &str, served: &Arc<ServedRealm>) {
        self.known.rcu(|known| {
            let mut realms = known.realms.clone();
            realms.insert(name.to_owned(), Slot { version: served.realm.version, served: Some(Arc::clone(served)) });
            Known { config_version: known.config_version, realms }
        });
    }
}
