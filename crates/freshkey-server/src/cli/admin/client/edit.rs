//! `admin client add`, `set` and `remove`.

use super::Properties;
use super::show::find;
use crate::cli::admin::change::{Draft, change_realm};
use crate::cli::admin::{Deed, Desk, OpenRealm, RealmOption};
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::change::Applied;
use freshkey_core::documents::{ConfigItem, UserRecord};
use freshkey_core::event::EventKind;
use freshkey_core::keycloak::edit::{
    Edit, ScopeAssignment, add_client, assign_scope, make_confidential, make_public, remove_client, set_client,
};
use freshkey_core::keycloak::import::{default_role, service_account_user};
use freshkey_protocol::Secret;
use freshkey_store::{EmailRule, UserCreated};
use serde_json::{Map, Value, json};

pub(super) async fn add(desk: &Desk, realm: &RealmOption, properties: &Properties) -> Result<(), Failure> {
    let client_id = &properties.client_id;
    let deed = Deed::to_client("client.add", client_id).with("changed", changed(properties).join(" "));
    let (open, secret) = change_realm(desk, realm, EventKind::AdminChange, |_, draft| {
        let made = draft.edit_with(|documents| add_client(documents, beginning(properties), desk.now, &desk.entropy))?;
        apply(draft, properties)?;
        Ok((made, deed.clone()))
    })
    .await?;
    link_service_account(desk, realm, client_id).await?;
    tell(desk, &open, "client.add", &format!("client {client_id:?} is added"), properties, secret.as_ref())
}

pub(super) async fn set(desk: &Desk, realm: &RealmOption, properties: &Properties) -> Result<(), Failure> {
    let client_id = &properties.client_id;
    let changed = changed(properties);
    if changed.is_empty() {
        return Err(Failure::new(ExitStatus::Usage, "nothing is to be changed").with_hint("`client set --help` lists what can be"));
    }
    let deed = Deed::to_client("client.set", client_id).with("changed", changed.join(" "));
    let (open, secret) = change_realm(desk, realm, EventKind::AdminChange, |open, draft| {
        find(open, client_id)?;
        let mut secret = None;
        if properties.confidential {
            secret = Some(draft.edit_with(|documents| make_confidential(documents, client_id, desk.now, &desk.entropy))?);
        }
        if properties.public {
            draft.edit(|documents| make_public(documents, client_id))?;
        }
        apply(draft, properties)?;
        Ok((secret, deed.clone()))
    })
    .await?;
    link_service_account(desk, realm, client_id).await?;
    tell(desk, &open, "client.set", &format!("client {client_id:?} changed: {}", changed.join(", ")), properties, secret.as_ref())
}

pub(super) async fn remove(desk: &Desk, realm: &RealmOption, client_id: &str) -> Result<(), Failure> {
    let (open, ()) = change_realm(desk, realm, EventKind::AdminChange, |open, draft| {
        find(open, client_id)?;
        draft.edit(|documents| remove_client(documents, client_id))?;
        Ok(((), Deed::to_client("client.remove", client_id)))
    })
    .await?;
    remove_service_account(desk, &open, client_id).await?;
    desk.output.done(
        &format!("client {client_id:?} is removed"),
        &json!({ "action": "client.remove", "realm": open.documents.name, "clientId": client_id }),
    )
}

/// What a client is before its fields are set.
fn beginning(properties: &Properties) -> Map<String, Value> {
    let is_public = properties.public && !properties.confidential;
    let fields = json!({ "clientId": properties.client_id, "enabled": true, "publicClient": is_public, "protocol": "openid-connect", "fullScopeAllowed": true });
    fields.as_object().cloned().unwrap_or_default()
}

fn apply(draft: &mut Draft, properties: &Properties) -> Result<(), Failure> {
    let client_id = &properties.client_id;
    if !properties.fields.is_empty() {
        draft.edit(|documents| set_client(documents, client_id, &properties.fields.pairs()))?;
    }
    let lists = [
        (&properties.remove_scopes, ScopeAssignment::None),
        (&properties.default_scopes, ScopeAssignment::Default),
        (&properties.optional_scopes, ScopeAssignment::Optional),
    ];
    for (scopes, assignment) in lists {
        for scope in scopes {
            draft.edit(|documents| assign_scope(documents, client_id, scope, assignment))?;
        }
    }
    Ok(())
}

