use super::*;
use crate::keycloak::testing::{EXPORT, Seeded, changed, import, imported, now, rsa_key};
use crate::keycloak::users;
use crate::passwords::{HashWorkspace, PlainPassword, Verdict, verify};
use freshkey_protocol::jose::SigningKey;
use serde_json::json;

fn users_of(plan: &ImportPlan<'_>) -> BTreeMap<String, ReadUser> {
    plan.users(&Seeded::new()).map(Result::unwrap).map(|user| (user.record.user.username.clone(), user)).collect()
}

fn broken(file: &str) -> String {
    match import(file) {
        Err(ImportError::Broken(broken)) => broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        other => panic!("not refused as broken: {other:?}"),
    }
}

fn minimal(change: impl FnOnce(&mut Value)) -> String {
    let mut realm = json!({ "realm": "small", "enabled": true });
    change(&mut realm);
    realm.to_string()
}

#[test]
fn the_report_tells_unknown_fields_from_unused_ones() {
    let plan = import(EXPORT).unwrap();
    let unknown: Vec<&str> = plan.report.unknown.keys().map(String::as_str).collect();
    assert_eq!(unknown, ["somethingFromTheFuture"]);
    for kept in ["smtpServer", "authenticationFlows", "clients[].surrogateAuthRequired", "users[].federatedIdentities"] {
        assert!(plan.report.kept.contains_key(kept), "{kept}");
    }
    for read in ["clients[].protocolMappers[].id", "users[].credentials"] {
        assert!(!plan.report.kept.contains_key(read), "{read}");
    }
    assert_eq!(plan.report.kept["clients[].surrogateAuthRequired"].count, 10);
    assert_eq!(plan.report.notes, [], "a whole export needs no additions");
}

#[test]
fn unknown_fields_are_named_wherever_they_are() {
    let file = changed(|realm| {
        realm["clients"][0]["colour"] = json!("red");
        realm["clients"][5]["protocolMappers"][0]["speed"] = json!(3);
        realm["users"][0]["shoeSize"] = json!(44);
        realm["groups"][0]["subGroups"][0]["colour"] = json!(null);
        realm["roles"]["realm"][0]["composites"]["organisation"] = json!([]);
    });
    let plan = import(&file).unwrap();
    let unknown: Vec<&str> = plan.report.unknown.keys().map(String::as_str).collect();
    let expected = [
        "clients[].colour",
        "clients[].protocolMappers[].speed",
        "groups[].colour",
        "roles[].composites.organisation",
        "somethingFromTheFuture",
        "users[].shoeSize",
    ];
    assert_eq!(unknown, expected);
    assert_eq!(plan.report.unknown["clients[].colour"].first, "client \"account\"");
}

#[test]
fn users_come_with_roles_groups_and_credentials() {
    let plan = import(EXPORT).unwrap();
    assert_eq!(plan.user_count(), 4);
    let users = users_of(&plan);
    let alice = &users["alice"].record;
    assert_eq!((alice.user.roles.len(), alice.user.groups.len(), alice.credentials.len()), (3, 1, 2));
    assert_eq!(alice.user.attributes["department"], ["blue"]);
    assert_eq!(alice.other["clientConsents"][0]["clientId"], "portal");
    assert_eq!(users["bob"].record.user.not_before, 1_700_000_005);
    assert!(!users["carol"].record.user.enabled);
    assert_eq!(users["carol"].record.user.required_actions, ["UPDATE_PASSWORD"]);
}

#[test]
fn imported_passwords_verify() {
    let plan = import(EXPORT).unwrap();
    let users = users_of(&plan);
    let mut workspace = HashWorkspace::new();
    for name in ["alice", "bob"] {
        let hash = users::stored_password(&users[name].record.credentials[0]).unwrap();
        let text = format!("{name}-password");
        for (text, expected) in [(text.as_str(), Verdict::Match), ("wrong", Verdict::Mismatch)] {
            assert_eq!(verify(&hash, PlainPassword::new(text).unwrap(), &mut workspace).unwrap(), expected, "{name} {text}");
        }
    }
}

