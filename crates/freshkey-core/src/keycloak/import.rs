//! From Keycloak's export to documents and users: everything is read and checked before anything is handed out, so that a broken file
//! changes nothing. Users are read one by one.

mod file;
mod items;
mod missing;
mod report;

pub use report::{ImportNote, ImportReport, Sightings};

use super::defaults::{self, GeneratedKey, NewRealm};
use super::given::shortened;
use super::problems::{BrokenValue, ConfigError, ItemProblems, Problems, named};
use super::representation::UserRepresentation;
use super::users::{ReadUser, UserReader, check_name};
use super::{build_realm, fields, secrets};
use crate::documents::{ConfigItem, ItemKind, RealmDocuments, UserRecord};
use crate::entropy::{Entropy, random_uuid};
use crate::ids::{RealmKey, RoleKey, UserKey};
use crate::realm::Realm;
use crate::role::RoleContainer;
use crate::time::Now;
use crate::user::User;
use freshkey_protocol::jose::Algorithm;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A realm of a file, ready to be written. The file's bytes have to live as long. Everything but its users is told by [`PlannedRealm`].
pub struct ImportPlan<'f> {
    realm: PlannedRealm,
    users: Vec<&'f RawValue>,
}

/// Why a file isn't imported. Nothing of it is, then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportError {
    /// Above [`crate::limits::REALM_FILE_BYTES_MAX`].
    TooLarge,
    /// Above [`crate::limits::REALMS_IN_FILE_MAX`].
    TooManyRealms,
    /// Not JSON, or not a realm.
    NotJson {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
        /// Why.
        reason: String,
    },
    /// A list of nothing.
    NoRealm,
    /// Values that can't be read or can't stand together.
    Broken(Vec<BrokenValue>),
}

impl fmt::Display for ImportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => formatter.write_str("the file is too large"),
            Self::TooManyRealms => formatter.write_str("the file has too many realms"),
            Self::NoRealm => formatter.write_str("the file has no realm in it: its list is empty"),
            Self::NotJson { reason, .. } => write!(formatter, "the file is no export of a realm: {reason}"),
            Self::Broken(broken) => write!(formatter, "{}", ConfigError { broken: broken.clone() }),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<ConfigError> for ImportError {
    fn from(error: ConfigError) -> Self {
        Self::Broken(error.broken)
    }
}

/// Reads a realm file: one realm, or a list of them. `now` is when users without a date were made.
///
/// Tolerated: unknown fields (kept and reported), missing ids (made), the forms of older versions (translated), roles and groups of users that
/// don't exist (left out and reported). Not tolerated: values of a wrong type, names used twice, hashes that cost too much (T-049).
pub fn plan_import<'f>(file: &'f [u8], now: Now, entropy: &dyn Entropy) -> Result<Vec<ImportPlan<'f>>, ImportError> {
    let realms = file::read(file)?;
    if realms.is_empty() {
        return Err(ImportError::NoRealm);
    }
    let mut names = HashSet::new();
    let mut plans = Vec::with_capacity(realms.len());
    for realm in realms {
        let plan = plan_realm(realm, now, entropy)?;
        if !names.insert(plan.documents.name.clone()) {
            return Err(ImportError::Broken(vec![twice("realm", "realm", &plan.documents.name)]));
        }
        plans.push(plan);
    }
    Ok(plans)
}

fn plan_realm<'f>(text: file::RealmText<'f>, now: Now, entropy: &dyn Entropy) -> Result<ImportPlan<'f>, ImportError> {
    let mut draft = RealmDraft::new(text.fields, now, entropy)?;
    draft.check_texts(text.users.iter().map(|text| parse_user(text)), entropy)?;
    Ok(ImportPlan { users: text.users, realm: draft.finish(entropy) })
}

