use super::*;
use crate::client::{ClientAuthentication, ClientKind};
use crate::entropy::Entropy;
use crate::keycloak::testing::{Seeded, imported, keys, now, rsa_key, stored};
use crate::keycloak::users::Credentials;
use crate::role::RoleContainer;
use freshkey_protocol::jose::Algorithm;
use serde_json::{Map, json};

fn after(documents: &RealmDocuments, edit: &Edit) -> (RealmDocuments, Realm) {
    let documents = applied(documents, edit);
    let (realm, _) = build_realm(&documents).unwrap();
    (documents, realm)
}

fn secrets_of(realm: &Realm, client_id: &str) -> Vec<(String, Option<i64>)> {
    match &realm.clients[client_id].authentication {
        ClientAuthentication::Secret(secrets) => {
            secrets.iter().map(|secret| (secret.value.expose().clone(), secret.accepted_until)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn field_error(result: Result<Edit, EditError>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn realm_fields_are_set_from_texts() {
    let documents = imported();
    let edit = set_realm(
        &documents,
        &[
            ("revokeRefreshToken", "false"),
            ("accessTokenLifespan", "120"),
            ("passwordPolicy", ""),
            ("attributes.freshkey.offline.grants.max", "0"),
            ("eventsListeners", "a, b"),
            ("smtpServer", "{\"host\":\"x\",\"password\":\"new\"}"),
        ],
    )
    .unwrap();
    let (documents, realm) = after(&documents, &edit);
    assert_eq!(realm.settings.rotation.default, crate::client::Rotation::Off);
    assert_eq!(realm.settings.lifetimes.access_token_lifespan_s, 120);
    assert_eq!(realm.settings.offline_grants_max, None);
    assert!(realm.settings.password_policy.rules().is_empty());
    assert_eq!(documents.document["eventsListeners"], json!(["a", "b"]));
    assert_eq!(documents.document["smtpServer"], json!({ "host": "x" }));
    let exported = crate::keycloak::export::export_realm(&documents);
    assert_eq!(exported["smtpServer"]["password"], "new");
    assert_eq!(exported["identityProviders"][0]["config"]["clientSecret"], "github-canary-secret", "other secrets stay");
}

#[test]
fn wrong_assignments_are_refused_with_a_hint() {
    let documents = imported();
    for (field, text, expected) in [
        ("accesTokenLifespan", "1", "there is no field accesTokenLifespan; did you mean accessTokenLifespan?"),
        ("revokerefreshtoken", "true", "did you mean revokeRefreshToken?"),
        ("somethingFromTheFuture", "1", "there is no field somethingFromTheFuture"),
        ("accessTokenLifespan", "1h", "accessTokenLifespan: expected a whole number"),
        ("revokeRefreshToken", "yes", "revokeRefreshToken: expected true or false"),
        ("realm", "other", "realm can't be changed as a field"),
        ("accessTokenLifespan.x", "1", "there is no field accessTokenLifespan.x"),
        ("sslRequired", "sometimes", "sslRequired is \"sometimes\", expected none, external or all"),
        ("accessTokenLifespan", "99999999999", "expected at most 2147483647 seconds"),
        ("attributes.freshkey.refresh.grace.seconds", "600", "expected a number from 0 to 60"),
    ] {
        let found = field_error(set_realm(&documents, &[(field, text)]));
        assert!(found.contains(expected), "{field}={text}: {found}");
    }
}

#[test]
fn t_041_setting_one_field_changes_no_other() {
    let documents = imported();
    let edit = set_realm(&documents, &[("displayName", "New")]).unwrap();
    let mut expected = documents.document.clone();
    expected["displayName"] = json!("New");
    assert_eq!(edit.document.as_ref(), Some(&expected));
    let edit = set_client(&documents, "portal", &[("name", "New")]).unwrap();
    let before = find(&documents, ItemKind::Client, "portal").unwrap();
    let mut expected = secrets::whole(before);
    expected["name"] = json!("New");
    assert_eq!(secrets::whole(&edit.changed[0]), expected);
    assert!(edit.document.is_none() && edit.changed.len() == 1 && edit.removed.is_empty());
}

#[test]
fn a_public_client_becomes_confidential_with_a_secret() {
    let documents = stored(crate::keycloak::defaults::realm_ua(&[], &Seeded::new(), keys()));
    let (edit, secret) = make_confidential(&documents, "ua-grant", now(), &Seeded::new()).unwrap();
    assert!(!edit.changed[0].document.to_string().contains(secret.expose().as_str()));
    let (documents, realm) = after(&documents, &edit);
    assert_eq!(realm.clients["ua-grant"].kind, ClientKind::Confidential);
    assert_eq!(secrets_of(&realm, "ua-grant"), [(secret.expose().clone(), None)]);
    assert!(realm.clients["ua-grant"].offline_upgrade_on_refresh.is_yes(), "the rest stays");
    let (_, realm) = after(&documents, &make_public(&documents, "ua-grant").unwrap());
    assert_eq!(realm.clients["ua-grant"].kind, ClientKind::Public);
}

#[test]
fn a_rotated_secret_overlaps_for_as_long_as_was_said() {
    let documents = imported();
    let (_, before) = after(&documents, &Edit::default());
    let old = secrets_of(&before, "portal")[0].0.clone();
    let (edit, new) = rotate_client_secret(&documents, "portal", 86_400, now(), &Seeded::new()).unwrap();
    let (documents, realm) = after(&documents, &edit);
    assert_eq!(secrets_of(&realm, "portal"), [(new.expose().clone(), None), (old, Some(now().seconds() + 86_400))]);
    let (edit, newest) = rotate_client_secret(&documents, "portal", 0, now(), &Seeded::new()).unwrap();
    let (_, realm) = after(&documents, &edit);
    assert_eq!(secrets_of(&realm, "portal"), [(newest.expose().clone(), None)], "no overlap: both old ones are dead");
    for (client_id, overlap_s) in [("account", 0), ("broker", 0), ("portal", -1), ("portal", i64::MAX)] {
        assert!(rotate_client_secret(&documents, client_id, overlap_s, now(), &Seeded::new()).is_err(), "{client_id} {overlap_s}");
    }
}

#[test]
fn clients_come_and_go() {
    let documents = imported();
    let new = |fields: Value| match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let (edit, secret) = add_client(&documents, new(json!({ "clientId": "fresh" })), now(), &Seeded::new()).unwrap();
    let (with, realm) = after(&documents, &edit);
    let client = &realm.clients["fresh"];
    assert_eq!((client.kind, client.full_scope_allowed, client.direct_access_grants.is_yes()), (ClientKind::Confidential, true, false));
    assert_eq!(secrets_of(&realm, "fresh"), [(secret.unwrap().expose().clone(), None)]);
    assert!(client.has_scope("email") && client.has_scope("offline_access"));
    assert!(matches!(add_client(&with, new(json!({ "clientId": "fresh" })), now(), &Seeded::new()), Err(EditError::Exists(_))));
    assert!(matches!(add_client(&with, new(json!({ "clientId": "" })), now(), &Seeded::new()), Err(EditError::Refused(_))));
    let (without, realm) = after(&with, &remove_client(&with, "reports-api").unwrap());
    assert!(!realm.clients.contains_key("reports-api"));
    assert!(without.items.iter().all(|item| !item.name.starts_with("reports-api")), "its roles are gone too");
    let missing = field_error(set_client(&documents, "portl", &[("enabled", "false")]));
    assert_eq!(missing, "there is no client \"portl\"; did you mean portal?");
}

#[test]
fn scopes_of_clients_are_assigned() {
    let documents = imported();
    let (documents, realm) = after(&documents, &assign_scope(&documents, "portal", "phone", ScopeAssignment::Default).unwrap());
    assert!(realm.clients["portal"].default_scopes.contains(&"phone".to_owned()));
    assert!(!realm.clients["portal"].optional_scopes.contains(&"phone".to_owned()));
    let (_, realm) = after(&documents, &assign_scope(&documents, "portal", "phone", ScopeAssignment::None).unwrap());
    assert!(!realm.clients["portal"].has_scope("phone") && realm.clients["portal"].has_scope("email"));
    assert!(assign_scope(&documents, "portal", "fone", ScopeAssignment::None).is_err());
}

#[test]
fn roles_composites_and_mappings_are_changed() {
    let documents = imported();
    let auditor = RoleName::of_realm("auditor");
    let (documents, _) = after(&documents, &add_role(&documents, &auditor, None, &Seeded::new()).unwrap());
    assert!(matches!(add_role(&documents, &auditor, None, &Seeded::new()), Err(EditError::Exists(_))));
    let read = RoleName::parse("reports-api/read", &documents);
    assert_eq!(read, RoleName::of_client("reports-api", "read"));
    let (documents, realm) = after(&documents, &set_composite(&documents, &auditor, &read, Membership::In).unwrap());
    let index = |realm: &Realm, role: &RoleName| realm.roles.find(&role.container, &role.name).unwrap();
    let expanded = |realm: &Realm| {
        let mut set = realm.roles.empty_set();
        realm.roles.insert_expanded(&mut set, index(realm, &auditor));
        set.contains(index(realm, &read))
    };
    assert!(expanded(&realm));
    let (documents, realm) = after(&documents, &set_composite(&documents, &auditor, &read, Membership::Out).unwrap());
    assert!(!expanded(&realm));
    let worker = MappedTo::Client("worker");
    let (documents, realm) = after(&documents, &set_scope_mapping(&documents, worker, &auditor, Membership::In).unwrap());
    assert!(realm.clients["worker"].role_scope.contains(index(&realm, &auditor)));
    let (documents, realm) = after(&documents, &set_scope_mapping(&documents, worker, &read, Membership::In).unwrap());
    assert!(realm.clients["worker"].role_scope.contains(index(&realm, &read)));
    let (documents, realm) = after(&documents, &remove_role(&documents, &auditor).unwrap());
    assert!(realm.roles.find(&RoleContainer::Realm, "auditor").is_none());
    assert!(!documents.document["scopeMappings"].to_string().contains("auditor"));
    let default = RoleName::of_realm("default-roles-analytics");
    assert!(matches!(remove_role(&documents, &default), Err(EditError::NotApplicable(_))));
}

#[test]
fn a_removed_role_is_gone_from_composites_and_groups() {
    let documents = imported();
    let (documents, realm) = after(&documents, &remove_role(&documents, &RoleName::of_client("reports-api", "read")).unwrap());
    let groups: String =
        documents.items.iter().filter(|item| item.kind != ItemKind::Client).map(|item| item.document.to_string()).collect();
    assert!(!groups.contains("\"read\""));
    let data = realm.groups.find("/engineering/data").unwrap();
    assert!(data.group.roles.is_empty());
}

#[test]
fn groups_come_and_go() {
    let documents = imported();
    let (documents, realm) = after(&documents, &add_group(&documents, "/guests/vip", &Seeded::new()).unwrap());
    assert!(realm.groups.find("/guests/vip").is_some());
    assert!(add_group(&documents, "/guests/vip", &Seeded::new()).is_err());
    assert!(add_group(&documents, "/nowhere/x", &Seeded::new()).is_err());
    assert!(add_group(&documents, "x", &Seeded::new()).is_err());
    let roles = [RoleName::of_realm("admin"), RoleName::of_client("account", "view-profile")];
    let change = GroupRoles { roles: &roles, membership: Membership::In };
    let (documents, realm) = after(&documents, &set_group_roles(&documents, "/guests", change).unwrap());
    assert_eq!(realm.groups.find("/guests/vip").unwrap().inherited_roles.len(), 2);
    let (documents, realm) = after(&documents, &set_group_attribute(&documents, "/guests", "site", &["Rome"]).unwrap());
    assert_eq!(realm.groups.find("/guests").unwrap().group.attributes["site"], ["Rome"]);
    let (_, realm) = after(&documents, &remove_group(&documents, "/guests").unwrap());
    assert!(realm.groups.find("/guests").is_none() && realm.groups.find("/guests/vip").is_none());
    assert!(realm.groups.find("/engineering/data/night shift").is_some());
}

#[test]
fn a_new_key_signs_and_an_old_one_still_verifies() {
    let documents = imported();
    let (_, realm) = after(&documents, &Edit::default());
    let old = realm.keys.signer(Algorithm::Hs512).unwrap().key_id().clone();
    let (documents, realm) = after(&documents, &add_key(&documents, Algorithm::Hs512, None, &Seeded::new()).unwrap());
    let new = realm.keys.signer(Algorithm::Hs512).unwrap().key_id().clone();
    assert_ne!(old, new);
    assert!(realm.keys.verifier(Some(&old), Algorithm::Hs512).is_some());
    // Not by luck of the draw among equals: ids are random.
    let priority = |key_id| realm.keys.iter().find(|entry| entry.signing.key_id() == key_id).unwrap().priority;
    assert!(priority(&new) > priority(&old));
    let (documents, realm) = after(&documents, &retire_active_keys(&documents, Algorithm::Hs512).unwrap());
    assert_eq!(*realm.keys.signer(Algorithm::Hs512).unwrap().key_id(), new);
    assert!(realm.keys.verifier(Some(&old), Algorithm::Hs512).is_some());
    let (documents, realm) = after(&documents, &set_key_use(&documents, old.as_str(), KeyUse::Nothing).unwrap());
    assert!(realm.keys.verifier(Some(&old), Algorithm::Hs512).is_none());
    let (_, realm) = after(&documents, &add_key(&documents, Algorithm::Ps256, Some(rsa_key()), &Seeded::new()).unwrap());
    assert!(realm.keys.signer(Algorithm::Ps256).is_some());
    assert!(add_key(&documents, Algorithm::Rs256, None, &Seeded::new()).is_err());
    assert!(set_key_use(&documents, "nobody", KeyUse::Nothing).is_err());
}

#[test]
fn users_are_made_and_changed() {
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let entropy: &dyn Entropy = &Seeded::new();
    let mut record = new_user(&documents, &realm, "Demo", now(), entropy).unwrap();
    assert_eq!((record.user.username.as_str(), record.user.enabled, record.user.roles.len()), ("demo", true, 1));
    assert!(new_user(&documents, &realm, "a\nb", now(), entropy).is_err());
    let changes = [
        UserChange::AddRole(RoleName::of_realm("admin")),
        UserChange::AddGroup("/guests".to_owned()),
        UserChange::Attribute("department".to_owned(), vec!["blue".to_owned()]),
        UserChange::Email(Some("Demo@Example.org".to_owned())),
        UserChange::AddRequiredAction("UPDATE_PASSWORD".to_owned()),
    ];
    record.user = change_user(&realm, &record.user, &changes).unwrap();
    let shown = crate::keycloak::users::write_user(&realm, &record, Credentials::LeftOut);
    assert_eq!(shown["realmRoles"], json!(["admin", "default-roles-analytics"]));
    assert_eq!((&shown["email"], &shown["groups"]), (&json!("demo@example.org"), &json!(["/guests"])));
    let undo = [
        UserChange::RemoveRole(RoleName::of_realm("admin")),
        UserChange::RemoveGroup("/guests".to_owned()),
        UserChange::Attribute("department".to_owned(), Vec::new()),
        UserChange::RemoveRequiredAction("UPDATE_PASSWORD".to_owned()),
        UserChange::Enabled(false),
    ];
    let undone = change_user(&realm, &record.user, &undo).unwrap();
    assert!(undone.roles.len() == 1 && undone.groups.is_empty() && undone.attributes.is_empty() && undone.required_actions.is_empty());
    assert!(!undone.enabled);
    let unknown = change_user(&realm, &record.user, &[UserChange::Enabled(false), UserChange::AddRole(RoleName::of_realm("admn"))]);
    assert_eq!(unknown.unwrap_err().to_string(), "there is no role \"admn\"; did you mean admin?");
    assert!(change_user(&realm, &record.user, &[UserChange::Email(Some("nowhere".to_owned()))]).is_err());
}

#[test]
fn a_new_address_is_not_proven() {
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let mut user = new_user(&documents, &realm, "demo", now(), &Seeded::new()).unwrap().user;
    user.email = Some("a@example.org".to_owned());
    user.email_verified = true;
    let email = |address: &str| [UserChange::Email(Some(address.to_owned()))];
    assert!(change_user(&realm, &user, &email("A@example.org")).unwrap().email_verified, "the same one stays proven");
    assert!(!change_user(&realm, &user, &email("b@example.org")).unwrap().email_verified);
}

#[test]
fn a_service_account_is_made_once() {
    let documents = imported();
    let (edit, user) = enable_service_account(&documents, "portal", now(), &Seeded::new()).unwrap();
    let user = user.unwrap();
    let (documents, realm) = after(&documents, &edit);
    assert_eq!(user.username, "service-account-portal");
    assert_eq!((realm.clients["portal"].service_account, user.service_account_of), (Some(user.key), Some(realm.clients["portal"].key)));
    assert!(realm.clients["portal"].service_accounts.is_yes());
    assert!(enable_service_account(&documents, "portal", now(), &Seeded::new()).unwrap().1.is_none());
    let exported = crate::keycloak::export::export_realm(&documents);
    assert!(!Value::Object(exported).to_string().contains("freshkey.serviceAccount"));
}
