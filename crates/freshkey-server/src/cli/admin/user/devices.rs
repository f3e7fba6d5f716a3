//! A user's devices for one-time codes: shown, and taken away. Making one is the user's affair.

use crate::cli::admin::{Deed, Desk, OpenRealm, not_found};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::change::Applied;
use freshkey_core::documents::{CredentialRecord, UserRecord};
use freshkey_core::event::EventKind;
use freshkey_core::one_time_codes::{Counts, read_device};
use freshkey_core::passwords::ONE_TIME_CODE_KIND;
use freshkey_core::user::User;
use serde_json::{Value, json};

/// All of them, in words: `"phone" (totp)`.
pub(super) fn described(record: &UserRecord) -> String {
    let words: Vec<String> = devices(record).map(|device| format!("{} ({})", name(device), kind(device))).collect();
    words.join(", ")
}

/// All of them, for programs. Nothing of the secret is in it.
pub(super) fn shown(record: &UserRecord) -> Value {
    devices(record).map(|device| json!({ "id": device.id, "userLabel": label(device), "kind": kind(device) })).collect()
}

/// The ids of the devices with these labels or ids; nothing when one of them names no device, or two.
pub(super) fn chosen(user: &User, record: &UserRecord, names: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for name in names {
        let found: Vec<&CredentialRecord> =
            devices(record).filter(|device| device.id == *name || label(device) == Some(name.as_str())).collect();
        match found.as_slice() {
            [] => {
                let hint = match described(record) {
                    none if none.is_empty() => "the user has no device for one-time codes; nothing was changed".to_owned(),
                    devices => format!("there are {devices}; nothing was changed"),
                };
                return Err(not_found(&format!("device {name:?} of user {:?}", user.username)).with_hint(hint));
            }
            [one] => ids.push(one.id.clone()),
            several => {
                let all: Vec<&str> = several.iter().map(|device| device.id.as_str()).collect();
                return Err(Failure::new(ExitStatus::Conflict, format!("user {:?} has several devices {name:?}", user.username))
                    .with_hint(format!("name one by its id, {}; nothing was changed", all.join(" or "))));
            }
        }
    }
    Ok(ids)
}

/// Takes a device away. The next sign-in does without it.
pub(super) async fn remove(desk: &Desk, open: &OpenRealm, user: &User, id: &str) -> Result<(), Failure> {
    let deed = Deed::to_user("user.remove-otp", user).with("credential", id.to_owned());
    let audit = desk.record(open.realm.key, EventKind::AdminChange, &deed);
    match desk.store.remove_credential(open.realm.key, user.key, id, &audit).await.map_err(|error| store_failure(&error))? {
        Applied::Yes => Ok(()),
        Applied::Raced => Err(not_found(&format!("device {id} of user {:?} any more: somebody else was faster", user.username))),
    }
}

fn devices(record: &UserRecord) -> impl Iterator<Item = &CredentialRecord> {
    record.credentials.iter().filter(|credential| credential.kind == ONE_TIME_CODE_KIND)
}

fn label(device: &CredentialRecord) -> Option<&str> {
    device.document.get("userLabel").and_then(Value::as_str).filter(|label| !label.is_empty())
}

fn name(device: &CredentialRecord) -> String {
    label(device).map_or_else(|| device.id.clone(), |label| format!("{label:?}"))
}

fn kind(device: &CredentialRecord) -> &'static str {
    match read_device(&device.id, &device.document, &device.secret, None).map(|device| device.counts) {
        Some(Counts::Events) => "hotp",
        Some(Counts::Periods { .. }) => "totp",
        None => "unreadable: no code of it is right",
    }
}
