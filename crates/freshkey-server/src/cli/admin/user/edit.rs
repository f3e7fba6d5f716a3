//! `admin user add` and `user set`.

use super::{AddArguments, Properties, SetArguments, devices};
use crate::cli::admin::change::refused;
use crate::cli::admin::password::{self, Lasting};
use crate::cli::admin::values::grouped;
use crate::cli::admin::{Deed, Desk, OpenRealm, people};
use crate::cli::{ExitStatus, Failure, store_failure};
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::documents::UserRecord;
use freshkey_core::event::EventKind;
use freshkey_core::ids::UserKey;
use freshkey_core::keycloak::edit::{RoleName, UserChange, change_user, new_user};
use freshkey_core::user::User;
use freshkey_store::{EmailRule, GrantFilter, UserChanged, UserCreated};
use serde_json::{Value, json};

pub(super) async fn add(desk: &Desk, open: &OpenRealm, arguments: &AddArguments) -> Result<(), Failure> {
    let mut record =
        new_user(&open.documents, &open.realm, &arguments.username, desk.now, &desk.entropy).map_err(|error| refused(&error))?;
    let changes = changes_of(open, &arguments.properties);
    record.user = change_user(&open.realm, &record.user, &changes).map_err(|error| refused(&error))?;
    if desk.store.user_by_name(open.realm.key, &record.user.username).await.map_err(|error| store_failure(&error))?.is_some() {
        return Err(taken(UserChanged::NameTaken, &record));
    }
    let wants_password = arguments.password.generate || arguments.password.password_stdin;
    let new_password = if wants_password { Some(arguments.password.obtain(desk, &record.user.username)?) } else { None };
    if let Some(new_password) = &new_password {
        let lasting = if arguments.temporary { Lasting::Temporary } else { Lasting::Permanent };
        password::put(desk, open, &mut record, new_password, lasting)?;
    }
    let audit = desk.record(
        open.realm.key,
        EventKind::AdminChange,
        &Deed::to_user("user.add", &record.user).with("changed", described(&changes).join(" ")),
    );
    match desk.store.create_user(open.realm.key, &record, email_rule(open), &audit).await.map_err(|error| store_failure(&error))? {
        UserCreated::Yes => {}
        UserCreated::NameTaken | UserCreated::IdTaken => return Err(taken(UserChanged::NameTaken, &record)),
        UserCreated::EmailTaken => return Err(taken(UserChanged::EmailTaken, &record)),
    }
    let username = &record.user.username;
    let facts = json!({ "action": "user.add", "realm": open.documents.name, "user": username, "id": record.user.id });
    match new_password.filter(|password| password.is_generated) {
        Some(password) => {
            desk.output.say(&format!("user {username:?} is added; the password is on standard output, once"));
            desk.output.secret(username, &password.text)
        }
        None => {
            desk.output.done(&format!("user {username:?} is added"), &facts)?;
            if !wants_password {
                desk.output
                    .hint(&format!("it has no password yet: `admin … user set-password {username} --realm {}`", open.documents.name));
            }
            Ok(())
        }
    }
}

pub(super) async fn set(desk: &Desk, open: &OpenRealm, arguments: &SetArguments) -> Result<(), Failure> {
    let changes = all_changes(open, arguments);
    if changes.is_empty() && arguments.remove_otps.is_empty() && !arguments.unlock && !arguments.log_out {
        return Err(Failure::new(ExitStatus::Usage, "nothing is to be changed").with_hint("`user set --help` lists what can be"));
    }
    let user = people::user(desk, &open.realm, &arguments.user).await?;
    let lost_devices = match arguments.remove_otps.as_slice() {
        [] => Vec::new(),
        names => match desk.store.user_record(open.realm.key, user.key).await.map_err(|error| store_failure(&error))? {
            Some(found) => devices::chosen(&user, &found.record, names)?,
            None => return Err(Failure::new(ExitStatus::NotFound, "the user was removed by somebody else")),
        },
    };
    let mut done = described(&changes);
    if !changes.is_empty() {
        let deed = Deed::to_user("user.set", &user).with("changed", done.join(" "));
        change(desk, open, user.key, &deed, |record| {
            record.user = change_user(&open.realm, &record.user, &changes).map_err(|error| refused(&error))?;
            Ok(())
        })
        .await?;
    }
    for id in &lost_devices {
        devices::remove(desk, open, &user, id).await?;
        done.push(format!("-otp:{id}"));
    }
    if arguments.unlock {
        let audit = desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_user("user.unlock", &user));
        desk.store.clear_login_failures(open.realm.key, Some(user.key), &audit).await.map_err(|error| store_failure(&error))?;
        done.push("unlocked".to_owned());
    }
    if arguments.log_out {
        done.push(format!("{} grants ended", log_out(desk, open, &user).await?));
    }
    let facts = json!({ "action": "user.set", "realm": open.documents.name, "user": user.username, "id": user.id, "changed": done });
    desk.output.done(&format!("user {:?} changed: {}", user.username, done.join(", ")), &facts)
}

