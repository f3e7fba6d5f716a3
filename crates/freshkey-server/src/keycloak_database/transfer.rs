//! Moves one realm: plan it whole, make it switched off, bring its users and its sessions, switch it on.
//!
//! Whoever is killed in between leaves a realm that nobody can use, with a mark that says what it was made from. Started again, the same move goes on
//! if Keycloak's database is still the same, and begins anew if it isn't. So it ends as it would have without the interruption.

use super::pages::UserPages;
use super::{Source, SourceError, SourceRealm, Survey};
use freshkey_core::documents::{RealmDocuments, UserRecord};
use freshkey_core::grant::SessionKind;
use freshkey_core::ids::{RealmKey, SessionId, UserKey};
use freshkey_core::keycloak::import::{ImportError, MOVED_FIELD, MOVING_FIELD, PlannedRealm, RealmDraft};
use freshkey_core::keycloak::sessions::{LeftBehind, SessionReader};
use freshkey_core::{Entropy, Now};
use freshkey_protocol::jose::Algorithm;
use freshkey_store::{
    AuditRecord, EmailRule, GrantsImported, Imported, NewRealm, PAGE_ROWS_MAX, Page, RealmChange, RealmChanged, RealmCreated,
    ServiceAccounts, Store, StoreError, UserFilter,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::ControlFlow;

/// Whether sessions come along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// They do.
    Taken,
    /// Everybody signs in again.
    Left,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Users are read and checked; nothing is written.
    Check,
    /// Users are written.
    Users,
    /// Sessions are written.
    Sessions,
}

/// Hears how far a move is, after each page. It may stop the move there, as a signal would.
pub trait Progress {
    /// So many of so many are done.
    fn step(&mut self, step: Step, done: u64, total: u64) -> ControlFlow<()>;
}

/// Makes the audit record of a deed to a realm.
pub type Audit<'a> = dyn Fn(RealmKey, &'static str) -> AuditRecord + 'a;

/// Why a realm isn't moved.
#[derive(Debug)]
pub enum MoveError {
    /// Keycloak's database.
    Source(SourceError),
    /// What is in it can't be followed.
    Import(ImportError),
    /// Our own database.
    Store(StoreError),
    /// A realm of this name is there, and was not left by a move.
    Exists,
    /// Somebody else changed the realm meanwhile.
    Raced,
    /// A user has the id, name or address of another.
    UserConflict(String),
    /// A session of this id belongs to another realm.
    SessionConflict(SessionId),
    /// There is no key for new tokens.
    NoKey(Algorithm),
    /// It was told to stop.
    Stopped,
}

impl fmt::Display for MoveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(formatter),
            Self::Import(error) => write!(formatter, "the realm can't be imported:\n{error}"),
            Self::Store(error) => error.fmt(formatter),
            Self::Exists => formatter.write_str("a realm of this name exists already"),
            Self::Raced => formatter.write_str("the realm was changed by somebody else during the import"),
            Self::UserConflict(username) => write!(formatter, "user {username:?} has the id, name or address of another"),
            Self::SessionConflict(sid) => write!(formatter, "session {sid} belongs to another realm"),
            Self::NoKey(algorithm) => write!(formatter, "the realm has no key for {}", algorithm.as_str()),
            Self::Stopped => formatter.write_str("the import was stopped"),
        }
    }
}

impl std::error::Error for MoveError {}

impl From<SourceError> for MoveError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<ImportError> for MoveError {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

impl From<StoreError> for MoveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// From where to where, and when.
pub struct Movement<'m> {
    /// Keycloak's database.
    pub source: &'m Source<'m>,
    /// Our own.
    pub store: &'m Store,
    /// The moment that sessions are judged by: what has expired stays behind.
    pub now: Now,
    /// Randomness.
    pub entropy: &'m dyn Entropy,
    /// Whether sessions come along.
    pub sessions: Sessions,
}

/// A realm of Keycloak's, read and checked.
pub struct Plan {
    /// What comes of it.
    pub planned: PlannedRealm,
    /// What can't come along.
    pub survey: Survey,
    /// How many users there are.
    pub user_count: u64,
    /// How many sessions there are, dead ones included.
    pub session_count: u64,
    realm: SourceRealm,
    group_paths: HashMap<String, String>,
    fingerprint: String,
    is_on: bool,
    begun: Begun,
}

/// What an earlier move has left.
enum Begun {
    Nothing,
    /// The same move: its users up to somewhere are there.
    Here(RealmKey),
    /// A move from another state of Keycloak's database.
    Otherwise(RealmKey, i64),
    /// The same move, and it is done.
    Done,
}

/// What was moved.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Users that are there, service accounts included.
    pub users: u64,
    /// Users of these that an earlier run had brought.
    pub users_found: u64,
    /// Client sessions that go on: of sign-ins, and offline.
    pub online: u64,
    /// Offline client sessions that go on.
    pub offline: u64,
    /// Client sessions that stayed behind.
    pub left_behind: BTreeMap<LeftBehind, u64>,
}