#[test]
fn tokens_of_the_imported_realm_verify() {
    let plan = import(EXPORT).unwrap();
    let (realm, _) = build_realm(plan.documents()).unwrap();
    let signer = SigningKey::from_private_key_der(Algorithm::Rs256, rsa_key().pkcs8.expose()).unwrap();
    let verifier = realm.keys.verifier(Some(signer.key_id()), Algorithm::Rs256).unwrap();
    let mut signature = Vec::new();
    signer.sign(b"payload", &mut signature).unwrap();
    assert!(verifier.verify(b"payload", &signature).is_ok());
    assert_eq!(plan.missing_key(), None);
}

#[test]
fn service_accounts_are_linked_to_their_clients() {
    let plan = import(EXPORT).unwrap();
    let user = &users_of(&plan)["service-account-nightly-job"].record.user;
    let documents = imported();
    let (realm, _) = build_realm(&documents).unwrap();
    let client = &realm.clients["nightly-job"];
    assert_eq!(client.service_account, Some(user.key));
    assert_eq!(user.service_account_of, Some(client.key));
}

#[test]
fn a_service_account_that_the_file_lacks_is_made() {
    let file = changed(|realm| {
        realm["users"].as_array_mut().unwrap().retain(|user| user["serviceAccountClientId"].is_null());
    });
    let plan = import(&file).unwrap();
    assert_eq!(plan.report.notes, [ImportNote::NewServiceAccount("nightly-job".to_owned())]);
    let users = users_of(&plan);
    let made = &users["service-account-nightly-job"].record.user;
    let (realm, _) = build_realm(plan.documents()).unwrap();
    assert_eq!(realm.clients["nightly-job"].service_account, Some(made.key));
    assert_eq!(made.roles.len(), 1, "the default role");
}

#[test]
fn a_service_account_is_never_taken_from_the_file() {
    let admin = EXPORT.find("\"alice\"").unwrap();
    assert!(admin > 0);
    let file = changed(|realm| {
        for client in realm["clients"].as_array_mut().unwrap() {
            client[SERVICE_ACCOUNT_FIELD] = json!("someone-else");
        }
    });
    let plan = import(&file).unwrap();
    let (realm, _) = build_realm(plan.documents()).unwrap();
    assert!(realm.clients.values().all(|client| client.service_account != Some(UserKey::of("someone-else"))));
    assert!(realm.clients["portal"].service_account.is_none());
}

#[test]
fn a_user_named_like_a_service_account_does_not_become_one() {
    let file = changed(|realm| {
        for user in realm["users"].as_array_mut().unwrap() {
            user.as_object_mut().unwrap().shift_remove("serviceAccountClientId");
        }
    });
    let plan = import(&file).unwrap();
    assert_eq!(plan.report.notes, [ImportNote::NoServiceAccount("nightly-job".to_owned())]);
    let (realm, _) = build_realm(plan.documents()).unwrap();
    assert_eq!(realm.clients["nightly-job"].service_account, None);
}

#[test]
fn unknown_roles_and_groups_of_users_are_named() {
    let file = changed(|realm| {
        realm["users"][0]["realmRoles"] = json!(["admin", "wizard"]);
        realm["users"][0]["clientRoles"] = json!({ "reports-api": ["delete"], "nobody": ["x"] });
        realm["users"][0]["groups"] = json!(["/engineering/data", "/elsewhere"]);
    });
    let plan = import(&file).unwrap();
    let notes: Vec<String> = plan.report.notes.iter().map(ToString::to_string).collect();
    let expected = [
        "user \"alice\": there is no role \"wizard\"",
        "user \"alice\": there is no role \"nobody/x\"",
        "user \"alice\": there is no role \"reports-api/delete\"",
        "user \"alice\": there is no group \"/elsewhere\"",
    ];
    assert_eq!(notes, expected);
    assert_eq!(users_of(&plan)["alice"].record.user.roles.len(), 1);
}

#[test]
fn only_new_users_without_a_word_of_roles_get_the_default_role() {
    let file = minimal(|realm| {
        realm["users"] = json!([
            { "username": "New", "enabled": true },
            { "id": "exported", "username": "exported", "enabled": true },
            { "username": "none", "enabled": true, "realmRoles": [] },
        ]);
    });
    let plan = import(&file).unwrap();
    let users = users_of(&plan);
    let default = default_role(plan.documents());
    assert!(default.is_some());
    assert_eq!(users["new"].record.user.roles, Vec::from_iter(default), "and the name is in lower case");
    assert!(users["exported"].record.user.roles.is_empty());
    assert!(users["none"].record.user.roles.is_empty());
}

