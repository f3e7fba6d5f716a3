//! A realm as one immutable snapshot of its configuration: parsed once, shared by all requests, replaced whole.

use crate::brute_force::BruteForceSettings;
use crate::client::{Client, ClientScope, Rotation};
use crate::grant::SessionKind;
use crate::group::GroupTree;
use crate::ids::{ClientKey, RealmKey};
use crate::keys::RealmKeys;
use crate::lifetimes::{Lifetimes, RealmLifetimes};
use crate::one_time_codes::CodePolicy;
use crate::passwords::PasswordPolicy;
use crate::role::{RoleGraph, RoleIndex};
use crate::time::EpochSeconds;
use freshkey_protocol::jose::Algorithm;
use std::collections::HashMap;
use std::sync::Arc;

/// The snapshot.
#[derive(Debug)]
pub struct Realm {
    /// The key that rows refer to.
    pub key: RealmKey,
    /// The version of the configuration that this was read from.
    pub version: i64,
    /// Settings of the realm itself.
    pub settings: RealmSettings,
    /// Clients by `client_id`.
    pub clients: HashMap<String, Arc<Client>>,
    /// `client_id` by key, for rows that name a client by its key.
    pub client_ids: HashMap<ClientKey, String>,
    /// Client scopes by name.
    pub scopes: HashMap<String, ClientScope>,
    /// Roles, expanded.
    pub roles: RoleGraph,
    /// The realm role `offline_access`, if the realm has one.
    pub offline_access_role: Option<RoleIndex>,
    /// Groups.
    pub groups: GroupTree,
    /// Signing keys.
    pub keys: RealmKeys,
}

/// Settings of a realm.
#[derive(Debug, Clone)]
pub struct RealmSettings {
    /// The name in every URL.
    pub name: String,
    /// A disabled realm answers 403 everywhere.
    pub enabled: bool,
    /// Who must use HTTPS.
    pub ssl_required: SslRequired,
    /// Tokens issued before this are stale; 0 for none.
    pub not_before: EpochSeconds,
    /// Algorithm of access and ID tokens.
    pub default_signature_algorithm: Algorithm,
    /// How long everything lives.
    pub lifetimes: RealmLifetimes,
    /// Refresh token rotation.
    pub rotation: RotationSettings,
    /// Who may introspect an access token.
    pub introspection: IntrospectionBy,
    /// How many offline grants a user may have at one client; `None` for no limit.
    pub offline_grants_max: Option<u32>,
    /// Whether a user may sign in with the e-mail address.
    pub login_with_email_allowed: bool,
    /// Protection against guessing.
    pub brute_force: BruteForceSettings,
    /// Rules for new passwords, and the hash for them.
    pub password_policy: PasswordPolicy,
    /// How one-time codes are judged.
    pub one_time_codes: CodePolicy,
    /// A base URL of the realm's own (`frontendUrl`), without trailing slash.
    pub frontend_url: Option<String>,
    /// How long events are kept, in seconds.
    pub events_kept_s: i64,
}

/// Who must use HTTPS (`sslRequired`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslRequired {
    /// Nobody.
    None,
    /// Everyone but loopback and private addresses.
    External,
    /// Everyone.
    All,
}

/// Settings of refresh token rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationSettings {
    /// `revokeRefreshToken`
    pub default: Rotation,
    /// How often a token may be used again after its first use (`refreshTokenMaxReuse`).
    pub reuse_max: i64,
    /// For how many seconds the last predecessor still gets the same successor: 0 (Keycloak's behaviour) to 60.
    pub grace_s: i64,
    /// What a detected reuse ends.
    pub reuse_ends: ReuseEnds,
}

/// Who may introspect an access token (RFC 7662).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntrospectionBy {
    /// Every confidential client, as Keycloak had it for long.
    AnyClient,
    /// Those that the token names in `aud`, as Keycloak 26.7 has it (KC-050).
    Audience,
}

/// What a detected reuse ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseEnds {
    /// The one chain of tokens.
    Grant,
    /// All chains of the client in that session, as Keycloak does.
    ClientSession,
}

impl Realm {
    /// The lifetimes that apply to a client's grants of one kind.
    pub fn lifetimes(&self, kind: SessionKind, client: &Client) -> Lifetimes {
        Lifetimes::resolve(kind, &self.settings.lifetimes, &client.lifetimes)
    }

    /// Whether this client's refresh tokens rotate.
    pub fn rotation(&self, client: &Client) -> Rotation {
        client.rotation.unwrap_or(self.settings.rotation.default)
    }

    /// The client with this key, if it still exists.
    pub fn client_by_key(&self, key: ClientKey) -> Option<&Arc<Client>> {
        self.client_ids.get(&key).and_then(|client_id| self.clients.get(client_id))
    }
}
