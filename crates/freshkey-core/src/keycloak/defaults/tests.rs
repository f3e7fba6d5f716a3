use super::*;
use crate::client::{Allowed, ClientKind};
use crate::keycloak::build_realm;
use crate::keycloak::testing::{Seeded, keys, stored};
use crate::passwords::PolicyRule;
use crate::role::RoleContainer;
use freshkey_protocol::jose::Algorithm;
use std::collections::HashSet;

#[test]
fn a_new_realm_is_read_without_a_word() {
    let documents = stored(new_realm("Shop", &Seeded::new(), keys()));
    let (realm, warnings) = build_realm(&documents).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(realm.settings.lifetimes.access_token_lifespan_s, 300);
    assert_eq!(realm.clients.len(), 6);
    assert_eq!(realm.scopes.len(), 12);
    assert_eq!(realm.clients["account"].default_scopes.len(), 6);
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs512] {
        assert!(realm.keys.signer(algorithm).is_some(), "{algorithm:?}");
    }
    assert!(realm.roles.find(&RoleContainer::Realm, "default-roles-shop").is_some());
}

#[test]
fn the_default_role_brings_what_keycloak_gives_everyone() {
    let documents = stored(new_realm("shop", &Seeded::new(), keys()));
    let (realm, _) = build_realm(&documents).unwrap();
    let mut set = realm.roles.empty_set();
    realm.roles.insert_expanded(&mut set, realm.roles.find(&RoleContainer::Realm, "default-roles-shop").unwrap());
    let names: Vec<&str> = set.iter().map(|index| realm.roles.role(index).name.as_str()).collect();
    let expected = ["default-roles-shop", "offline_access", "uma_authorization", "manage-account", "manage-account-links", "view-profile"];
    assert_eq!(names, expected);
}

#[test]
fn ids_of_a_new_realm_are_unique() {
    let realm = new_realm("shop", &Seeded::new(), keys());
    let ids: HashSet<(ItemKind, &str)> = realm.items.iter().map(|item| (item.kind, item.id.as_str())).collect();
    let names: HashSet<(ItemKind, &str)> = realm.items.iter().map(|item| (item.kind, item.name.as_str())).collect();
    assert_eq!((ids.len(), names.len()), (realm.items.len(), realm.items.len()));
}

#[test]
fn the_realm_ua_has_what_the_page_needs() {
    let documents = stored(realm_ua(&["https://home.example.org/*"], &Seeded::new(), keys()));
    let (realm, _) = build_realm(&documents).unwrap();
    let lifetimes = &realm.settings.lifetimes;
    assert_eq!(lifetimes.access_token_lifespan_s, 3600);
    assert_eq!((lifetimes.session_idle_s, lifetimes.session_max_s), (604_800, 2_592_000));
    assert_eq!((lifetimes.offline_session_idle_s, lifetimes.offline_session_max_s), (2_592_000, None));
    assert!(realm.settings.password_policy.rules().contains(&PolicyRule::LengthMin(8)));
    assert_eq!(realm.settings.password_policy.unsupported().count(), 0);
    assert_eq!(realm.settings.brute_force.protection, crate::brute_force::Protection::On);
    for role in ["admin", "member"] {
        assert!(realm.roles.find(&RoleContainer::Realm, role).is_some(), "{role}");
    }
    let grant = &realm.clients["ua-grant"];
    assert_eq!(
        (grant.kind, grant.direct_access_grants, grant.offline_upgrade_on_refresh),
        (ClientKind::Public, Allowed::Yes, Allowed::Yes)
    );
    let ua = &realm.clients["ua"];
    assert_eq!((ua.kind, ua.direct_access_grants, ua.offline_upgrade_on_refresh), (ClientKind::Confidential, Allowed::Yes, Allowed::No));
    for client in [grant, ua] {
        assert!(client.optional_scopes.contains(&"offline_access".to_owned()) && client.default_scopes.contains(&"ua".to_owned()));
    }
    let mappers: Vec<&str> = realm.scopes["ua"].mappers.iter().map(|mapper| mapper.name.as_str()).collect();
    assert_eq!(mappers, ["department", "uid", "gid", "groups"]);
    let item = documents.items.iter().find(|item| item.name == "ua" && item.kind == ItemKind::Client).unwrap();
    assert_eq!(crate::keycloak::edit::client_secret(item).unwrap().expose().len(), 32);
    assert!(!item.document.to_string().contains(crate::keycloak::edit::client_secret(item).unwrap().expose().as_str()));
}

#[test]
fn t_013_no_client_but_ua_grant_upgrades_on_refresh() {
    let (ua, _) = build_realm(&stored(realm_ua(&[], &Seeded::new(), keys()))).unwrap();
    let (other, _) = build_realm(&stored(new_realm("other", &Seeded::new(), keys()))).unwrap();
    let upgrading = |realm: &crate::realm::Realm| {
        realm
            .clients
            .values()
            .filter(|client| client.offline_upgrade_on_refresh.is_yes())
            .map(|client| client.client_id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(upgrading(&ua), ["ua-grant"]);
    assert!(upgrading(&other).is_empty());
}

#[test]
fn client_secrets_differ_and_have_only_letters_and_digits() {
    let entropy = Seeded::new();
    let secrets: HashSet<String> = (0..100).map(|_| random_client_secret(&entropy).expose().clone()).collect();
    assert_eq!(secrets.len(), 100);
    assert!(secrets.iter().all(|secret| secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())));
}
