//! From a file: everything is read and checked before anything is written, then the realm is made switched off, its users come in batches, and it is
//! switched on at the end. What can't be finished is removed again.

use super::super::create::exists;
use super::{Kept, add_missing_key, report, summary};
use crate::cli::admin::{Deed, Desk, not_found};
use crate::cli::output::Format;
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::limits::IMPORTED_USERS_PER_BATCH;
use freshkey_core::documents::UserRecord;
use freshkey_core::entropy::{random_bytes, random_uuid};
use freshkey_core::event::EventKind;
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::edit::set_realm;
use freshkey_core::keycloak::import::{ImportError, ImportPlan, plan_import};
use freshkey_core::keycloak::users::{ReadUser, password_record};
use freshkey_core::passwords::{self, HashAlgorithm, HashWorkspace, PlainPassword};
use freshkey_store::{EmailRule, Imported, NewRealm, RealmChange, RealmCreated};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;

/// Imports the realms of a file.
pub(super) async fn run(desk: &Desk, path: &Path, dry_run: bool) -> Result<(), Failure> {
    let file = read(path)?;
    let mut plans = plan_import(&file, desk.now, &desk.entropy).map_err(|error| broken(path, &error))?;
    for plan in &plans {
        if desk.documents(plan.name()).await?.is_some() {
            return Err(exists(plan.name()));
        }
    }
    let mut summaries = Vec::new();
    for plan in &mut plans {
        let added_key = add_missing_key(desk, plan)?;
        if !dry_run {
            import(desk, plan).await?;
        }
        let done = if dry_run { "can be imported; nothing was changed" } else { "is imported" };
        desk.output.say(&format!("realm {:?} with {} users {done}", plan.name(), plan.user_count()));
        if let Some(algorithm) = added_key {
            desk.output.say(&format!("  a key for {} was missing and was added", algorithm.as_str()));
        }
        report(desk, &plan.report, Kept::Listed);
        summaries.push(summary(plan, plan.user_count(), dry_run));
    }
    if desk.output.format() == Format::Json { desk.output.json(&summaries) } else { Ok(()) }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(freshkey_core::limits::REALM_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match outcome {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_found(&format!("file {}", path.display()))),
        Err(error) => Err(Failure::new(ExitStatus::Failed, format!("{} cannot be read: {error}", path.display()))),
    }
}

fn broken(path: &Path, error: &ImportError) -> Failure {
    Failure::new(ExitStatus::Failed, format!("{} cannot be imported:\n{error}", path.display()))
        .with_hint("nothing was changed; put the file right, and try with --dry-run")
}

/// Writes one realm. What cannot be finished is removed again.
async fn import(desk: &Desk, plan: &ImportPlan<'_>) -> Result<(), Failure> {
    let (realm, _) = build_realm(plan.documents()).map_err(|error| Failure::new(ExitStatus::Failed, error.to_string()))?;
    let mut off = plan.documents().document.clone();
    off["enabled"] = json!(false);
    let new = NewRealm { name: plan.name().to_owned(), document: off, items: plan.documents().items.clone() };
    let deed = Deed::new("realm.import", plan.name()).with("users", plan.user_count().to_string());
    let record = desk.record(RealmKey(0), EventKind::AdminChange, &deed);
    let key = match desk.store.create_realm(&new, &record).await.map_err(|error| store_failure(&error))? {
        RealmCreated::Yes(key) => key,
        RealmCreated::NameTaken => return Err(exists(plan.name())),
    };
    let emails = if allows_duplicate_emails(plan) { EmailRule::MayRepeat } else { EmailRule::Unique };
    let done = match import_users(desk, plan, key, &realm.settings.password_policy.hash_algorithm(), emails).await {
        Ok(()) => switch_on(desk, plan).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = done {
        return Err(undo(desk, plan.name(), failure).await);
    }
    Ok(())
}

/// `duplicateEmailsAllowed`, and not when the address is the login name.
fn allows_duplicate_emails(plan: &ImportPlan<'_>) -> bool {
    plan.documents().document.get("duplicateEmailsAllowed") == Some(&Value::Bool(true))
}

async fn import_users(
    desk: &Desk,
    plan: &ImportPlan<'_>,
    key: RealmKey,
    algorithm: &HashAlgorithm,
    emails: EmailRule,
) -> Result<(), Failure> {
    let progress = progress(plan.user_count());
    let mut users = plan.users(&desk.entropy);
    loop {
        let batch: Vec<ReadUser> = users
            .by_ref()
            .take(IMPORTED_USERS_PER_BATCH)
            .collect::<Result<_, _>>()
            .map_err(|error: ImportError| Failure::new(ExitStatus::Failed, error.to_string()))?;
        if batch.is_empty() {
            progress.finish_and_clear();
            return Ok(());
        }
        let records = hashed(desk, batch, algorithm)?;
        match desk.store.import_users(key, &records, emails).await.map_err(|error| store_failure(&error))? {
            Imported::Yes => progress.inc(u64::try_from(records.len()).unwrap_or_default()),
            Imported::Conflict { username, .. } => {
                return Err(Failure::new(ExitStatus::Conflict, format!("user {username:?} has the id, name or address of another"))
                    .with_hint("put the file right; nothing of it was kept"));
            }
        }
    }
}

/// On a terminal only; elsewhere nothing is drawn.
fn progress(users: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(users).unwrap_or_default());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} users, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Hashes the passwords that came in clear, on all cores.
fn hashed(desk: &Desk, batch: Vec<ReadUser>, algorithm: &HashAlgorithm) -> Result<Vec<UserRecord>, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut users = batch;
    let part = users.len().div_ceil(threads).max(1);
    let outcome: Result<(), Failure> = std::thread::scope(|scope| {
        let workers: Vec<_> = users.chunks_mut(part).map(|chunk| scope.spawn(move || hash_all(desk, chunk, algorithm))).collect();
        let crashed = || Failure::new(ExitStatus::Failed, "a thread that hashes passwords has crashed");
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| crashed())?)
    });
    outcome.map(|()| users.into_iter().map(|user| user.record).collect())
}

