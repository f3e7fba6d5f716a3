//! The realm `UA` and its two users, made at the first start. What an administrator has changed or removed since is left as it is.

use super::REALM;
use super::credentials::{Account, Credentials};
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::key_material::generate_realm_keys;
use freshkey_core::Entropy;
use freshkey_core::Now;
use freshkey_core::documents::{ItemKind, RealmDocuments};
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::realm_ua;
use freshkey_core::keycloak::edit::{RoleName, UserChange, change_user, new_user};
use freshkey_core::keycloak::users::password_record;
use freshkey_core::passwords::{self, HashWorkspace, PlainPassword};
use freshkey_core::realm::Realm;
use freshkey_protocol::Secret;
use freshkey_store::{AuditRecord, EmailRule, NewRealm, RealmCreated, Store, UserCreated};

/// What of the realm is printed.
pub(super) struct Seeded {
    /// The secret of the client `ua`, if it has one.
    pub(super) ua_secret: Option<Secret<String>>,
}

/// The realm, made with its users if it is not there.
pub(super) async fn open_or_make_realm(
    store: &Store,
    credentials: &Credentials,
    now: Now,
    entropy: &dyn Entropy,
) -> Result<Seeded, Failure> {
    let documents = match load(store).await? {
        Some(documents) => documents,
        None => {
            make_realm(store, now, entropy).await?;
            load(store).await?.ok_or_else(|| failed("the realm UA is gone as soon as it was made"))?
        }
    };
    // The mark of a start that was interrupted before the users were made is that none has ever been made.
    if is_without_users(store, documents.key).await? {
        let (realm, _) = build_realm(&documents).map_err(|error| failed(&format!("the realm UA cannot be used: {error}")))?;
        let seed = Seed { store, documents: &documents, realm: &realm, now, entropy };
        seed.make_user(&credentials.admin, &["admin", "member"], &[]).await?;
        seed.make_user(&credentials.user, &["member"], &[("uid", "1000"), ("gid", "1000")]).await?;
    }
    Ok(Seeded { ua_secret: ua_secret(&documents) })
}

struct Seed<'a> {
    store: &'a Store,
    documents: &'a RealmDocuments,
    realm: &'a Realm,
    now: Now,
    entropy: &'a dyn Entropy,
}

impl Seed<'_> {
    async fn make_user(&self, account: &Account, roles: &[&str], attributes: &[(&str, &str)]) -> Result<(), Failure> {
        let unusable = |error: &dyn std::fmt::Display| failed(&format!("the user {} cannot be made: {error}", account.username));
        let mut record =
            new_user(self.documents, self.realm, &account.username, self.now, self.entropy).map_err(|error| unusable(&error))?;
        let roles = roles.iter().map(|name| UserChange::AddRole(RoleName::of_realm(name)));
        let attributes = attributes.iter().map(|(name, value)| UserChange::Attribute((*name).to_owned(), vec![(*value).to_owned()]));
        let changes: Vec<_> = roles.chain(attributes).collect();
        record.user = change_user(self.realm, &record.user, &changes).map_err(|error| unusable(&error))?;
        let plain = PlainPassword::new(account.password.expose()).map_err(|_| unusable(&"the password is too long"))?;
        let algorithm = self.realm.settings.password_policy.hash_algorithm();
        let hash = passwords::hash(plain, &algorithm, random_bytes::<16>(self.entropy), &mut HashWorkspace::new())
            .map_err(|error| unusable(&format!("{error:?}")))?;
        record.credentials.push(password_record(random_uuid(self.entropy), &hash, self.now.milliseconds()));
        let audit = audit(self.documents.key, "user.create", &account.username, self.now, self.entropy);
        match self.store.create_user(self.documents.key, &record, EmailRule::Unique, &audit).await {
            Ok(UserCreated::Yes) => Ok(()),
            Ok(_) => Err(unusable(&"there is one of this name")),
            Err(error) => Err(store_failure(&error)),
        }
    }
}

async fn load(store: &Store) -> Result<Option<RealmDocuments>, Failure> {
    store.load_realm(REALM).await.map_err(|error| store_failure(&error))
}

async fn make_realm(store: &Store, now: Now, entropy: &dyn Entropy) -> Result<(), Failure> {
    let keys = generate_realm_keys(REALM, now).map_err(|error| failed(&format!("keys cannot be made: {error:?}")))?;
    let realm = realm_ua(&[], entropy, keys);
    let new = NewRealm { name: realm.name, document: realm.document, items: realm.items };
    match store.create_realm(&new, &audit(RealmKey(0), "realm.create", REALM, now, entropy)).await {
        Ok(RealmCreated::Yes(_) | RealmCreated::NameTaken) => Ok(()),
        Err(error) => Err(store_failure(&error)),
    }
}

async fn is_without_users(store: &Store, realm: RealmKey) -> Result<bool, Failure> {
    let count = store.count_users(realm, &freshkey_store::UserFilter::default()).await.map_err(|error| store_failure(&error))?;
    Ok(count == 0)
}

fn ua_secret(documents: &RealmDocuments) -> Option<Secret<String>> {
    let client = documents.items.iter().find(|item| item.kind == ItemKind::Client && item.name == "ua")?;
    let secrets: serde_json::Value = serde_json::from_str(client.secrets.as_ref()?.expose()).ok()?;
    secrets.get("secret")?.as_str().map(|secret| Secret::new(secret.to_owned()))
}

fn audit(realm: RealmKey, action: &'static str, target: &str, now: Now, entropy: &dyn Entropy) -> AuditRecord {
    let event = Event::new(now.milliseconds(), realm, EventKind::AdminChange)
        .with("actor", "quickstart")
        .with("action", action)
        .with("target", target.to_owned());
    AuditRecord { event, reason: None, address: None, correlation_id: random_uuid(entropy) }
}

fn failed(message: &str) -> Failure {
    Failure::new(ExitStatus::Failed, message)
}
