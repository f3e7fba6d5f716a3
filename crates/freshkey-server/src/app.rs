//! What every request needs, in one place.

use crate::client_keys::PublishedKeys;
use crate::clock::Clock;
use crate::guesses::Guesses;
use crate::hashing::HashingPool;
use crate::realms::Realms;
use freshkey_core::Entropy;
use freshkey_service::network::TrustedProxies;
use freshkey_store::Store;
use std::sync::Arc;

/// The application. One for a process, shared by all requests.
pub struct App {
    /// Memory.
    pub store: Arc<Store>,
    /// Configuration.
    pub realms: Realms,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Password hashing.
    pub hashing: HashingPool,
    /// Failed guesses by address.
    pub guesses: Guesses,
    /// Keys that clients publish.
    pub published_keys: PublishedKeys,
    /// Peers that may speak for others.
    pub trusted_proxies: TrustedProxies,
    /// The path under which everything is served: empty, or `/auth`.
    pub path_prefix: String,
}