#[test]
fn passwords_in_clear_are_handed_out_to_be_hashed() {
    let file = minimal(|realm| {
        realm["users"] = json!([{ "username": "eve", "credentials": [{ "type": "password", "value": "opensesame", "temporary": true }] }]);
    });
    let plan = import(&file).unwrap();
    let users = users_of(&plan);
    let eve = &users["eve"];
    assert!(eve.plain_password.as_ref().unwrap().equals(b"opensesame"));
    assert_eq!(eve.record.user.required_actions, [users::UPDATE_PASSWORD]);
    assert!(eve.record.credentials.is_empty());
    assert!(!eve.record.user.enabled, "a user who doesn't say so is disabled, as in Keycloak");
    assert!(!format!("{eve:?}").contains("opensesame"));
}

#[test]
fn the_flat_form_of_old_hashes_becomes_the_form_of_today() {
    let file = minimal(|realm| {
        let hash = json!({ "type": "password", "hashedSaltedValue": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "salt": "MDEyMzQ1Njc4OTAxMjM0NQ==",
            "hashIterations": 27500, "algorithm": "pbkdf2-sha256" });
        realm["users"] = json!([{ "username": "old", "credentials": [hash] }]);
    });
    let plan = import(&file).unwrap();
    let credential = &users_of(&plan)["old"].record.credentials[0];
    assert!(users::stored_password(credential).is_ok());
    assert!(credential.document.get("hashedSaltedValue").is_none());
}

#[test]
fn t_049_a_hash_that_costs_too_much_refuses_the_file() {
    let rounds = |credential: &mut Value, from: &str, to: &str| {
        let data = credential["credentialData"].as_str().unwrap().replace(from, to);
        assert_ne!(credential["credentialData"], data);
        credential["credentialData"] = json!(data);
    };
    let too_many_rounds = changed(|realm| rounds(&mut realm["users"][0]["credentials"][0], "27500", "1000000000"));
    let too_much_memory = changed(|realm| rounds(&mut realm["users"][1]["credentials"][0], "7168", "10485760"));
    assert!(broken(&too_many_rounds).contains("user \"alice\": credentials is a hash outside the bounds"));
    assert!(broken(&too_much_memory).contains("user \"bob\": credentials is a hash outside the bounds"));
}

#[test]
fn a_hash_of_an_unknown_kind_is_kept_and_named() {
    let file = changed(|realm| {
        realm["users"][0]["credentials"][0]["credentialData"] = json!("{\"hashIterations\":10,\"algorithm\":\"bcrypt\"}");
    });
    let plan = import(&file).unwrap();
    assert_eq!(plan.report.notes.len(), 1);
    assert!(plan.report.notes[0].to_string().contains("\"bcrypt\""));
    assert_eq!(users_of(&plan)["alice"].record.credentials.len(), 2);
}

