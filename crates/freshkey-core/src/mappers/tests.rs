use super::fixture::{AUTH_TIME, SID, USER_ID, World, bare_mapper, default_scopes, mapper, scope, texts};
use super::kind::ConfigurationFault;
use super::{ClaimPathFault, Silence, Target, Targets};
use crate::client::WebOrigins;
use serde_json::{Value, json};

mod reserved;

const TOKENS: &[Target] = &[Target::AccessToken, Target::LightweightAccessToken, Target::IdToken, Target::UserInfo, Target::Introspection];
const NO_USERINFO: &[Target] = &[Target::AccessToken, Target::LightweightAccessToken, Target::IdToken, Target::Introspection];
const ACCESS: &[Target] = &[Target::AccessToken, Target::LightweightAccessToken, Target::Introspection];
const ACCESS_ONLY: &[Target] = &[Target::AccessToken, Target::LightweightAccessToken];
const ALL: &[Target] = &Target::ALL;

/// Every mapper with all its switches on: what it makes, and for which targets.
#[test]
fn each_mapper_makes_its_claim_for_the_targets_of_its_kind() {
    let attribute = "oidc-usermodel-attribute-mapper";
    let property = "oidc-usermodel-property-mapper";
    let realm_role = "oidc-usermodel-realm-role-mapper";
    let client_role = "oidc-usermodel-client-role-mapper";
    let group = "oidc-group-membership-mapper";
    let hardcoded = "oidc-hardcoded-claim-mapper";
    let note = "oidc-usersessionmodel-note-mapper";
    let cases: Vec<(&str, Value, &[Target], Value)> = vec![
        (attribute, json!({"user.attribute": "locale", "claim.name": "locale"}), TOKENS, json!({"locale": "de"})),
        (attribute, json!({"user.attribute": "username", "claim.name": "upn"}), TOKENS, json!({"upn": "alice"})),
        (attribute, json!({"user.attribute": "email", "claim.name": "email"}), TOKENS, json!({"email": "alice@example.org"})),
        (attribute, json!({"user.attribute": "firstName", "claim.name": "a.b"}), TOKENS, json!({"a": {"b": "Alice"}})),
        (attribute, json!({"user.attribute": "lastName", "claim.name": r"a\.b"}), TOKENS, json!({"a.b": "Liddell"})),
        (
            attribute,
            json!({"user.attribute": "updatedAt", "claim.name": "updated_at", "jsonType.label": "long"}),
            TOKENS,
            json!({"updated_at": 1_650_000_000}),
        ),
        (attribute, json!({"user.attribute": "locale", "claim.name": "n", "jsonType.label": "int"}), &[], json!({})),
        (attribute, json!({"user.attribute": "locale", "claim.name": "l", "multivalued": "true"}), TOKENS, json!({"l": ["de"]})),
        (attribute, json!({"user.attribute": "nobody has it", "claim.name": "n", "multivalued": "true"}), &[], json!({})),
        (attribute, json!({"user.attribute": "floor", "claim.name": "f"}), TOKENS, json!({"f": "2"})),
        (attribute, json!({"user.attribute": "site", "claim.name": "s"}), TOKENS, json!({"s": "berlin"})),
        (
            attribute,
            json!({"user.attribute": "floor", "claim.name": "f", "aggregate.attrs": "true", "multivalued": "true", "jsonType.label": "int"}),
            TOKENS,
            json!({"f": [2, 1]}),
        ),
        (
            attribute,
            json!({"user.attribute": "tools", "claim.name": "t", "aggregate.attrs": "True", "multivalued": "true"}),
            TOKENS,
            json!({"t": ["lathe", "keys"]}),
        ),
        (
            property,
            json!({"user.attribute": "emailVerified", "claim.name": "email_verified", "jsonType.label": "boolean"}),
            TOKENS,
            json!({"email_verified": true}),
        ),
        (property, json!({"user.attribute": "enabled", "claim.name": "on"}), TOKENS, json!({"on": "true"})),
        (property, json!({"user.attribute": "id", "claim.name": "uid"}), TOKENS, json!({"uid": USER_ID})),
        (
            property,
            json!({"user.attribute": "createdTimestamp", "claim.name": "c", "jsonType.label": "long"}),
            TOKENS,
            json!({"c": 1_600_000_000_123_i64}),
        ),
        (property, json!({"user.attribute": "createdTimestamp", "claim.name": "c", "jsonType.label": "int"}), &[], json!({})),
        ("oidc-full-name-mapper", json!({}), TOKENS, json!({"name": "Alice Liddell"})),
        (
            realm_role,
            json!({"claim.name": "realm_access.roles", "multivalued": "true"}),
            TOKENS,
            json!({"realm_access": {"roles": ["offline_access", "uma_authorization", "user"]}}),
        ),
        (realm_role, json!({"claim.name": "r", "usermodel.realmRoleMapping.rolePrefix": "R_"}), TOKENS, json!({"r": "R_offline_access"})),
        (
            client_role,
            json!({"claim.name": "resource_access.${client_id}.roles", "multivalued": "true"}),
            TOKENS,
            json!({"resource_access": {"account": {"roles": ["manage-account", "view-profile"]}, "app": {"roles": ["editor"]}}}),
        ),
        (
            client_role,
            json!({"claim.name": "r", "multivalued": "true"}),
            TOKENS,
            json!({"r": ["manage-account", "view-profile", "editor"]}),
        ),
        (
            client_role,
            json!({"claim.name": "r.${client_id}", "multivalued": "true", "usermodel.clientRoleMapping.clientId": "app", "usermodel.clientRoleMapping.rolePrefix": "app:"}),
            TOKENS,
            json!({"r": {"app": ["app:editor"]}}),
        ),
        (client_role, json!({"claim.name": "r", "multivalued": "true", "usermodel.clientRoleMapping.clientId": "other"}), &[], json!({})),
        (group, json!({"claim.name": "groups", "full.path": "true"}), TOKENS, json!({"groups": ["/staff/engineers", "/a,admin"]})),
        (group, json!({"claim.name": "groups", "full.path": "false"}), TOKENS, json!({"groups": ["engineers", "a,admin"]})),
        (hardcoded, json!({"claim.name": "h", "claim.value": "7"}), ALL, json!({"h": "7"})),
        (hardcoded, json!({"claim.name": "h", "claim.value": "7", "jsonType.label": "int"}), ALL, json!({"h": 7})),
        (
            hardcoded,
            json!({"claim.name": "h", "claim.value": "{\"a\":[true]}", "jsonType.label": "JSON"}),
            ALL,
            json!({"h": {"a": [true]}}),
        ),
        (hardcoded, json!({"claim.name": "h", "claim.value": ""}), ALL, json!({"h": ""})),
        ("oidc-allowed-origins-mapper", json!({}), ACCESS, json!({"allowed-origins": ["https://app.example"]})),
        ("oidc-acr-mapper", json!({}), NO_USERINFO, json!({"acr": "1"})),
        ("oidc-amr-mapper", json!({}), NO_USERINFO, json!({"amr": []})),
        (note, json!({"user.session.note": "clientHost", "claim.name": "clientHost"}), ALL, json!({"clientHost": "192.0.2.1"})),
        (note, json!({"user.session.note": "no such note", "claim.name": "n"}), &[], json!({})),
        (
            note,
            json!({"user.session.note": "AUTH_TIME", "claim.name": "auth_time", "jsonType.label": "String"}),
            ALL,
            json!({"auth_time": AUTH_TIME}),
        ),
        (note, json!({"user.session.note": "AUTH_TIME", "claim.name": "at"}), ALL, json!({"at": AUTH_TIME.to_string()})),
        ("oidc-address-mapper", json!({}), TOKENS, json!({"address": {"street_address": "1 Hatter's Lane", "country": "GB"}})),
        (
            "oidc-address-mapper",
            json!({"user.attribute.locality": "locale"}),
            TOKENS,
            json!({"address": {"street_address": "1 Hatter's Lane", "locality": "de", "country": "GB"}}),
        ),
        ("oidc-nonce-backwards-compatible-mapper", json!({}), ACCESS_ONLY, json!({"nonce": "n-1"})),
        ("oidc-session-state-mapper", json!({}), TOKENS, json!({"session_state": SID})),
        ("oidc-claims-param-token-mapper", json!({}), &[], json!({})),
        ("oidc-claims-param-value-idtoken-mapper", json!({}), &[], json!({})),
        ("oidc-organization-membership-mapper", json!({"claim.name": "organization"}), &[], json!({})),
        ("script-my-mapper.js", json!({"claim.name": "s"}), &[], json!({})),
        // These act through others, or beside the claims.
        ("oidc-hardcoded-role-mapper", json!({"role": "x"}), &[], json!({})),
        ("oidc-role-name-mapper", json!({"role": "user", "new.role.name": "x"}), &[], json!({})),
        ("oidc-audience-mapper", json!({"included.client.audience": "api"}), &[], json!({})),
        ("oidc-audience-resolve-mapper", json!({}), &[], json!({})),
        ("oidc-sub-mapper", json!({}), &[], json!({})),
        ("oidc-sha256-pairwise-sub-mapper", json!({"pairwiseSubAlgorithmSalt": "salt"}), &[], json!({})),
    ];
    for (id, config, targets, expected) in cases {
        let world = World::with(vec![mapper(id, &config)]);
        for target in Target::ALL {
            let expected = if targets.contains(&target) { expected.clone() } else { json!({}) };
            assert_eq!(Value::Object(world.map(target).claims), expected, "{id} {config} {target:?}");
        }
    }
}

