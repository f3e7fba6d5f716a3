use super::*;
use crate::client::{Allowed, ClientAuthentication, ClientKind, Rotation, WebOrigins};
use crate::ids::RoleKey;
use crate::keycloak::defaults::new_realm;
use crate::keycloak::testing::{Seeded, changed, import, imported, keys, now, stored};
use crate::lifetimes::AccessTokenLifespan;
use crate::limits::CONFIG_PROBLEMS_MAX;
use crate::realm::{ReuseEnds, SslRequired};
use proptest::prelude::*;
use serde_json::json;

fn realm_of(change: impl FnOnce(&mut Value)) -> (Realm, Vec<ConfigWarning>) {
    build_realm(import(&changed(change)).unwrap().documents()).unwrap()
}

fn names(realm: &Realm, keys: &[RoleKey]) -> Vec<String> {
    keys.iter().map(|key| realm.roles.role(realm.roles.index(*key).unwrap()).name.clone()).collect()
}

#[test]
fn settings_of_the_example_are_read() {
    let (realm, _) = build_realm(&imported()).unwrap();
    let settings = &realm.settings;
    assert!(settings.enabled);
    assert_eq!(settings.ssl_required, SslRequired::External);
    assert_eq!(settings.lifetimes.access_token_lifespan_s, 600);
    assert_eq!(settings.lifetimes.offline_session_max_s, Some(5_184_000));
    assert_eq!(settings.rotation.default, Rotation::On);
    assert_eq!((settings.rotation.reuse_max, settings.rotation.grace_s, settings.rotation.reuse_ends), (1, 0, ReuseEnds::Grant));
    assert_eq!(settings.offline_grants_max, Some(100));
    assert_eq!(settings.frontend_url.as_deref(), Some("https://id.example.org/auth"));
    assert_eq!(settings.events_kept_s, 604_800);
    assert_eq!(settings.brute_force.failures_max, 10);
}

#[test]
fn clients_of_the_example_are_read() {
    let (realm, _) = build_realm(&imported()).unwrap();
    let portal = &realm.clients["portal"];
    assert_eq!(portal.kind, ClientKind::Confidential);
    assert_eq!(portal.web_origins, WebOrigins::These(vec!["https://portal.example.org".to_owned()]));
    assert_eq!(portal.lifetimes.session_idle_s, Some(3600));
    assert_eq!(portal.mappers.len(), 2, "the script is left out");
    assert!(portal.default_scopes.contains(&"profile".to_owned()) && portal.optional_scopes.contains(&"offline_access".to_owned()));
    let job = &realm.clients["nightly-job"];
    assert_eq!(job.lifetimes.access_token, Some(AccessTokenLifespan::Seconds(900)));
    assert_eq!((job.service_accounts, job.refresh_tokens, job.direct_access_grants), (Allowed::Yes, Allowed::Yes, Allowed::No));
    assert_eq!(realm.clients["broker"].kind, ClientKind::BearerOnly);
    assert_eq!(realm.clients["account"].kind, ClientKind::Public);
    assert!(matches!(realm.clients["worker"].authentication, ClientAuthentication::SecretJwt { algorithm: Some(Algorithm::Hs256), .. }));
}

#[test]
fn what_cannot_be_followed_is_a_warning() {
    let (_, warnings) = build_realm(&imported()).unwrap();
    let shown: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(shown.iter().any(|warning| warning.contains("client \"portal\": mapper \"legacy script\"")), "{shown:?}");
    assert!(shown.iter().any(|warning| warning.contains("passwordBlacklist")), "{shown:?}");
    assert_eq!(shown.len(), 2, "{shown:?}");
}

