//! The realm `UA` with one user and tokens of it, for the tests of the rules.

use crate::client::Client;
use crate::entropy::Entropy;
use crate::grant::{Grant, GrantId, RefreshContext, SessionKind, SessionNotes};
use crate::grants::Setting;
use crate::ids::{Family, RealmKey, RoleKey, SessionId, UserKey};
use crate::keycloak::build_realm;
use crate::keycloak::defaults::{GeneratedKey, GeneratedKeys, realm_ua};
use crate::realm::Realm;
use crate::role::RoleContainer;
use crate::time::{EpochSeconds, Now};
use crate::tokens::VerifiedRefreshToken;
use crate::user::User;
use freshkey_protocol::jose::{KeyKind, generate_private_key};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const ISSUER: &str = "https://id.example/realms/UA";
pub(crate) const START: EpochSeconds = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;

/// Random bytes that are the same in every run.
#[derive(Default)]
pub(crate) struct SeededEntropy(AtomicU64);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A realm that a test may change, and its user.
pub(crate) struct World {
    pub(crate) realm: Realm,
    pub(crate) user: User,
    pub(crate) entropy: SeededEntropy,
}

impl World {
    pub(crate) fn new() -> Self {
        let entropy = SeededEntropy::default();
        let key = GeneratedKey { pkcs8: generate_private_key(KeyKind::P256).unwrap(), certificate: None };
        let rsa = GeneratedKey { pkcs8: generate_private_key(KeyKind::Rsa2048).unwrap(), certificate: None };
        let documents = realm_ua(&[], &entropy, GeneratedKeys { rsa, p256: Some(key), ed25519: None }).into_documents(RealmKey(1), 1);
        let (realm, _) = build_realm(&documents).unwrap();
        let user = user(&realm);
        Self { realm, user, entropy }
    }

    pub(crate) fn setting(&self, now: EpochSeconds) -> Setting<'_> {
        Setting { realm: &self.realm, issuer: ISSUER, now: Now::from_seconds(now) }
    }

    pub(crate) fn client(&self, client_id: &str) -> &Client {
        &self.realm.clients[client_id]
    }

    /// Changes a client; nobody else may hold it yet.
    pub(crate) fn change_client(&mut self, client_id: &str, change: impl FnOnce(&mut Client)) {
        change(std::sync::Arc::get_mut(self.realm.clients.get_mut(client_id).unwrap()).unwrap());
    }

    pub(crate) fn role(&self, name: &str) -> RoleKey {
        let index = self.realm.roles.find(&RoleContainer::Realm, name).unwrap();
        self.realm.roles.role(index).key
    }

    /// A grant of `ua-grant`, begun at [`START`].
    pub(crate) fn grant(&self, kind: SessionKind) -> Grant {
        Grant {
            id: GrantId { sid: SessionId([7; 16]), kind, client: self.client("ua-grant").key, family: Family::FIRST },
            realm: self.realm.key,
            user: self.user.key,
            generation: 0,
            predecessor_uses: 0,
            session_started_at: START,
            started_at: START,
            rotated_at: START,
            last_used_at: START,
            auth_time: None,
            notes: SessionNotes::new(),
        }
    }

    /// The newest refresh token of a grant.
    pub(crate) fn token(&self, grant: &Grant) -> VerifiedRefreshToken {
        let offline = grant.id.kind == SessionKind::Offline;
        VerifiedRefreshToken {
            id: "token".into(),
            sid: grant.id.sid,
            kind: grant.id.kind,
            family: grant.id.family,
            generation: grant.generation,
            client_id: "ua-grant".into(),
            subject: Some(self.user.id.clone()),
            issued_at: grant.rotated_at,
            expires_at: (!offline).then_some(grant.rotated_at + 7 * DAY),
            scope: format!("openid basic profile email roles ua{}", if offline { " offline_access" } else { "" }),
            nonce: None,
        }
    }

    pub(crate) fn context(&self, grant: &Grant) -> RefreshContext {
        RefreshContext { grants: vec![grant.clone()], user: Some(self.user.clone()) }
    }
}

fn user(realm: &Realm) -> User {
    let role = |name: &str| realm.roles.role(realm.roles.find(&RoleContainer::Realm, name).unwrap()).key;
    User {
        id: "3f0b8f0e-35b7-4cf1-9a34-0d5f5e2f0001".into(),
        key: UserKey::of("3f0b8f0e-35b7-4cf1-9a34-0d5f5e2f0001"),
        username: "demo".into(),
        email: Some("demo@example.org".into()),
        email_verified: true,
        first_name: Some("Demo".into()),
        last_name: None,
        enabled: true,
        not_before: 0,
        created_at_ms: 0,
        attributes: BTreeMap::from([("department".to_owned(), vec!["blue".to_owned()])]),
        required_actions: Vec::new(),
        service_account_of: None,
        roles: vec![role("default-roles-ua"), role("member")],
        groups: Vec::new(),
    }
}