/// A realm whose users are still to be checked: for users that come from elsewhere, a page at a time.
pub struct RealmDraft {
    report: ImportReport,
    documents: RealmDocuments,
    realm: Realm,
    default_role: Option<RoleKey>,
    missing_key: Option<Algorithm>,
    emails: Emails,
    users: CheckedUsers,
    now: Now,
}

impl RealmDraft {
    /// Reads everything but the users. `fields` are those of a realm in an export.
    pub fn new(fields: Map<String, Value>, now: Now, entropy: &dyn Entropy) -> Result<Self, ImportError> {
        let mut report = ImportReport::default();
        let mut problems = Problems::default();
        let mut document = fields;
        MOVE_FIELDS.iter().for_each(|field| drop(document.shift_remove(*field)));
        let name = realm_name(&document, &mut problems)?;
        let mut items = items::take(&mut document, &mut report, &mut problems, entropy);
        refuse(&problems)?;
        missing::add(&name, &mut document, &mut items, &mut report, entropy);
        let mut document = Value::Object(document);
        report.sight::<super::representation::RealmRepresentation>(&document, "", fields::REALM, &named("realm", &name));
        items.extend(secrets::split_realm(&mut document));
        Self::of(RealmDocuments { key: RealmKey(0), version: 0, name, document, items }, report, now)
    }

    /// Goes on with a realm that was written before its users were: what is stored of it counts, with the ids that were made for it.
    pub fn resume(documents: RealmDocuments, now: Now) -> Result<Self, ImportError> {
        Self::of(documents, ImportReport::default(), now)
    }

    fn of(documents: RealmDocuments, mut report: ImportReport, now: Now) -> Result<Self, ImportError> {
        let (realm, warnings) = build_realm(&documents)?;
        report.warnings = warnings;
        let default_role = default_role(&documents);
        let missing_key = missing::key(&realm);
        let emails = match documents.document.get("duplicateEmailsAllowed") {
            Some(Value::Bool(true)) => Emails::MayRepeat,
            _ => Emails::AreUnique,
        };
        Ok(Self { report, documents, realm, default_role, missing_key, emails, users: CheckedUsers::default(), now })
    }

    /// Checks some of the users: each by itself, and against those before.
    pub fn check_users(&mut self, users: impl IntoIterator<Item = Value>, entropy: &dyn Entropy) -> Result<(), ImportError> {
        self.check_texts(users.into_iter().map(Ok), entropy)
    }

    fn check_texts(&mut self, users: impl Iterator<Item = Result<Value, ImportError>>, entropy: &dyn Entropy) -> Result<(), ImportError> {
        let reader = UserReader::new(&self.realm, self.default_role, self.now);
        self.users.check(users, self.emails, &reader, &mut self.report, entropy)
    }

    /// All users are checked.
    pub fn finish(mut self, entropy: &dyn Entropy) -> PlannedRealm {
        let made = service_accounts(&mut self.documents, &self.realm, self.default_role, &self.users, &mut self.report, self.now, entropy);
        PlannedRealm {
            report: self.report,
            documents: self.documents,
            realm: self.realm,
            default_role: self.default_role,
            missing_key: self.missing_key,
            user_keys: self.users.ids,
            service_accounts: made,
            now: self.now,
        }
    }
}

/// A realm that is ready to be written, its users aside.
pub struct PlannedRealm {
    /// What the reader ought to know.
    pub report: ImportReport,
    documents: RealmDocuments,
    realm: Realm,
    default_role: Option<RoleKey>,
    missing_key: Option<Algorithm>,
    user_keys: HashSet<UserKey>,
    service_accounts: Vec<UserRecord>,
    now: Now,
}

impl PlannedRealm {
    /// The realm's name.
    pub fn name(&self) -> &str {
        &self.documents.name
    }

    /// The realm as it will be.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// How many users were checked.
    pub fn checked_user_count(&self) -> usize {
        self.user_keys.len()
    }

    /// Whether a user with this key was checked.
    pub fn has_user(&self, key: UserKey) -> bool {
        self.user_keys.contains(&key)
    }