#[test]
fn audiences_are_collected_once_and_the_own_client_only_when_named() {
    type Configured = Vec<(&'static str, Value)>;
    let cases: Vec<(Configured, &[&str], &[Target])> = vec![
        (
            vec![("oidc-audience-mapper", json!({"included.client.audience": "api", "included.custom.audience": "x"}))],
            &["api"],
            NO_USERINFO,
        ),
        (
            vec![("oidc-audience-mapper", json!({"included.client.audience": "", "included.custom.audience": "https://x"}))],
            &["https://x"],
            NO_USERINFO,
        ),
        (vec![("oidc-audience-mapper", json!({"included.client.audience": "app"}))], &["app"], NO_USERINFO),
        (vec![("oidc-audience-resolve-mapper", json!({}))], &["account"], ACCESS),
        (
            vec![
                ("oidc-audience-resolve-mapper", json!({})),
                ("oidc-audience-mapper", json!({"included.custom.audience": "z"})),
                ("oidc-audience-mapper", json!({"included.custom.audience": "account"})),
            ],
            &["z", "account"],
            ACCESS,
        ),
        (vec![("oidc-hardcoded-claim-mapper", json!({"claim.name": "aud", "claim.value": "legacy"}))], &["legacy"], TOKENS),
        (
            vec![("oidc-hardcoded-claim-mapper", json!({"claim.name": "aud", "claim.value": "[\"a\",7,\"b\"]", "jsonType.label": "JSON"}))],
            &["a", "b"],
            TOKENS,
        ),
    ];
    for (mappers, expected, targets) in cases {
        let world = World::with(mappers.iter().map(|(id, config)| mapper(id, config)).collect());
        for target in targets {
            let mapped = world.map(*target);
            assert_eq!(mapped.audience, texts(expected), "{mappers:?} {target:?}");
            assert!(mapped.claims.is_empty(), "the audience is no claim like others");
        }
    }
}

#[test]
fn subjects_are_for_access_tokens_and_pairwise_ones_for_all() {
    let sub = || mapper("oidc-sub-mapper", &json!({}));
    let pairwise = |config: Value| mapper("oidc-sha256-pairwise-sub-mapper", &config);
    let world = World::with(vec![sub()]);
    for target in Target::ALL {
        let expected = ACCESS.contains(&target).then(|| USER_ID.to_owned());
        assert_eq!(world.map(target).subject, expected, "{target:?}");
    }

    let sector = "452fd400-4d92-3e53-8204-056eb461337e";
    let configured = json!({"sectorIdentifierUri": "https://client.example:8443/uris.json", "pairwiseSubAlgorithmSalt": "salt", "access.token.claim": "false"});
    let world = World::with(vec![pairwise(configured), sub()]);
    for target in TOKENS {
        assert_eq!(world.map(*target).subject.as_deref(), Some(sector), "{target:?}, whatever the switches and the order say");
    }

    let mut world = World::with(vec![pairwise(json!({"pairwiseSubAlgorithmSalt": "salt"}))]);
    let by_redirect_uris = world.map(Target::IdToken).subject.unwrap();
    world.client.redirect_uris.push("https://elsewhere.example/".to_owned());
    let by_client_id = world.map(Target::IdToken).subject.unwrap();
    assert!(by_redirect_uris != by_client_id && by_client_id != USER_ID, "without one sector, the user's id still stays inside");
}

#[test]
fn roles_are_renamed_then_added_then_judged_then_written() {
    let world = World::with(vec![
        mapper("oidc-usermodel-client-role-mapper", &json!({"claim.name": "resource_access.${client_id}.roles", "multivalued": "true"})),
        mapper("oidc-usermodel-realm-role-mapper", &json!({"claim.name": "realm_access.roles", "multivalued": "true"})),
        mapper("oidc-audience-resolve-mapper", &json!({})),
        mapper("oidc-hardcoded-role-mapper", &json!({"role": "api.v2.reader"})),
        mapper("oidc-hardcoded-role-mapper", &json!({"role": "user"})),
        mapper("oidc-hardcoded-role-mapper", &json!({"role": "added"})),
        mapper("oidc-role-name-mapper", &json!({"role": "account.manage-account", "new.role.name": "boss"})),
        mapper("oidc-role-name-mapper", &json!({"role": "account.view-profile", "new.role.name": "app.viewer"})),
        mapper("oidc-role-name-mapper", &json!({"role": "added", "new.role.name": "too late, added after renaming"})),
        mapper("oidc-role-name-mapper", &json!({"role": "not held", "new.role.name": "never"})),
    ]);
    let mapped = world.map(Target::AccessToken);
    assert_eq!(
        Value::Object(mapped.claims),
        json!({
            "resource_access": {"app": {"roles": ["editor", "viewer"]}, "api.v2": {"roles": ["reader"]}},
            "realm_access": {"roles": ["offline_access", "uma_authorization", "user", "boss", "added"]},
        })
    );
    assert_eq!(mapped.audience, ["api.v2"], "the last role of `account` has moved away");
}

#[test]
fn absent_things_leave_no_claim() {
    let mut world = World::with(vec![
        mapper("oidc-full-name-mapper", &json!({})),
        mapper("oidc-usermodel-attribute-mapper", &json!({"user.attribute": "email", "claim.name": "email"})),
        mapper("oidc-usermodel-property-mapper", &json!({"user.attribute": "email", "claim.name": "email"})),
        mapper("oidc-group-membership-mapper", &json!({"claim.name": "groups"})),
        mapper("oidc-usermodel-realm-role-mapper", &json!({"claim.name": "r", "multivalued": "true"})),
        mapper("oidc-usermodel-client-role-mapper", &json!({"claim.name": "c", "multivalued": "true"})),
        mapper("oidc-allowed-origins-mapper", &json!({})),
        mapper("oidc-usersessionmodel-note-mapper", &json!({"user.session.note": "AUTH_TIME", "claim.name": "auth_time"})),
        mapper("oidc-nonce-backwards-compatible-mapper", &json!({})),
        mapper("oidc-session-state-mapper", &json!({})),
    ]);
    world.user.first_name = None;
    world.user.last_name = Some(String::new());
    world.user.email = None;
    world.user.groups.clear();
    world.roles = world.realm.roles.empty_set();
    world.client.web_origins = WebOrigins::These(Vec::new());
    world.auth_time = None;
    world.nonce = None;
    world.sid = None;
    for target in Target::ALL {
        assert_eq!(Value::Object(world.map(target).claims), json!({}), "{target:?}");
    }
}

#[test]
fn one_name_alone_is_the_full_name() {
    let mut world = World::with(vec![mapper("oidc-full-name-mapper", &json!({}))]);
    world.user.first_name = None;
    assert_eq!(world.map(Target::IdToken).claims["name"], "Liddell");
}

#[test]
fn address_is_an_empty_object_for_a_user_without_one() {
    let mut world = World::with(vec![mapper("oidc-address-mapper", &json!({}))]);
    world.user.attributes.clear();
    assert_eq!(Value::Object(world.map(Target::UserInfo).claims), json!({"address": {}}));
}

#[test]
fn any_origin_is_written_as_a_star() {
    let mut world = World::with(vec![mapper("oidc-allowed-origins-mapper", &json!({}))]);
    world.client.web_origins = WebOrigins::Any;
    assert_eq!(world.map(Target::AccessToken).claims["allowed-origins"], json!(["*"]));
}

#[test]
fn a_users_own_attribute_hides_those_of_groups_unless_they_are_aggregated() {
    let read = |more: Value| {
        let mut config = json!({"user.attribute": "floor", "claim.name": "f", "multivalued": "true"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut world = World::with(vec![mapper("oidc-usermodel-attribute-mapper", &config)]);
        world.attribute("floor", &["9", "2"]);
        world.map(Target::AccessToken).claims["f"].clone()
    };
    assert_eq!(read(json!({})), json!(["9", "2"]));
    assert_eq!(read(json!({"aggregate.attrs": "true"})), json!(["9", "2", "1"]));
}

#[test]
fn claims_of_several_mappers_meet_in_one_object_and_the_clients_own_mapper_has_the_last_word() {
    let hardcoded = |claim: &str, value: &str, multivalued: &str| {
        mapper(
            "oidc-hardcoded-claim-mapper",
            &json!({"claim.name": claim, "claim.value": value, "multivalued": multivalued, "jsonType.label": "JSON"}),
        )
    };
    let mut world =
        World::with(vec![hardcoded("a.b", "2", "false"), hardcoded("a.b.c", "3", "false"), hardcoded("list", "[2, 3]", "true")]);
    world.scopes = vec![
        scope("one", vec![hardcoded("a.b", "1", "false"), hardcoded("a.x", "1", "false"), hardcoded("list", "1", "true")]),
        scope(
            "two",
            vec![hardcoded("list", "2", "true"), mapper("oidc-address-mapper", &json!({})), hardcoded("address.region", "\"r\"", "false")],
        ),
    ];
    assert_eq!(
        Value::Object(world.map(Target::AccessToken).claims),
        json!({
            "a": {"b": 2, "x": 1},
            "list": [1, 2, 3],
            "address": {"street_address": "1 Hatter's Lane", "country": "GB", "region": "r"},
        }),
        "a value in the way of a path stays"
    );
}

#[test]
fn switches_send_a_claim_to_its_targets_and_old_configurations_keep_their_meaning() {
    let full_name = "oidc-full-name-mapper";
    let origins = "oidc-allowed-origins-mapper";
    let cases = [
        (full_name, json!({}), vec![]),
        (full_name, json!({"access.token.claim": "true"}), vec![Target::AccessToken, Target::Introspection]),
        (full_name, json!({"access.token.claim": "true", "introspection.token.claim": "false"}), vec![Target::AccessToken]),
        (full_name, json!({"access.token.claim": "TRUE"}), vec![]),
        (full_name, json!({"id.token.claim": "true"}), vec![Target::IdToken, Target::UserInfo]),
        (full_name, json!({"id.token.claim": "true", "userinfo.token.claim": "false"}), vec![Target::IdToken]),
        (full_name, json!({"lightweight.claim": "true"}), vec![Target::LightweightAccessToken]),
        (full_name, json!({"access.tokenResponse.claim": "true"}), vec![]),
        (origins, json!({}), vec![Target::AccessToken, Target::Introspection]),
        (origins, json!({"access.token.claim": "false"}), vec![Target::Introspection]),
        (origins, json!({"id.token.claim": "true", "introspection.token.claim": "false"}), vec![Target::AccessToken]),
    ];
    for (id, config, expected) in cases {
        assert_eq!(bare_mapper(id, &config).emit, Targets::of(&expected), "{id} {config}");
    }
}

#[test]
fn default_scopes_make_the_claims_that_keycloak_makes() {
    let mut world = World::new();
    world.scopes = default_scopes();
    let mapped = world.map(Target::AccessToken);
    assert_eq!(
        Value::Object(mapped.claims),
        json!({
            "auth_time": AUTH_TIME,
            "family_name": "Liddell",
            "given_name": "Alice",
            "preferred_username": "alice",
            "locale": "de",
            "updated_at": 1_650_000_000,
            "name": "Alice Liddell",
            "email": "alice@example.org",
            "email_verified": true,
            "allowed-origins": ["https://app.example"],
            "acr": "1",
            "address": {"street_address": "1 Hatter's Lane", "country": "GB"},
            "realm_access": {"roles": ["offline_access", "uma_authorization", "user"]},
            "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}, "app": {"roles": ["editor"]}},
        })
    );
    assert_eq!((mapped.audience, mapped.subject), (texts(&["account"]), Some(USER_ID.to_owned())));

    let lightweight = world.map(Target::LightweightAccessToken);
    assert_eq!((lightweight.claims.len(), lightweight.audience.len(), lightweight.subject), (0, 0, None));
    let id_token = world.map(Target::IdToken).claims;
    assert!(id_token.contains_key("email") && !id_token.contains_key("realm_access"), "{id_token:?}");
}

/// T-071: whoever splits a group at its comma, it is not us.
#[test]
fn t_071_a_group_with_a_comma_arrives_as_one_value() {
    for json_type in ["String", "JSON", ""] {
        let config = json!({"claim.name": "groups", "jsonType.label": json_type});
        let claims = World::with(vec![mapper("oidc-group-membership-mapper", &config)]).map(Target::AccessToken).claims;
        assert_eq!(claims["groups"], json!(["engineers", "a,admin"]));
    }
    let mut world = World::with(vec![mapper(
        "oidc-usermodel-attribute-mapper",
        &json!({"user.attribute": "team", "claim.name": "team", "multivalued": "true"}),
    )]);
    world.attribute("team", &["a,admin"]);
    assert_eq!(world.map(Target::UserInfo).claims["team"], json!(["a,admin"]));
}

#[test]
fn what_can_never_emit_says_why() {
    let cases = [
        ("script-x.js", json!({}), Some(Silence::Unknown("script-x.js"))),
        ("oidc-usermodel-attribute-mapper", json!({"claim.name": "x"}), Some(Silence::Unusable(ConfigurationFault::NoSource))),
        (
            "oidc-usermodel-attribute-mapper",
            json!({"user.attribute": "x"}),
            Some(Silence::Unusable(ConfigurationFault::ClaimName(ClaimPathFault::Missing))),
        ),
        (
            "oidc-usermodel-property-mapper",
            json!({"user.attribute": "x", "claim.name": "x"}),
            Some(Silence::Unusable(ConfigurationFault::UnknownProperty)),
        ),
        (
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "x", "claim.value": "x", "jsonType.label": "int"}),
            Some(Silence::Unusable(ConfigurationFault::ValueNotOfType)),
        ),
        ("oidc-audience-mapper", json!({}), Some(Silence::Unusable(ConfigurationFault::NoSource))),
        ("oidc-usermodel-attribute-mapper", json!({"user.attribute": "x", "claim.name": "iss"}), Some(Silence::ReservedClaim)),
        ("oidc-hardcoded-claim-mapper", json!({"claim.name": "iss", "claim.value": "x"}), None),
        ("oidc-claims-param-token-mapper", json!({}), Some(Silence::NeedsClaimsParameter)),
        ("oidc-organization-membership-mapper", json!({}), Some(Silence::NeedsOrganizations)),
        (
            "oidc-sub-mapper",
            json!({"access.token.claim": "false", "introspection.token.claim": "false", "lightweight.claim": "false"}),
            Some(Silence::NoTarget),
        ),
        ("oidc-full-name-mapper", json!({}), None),
    ];
    for (id, config, expected) in cases {
        assert_eq!(mapper(id, &config).silence(), expected, "{id} {config}");
    }
}