/// Changes a user's record, again when somebody else was faster.
pub(super) async fn change(
    desk: &Desk,
    open: &OpenRealm,
    key: UserKey,
    deed: &Deed,
    mut decide: impl FnMut(&mut UserRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for _ in 0..RACE_ATTEMPTS_MAX {
        let found = desk.store.user_record(open.realm.key, key).await.map_err(|error| store_failure(&error))?;
        let Some(mut found) = found else { return Err(Failure::new(ExitStatus::NotFound, "the user was removed by somebody else")) };
        decide(&mut found.record)?;
        let audit = desk.record(open.realm.key, EventKind::AdminChange, deed);
        let changed = desk.store.put_user(open.realm.key, &found.record, found.version, email_rule(open), &audit).await;
        match changed.map_err(|error| store_failure(&error))? {
            UserChanged::Yes => return Ok(()),
            UserChanged::Raced => {}
            in_the_way => return Err(taken(in_the_way, &found.record)),
        }
    }
    Err(Failure::new(ExitStatus::Conflict, "the user is being changed by somebody else, again and again")
        .with_hint("run the command again in a moment; nothing was changed"))
}

/// Ends all sessions of a user, and answers how many grants that were.
pub(super) async fn log_out(desk: &Desk, open: &OpenRealm, user: &User) -> Result<usize, Failure> {
    let audit = desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_user("user.log-out", user));
    let ended = desk.store.end_grants(&GrantFilter::user(open.realm.key, user.key), &audit).await;
    ended.map(|grants| grants.len()).map_err(|error| store_failure(&error))
}

fn all_changes(open: &OpenRealm, arguments: &SetArguments) -> Vec<UserChange> {
    let role = |name: &String| RoleName::parse(name, &open.documents);
    // Removed first, so that what is both removed and added ends up there.
    let mut changes: Vec<UserChange> = arguments.remove_roles.iter().map(|name| UserChange::RemoveRole(role(name))).collect();
    changes.extend(arguments.remove_groups.iter().map(|path| UserChange::RemoveGroup(path.clone())));
    changes.extend(arguments.remove_attributes.iter().map(|name| UserChange::Attribute(name.clone(), Vec::new())));
    changes.extend(arguments.remove_required_actions.iter().map(|action| UserChange::RemoveRequiredAction(action.clone())));
    changes.extend(changes_of(open, &arguments.properties));
    changes.extend(arguments.add_required_actions.iter().map(|action| UserChange::AddRequiredAction(action.clone())));
    changes
}

fn changes_of(open: &OpenRealm, properties: &Properties) -> Vec<UserChange> {
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut changes = Vec::new();
    changes.extend(properties.email.as_ref().map(|email| UserChange::Email(filled(email))));
    changes
        .extend((properties.email_verified || properties.email_unverified).then_some(UserChange::EmailVerified(properties.email_verified)));
    changes.extend(properties.first_name.as_ref().map(|name| UserChange::FirstName(filled(name))));
    changes.extend(properties.last_name.as_ref().map(|name| UserChange::LastName(filled(name))));
    changes.extend(grouped(&properties.attributes).into_iter().map(|(name, values)| UserChange::Attribute(name, values)));
    changes.extend(properties.add_roles.iter().map(|name| UserChange::AddRole(RoleName::parse(name, &open.documents))));
    changes.extend(properties.add_groups.iter().map(|path| UserChange::AddGroup(path.clone())));
    changes.extend((properties.enabled || properties.disabled).then_some(UserChange::Enabled(properties.enabled)));
    changes
}

/// What was changed, by name: for the audit log and the screen. Values of attributes may be private, names of roles are not.
fn described(changes: &[UserChange]) -> Vec<String> {
    use freshkey_core::role::RoleContainer;
    let role = |role: &RoleName| match &role.container {
        RoleContainer::Realm => role.name.clone(),
        RoleContainer::Client(client_id) => format!("{client_id}/{}", role.name),
    };
    let describe = |change: &UserChange| match change {
        UserChange::AddRole(name) => format!("+role:{}", role(name)),
        UserChange::RemoveRole(name) => format!("-role:{}", role(name)),
        UserChange::AddGroup(path) => format!("+group:{path}"),
        UserChange::RemoveGroup(path) => format!("-group:{path}"),
        UserChange::Attribute(name, values) if values.is_empty() => format!("-attribute:{name}"),
        UserChange::Attribute(name, _) => format!("attribute:{name}"),
        UserChange::Email(_) => "email".to_owned(),
        UserChange::EmailVerified(true) => "email-verified".to_owned(),
        UserChange::EmailVerified(false) => "email-unverified".to_owned(),
        UserChange::FirstName(_) => "first-name".to_owned(),
        UserChange::LastName(_) => "last-name".to_owned(),
        UserChange::Enabled(true) => "enabled".to_owned(),
        UserChange::Enabled(false) => "disabled".to_owned(),
        UserChange::AddRequiredAction(action) => format!("+required-action:{action}"),
        UserChange::RemoveRequiredAction(action) => format!("-required-action:{action}"),
        UserChange::NotBefore(_) => "not-before".to_owned(),
    };
    changes.iter().map(describe).collect()
}

fn email_rule(open: &OpenRealm) -> EmailRule {
    if open.documents.document.get("duplicateEmailsAllowed") == Some(&Value::Bool(true)) { EmailRule::MayRepeat } else { EmailRule::Unique }
}

fn taken(what: UserChanged, record: &UserRecord) -> Failure {
    let message = match what {
        UserChanged::EmailTaken => format!("another user has the e-mail address {:?}", record.user.email.as_deref().unwrap_or_default()),
        UserChanged::NameTaken | UserChanged::Yes | UserChanged::Raced => format!("there is a user {:?} already", record.user.username),
    };
    let hint = match what {
        UserChanged::EmailTaken => "`user list --search` finds that user; nothing was changed",
        UserChanged::NameTaken | UserChanged::Yes | UserChanged::Raced => "`user set` changes that user; nothing was changed",
    };
    Failure::new(ExitStatus::Conflict, message).with_hint(hint)
}