    /// The users that are made for service accounts which have none.
    pub fn made(&self) -> impl Iterator<Item = ReadUser> {
        self.service_accounts.iter().map(|record| ReadUser { record: record.clone(), plain_password: None, notes: Vec::new() })
    }

    /// The algorithm of new tokens, if there is no key for it: then [`PlannedRealm::add_key`] has to bring one.
    pub fn missing_key(&self) -> Option<Algorithm> {
        self.missing_key
    }

    /// Adds the key that is missing.
    pub fn add_key(&mut self, algorithm: Algorithm, key: GeneratedKey, entropy: &dyn Entropy) {
        let provider = match algorithm.family() {
            freshkey_protocol::jose::Family::Ecdsa => "ecdsa-generated",
            freshkey_protocol::jose::Family::EdDsa => "eddsa-generated",
            _ => "rsa-generated",
        };
        self.documents.items.push(defaults::asymmetric_key(provider, algorithm.as_str(), key, entropy));
        self.missing_key = None;
    }

    /// Reads users that were checked before, so that an error here is a fault of ours.
    pub fn read_users(&self, users: impl IntoIterator<Item = Value>, entropy: &dyn Entropy) -> Result<Vec<ReadUser>, ImportError> {
        let reader = self.reader();
        users.into_iter().map(|value| read_user(value, &reader, entropy)).collect()
    }

    /// The realm's own fields and items, to be stored before the users.
    pub fn documents(&self) -> &RealmDocuments {
        &self.documents
    }

    fn reader(&self) -> UserReader<'_> {
        UserReader::new(&self.realm, self.default_role, self.now)
    }
}

impl fmt::Debug for PlannedRealm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PlannedRealm({:?}, {} users)", self.documents.name, self.user_keys.len() + self.service_accounts.len())
    }
}

impl Deref for ImportPlan<'_> {
    type Target = PlannedRealm;

    fn deref(&self) -> &PlannedRealm {
        &self.realm
    }
}

impl DerefMut for ImportPlan<'_> {
    fn deref_mut(&mut self) -> &mut PlannedRealm {
        &mut self.realm
    }
}

impl<'f> ImportPlan<'f> {
    /// How many users there will be, those made for service accounts included.
    pub fn user_count(&self) -> usize {
        self.users.len() + self.realm.service_accounts.len()
    }

    /// Reads the users, one at a time. They were all read before, so that an error here is a fault of ours.
    pub fn users<'p>(&'p self, entropy: &'p dyn Entropy) -> impl Iterator<Item = Result<ReadUser, ImportError>> + use<'p, 'f> {
        let reader = self.realm.reader();
        self.users.iter().map(move |text| read_user(parse_user(text)?, &reader, entropy)).chain(self.realm.made().map(Ok))
    }

    /// The realm's documents, to be stored before the users.
    pub fn into_realm(self) -> NewRealm {
        let documents = self.realm.documents;
        NewRealm { name: documents.name, document: documents.document, items: documents.items }
    }
}

impl fmt::Debug for ImportPlan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ImportPlan({:?}, {} users)", self.name(), self.user_count())
    }
}

/// The key of the role that new users of a realm get, if it has one.
pub fn default_role(documents: &RealmDocuments) -> Option<RoleKey> {
    let reference = documents.document.get("defaultRole")?;
    let name = reference.get("name").and_then(Value::as_str)?;
    let is_realm_role = |item: &&ConfigItem| item.kind == ItemKind::Role && item.document.get("clientRole") != Some(&Value::Bool(true));
    let role = documents.items.iter().filter(is_realm_role).find(|item| item.document.get("name").and_then(Value::as_str) == Some(name));
    role.map(|item| RoleKey::of(&item.id))
}

/// Keycloak refuses these in a realm's name too, since it is a part of every URL (`ReservedCharValidator`).
const RESERVED: &str = ":/?#[]@!$&()*+,;=\\%\"'<>";