#[test]
fn scope_mappings_own_roles_and_composites_are_in_reach() {
    let (realm, _) = build_realm(&imported()).unwrap();
    let reach = |client_id: &str| {
        let set = &realm.clients[client_id].role_scope;
        set.iter().map(|index| realm.roles.role(index).name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(reach("worker"), ["member"]);
    assert_eq!(reach("reports-api"), ["read", "write"]);
    assert_eq!(reach("account-console"), ["manage-account", "manage-account-links", "view-groups"]);
    assert_eq!(names(&realm, &realm.clients["worker"].scope_mappings), ["member"]);
    assert!(realm.scopes["offline_access"].role_scope.as_ref().unwrap().contains(realm.offline_access_role.unwrap()));
    assert!(realm.scopes["email"].role_scope.is_none());
    assert!(!realm.scopes.contains_key("role_list"), "a SAML scope means nothing here");
}

#[test]
fn groups_inherit_from_their_ancestors() {
    let (realm, _) = build_realm(&imported()).unwrap();
    let night_shift = realm.groups.find("/engineering/data/night shift").unwrap();
    let inherited: Vec<&str> = night_shift.inherited_roles.iter().map(|index| realm.roles.role(*index).name.as_str()).collect();
    assert_eq!(inherited, ["read", "member"]);
}

/// Each security setting, absent: the value that Keycloak gives it at import.
#[test]
fn t_041_absent_is_not_false() {
    let absent = |field: &'static str| {
        move |realm: &mut Value| {
            realm.as_object_mut().unwrap().shift_remove(field);
        }
    };
    let client_absent = |field: &'static str| {
        move |realm: &mut Value| {
            realm["clients"][5].as_object_mut().unwrap().shift_remove(field);
        }
    };
    assert!(realm_of(absent("loginWithEmailAllowed")).0.settings.login_with_email_allowed);
    assert_eq!(realm_of(absent("sslRequired")).0.settings.ssl_required, SslRequired::External);
    assert_eq!(realm_of(absent("ssoSessionIdleTimeout")).0.settings.lifetimes.session_idle_s, 1800);
    assert!(realm_of(client_absent("enabled")).0.clients["portal"].enabled);
    assert_eq!(realm_of(client_absent("publicClient")).0.clients["portal"].kind, ClientKind::Confidential);
    assert!(realm_of(client_absent("fullScopeAllowed")).0.clients["portal"].full_scope_allowed);
    assert_eq!(realm_of(client_absent("directAccessGrantsEnabled")).0.clients["portal"].direct_access_grants, Allowed::No);
    assert_eq!(realm_of(client_absent("attributes")).0.clients["portal"].refresh_tokens, Allowed::Yes);
    let null = realm_of(|realm| realm["clients"][5]["enabled"] = Value::Null).0;
    assert!(null.clients["portal"].enabled, "null is absent too");
    let consented = realm_of(|realm| {
        client_absent("fullScopeAllowed")(realm);
        realm["clients"][5]["consentRequired"] = json!(true);
    });
    assert!(!consented.0.clients["portal"].full_scope_allowed);
}