fn hash_all(desk: &Desk, users: &mut [ReadUser], algorithm: &HashAlgorithm) -> Result<(), Failure> {
    let mut workspace = HashWorkspace::new();
    for user in users {
        let Some(password) = user.plain_password.take() else { continue };
        let failed = |why: String| {
            Failure::new(ExitStatus::Failed, format!("the password of user {:?} cannot be hashed: {why}", user.record.user.username))
        };
        let plain = PlainPassword::new(password.expose()).map_err(|_| failed("it is too long".to_owned()))?;
        let hash = passwords::hash(plain, algorithm, random_bytes::<16>(&desk.entropy), &mut workspace)
            .map_err(|error| failed(format!("{error:?}")))?;
        user.record.credentials.insert(0, password_record(random_uuid(&desk.entropy), &hash, desk.now.milliseconds()));
    }
    Ok(())
}

/// Gives the realm the switch that its file has.
async fn switch_on(desk: &Desk, plan: &ImportPlan<'_>) -> Result<(), Failure> {
    let open = desk.realm_named(plan.name()).await?;
    let is_on = plan.documents().document.get("enabled").is_some_and(|enabled| *enabled == json!(true) || *enabled == json!("true"));
    let edit =
        set_realm(&open.documents, &[("enabled", if is_on { "true" } else { "false" })]).map_err(|error| super::super::refused(&error))?;
    let change = RealmChange { document: edit.document, put: edit.changed, remove: edit.removed, name: None };
    let record = desk.record(open.realm.key, EventKind::AdminChange, &Deed::new("realm.import-completed", plan.name()));
    // Nobody else changes a realm that is just being made; if somebody did, it stays off and the import says so.
    match desk
        .store
        .change_realm(open.documents.key, open.documents.version, &change, &record)
        .await
        .map_err(|error| store_failure(&error))?
    {
        freshkey_store::RealmChanged::Yes => Ok(()),
        _ => Err(Failure::new(ExitStatus::Conflict, "the realm was changed by somebody else during the import")),
    }
}

/// Removes what there is of a realm whose import failed.
async fn undo(desk: &Desk, name: &str, failure: Failure) -> Failure {
    let Ok(open) = desk.realm_named(name).await else {
        return failure.with_hint(format!("realm {name:?} may be there in part, switched off: `realm remove {name} --yes`"));
    };
    let record = desk.record(open.realm.key, EventKind::AdminChange, &Deed::new("realm.import-undone", name));
    match desk.store.delete_realm(open.documents.key, open.documents.version, &record).await {
        Ok(freshkey_store::RealmChanged::Yes) => failure.with_hint("what was imported of the realm is removed again"),
        _ => failure.with_hint(format!("realm {name:?} is there in part, switched off: `realm remove {name} --yes`")),
    }
}