/// A realm's name, fit to be a part of a URL.
pub(crate) fn check_realm_name(name: &str, problems: &mut ItemProblems<'_>) {
    check_name("realm", name, problems);
    if name.chars().any(|letter| RESERVED.contains(letter) || letter.is_whitespace()) || name == "." || name == ".." {
        problems.broken("realm", shortened(name), "a name without white space and without the reserved characters of URLs");
    }
}

fn realm_name(document: &Map<String, Value>, problems: &mut Problems) -> Result<String, ImportError> {
    let name = document.get("realm").and_then(Value::as_str).unwrap_or_default().to_owned();
    check_realm_name(&name, &mut problems.of(named("realm", &name)));
    refuse(problems)?;
    Ok(name)
}

fn refuse(problems: &Problems) -> Result<(), ImportError> {
    if problems.broken.is_empty() { Ok(()) } else { Err(ImportError::Broken(problems.broken.clone())) }
}

fn twice(kind: &str, field: &str, name: &str) -> BrokenValue {
    BrokenValue { item: named(kind, name), field: field.to_owned(), found: "used twice".to_owned(), expected: "one of its kind".to_owned() }
}

/// Whether two users may have the same e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emails {
    AreUnique,
    MayRepeat,
}

/// What is kept of the users while they are checked: enough to find duplicates, 16 bytes each.
#[derive(Default)]
struct CheckedUsers {
    ids: HashSet<UserKey>,
    usernames: HashSet<UserKey>,
    emails: HashSet<UserKey>,
    /// `client_id` to user id.
    service_accounts: BTreeMap<String, String>,
}