#[test]
fn a_rotated_secret_counts_until_its_end_and_only_with_one() {
    let secrets = |attributes: Value| {
        let (realm, _) = realm_of(|realm| realm["clients"][5]["attributes"] = attributes);
        match &realm.clients["portal"].authentication {
            ClientAuthentication::Secret(secrets) => secrets.iter().map(|secret| secret.accepted_until).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(secrets(json!({})), [None]);
    assert_eq!(
        secrets(json!({ "client.secret.rotated": "old", "client.secret.rotated.expiration.time": "1900000000" })),
        [None, Some(1_900_000_000)]
    );
    assert_eq!(secrets(json!({ "client.secret.rotated": "old" })), [None]);
    assert_eq!(secrets(json!({ "client.secret.expiration.time": "1900000000" })), [Some(1_900_000_000)]);
}

#[test]
fn t_022_a_confidential_client_without_secret_has_none_that_matches() {
    let mut documents = imported();
    for item in &mut documents.items {
        item.secrets = item.secrets.take().filter(|_| item.kind != ItemKind::Client);
    }
    let (realm, _) = build_realm(&documents).unwrap();
    assert!(matches!(&realm.clients["portal"].authentication, ClientAuthentication::Secret(secrets) if secrets.is_empty()));
}

#[test]
fn keys_at_a_url_are_known_by_it() {
    let (realm, warnings) = realm_of(|realm| {
        realm["clients"][5]["clientAuthenticatorType"] = json!("client-jwt");
        realm["clients"][5]["attributes"] =
            json!({ "use.jwks.url": "true", "jwks.url": "https://app.example/keys", "token.endpoint.auth.signing.alg": "ES256" });
    });
    let ClientAuthentication::KeysAtUrl { url, algorithm: Some(Algorithm::Es256) } = &realm.clients["portal"].authentication else {
        panic!("other")
    };
    assert_eq!(url.to_string(), "https://app.example/keys");
    assert!(!warnings.iter().any(|warning| warning.to_string().contains("jwks")), "{warnings:?}");
}

#[test]
fn clients_with_keys_nowhere_or_an_unknown_way_cannot_authenticate() {
    for (authenticator, attributes) in [
        ("client-jwt", json!({ "use.jwks.url": "true", "jwks.url": "/keys" })),
        ("client-jwt", json!({ "use.jwks.url": "true" })),
        ("client-x509", json!({})),
    ] {
        let (realm, warnings) = realm_of(|realm| {
            realm["clients"][5]["clientAuthenticatorType"] = json!(authenticator);
            realm["clients"][5]["attributes"] = attributes;
        });
        assert!(matches!(realm.clients["portal"].authentication, ClientAuthentication::Unavailable(_)), "{authenticator}");
        assert!(
            warnings.iter().any(|warning| warning.item == "client \"portal\"" && warning.to_string().contains("client")),
            "{warnings:?}"
        );
    }
}

#[test]
fn registered_keys_of_a_client_are_read() {
    let key = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"one\"}]}";
    let (realm, _) = realm_of(|realm| {
        realm["clients"][5]["clientAuthenticatorType"] = json!("client-jwt");
        realm["clients"][5]["attributes"] = json!({ "use.jwks.string": "true", "jwks.string": key });
    });
    let ClientAuthentication::PrivateKeyJwt { keys, algorithm: None } = &realm.clients["portal"].authentication else { panic!("other") };
    assert_eq!(keys.iter().map(|key| key.algorithm()).collect::<Vec<_>>(), [Algorithm::EdDsa]);
}

#[test]
fn a_certificate_of_a_client_is_read() {
    let certificate =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crate::keycloak::testing::rsa_key().certificate.unwrap());
    let (realm, _) = realm_of(|realm| {
        realm["clients"][5]["clientAuthenticatorType"] = json!("client-jwt");
        realm["clients"][5]["attributes"] =
            json!({ "jwt.credential.certificate": certificate, "token.endpoint.auth.signing.alg": "RS256" });
    });
    let ClientAuthentication::PrivateKeyJwt { keys, algorithm } = &realm.clients["portal"].authentication else { panic!("other") };
    assert_eq!((keys.len(), *algorithm), (1, Some(Algorithm::Rs256)));
}

#[test]
fn origins_are_those_of_the_redirect_uris() {
    let origins = |origins: Value| {
        let (realm, _) = realm_of(|realm| realm["clients"][5]["webOrigins"] = origins);
        realm.clients["portal"].web_origins.clone()
    };
    let these = |list: &[&str]| WebOrigins::These(list.iter().map(|origin| (*origin).to_owned()).collect());
    assert_eq!(origins(json!([])), these(&[]));
    assert_eq!(origins(json!(["+", "https://other.example.org"])), these(&["https://portal.example.org", "https://other.example.org"]));
    assert_eq!(origins(json!(["+", "*"])), WebOrigins::Any);
}

#[test]
fn status_and_priority_of_keys_decide_who_signs() {
    let (realm, _) = realm_of(|realm| {
        let keys = realm["components"]["org.keycloak.keys.KeyProvider"].as_array_mut().unwrap();
        let rsa = keys.iter().find(|key| key["providerId"] == "rsa-generated").unwrap().clone();
        for (id, priority, enabled, active) in
            [("passive", "300", "true", "false"), ("disabled", "400", "false", "true"), ("higher", "200", "true", "true")]
        {
            let mut key = rsa.clone();
            key["id"] = json!(id);
            key["config"]["priority"] = json!([priority]);
            key["config"]["enabled"] = json!([enabled]);
            key["config"]["active"] = json!([active]);
            keys.push(key);
        }
    });
    let rsa: Vec<(&str, KeyStatus)> = realm
        .keys
        .iter()
        .filter(|entry| entry.provider == "rsa-generated")
        .map(|entry| (entry.component_id.as_str(), entry.status))
        .collect();
    assert_eq!(rsa[..3], [("disabled", KeyStatus::Disabled), ("passive", KeyStatus::Passive), ("higher", KeyStatus::Active)]);
    assert_eq!(realm.keys.iter().find(|entry| entry.component_id == "higher").unwrap().certificates.len(), 1);
}

#[test]
fn t_030_weak_and_broken_keys_are_named_and_left_out() {
    let with = |config: Value, provider: &'static str| {
        realm_of(|realm| {
            let key = json!({ "id": "weak", "name": "weak", "providerId": provider, "config": config });
            realm["components"]["org.keycloak.keys.KeyProvider"].as_array_mut().unwrap().push(key);
        })
    };
    for (provider, config, words) in [
        ("hmac-generated", json!({ "kid": ["k"], "secret": ["c2hvcnQ"], "algorithm": ["HS512"] }), "shorter than the hash"),
        ("hmac-generated", json!({ "kid": ["k"], "algorithm": ["HS512"] }), "secret is missing"),
        ("rsa-generated", json!({ "privateKey": ["AAAA"] }), "key"),
        ("rsa-generated", json!({ "privateKey": ["AAAA"], "algorithm": ["RS257"] }), "no signature algorithm"),
        ("java-keystore", json!({}), "no key provider"),
    ] {
        let (realm, warnings) = with(config, provider);
        assert!(realm.keys.iter().all(|entry| entry.component_id != "weak"));
        let named = warnings.iter().any(|warning| warning.item == "key \"weak\" (weak)" && warning.to_string().contains(words));
        assert!(named, "{provider} {words}: {warnings:?}");
    }
}