#[test]
fn broken_values_are_named_with_item_field_value_and_expectation() {
    type Case = (&'static str, fn(&mut Value));
    let cases: [Case; 15] = [
        ("realm \"analytics\": accessTokenLifespan is \"soon\", expected a whole number", |realm| {
            realm["accessTokenLifespan"] = json!("soon");
        }),
        ("realm \"analytics\": sslRequired is \"sometimes\", expected none, external or all", |realm| {
            realm["sslRequired"] = json!("sometimes");
        }),
        ("realm \"analytics\": enabled is a list, expected true or false", |realm| realm["enabled"] = json!([])),
        ("realm \"analytics\": attributes.freshkey.refresh.grace.seconds is \"61\", expected a number from 0 to 60", |realm| {
            realm["attributes"]["freshkey.refresh.grace.seconds"] = json!("61");
        }),
        ("realm \"analytics\": passwordPolicy is without a closing parenthesis", |realm| realm["passwordPolicy"] = json!("length(8")),
        ("client \"portal\": publicClient is \"maybe\", expected true or false", |realm| {
            realm["clients"][5]["publicClient"] = json!("maybe");
        }),
        ("client \"portal\": attributes.client.session.idle.timeout is \"1h\"", |realm| {
            realm["clients"][5]["attributes"]["client.session.idle.timeout"] = json!("1h");
        }),
        ("client \"worker\": attributes.token.endpoint.auth.signing.alg is \"none\"", |realm| {
            realm["clients"][9]["attributes"]["token.endpoint.auth.signing.alg"] = json!("none");
        }),
        ("client \"portal\": clientId is used twice", |realm| realm["clients"][9]["clientId"] = json!("portal")),
        ("user \"bob\": username is used twice", |realm| {
            let bob = realm["users"][1]["username"].clone();
            realm["users"][2]["username"] = json!(bob.as_str().unwrap().to_uppercase());
        }),
        ("user \"carol\": email is used twice", |realm| realm["users"][2]["email"] = json!("BOB@example.org")),
        ("user \"carol\": enabled is 1, expected true or false", |realm| realm["users"][2]["enabled"] = json!(1)),
        ("group \"/guests\": name is used twice", |realm| {
            let guests = json!({ "name": "guests" });
            realm["groups"].as_array_mut().unwrap().push(guests);
        }),
        ("user \"carol\": serviceAccountClientId is used twice", |realm| {
            realm["users"][2]["serviceAccountClientId"] = json!("portal");
            realm["users"][1]["serviceAccountClientId"] = json!("portal");
        }),
        ("clients is something else, expected a list", |realm| realm["clients"] = json!("all")),
    ];
    for (expected, change) in cases {
        let found = broken(&changed(change));
        assert!(found.contains(expected), "expected {expected}\nfound {found}");
    }
}

#[test]
fn files_that_are_no_realm_are_refused() {
    for file in
        ["", "{", "[]]", "\"UA\"", "{\"realm\":\"a\",\"realm\":\"b\"}", "{\"realm\":\"a\",\"users\":[],\"users\":[]}", "{\"users\":{}}"]
    {
        let refused = plan_import(file.as_bytes(), now(), &Seeded::new());
        assert!(matches!(refused, Err(ImportError::NotJson { .. })), "{file}: {refused:?}");
    }
    assert!(matches!(plan_import(b" [] ", now(), &Seeded::new()), Err(ImportError::NoRealm)));
    for name in ["", "a/b", "a b", "..", "a?b", "nul\u{0}"] {
        let found = broken(&minimal(|realm| realm["realm"] = json!(name)));
        assert!(found.contains("realm is"), "{name}: {found}");
    }
    let deep = format!("{{\"realm\":\"a\",\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    assert!(matches!(import(&deep), Err(ImportError::NotJson { .. })));
}

#[test]
fn several_realms_in_one_file_are_several_plans() {
    let file = json!([{ "realm": "one" }, { "realm": "two" }]).to_string();
    let names: Vec<String> =
        plan_import(file.as_bytes(), now(), &Seeded::new()).unwrap().iter().map(|plan| plan.name().to_owned()).collect();
    assert_eq!(names, ["one", "two"]);
    let same = json!([{ "realm": "one" }, { "realm": "one" }]).to_string();
    assert!(matches!(plan_import(same.as_bytes(), now(), &Seeded::new()), Err(ImportError::Broken(_))));
}

#[test]
fn a_sparse_file_becomes_a_whole_realm() {
    let file = minimal(|_| ());
    let mut plan = import(&file).unwrap();
    assert_eq!(plan.missing_key(), Some(Algorithm::Rs256));
    plan.add_key(Algorithm::Rs256, rsa_key(), &Seeded::new());
    assert_eq!(plan.missing_key(), None);
    let (realm, warnings) = build_realm(plan.documents()).unwrap();
    assert_eq!(warnings, []);
    assert!(realm.settings.enabled);
    assert_eq!(realm.settings.lifetimes.session_idle_s, 1800);
    assert!(realm.keys.signer(Algorithm::Rs256).is_some() && realm.keys.signer(Algorithm::Hs512).is_some());
    let offline_access = realm.offline_access_role.unwrap();
    assert!(
        realm.scopes["offline_access"].role_scope.as_ref().unwrap().contains(offline_access),
        "nobody without the role has offline tokens"
    );
    let default = realm.roles.index(default_role(plan.documents()).unwrap()).unwrap();
    let mut set = realm.roles.empty_set();
    realm.roles.insert_expanded(&mut set, default);
    assert!(set.contains(realm.offline_access_role.unwrap()), "a role made for everyone is given to everyone");
}

#[test]
fn offline_access_that_the_file_has_is_not_given_to_everyone() {
    let file = minimal(|realm| realm["roles"] = json!({ "realm": [{ "name": "offline_access" }] }));
    let plan = import(&file).unwrap();
    let (realm, _) = build_realm(plan.documents()).unwrap();
    let mut set = realm.roles.empty_set();
    realm.roles.insert_expanded(&mut set, realm.roles.index(default_role(plan.documents()).unwrap()).unwrap());
    assert!(!set.contains(realm.offline_access_role.unwrap()));
}

#[test]
fn older_forms_are_translated() {
    let rsa = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, rsa_key().pkcs8.expose());
    let file = minimal(|realm| {
        realm["privateKey"] = json!(rsa);
        realm["publicKey"] = json!("ignored");
        realm["defaultRoles"] = json!(["user"]);
        realm["roles"] = json!({ "realm": [{ "name": "user" }], "application": { "shop": [{ "name": "buyer" }] } });
        realm["applications"] = json!([{ "name": "shop", "enabled": true, "secret": "s", "defaultRoles": ["buyer"] }]);
    });
    let plan = import(&file).unwrap();
    assert_eq!(plan.missing_key(), None);
    assert!(plan.documents().document.get("privateKey").is_none());
    let (realm, _) = build_realm(plan.documents()).unwrap();
    assert!(realm.clients.contains_key("shop"));
    let mut set = realm.roles.empty_set();
    realm.roles.insert_expanded(&mut set, realm.roles.index(default_role(plan.documents()).unwrap()).unwrap());
    for (container, name) in [(RoleContainer::Realm, "user"), (RoleContainer::Client("shop".to_owned()), "buyer")] {
        assert!(set.contains(realm.roles.find(&container, name).unwrap()), "{name}");
    }
}

#[test]
fn a_masked_secret_is_not_a_secret() {
    let file = changed(|realm| realm["clients"][5]["secret"] = json!("**********"));
    let plan = import(&file).unwrap();
    assert_eq!(plan.report.notes, [ImportNote::NewClientSecret("portal".to_owned())]);
    let (realm, _) = build_realm(plan.documents()).unwrap();
    let crate::client::ClientAuthentication::Secret(secrets) = &realm.clients["portal"].authentication else { panic!("no secret") };
    assert_eq!(secrets.len(), 1);
    assert!(secrets[0].value.expose().len() == 32 && !secrets[0].value.equals(b"**********"));
}

#[test]
fn client_ids_and_role_names_with_slashes_stay_apart() {
    let file = minimal(|realm| {
        realm["clients"] = json!([{ "clientId": "https://app" }, { "clientId": "https:" }]);
        realm["roles"] = json!({ "realm": [{ "name": "https://app/x" }], "client": { "https://app": [{ "name": "x" }], "https:": [{ "name": "/app/x" }] } });
    });
    let plan = import(&file).unwrap();
    let (realm, _) = build_realm(plan.documents()).unwrap();
    for (container, name) in [
        (RoleContainer::Realm, "https://app/x"),
        (RoleContainer::Client("https://app".to_owned()), "x"),
        (RoleContainer::Client("https:".to_owned()), "/app/x"),
    ] {
        assert!(realm.roles.find(&container, name).is_some(), "{container:?} {name}");
    }
}

#[test]
fn a_broken_user_anywhere_refuses_the_file() {
    for (user, expected) in [
        (json!({ "username": "" }), "username is absent or empty"),
        (json!("nobody"), "expected an object"),
        (json!([]), "expected an object"),
        (Value::Null, "expected an object"),
    ] {
        let found = broken(&changed(|realm| realm["users"].as_array_mut().unwrap().push(user)));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn clients_whose_names_differ_in_case_do_not_share_a_service_account() {
    let file = minimal(|realm| {
        realm["clients"] =
            json!([{ "clientId": "App", "serviceAccountsEnabled": true }, { "clientId": "app", "serviceAccountsEnabled": true }]);
    });
    let plan = import(&file).unwrap();
    assert_eq!(users_of(&plan).keys().collect::<Vec<_>>(), ["service-account-app"]);
    assert!(plan.report.notes.contains(&ImportNote::NoServiceAccount("app".to_owned())));
}