impl CheckedUsers {
    fn check(
        &mut self,
        users: impl Iterator<Item = Result<Value, ImportError>>,
        emails: Emails,
        reader: &UserReader<'_>,
        report: &mut ImportReport,
        entropy: &dyn Entropy,
    ) -> Result<(), ImportError> {
        let mut broken = Vec::new();
        for value in users {
            let value = value?;
            let username = value.get("username").and_then(Value::as_str).unwrap_or_default().to_owned();
            report.sight::<UserRepresentation>(&value, "users[]", fields::USER, &named("user", &username));
            let mut problems = Problems::default();
            let Some(read) = reader.read(value, entropy, &mut problems) else {
                broken.append(&mut problems.broken);
                if broken.len() >= crate::limits::CONFIG_PROBLEMS_MAX {
                    break;
                }
                continue;
            };
            broken.extend(self.duplicate(&read.record.user, emails));
            if let Some(client_id) = read.record.user.service_account_of.and_then(|key| reader.client_id(key)) {
                let before = self.service_accounts.insert(client_id.to_owned(), read.record.user.id.clone());
                broken.extend(before.map(|_| twice("user", "serviceAccountClientId", &read.record.user.username)));
            }
            for note in read.notes {
                report.note(ImportNote::User { username: username.clone(), note });
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(ImportError::Broken(broken)) }
    }

    fn duplicate(&mut self, user: &User, emails: Emails) -> Option<BrokenValue> {
        if !self.ids.insert(user.key) {
            return Some(twice("user", "id", &user.username));
        }
        if !self.usernames.insert(UserKey::of(&user.username)) {
            return Some(twice("user", "username", &user.username));
        }
        let email = user.email.as_ref()?;
        (!self.emails.insert(UserKey::of(email)) && emails == Emails::AreUnique).then(|| twice("user", "email", &user.username))
    }
}

fn parse_user(text: &RawValue) -> Result<Value, ImportError> {
    serde_json::from_str(text.get()).map_err(|error| ImportError::NotJson {
        line: error.line(),
        column: error.column(),
        reason: error.to_string(),
    })
}

fn read_user(value: Value, reader: &UserReader<'_>, entropy: &dyn Entropy) -> Result<ReadUser, ImportError> {
    let mut problems = Problems::default();
    reader.read(value, entropy, &mut problems).ok_or(ImportError::Broken(problems.broken))
}

/// Links clients to the users that stand for them, and makes the users that are missing.
fn service_accounts(
    documents: &mut RealmDocuments,
    realm: &Realm,
    default_role: Option<RoleKey>,
    users: &CheckedUsers,
    report: &mut ImportReport,
    now: Now,
    entropy: &dyn Entropy,
) -> Vec<UserRecord> {
    let mut made = Vec::new();
    for item in documents.items.iter_mut().filter(|item| item.kind == ItemKind::Client) {
        let client = realm.clients.get(&item.name).filter(|client| client.service_accounts.is_yes());
        let user_id = match (users.service_accounts.get(&item.name), client) {
            (Some(user_id), _) => user_id.clone(),
            (None, None) => continue,
            (None, Some(client)) => {
                let mut user = service_account_user(client, default_role, now, entropy);
                if let Some(id) = item.document.get(SERVICE_ACCOUNT_FIELD).and_then(Value::as_str) {
                    // An import that is taken up again has promised this one.
                    user = User { key: UserKey::of(id), id: id.to_owned(), ..user };
                }
                // Client ids that differ in case alone would share one name.
                let is_taken = users.usernames.contains(&UserKey::of(&user.username))
                    || made.iter().any(|other: &UserRecord| other.user.username == user.username);
                if is_taken {
                    report.note(ImportNote::NoServiceAccount(item.name.clone()));
                    continue;
                }
                report.note(ImportNote::NewServiceAccount(item.name.clone()));
                let id = user.id.clone();
                made.push(UserRecord { user, credentials: Vec::new(), other: Value::Object(Map::new()) });
                id
            }
        };
        if let Some(fields) = item.document.as_object_mut() {
            fields.insert(SERVICE_ACCOUNT_FIELD.to_owned(), Value::String(user_id));
        }
    }
    made
}

/// Field of ours in a realm that is being moved here from another server: what it is made from. Neither imported nor exported.
pub const MOVING_FIELD: &str = "freshkey.import";

/// Field of ours in a realm that was moved here: what it was made from. Neither imported nor exported.
pub const MOVED_FIELD: &str = "freshkey.imported";

pub(crate) const MOVE_FIELDS: [&str; 2] = [MOVING_FIELD, MOVED_FIELD];

/// Field of ours in a client's document: the id of the user that stands for it. Neither imported nor exported.
pub(crate) const SERVICE_ACCOUNT_FIELD: &str = "freshkey.serviceAccountUserId";

/// The user that stands for a client, as Keycloak makes it (`ClientManager.enableServiceAccount`).
pub fn service_account_user(client: &crate::client::Client, default_role: Option<RoleKey>, now: Now, entropy: &dyn Entropy) -> User {
    let id = random_uuid(entropy);
    User {
        key: UserKey::of(&id),
        id,
        username: format!("service-account-{}", client.client_id.to_lowercase()),
        email: None,
        email_verified: false,
        first_name: None,
        last_name: None,
        enabled: true,
        not_before: 0,
        created_at_ms: now.milliseconds(),
        attributes: BTreeMap::new(),
        required_actions: Vec::new(),
        service_account_of: Some(client.key),
        roles: default_role.into_iter().collect(),
        groups: Vec::new(),
    }
}

/// The container of a role item: the client whose id `containerId` is, or the realm.
pub(crate) fn container_of(item: &ConfigItem, client_ids: &BTreeMap<String, String>) -> Option<RoleContainer> {
    if item.document.get("clientRole") != Some(&Value::Bool(true)) {
        return Some(RoleContainer::Realm);
    }
    let container = item.document.get("containerId").and_then(Value::as_str)?;
    client_ids.get(container).map(|client_id| RoleContainer::Client(client_id.clone()))
}

#[cfg(test)]
mod tests;
