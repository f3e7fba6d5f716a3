//! What every command of the administration has at hand: the open database, the clock, the way to print, and who is at the keyboard.

use super::{Place, actor};
use crate::cli::output::Output;
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::clock::{Clock as _, SystemClock, SystemEntropy};
use freshkey_core::Now;
use freshkey_core::documents::RealmDocuments;
use freshkey_core::entropy::random_uuid;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::{RealmKey, SessionId};
use freshkey_core::keycloak::build_realm;
use freshkey_core::realm::Realm;
use freshkey_core::user::User;
use freshkey_store::{AuditRecord, Store};
use std::future::Future;

/// The desk.
pub(crate) struct Desk {
    /// The database.
    pub(crate) store: Store,
    /// Where answers go.
    pub(crate) output: Output,
    /// When the command began.
    pub(crate) now: Now,
    /// Randomness.
    pub(crate) entropy: SystemEntropy,
    actor: String,
    correlation_id: String,
}

/// A realm as it is stored, and as it is read.
pub(crate) struct OpenRealm {
    /// What a change starts from.
    pub(crate) documents: RealmDocuments,
    /// What questions are answered from.
    pub(crate) realm: Realm,
}

/// Which realm.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RealmOption {
    /// The realm; may be left out where there is exactly one.
    #[arg(long, global = true, value_name = "NAME", value_parser = super::values::parse_name)]
    realm: Option<String>,
}

impl RealmOption {
    /// The realm of this name.
    pub(crate) fn named(name: &str) -> Self {
        Self { realm: Some(name.to_owned()) }
    }
}

/// Something that was done, for the audit log. Holds names, never secrets.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    action: &'static str,
    target: String,
    client_id: Option<String>,
    user_id: Option<String>,
    sid: Option<SessionId>,
    details: Vec<(&'static str, String)>,
}

impl Desk {
    /// Opens the database that was named. It has to be there, with the schema of this release.
    pub(crate) async fn open(place: &Place, output: Output) -> Result<Self, Failure> {
        let entropy = SystemEntropy;
        let store = place.open().await?;
        Ok(Self { store, output, now: SystemClock.now(), entropy, actor: actor::name(), correlation_id: random_uuid(&entropy) })
    }

    /// Lets go of the database.
    pub(crate) async fn close(self) {
        let _ = self.store.close().await;
    }

    /// Loads the realm that was named, or the only one.
    pub(crate) async fn realm(&self, option: &RealmOption) -> Result<OpenRealm, Failure> {
        match &option.realm {
            Some(name) => self.realm_named(name).await,
            None => {
                let names = self.realm_names().await?;
                match names.as_slice() {
                    [] => {
                        Err(not_found("a realm")
                            .with_hint("make one with `freshkey-server admin … realm create NAME` or `realm import FILE`"))
                    }
                    [name] => self.realm_named(name).await,
                    _ => Err(Failure::new(ExitStatus::Usage, "there are several realms, and none was named")
                        .with_hint(format!("add --realm with one of: {}", names.join(", ")))),
                }
            }
        }
    }

    /// Loads a realm by its name.
    pub(crate) async fn realm_named(&self, name: &str) -> Result<OpenRealm, Failure> {
        let Some(documents) = self.documents(name).await? else {
            let names = self.realm_names().await?;
            let failure = not_found(&format!("realm {name:?}"));
            return Err(if names.is_empty() { failure } else { failure.with_hint(format!("there are: {}", names.join(", "))) });
        };
        let (realm, _) = build_realm(&documents)
            .map_err(|error| Failure::new(ExitStatus::Failed, format!("the configuration of realm {name:?} cannot be read: {error}")))?;
        Ok(OpenRealm { documents, realm })
    }

    /// The documents of a realm, if there is one of this name.
    pub(crate) async fn documents(&self, name: &str) -> Result<Option<RealmDocuments>, Failure> {
        self.store.load_realm(name).await.map_err(|error| store_failure(&error))
    }

    async fn realm_names(&self) -> Result<Vec<String>, Failure> {
        let realms = self.store.realm_list().await.map_err(|error| store_failure(&error))?;
        Ok(realms.into_iter().map(|realm| realm.name).collect())
    }

    /// The audit event of a change.
    pub(crate) fn record(&self, realm: RealmKey, kind: EventKind, deed: &Deed) -> AuditRecord {
        let mut event = Event::new(SystemClock.now().milliseconds(), realm, kind)
            .with("actor", self.actor.clone())
            .with("action", deed.action)
            .with("target", deed.target.clone());
        event.details.extend(deed.details.iter().cloned());
        event.client_id.clone_from(&deed.client_id);
        event.user_id.clone_from(&deed.user_id);
        event.sid = deed.sid;
        AuditRecord { event, reason: None, address: None, correlation_id: self.correlation_id.clone() }
    }
}

impl Deed {
    /// `user.set`, done to something with this name.
    pub(crate) fn new(action: &'static str, target: impl Into<String>) -> Self {
        Self { action, target: target.into(), client_id: None, user_id: None, sid: None, details: Vec::new() }
    }

    /// Done to a client.
    pub(crate) fn to_client(action: &'static str, client_id: &str) -> Self {
        Self { client_id: Some(client_id.to_owned()), ..Self::new(action, client_id) }
    }

    /// Done to a user.
    pub(crate) fn to_user(action: &'static str, user: &User) -> Self {
        Self { user_id: Some(user.id.clone()), ..Self::new(action, user.username.clone()) }
    }

    /// Done to a session.
    pub(crate) fn to_session(action: &'static str, sid: SessionId) -> Self {
        Self { sid: Some(sid), ..Self::new(action, sid.to_string()) }
    }

    /// What was done.
    pub(crate) fn action(&self) -> &'static str {
        self.action
    }

    /// To what.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// With one more fact; an empty one is left out.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.details.push((name, value));
        }
        self
    }
}

/// Runs a command to its end. One thread is enough: the work is in the database, or in [`std::thread`]s of their own.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(ExitStatus::Failed, format!("the runtime cannot be started: {error}")))?.block_on(command)
}

/// There is no such thing.
pub(crate) fn not_found(what: &str) -> Failure {
    Failure::new(ExitStatus::NotFound, format!("there is no {what}").replace("no a ", "no "))
}
