//! Those whose sign-in is refused, and why. They are put into the database through the store's own code.

use crate::database::Database;
use crate::seed::{self, SystemEntropy, audit, told};
use freshkey_core::brute_force::LoginFailures;
use freshkey_core::change::{Applied, Change};
use freshkey_core::documents::{RealmDocuments, UserRecord};
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::keycloak::edit::{new_user, set_realm};
use freshkey_core::keycloak::users::password_record;
use freshkey_core::passwords::{self, HashWorkspace, PasswordHash, PlainPassword};
use freshkey_core::realm::Realm;
use freshkey_store::{EmailRule, Imported, Store};

/// Of everybody who has one.
pub(super) const PASSWORD: &str = "of the benchmark only";
/// Of each kind.
const PEOPLE: usize = 1000;
/// Counting goes on as in the field, but nobody is locked in the middle of a run.
const LIMITS_OUT_OF_REACH: [(&str, &str); 2] = [("failureFactor", "1000000"), ("quickLoginCheckMilliSeconds", "0")];

/// Why a sign-in is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    UnknownUser,
    /// With the right password.
    Locked,
    WrongPassword,
    /// One who signs in elsewhere.
    NoPassword,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::UnknownUser, Self::Locked, Self::WrongPassword, Self::NoPassword];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "there is no such user",
            Self::Locked => "the user is locked, the password right",
            Self::WrongPassword => "the password is wrong",
            Self::NoPassword => "the user has no password",
        }
    }

    /// Names of one length, whoever it is.
    pub(super) fn username(self, number: usize) -> String {
        let kind = match self {
            Self::UnknownUser => 'u',
            Self::Locked => 'l',
            Self::WrongPassword => 'w',
            Self::NoPassword => 'n',
        };
        format!("person-{kind}-{:04}", number % PEOPLE)
    }

    pub(super) fn knows_the_password(self) -> bool {
        self == Self::Locked
    }
}

/// Adds them to a database that has the realm.
pub(super) async fn add(database: &Database) -> Result<(), String> {
    let store = seed::open(&database.url, &database.sealing_key()).await?;
    let (documents, _) = seed::load(&store).await?;
    let edit = set_realm(&documents, &LIMITS_OUT_OF_REACH).map_err(told("the realm cannot be changed"))?;
    seed::change(&store, &documents, edit).await?;
    let (documents, realm) = seed::load(&store).await?;
    let hash = hash(&realm)?;
    let mut people = Vec::new();
    for kind in [Kind::Locked, Kind::WrongPassword, Kind::NoPassword] {
        for number in 0..PEOPLE {
            people.push(person(&documents, &realm, kind, number, &hash)?);
        }
    }
    let imported = store.import_users(documents.key, &people, EmailRule::Unique).await;
    if imported != Ok(Imported::Yes) {
        return Err(format!("the people cannot be made: {imported:?}"));
    }
    for number in 0..PEOPLE {
        lock(&store, &documents, &Kind::Locked.username(number)).await?;
    }
    store.close().await.map_err(told("the database cannot be closed"))
}

fn hash(realm: &Realm) -> Result<PasswordHash, String> {
    let plain = PlainPassword::new(PASSWORD).map_err(told("the password"))?;
    let algorithm = realm.settings.password_policy.hash_algorithm();
    passwords::hash(plain, &algorithm, random_bytes::<16>(&SystemEntropy), &mut HashWorkspace::new()).map_err(told("the password"))
}

fn person(documents: &RealmDocuments, realm: &Realm, kind: Kind, number: usize, hash: &PasswordHash) -> Result<UserRecord, String> {
    let name = kind.username(number);
    let mut record = new_user(documents, realm, &name, seed::now(), &SystemEntropy).map_err(told("a person cannot be made"))?;
    if kind != Kind::NoPassword {
        record.credentials.push(password_record(random_uuid(&SystemEntropy), hash, seed::now().milliseconds()));
    }
    Ok(record)
}

async fn lock(store: &Store, documents: &RealmDocuments, name: &str) -> Result<(), String> {
    let user = store.user_by_name(documents.key, name).await.map_err(told("a person cannot be read"))?.ok_or("a person is missing")?;
    let failures =
        LoginFailures { count: 3, last_failure_at_ms: seed::now().milliseconds(), permanently_locked: true, ..LoginFailures::default() };
    let change = Change::LoginFailures { realm: documents.key, user: user.key, seen: None, becomes: Some(failures) };
    let recorded = store.record(&[change], &audit(documents.key)).await;
    if recorded == Ok(Applied::Yes) { Ok(()) } else { Err(format!("a person cannot be locked: {recorded:?}")) }
}