impl Movement<'_> {
    /// Reads and checks a realm whole. Nothing is written.
    pub async fn plan(&self, name: &str, progress: &mut dyn Progress) -> Result<Plan, MoveError> {
        let realm = self.source.realm(name).await?;
        let survey = self.source.survey(&realm).await?;
        let read = self.source.realm_fields(&realm).await?;
        let fingerprint = fingerprint(&read.fields, &self.source.state_of_rows(&realm).await?, self.sessions);
        let is_on = read.fields.get("enabled") == Some(&Value::Bool(true));
        let (begun, mut draft) = self.draft(name, read.fields, &fingerprint).await?;
        let user_count = self.source.user_count(&realm).await?;
        if !matches!(begun, Begun::Done) {
            let pages = self.source.users(&realm, &read.group_paths).await?;
            self.check_users(pages, &mut draft, user_count, progress).await?;
        }
        let session_count = self.source.session_count(&realm).await?;
        Ok(Plan {
            planned: draft.finish(self.entropy),
            survey,
            user_count,
            session_count,
            realm,
            group_paths: read.group_paths,
            fingerprint,
            is_on,
            begun,
        })
    }

    async fn check_users(
        &self,
        mut pages: UserPages<'_>,
        draft: &mut RealmDraft,
        total: u64,
        progress: &mut dyn Progress,
    ) -> Result<(), MoveError> {
        let mut done = 0;
        loop {
            let users = pages.next().await?;
            if users.is_empty() {
                return Ok(());
            }
            done += count(users.len());
            draft.check_users(users, self.entropy)?;
            go_on(progress.step(Step::Check, done, total))?;
        }
    }

    async fn draft(&self, name: &str, fields: Map<String, Value>, fingerprint: &str) -> Result<(Begun, RealmDraft), MoveError> {
        let anew = |fields| RealmDraft::new(fields, self.now, self.entropy);
        let Some(there) = self.store.load_realm(name).await? else { return Ok((Begun::Nothing, anew(fields)?)) };
        let field = |name: &str| there.document.get(name).and_then(Value::as_str);
        match field(MOVING_FIELD) {
            None if field(MOVED_FIELD) == Some(fingerprint) => Ok((Begun::Done, RealmDraft::resume(there, self.now)?)),
            None => Err(MoveError::Exists),
            Some(mark) if mark == fingerprint => Ok((Begun::Here(there.key), RealmDraft::resume(there, self.now)?)),
            Some(_) => Ok((Begun::Otherwise(there.key, there.version), anew(fields)?)),
        }
    }

    /// Writes what was planned; nothing where it is done already.
    pub async fn carry_out(&self, plan: &Plan, audit: &Audit<'_>, progress: &mut dyn Progress) -> Result<Moved, MoveError> {
        if let Some(algorithm) = plan.planned.missing_key() {
            return Err(MoveError::NoKey(algorithm));
        }
        let (key, found) = match plan.begun {
            Begun::Here(key) => (key, self.users_there(key).await?),
            Begun::Done => return Ok(Moved::default()),
            Begun::Nothing => (self.create(plan, audit).await?, HashSet::new()),
            Begun::Otherwise(key, version) => {
                let removed = self.store.delete_realm(key, version, &audit(key, "realm.import-undone")).await?;
                if removed != RealmChanged::Yes {
                    return Err(MoveError::Raced);
                }
                (self.create(plan, audit).await?, HashSet::new())
            }
        };
        let mut moved = Moved { users_found: count(found.len()), ..Moved::default() };
        self.move_users(plan, key, &found, &mut moved, progress).await?;
        if self.sessions == Sessions::Taken {
            self.move_sessions(plan, key, &mut moved, progress).await?;
        }
        self.switch_on(plan, audit).await?;
        Ok(moved)
    }

    async fn create(&self, plan: &Plan, audit: &Audit<'_>) -> Result<RealmKey, MoveError> {
        let documents = plan.planned.documents();
        let mut off = documents.document.clone();
        off["enabled"] = json!(false);
        off[MOVING_FIELD] = json!(plan.fingerprint);
        let new = NewRealm { name: documents.name.clone(), document: off, items: documents.items.clone() };
        match self.store.create_realm(&new, &audit(RealmKey(0), "realm.import")).await? {
            RealmCreated::Yes(key) => Ok(key),
            RealmCreated::NameTaken => Err(MoveError::Exists),
        }
    }

    /// The users that an earlier run has brought. Each was written in one piece, so whoever is there is there whole.
    async fn users_there(&self, key: RealmKey) -> Result<HashSet<UserKey>, MoveError> {
        let mut found = HashSet::new();
        let mut page = Page::first(PAGE_ROWS_MAX);
        let everybody = UserFilter { service_accounts: ServiceAccounts::Listed, ..UserFilter::default() };
        loop {
            let users = self.store.list_users(key, &everybody, &page).await?;
            let Some(last) = users.last() else { return Ok(found) };
            page.after = Some(last.username.clone());
            found.extend(users.iter().map(|user| user.key));
        }
    }

    async fn move_users(
        &self,
        plan: &Plan,
        key: RealmKey,
        found: &HashSet<UserKey>,
        moved: &mut Moved,
        progress: &mut dyn Progress,
    ) -> Result<(), MoveError> {
        let emails = match plan.planned.documents().document.get("duplicateEmailsAllowed") {
            Some(Value::Bool(true)) => EmailRule::MayRepeat,
            _ => EmailRule::Unique,
        };
        let mut pages = self.source.users(&plan.realm, &plan.group_paths).await?;
        // Those that are made here come first: a run that is taken up finds them by the ids that their clients' documents have.
        let mut batch: Vec<UserRecord> = plan.planned.made().map(|user| user.record).collect();
        loop {
            let users = pages.next().await?;
            let is_last = users.is_empty();
            // Credentials are hashes in the tables, so no user brings a password in clear.
            batch.extend(plan.planned.read_users(users, self.entropy)?.into_iter().map(|user| user.record));
            moved.users += count(batch.len());
            batch.retain(|record| !found.contains(&record.user.key));
            if let Imported::Conflict { username, .. } = self.store.import_users(key, &batch, emails).await? {
                return Err(MoveError::UserConflict(username));
            }
            batch.clear();
            if is_last {
                return Ok(());
            }
            go_on(progress.step(Step::Users, moved.users, plan.user_count))?;
        }
    }

    async fn move_sessions(&self, plan: &Plan, key: RealmKey, moved: &mut Moved, progress: &mut dyn Progress) -> Result<(), MoveError> {
        let reader = SessionReader::new(plan.planned.realm(), self.now);
        let mut pages = self.source.sessions(&plan.realm).await?;
        let mut done = 0;
        loop {
            let sessions = pages.next().await?;
            if sessions.is_empty() {
                return Ok(());
            }
            done += count(sessions.len());
            let mut grants = Vec::new();
            for session in &sessions {
                for translated in reader.read(session, |user| plan.planned.has_user(user)) {
                    match (translated, session.kind) {
                        (Ok(chains), kind) => {
                            *(if kind == SessionKind::Online { &mut moved.online } else { &mut moved.offline }) += 1;
                            grants.extend(chains);
                        }
                        (Err(reason), _) => *moved.left_behind.entry(reason).or_default() += 1,
                    }
                }
            }
            if let GrantsImported::Conflict(sid) = self.store.import_grants(key, &grants).await? {
                return Err(MoveError::SessionConflict(sid));
            }
            go_on(progress.step(Step::Sessions, done, plan.session_count))?;
        }
    }

    /// Gives the realm the switch that it has in Keycloak, and marks it as done.
    async fn switch_on(&self, plan: &Plan, audit: &Audit<'_>) -> Result<(), MoveError> {
        let there = self.store.load_realm(plan.planned.name()).await?.ok_or(MoveError::Raced)?;
        let RealmDocuments { key, version, mut document, .. } = there;
        if let Some(fields) = document.as_object_mut() {
            fields.shift_remove(MOVING_FIELD);
            fields.insert(MOVED_FIELD.to_owned(), json!(plan.fingerprint));
            fields.insert("enabled".to_owned(), json!(plan.is_on));
        }
        let change = RealmChange { document: Some(document), ..RealmChange::default() };
        match self.store.change_realm(key, version, &change, &audit(key, "realm.import-completed")).await? {
            RealmChanged::Yes => Ok(()),
            _ => Err(MoveError::Raced),
        }
    }
}

impl Plan {
    /// Whether this goes on with what an interrupted run has left.
    pub fn is_taken_up(&self) -> bool {
        matches!(self.begun, Begun::Here(_))
    }

    /// Whether all of it is here already.
    pub fn is_done(&self) -> bool {
        matches!(self.begun, Begun::Done)
    }

    /// Whether an interrupted run has left something that is thrown away, since Keycloak's database has changed after it.
    pub fn begins_anew(&self) -> bool {
        matches!(self.begun, Begun::Otherwise(..))
    }
}

/// Of everything that is moved. Two states of Keycloak's database that differ have different ones.
fn fingerprint(fields: &Map<String, Value>, state_of_rows: &str, sessions: Sessions) -> String {
    let text = format!("{sessions:?} {state_of_rows}\n{}", Value::Object(fields.clone()));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    freshkey_protocol::base64url::encode(digest.as_ref())
}

fn go_on(flow: ControlFlow<()>) -> Result<(), MoveError> {
    if flow.is_continue() { Ok(()) } else { Err(MoveError::Stopped) }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
