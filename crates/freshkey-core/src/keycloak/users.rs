//! Users: Keycloak's representation to the record that is stored, and back.

use super::credential::{CredentialError, CredentialRepresentation, ImportedPassword, read_password, write_password};
use super::given::shortened;
use super::problems::{ItemProblems, Problems, named};
use super::representation::UserRepresentation;
use crate::documents::{CredentialRecord, UserRecord};
use crate::entropy::{Entropy, random_uuid};
use crate::ids::{ClientKey, GroupKey, RoleKey, UserKey};
use crate::limits::NAME_BYTES_MAX;
use crate::passwords::{PasswordHash, PlainPassword};
use crate::realm::Realm;
use crate::role::RoleContainer;
use crate::time::{EpochMillis, Now};
use crate::user::User;
use freshkey_protocol::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Kind of the credential that is a password.
pub const PASSWORD: &str = "password";

/// The required action of a password that was set for the user.
pub const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";

/// Fields of the representation that have a place of their own in the record.
const READ: [&str; 16] = [
    "id",
    "createdTimestamp",
    "username",
    "enabled",
    "emailVerified",
    "firstName",
    "lastName",
    "email",
    "attributes",
    "requiredActions",
    "realmRoles",
    "clientRoles",
    "notBefore",
    "groups",
    "serviceAccountClientId",
    "credentials",
];

/// A user that was read, with a password in clear if there was one.
pub struct ReadUser {
    /// To be stored.
    pub record: UserRecord,
    /// To be hashed and added by the caller ([`password_record`]).
    pub plain_password: Option<Secret<String>>,
    /// What was named but doesn't exist, or can't be used.
    pub notes: Vec<UserNote>,
}

impl fmt::Debug for ReadUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadUser").field("record", &self.record).field("notes", &self.notes).finish_non_exhaustive()
    }
}

/// What of a user could not be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserNote {
    /// The user doesn't get this role, since there is none of the name.
    UnknownRole(String),
    /// The user isn't made a member, since there is no such group.
    UnknownGroup(String),
    /// The user is made for a client that doesn't exist.
    UnknownClient(String),
    /// The password was hashed in a way that this server doesn't know: kept, but the user can't sign in with it.
    UnknownHash(String),
    /// The realm has no default role to give.
    NoDefaultRole,
}

/// Reads users of one realm.
pub struct UserReader<'r> {
    realm: &'r Realm,
    default_role: Option<RoleKey>,
    groups: HashMap<&'r str, GroupKey>,
    now: Now,
}

impl<'r> UserReader<'r> {
    /// For users of `realm`. `default_role` is what a user gets who is new and says nothing of roles.
    pub fn new(realm: &'r Realm, default_role: Option<RoleKey>, now: Now) -> Self {
        let groups = realm.groups.iter().map(|node| (node.path.as_str(), node.group.key)).collect();
        Self { realm, default_role, groups, now }
    }