#[test]
fn a_realm_without_its_key_says_so() {
    let mut documents = stored(new_realm("x", &Seeded::new(), keys()));
    documents.items.retain(|item| item.document["providerId"] != "hmac-generated");
    let (_, warnings) = build_realm(&documents).unwrap();
    assert!(warnings.iter().any(|warning| warning.reason == WarningReason::NoActiveKey("HS512".to_owned())));
}

#[test]
fn a_client_that_names_no_scopes_has_those_of_the_realm() {
    let (realm, _) = realm_of(|realm| {
        let job = realm["clients"][4].as_object_mut().unwrap();
        job.shift_remove("defaultClientScopes");
        job.shift_remove("optionalClientScopes");
        job["serviceAccountsEnabled"] = json!(true);
    });
    let job = &realm.clients["nightly-job"];
    assert_eq!(job.default_scopes, ["web-origins", "acr", "profile", "roles", "basic", "email"]);
    assert!(job.has_scope("offline_access"));
    let (realm, _) = realm_of(|realm| realm["clients"][4]["defaultClientScopes"] = json!(["email", "gone"]));
    assert_eq!(realm.clients["nightly-job"].default_scopes, ["email"]);
}

#[test]
fn every_broken_value_is_told_not_only_the_first() {
    let mut documents = imported();
    documents.document["enabled"] = json!("perhaps");
    documents.document["notBefore"] = json!(-1);
    for item in documents.items.iter_mut().filter(|item| item.kind == ItemKind::Client) {
        item.document["enabled"] = json!({});
    }
    let error = build_realm(&documents).unwrap_err();
    assert_eq!(error.broken.len(), 12);
    assert!(error.broken.len() < CONFIG_PROBLEMS_MAX);
    assert!(error.to_string().contains("client \"portal\": enabled is an object, expected true or false"));
    let _ = now();
}

/// Anything, in place of something.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!("-1")),
        Just(json!("true")),
        Just(json!("99999999999999999999")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z.]{0,6}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Replaces the value at a place that is counted along all places.
fn replace(value: &mut Value, place: &mut usize, new: &Value) {
    if *place == 0 {
        *value = new.clone();
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|entry| replace(entry, place, new)),
        Value::Object(fields) => fields.values_mut().for_each(|entry| replace(entry, place, new)),
        _ => {}
    }
}

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_realm_file_makes_reading_panic(at in any::<prop::sample::Index>(), new in any_json()) {
        let mut export = crate::keycloak::testing::export();
        let mut place = at.index(places(&export));
        replace(&mut export, &mut place, &new);
        if let Ok(plan) = import(&export.to_string()) {
            prop_assert!(build_realm(plan.documents()).is_ok(), "what was planned can be read");
            prop_assert!(plan.users(&Seeded::new()).all(|user| user.is_ok()), "what was checked can be read again");
        }
    }

    #[test]
    fn no_stored_document_makes_reading_panic(item in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), new in any_json()) {
        let mut documents = stored(new_realm("x", &Seeded::new(), crate::keycloak::testing::few_keys()));
        let count = documents.items.len();
        let document = match item.index(count + 1) {
            0 => &mut documents.document,
            position => &mut documents.items[position - 1].document,
        };
        let mut place = at.index(places(document));
        replace(document, &mut place, &new);
        let _ = build_realm(&documents);
    }
}