fn tell(
    desk: &Desk,
    open: &OpenRealm,
    action: &str,
    sentence: &str,
    properties: &Properties,
    secret: Option<&Secret<String>>,
) -> Result<(), Failure> {
    let client_id = &properties.client_id;
    match secret {
        Some(secret) => {
            desk.output.say(&format!("{sentence}; its secret is on standard output"));
            desk.output.secret(client_id, secret)
        }
        None => desk.output.done(
            sentence,
            &json!({ "action": action, "realm": open.documents.name, "clientId": client_id, "changed": changed(properties) }),
        ),
    }
}

fn changed(properties: &Properties) -> Vec<String> {
    let mut changed = Vec::new();
    changed.extend(properties.confidential.then(|| "confidential".to_owned()));
    changed.extend(properties.public.then(|| "public".to_owned()));
    changed.extend(properties.fields.pairs().into_iter().map(|(name, _)| name.to_owned()));
    changed.extend(properties.default_scopes.iter().map(|scope| format!("+default-scope:{scope}")));
    changed.extend(properties.optional_scopes.iter().map(|scope| format!("+optional-scope:{scope}")));
    changed.extend(properties.remove_scopes.iter().map(|scope| format!("-scope:{scope}")));
    changed
}

/// Field of ours in a client's document: the id of the user that stands for it.
const SERVICE_ACCOUNT_FIELD: &str = "freshkey.serviceAccountUserId";

/// Makes the user that stands for a client, if the client is to have one and has none yet.
async fn link_service_account(desk: &Desk, realm: &RealmOption, client_id: &str) -> Result<(), Failure> {
    let open = desk.realm(realm).await?;
    let (client, _) = find(&open, client_id)?;
    if !client.service_accounts.is_yes() {
        return Ok(());
    }
    let found = desk.store.service_account(open.realm.key, client.key).await.map_err(|error| store_failure(&error))?;
    let user = match found {
        Some(user) if client.service_account == Some(user.key) => return Ok(()),
        Some(user) => user,
        None => {
            let user = service_account_user(client, default_role(&open.documents), desk.now, &desk.entropy);
            let record = UserRecord { user: user.clone(), credentials: Vec::new(), other: Value::Object(Map::new()) };
            let audit = desk.record(
                open.realm.key,
                EventKind::AdminChange,
                &Deed::to_user("user.add", &user).with("service_account_of", client_id),
            );
            match desk
                .store
                .create_user(open.realm.key, &record, EmailRule::MayRepeat, &audit)
                .await
                .map_err(|error| store_failure(&error))?
            {
                UserCreated::Yes => user,
                _ => {
                    return Err(Failure::new(
                        ExitStatus::Conflict,
                        format!("there is a user {:?} already, which is not the client's", user.username),
                    )
                    .with_hint("remove or rename that user, then run the command again; the client has no service account until then"));
                }
            }
        }
    };
    change_realm(desk, realm, EventKind::AdminChange, |open, draft| {
        let (_, item) = find(open, client_id)?;
        let mut item: ConfigItem = item.clone();
        item.document[SERVICE_ACCOUNT_FIELD] = json!(user.id);
        draft.edit(|_| Ok(Edit { changed: vec![item], ..Edit::default() }))?;
        Ok(((), Deed::to_client("client.link-service-account", client_id)))
    })
    .await
    .map(drop)
}

async fn remove_service_account(desk: &Desk, open: &OpenRealm, client_id: &str) -> Result<(), Failure> {
    let (client, _) = find(open, client_id)?;
    let Some(user) = desk.store.service_account(open.realm.key, client.key).await.map_err(|error| store_failure(&error))? else {
        return Ok(());
    };
    let audit =
        desk.record(open.realm.key, EventKind::AdminChange, &Deed::to_user("user.remove", &user).with("service_account_of", client_id));
    // Somebody else may have removed it at the same moment: then it is gone, as it should be.
    let (Applied::Yes | Applied::Raced) =
        desk.store.delete_user(open.realm.key, user.key, &audit).await.map_err(|error| store_failure(&error))?;
    Ok(())
}