    /// The `client_id` of a client of the realm.
    pub(crate) fn client_id(&self, key: ClientKey) -> Option<&'r str> {
        self.realm.client_ids.get(&key).map(String::as_str)
    }

    /// Reads one. What is broken is noted in `problems`, and then there is no user.
    ///
    /// A user with neither id nor roles was written by hand and gets the default role; one with an id comes from an export, where no roles
    /// means none.
    pub(crate) fn read(&self, document: Value, entropy: &dyn Entropy, problems: &mut Problems) -> Option<ReadUser> {
        let broken_before = problems.broken.len();
        // Read first, then looked at: a list would do for a struct whose fields may all be absent.
        let (Ok(representation), Value::Object(mut other)) = (UserRepresentation::deserialize(&document), document) else {
            problems.of("user".to_owned()).broken("users", "something else".to_owned(), "an object");
            return None;
        };
        let username = representation.username.get().map(|name| name.to_lowercase()).unwrap_or_default();
        let mut of_user = problems.of(named("user", &username));
        let mut notes = Vec::new();
        let credentials = self.credentials(other.get_mut("credentials").map(Value::take), entropy, &mut of_user, &mut notes);
        let mut user = self.user(username, &representation, entropy, &mut of_user, &mut notes);
        if credentials.temporary && !user.required_actions.iter().any(|action| action == UPDATE_PASSWORD) {
            user.required_actions.push(UPDATE_PASSWORD.to_owned());
        }
        other.retain(|field, _| !READ.contains(&field.as_str()));
        let record = UserRecord { user, credentials: credentials.records, other: Value::Object(other) };
        (problems.broken.len() == broken_before).then_some(ReadUser { record, plain_password: credentials.plain, notes })
    }

    fn user(
        &self,
        username: String,
        given: &UserRepresentation,
        entropy: &dyn Entropy,
        problems: &mut ItemProblems<'_>,
        notes: &mut Vec<UserNote>,
    ) -> User {
        problems.read("username", &given.username);
        check_name("username", &username, problems);
        let is_new = problems.text("id", &given.id).is_none();
        let id = problems.text("id", &given.id).map_or_else(|| random_uuid(entropy), str::to_owned);
        check_name("id", &id, problems);
        let mut text = |field: &str, given| {
            let text = problems.text(field, given).map(str::to_owned);
            if let Some(text) = &text {
                check_name(field, text, problems);
            }
            text
        };
        let email = text("email", &given.email).map(|email| email.to_lowercase());
        let first_name = text("firstName", &given.first_name);
        let last_name = text("lastName", &given.last_name);
        let says_roles = given.realm_roles.get().is_some() || given.client_roles.get().is_some();
        let mut roles = self.roles(given, problems, notes);
        if is_new && !says_roles {
            match self.default_role {
                Some(role) => roles.push(role),
                None => notes.push(UserNote::NoDefaultRole),
            }
        }
        User {
            key: UserKey::of(&id),
            id,
            username,
            email,
            email_verified: problems.flag("emailVerified", &given.email_verified, false),
            first_name,
            last_name,
            // Keycloak imports a user who doesn't say to be enabled as a disabled one.
            enabled: problems.flag("enabled", &given.enabled, false),
            not_before: problems.natural("notBefore", &given.not_before, 0),
            created_at_ms: problems.whole("createdTimestamp", &given.created_timestamp, self.now.milliseconds()),
            attributes: problems.read("attributes", &given.attributes).cloned().unwrap_or_default(),
            required_actions: problems.list("requiredActions", &given.required_actions).to_vec(),
            service_account_of: self.service_account_of(given, problems, notes),
            roles,
            groups: self.groups(given, problems, notes),
        }
    }

    fn roles(&self, given: &UserRepresentation, problems: &mut ItemProblems<'_>, notes: &mut Vec<UserNote>) -> Vec<RoleKey> {
        let of_realm = problems.list("realmRoles", &given.realm_roles).iter().map(|name| (RoleContainer::Realm, name));
        let of_clients = problems
            .read("clientRoles", &given.client_roles)
            .into_iter()
            .flatten()
            .flat_map(|(client_id, names)| names.iter().map(|name| (RoleContainer::Client(client_id.clone()), name)));
        let mut keys = Vec::new();
        for (container, name) in of_realm.chain(of_clients) {
            match self.realm.roles.find(&container, name) {
                Some(index) => keys.push(self.realm.roles.role(index).key),
                None => notes.push(UserNote::UnknownRole(role_text(&container, name))),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn groups(&self, given: &UserRepresentation, problems: &mut ItemProblems<'_>, notes: &mut Vec<UserNote>) -> Vec<GroupKey> {
        let mut keys = Vec::new();
        for path in problems.list("groups", &given.groups) {
            match self.groups.get(path.as_str()) {
                Some(key) => keys.push(*key),
                None => notes.push(UserNote::UnknownGroup(path.clone())),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn service_account_of(
        &self,
        given: &UserRepresentation,
        problems: &mut ItemProblems<'_>,
        notes: &mut Vec<UserNote>,
    ) -> Option<ClientKey> {
        let client_id = problems.text("serviceAccountClientId", &given.service_account_client_id)?;
        let client = self.realm.clients.get(client_id);
        if client.is_none() {
            notes.push(UserNote::UnknownClient(client_id.to_owned()));
        }
        client.map(|client| client.key)
    }

    fn credentials(
        &self,
        list: Option<Value>,
        entropy: &dyn Entropy,
        problems: &mut ItemProblems<'_>,
        notes: &mut Vec<UserNote>,
    ) -> ReadCredentials {
        let mut read = ReadCredentials::default();
        let list = match list {
            None | Some(Value::Null) => return read,
            Some(Value::Array(list)) => list,
            Some(_) => {
                problems.broken("credentials", "something else".to_owned(), "a list");
                return read;
            }
        };
        for document in list {
            match read_credential(document, entropy, self.now) {
                Ok(Credential::Stored(record)) => read.records.push(record),
                Ok(Credential::UnknownHash(record, algorithm)) => {
                    notes.push(UserNote::UnknownHash(algorithm));
                    read.records.push(record);
                }
                Ok(Credential::Plain { value, temporary }) => {
                    read.temporary |= temporary;
                    read.plain = Some(value);
                }
                Err(error) => {
                    let (found, expected) = fault_words(&error);
                    problems.broken("credentials", found, expected);
                }
            }
        }
        read
    }
}

#[derive(Default)]
struct ReadCredentials {
    records: Vec<CredentialRecord>,
    plain: Option<Secret<String>>,
    temporary: bool,
}

enum Credential {
    Stored(CredentialRecord),
    UnknownHash(CredentialRecord, String),
    Plain { value: Secret<String>, temporary: bool },
}

/// Reads one credential. Passwords are checked, so that no hash is stored that costs too much to verify (T-049); others are kept as they are.
fn read_credential(document: Value, entropy: &dyn Entropy, now: Now) -> Result<Credential, CredentialError> {
    let mut representation = CredentialRepresentation::deserialize(&document).map_err(|_| CredentialError::Malformed("credentials"))?;
    // A password in clear needs no type to be one.
    let clear = representation.value.is_some().then(|| PASSWORD.to_owned());
    let kind = representation.kind.clone().filter(|kind| !kind.is_empty()).or(clear).ok_or(CredentialError::Missing("type"))?;
    let Value::Object(mut fields) = document else { return Err(CredentialError::Malformed("credentials")) };
    let is_password = kind == PASSWORD || kind == "password-history";
    if is_password && let Some(value) = representation.value.take() {
        PlainPassword::new(&value)?;
        return Ok(Credential::Plain { value: Secret::new(value), temporary: representation.temporary.unwrap_or(false) });
    }
    let id = representation.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| random_uuid(entropy));
    let mut unknown = None;
    if is_password {
        match read_password(&representation) {
            Ok(ImportedPassword::Hash(hash)) if representation.secret_data.is_none() => {
                let mut record = password_record(id, &hash, representation.created_date.unwrap_or(now.milliseconds()));
                record.kind = kind;
                return Ok(Credential::Stored(record));
            }
            Ok(_) => {}
            Err(CredentialError::UnknownAlgorithm(algorithm)) => unknown = Some(algorithm),
            Err(error) => return Err(error),
        }
    }
    let secret = representation.secret_data.take().unwrap_or_default();
    for field in ["id", "type", "secretData", "value", "hashedSaltedValue", "salt"] {
        fields.shift_remove(field);
    }
    let record = CredentialRecord { id, kind, document: Value::Object(fields), secret: Secret::new(secret) };
    Ok(match unknown {
        None => Credential::Stored(record),
        Some(algorithm) => Credential::UnknownHash(record, algorithm),
    })
}

fn fault_words(error: &CredentialError) -> (String, &'static str) {
    match error {
        CredentialError::Missing(field) => (format!("without {field}"), "a credential of Keycloak's"),
        CredentialError::Malformed(field) => (format!("with an unreadable {field}"), "a credential of Keycloak's"),
        CredentialError::UnknownAlgorithm(_) => ("hashed in an unknown way".to_owned(), "a credential of Keycloak's"),
        CredentialError::OutOfBounds(_) => {
            ("a hash outside the bounds".to_owned(), "a hash whose cost, salt and length are within the bounds")
        }
        CredentialError::PasswordTooLong => ("too long a password".to_owned(), "a password within the limit"),
    }
}

/// A credential for a password that was hashed here.
pub fn password_record(id: String, hash: &PasswordHash, created_at_ms: EpochMillis) -> CredentialRecord {
    let written = write_password(hash);
    let document = json!({ "createdDate": created_at_ms, "credentialData": written.credential_data });
    CredentialRecord { id, kind: PASSWORD.to_owned(), document, secret: Secret::new(written.secret_data) }
}

/// The hash in a stored credential.
pub fn stored_password(record: &CredentialRecord) -> Result<PasswordHash, CredentialError> {
    let representation = CredentialRepresentation {
        credential_data: record.document.get("credentialData").and_then(Value::as_str).map(str::to_owned),
        secret_data: Some(record.secret.expose().clone()),
        ..CredentialRepresentation::default()
    };
    match read_password(&representation)? {
        ImportedPassword::Hash(hash) => Ok(hash),
        ImportedPassword::Plain(_) => Err(CredentialError::Malformed("value")),
    }
}

/// What goes into an export of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// With `secretData`, as `kc export` writes it.
    Included,
    /// Without any, as the administration API shows a user.
    LeftOut,
}

/// The representation of a user, in the order of Keycloak's exports. Roles and groups that have been deleted are left out.
pub fn write_user(realm: &Realm, record: &UserRecord, credentials: Credentials) -> Value {
    let user = &record.user;
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(user.id));
    fields.insert("createdTimestamp".to_owned(), json!(user.created_at_ms));
    fields.insert("username".to_owned(), json!(user.username));
    fields.insert("enabled".to_owned(), json!(user.enabled));
    fields.insert("emailVerified".to_owned(), json!(user.email_verified));
    for (name, text) in [("firstName", &user.first_name), ("lastName", &user.last_name), ("email", &user.email)] {
        if let Some(text) = text {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    if !user.attributes.is_empty() {
        fields.insert("attributes".to_owned(), json!(user.attributes));
    }
    let client_id = user.service_account_of.and_then(|key| realm.client_ids.get(&key));
    if let Some(client_id) = client_id {
        fields.insert("serviceAccountClientId".to_owned(), json!(client_id));
    }
    if credentials == Credentials::Included {
        fields.insert("credentials".to_owned(), record.credentials.iter().map(write_credential).collect());
    }
    fields.insert("requiredActions".to_owned(), json!(user.required_actions));
    let (realm_roles, client_roles) = role_names(realm, &user.roles);
    if !realm_roles.is_empty() {
        fields.insert("realmRoles".to_owned(), json!(realm_roles));
    }
    if !client_roles.is_empty() {
        fields.insert("clientRoles".to_owned(), json!(client_roles));
    }
    fields.insert("notBefore".to_owned(), json!(user.not_before));
    let mut paths: Vec<&str> = user.groups.iter().filter_map(|key| realm.groups.get(*key)).map(|node| node.path.as_str()).collect();
    paths.sort_unstable();
    fields.insert("groups".to_owned(), json!(paths));
    if let Value::Object(other) = &record.other {
        fields.extend(other.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Value::Object(fields)
}

fn write_credential(record: &CredentialRecord) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(record.id));
    fields.insert("type".to_owned(), json!(record.kind));
    if let Value::Object(document) = &record.document {
        fields.extend(document.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    if !record.secret.expose().is_empty() {
        fields.insert("secretData".to_owned(), json!(record.secret.expose()));
    }
    Value::Object(fields)
}

/// Names of realm roles, and of client roles by `client_id`.
fn role_names(realm: &Realm, keys: &[RoleKey]) -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let mut of_realm = Vec::new();
    let mut of_clients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for role in keys.iter().filter_map(|key| realm.roles.index(*key)).map(|index| realm.roles.role(index)) {
        match &role.container {
            RoleContainer::Realm => of_realm.push(role.name.clone()),
            RoleContainer::Client(client_id) => of_clients.entry(client_id.clone()).or_default().push(role.name.clone()),
        }
    }
    of_realm.sort_unstable();
    of_clients.values_mut().for_each(|names| names.sort_unstable());
    (of_realm, of_clients)
}

/// `name` of a realm role, `client_id/name` of a client role: how the command line writes a role.
pub(crate) fn role_text(container: &RoleContainer, name: &str) -> String {
    match container {
        RoleContainer::Realm => name.to_owned(),
        RoleContainer::Client(client_id) => format!("{client_id}/{name}"),
    }
}

/// A name or id from outside: not empty, not too long, and without control characters, which no database or log line is to see.
pub(crate) fn check_name(field: &str, name: &str, problems: &mut ItemProblems<'_>) {
    if name.is_empty() {
        problems.broken(field, "absent or empty".to_owned(), "a text");
    } else if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        problems.broken(field, shortened(name), &format!("at most {NAME_BYTES_MAX} bytes without control characters"));
    }
}

#[cfg(test)]
mod tests;
