//! Claims that the server answers for, against every mapper that would like to write them.

use super::TOKENS;
use crate::mappers::fixture::{AUTH_TIME, SID, World, mapper};
use crate::mappers::{Mapper, MapperKind, Target, Targets};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that the server answers for, with a value that each mapper would like to put there.
#[test]
fn no_attribute_of_a_user_becomes_a_claim_that_the_server_answers_for() {
    for name in PROTECTED {
        for claim in [(*name).to_owned(), format!("{name}.inner"), format!(r"\{name}")] {
            let mut world = World::with(vec![
                mapper("oidc-usermodel-attribute-mapper", &json!({"user.attribute": "forged", "claim.name": claim, "multivalued": "true"})),
                mapper("oidc-usermodel-property-mapper", &json!({"user.attribute": "username", "claim.name": claim})),
                mapper("oidc-group-membership-mapper", &json!({"claim.name": claim})),
                mapper("oidc-usermodel-realm-role-mapper", &json!({"claim.name": claim, "multivalued": "true"})),
                mapper("oidc-usermodel-client-role-mapper", &json!({"claim.name": claim, "multivalued": "true"})),
            ]);
            world.attribute("forged", &["https://evil.example"]);
            for target in TOKENS {
                let mapped = world.map(*target);
                assert!(
                    mapped.claims.is_empty() && mapped.audience.is_empty() && mapped.subject.is_none(),
                    "{claim} {target:?} {mapped:?}"
                );
            }
        }
    }
}

#[test]
fn a_token_response_keeps_its_own_members() {
    for name in RESPONSE_MEMBERS {
        let world = World::with(vec![mapper("oidc-hardcoded-claim-mapper", &json!({"claim.name": name, "claim.value": "x"}))]);
        assert!(world.map(Target::AccessTokenResponse).claims.is_empty(), "{name}");
    }
}

#[test]
fn an_introspection_answer_keeps_its_own_members() {
    for name in ["active", "username", "token_type", "client_id", "scope"] {
        let world = World::with(vec![mapper("oidc-hardcoded-claim-mapper", &json!({"claim.name": name, "claim.value": "x"}))]);
        assert!(world.map(Target::Introspection).claims.is_empty(), "{name}");
    }
}

#[test]
fn only_the_time_of_authentication_becomes_auth_time() {
    let mut world = World::with(vec![
        mapper("oidc-hardcoded-claim-mapper", &json!({"claim.name": "auth_time", "claim.value": "9", "jsonType.label": "long"})),
        mapper("oidc-usersessionmodel-note-mapper", &json!({"user.session.note": "clientHost", "claim.name": "auth_time"})),
    ]);
    world.auth_time = None;
    for target in Target::ALL {
        assert!(world.map(target).claims.is_empty(), "{target:?}");
    }
}

#[test]
fn a_mapper_that_is_sent_everywhere_stays_where_its_kind_belongs() {
    let everywhere =
        |kind: MapperKind| Mapper { name: "made by hand".to_owned(), priority: kind.priority(), kind, emit: Targets::of(&Target::ALL) };
    let world = World::with(vec![everywhere(MapperKind::Nonce), everywhere(MapperKind::Subject)]);
    let id_token = world.map(Target::IdToken);
    assert!(id_token.claims.is_empty() && id_token.subject.is_none(), "{id_token:?}");
    assert!(world.map(Target::AccessToken).claims.contains_key("nonce"));
}

#[test]
fn facts_of_the_session_may_name_the_client_and_the_user_may_not() {
    let note = mapper("oidc-usersessionmodel-note-mapper", &json!({"user.session.note": "client_id", "claim.name": "client_id"}));
    let mut world = World::with(vec![note]);
    world.notes.insert("client_id".to_owned(), "app".to_owned());
    assert_eq!(world.map(Target::AccessToken).claims["client_id"], "app");
}

const PROTECTED: &[&str] = &[
    "exp",
    "iat",
    "nbf",
    "iss",
    "jti",
    "sub",
    "aud",
    "typ",
    "azp",
    "sid",
    "session_state",
    "scope",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "act",
    "may_act",
    "authorization",
    "authorization_details",
    "auth_time",
    "acr",
    "amr",
    "client_id",
];

const RESPONSE_MEMBERS: &[&str] = &[
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "refresh_expires_in",
    "id_token",
    "not-before-policy",
    "session_state",
    "scope",
    "issued_token_type",
    "error",
    "error_description",
];

/// Claims that no mapper whatever may write; the rest of [`PROTECTED`] has a mapper of its own, or takes configured values.
const NEVER: &[&str] = &[
    "exp",
    "iat",
    "nbf",
    "iss",
    "jti",
    "sub",
    "aud",
    "typ",
    "azp",
    "sid",
    "scope",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "act",
    "may_act",
    "authorization",
    "authorization_details",
];

const MAPPER_IDS: &[&str] = &[
    "oidc-usermodel-attribute-mapper",
    "oidc-usermodel-property-mapper",
    "oidc-full-name-mapper",
    "oidc-usermodel-realm-role-mapper",
    "oidc-usermodel-client-role-mapper",
    "oidc-group-membership-mapper",
    "oidc-hardcoded-claim-mapper",
    "oidc-hardcoded-role-mapper",
    "oidc-role-name-mapper",
    "oidc-audience-mapper",
    "oidc-audience-resolve-mapper",
    "oidc-allowed-origins-mapper",
    "oidc-sub-mapper",
    "oidc-sha256-pairwise-sub-mapper",
    "oidc-acr-mapper",
    "oidc-amr-mapper",
    "oidc-usersessionmodel-note-mapper",
    "oidc-address-mapper",
    "oidc-nonce-backwards-compatible-mapper",
    "oidc-session-state-mapper",
    "oidc-claims-param-token-mapper",
    "oidc-organization-membership-mapper",
];

/// A text that a setting may hold: a likely one, or anything.
fn setting() -> impl Strategy<Value = String> {
    let likely = [PROTECTED, NEVER].concat().into_iter().map(str::to_owned).chain(
        [
            "true",
            "false",
            "long",
            "JSON",
            "AUTH_TIME",
            "username",
            "forged",
            "${client_id}",
            "${client_id}.x",
            "iss.x",
            r"\i\s\s",
            "{\"a\":1}",
            "user",
            "iss.editor",
        ]
        .map(str::to_owned),
    );
    prop_oneof![proptest::sample::select(likely.collect::<Vec<_>>()), any::<String>(), "[a-z.\\\\${}_]{0,24}"]
}

/// An arbitrary mapper with all its switches on and arbitrary settings.
fn any_mapper() -> impl Strategy<Value = Mapper> {
    let names = [
        "claim.name",
        "claim.value",
        "jsonType.label",
        "multivalued",
        "user.attribute",
        "aggregate.attrs",
        "user.session.note",
        "role",
        "new.role.name",
        "included.custom.audience",
        "usermodel.clientRoleMapping.clientId",
        "usermodel.realmRoleMapping.rolePrefix",
        "sectorIdentifierUri",
        "user.attribute.street",
    ];
    let config = proptest::collection::vec(setting(), names.len());
    (proptest::sample::select(MAPPER_IDS), config).prop_map(move |(id, values)| {
        let config: serde_json::Map<_, _> =
            names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect();
        mapper(id, &Value::Object(config))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_configured_nothing_panics_and_no_claim_of_the_server_is_touched(mappers in proptest::collection::vec(any_mapper(), 1..6)) {
        let mut world = World::with(mappers);
        world.attribute("forged", &["https://evil.example", "\u{0}", "9"]);
        world.client.client_id = "iss".to_owned();
        for target in Target::ALL {
            let mapped = world.map(target);
            if target != Target::AccessTokenResponse {
                for name in NEVER {
                    prop_assert!(!mapped.claims.contains_key(*name), "{name} {target:?} {mapped:?}");
                }
                let nonce = mapped.claims.get("nonce");
                prop_assert!(nonce.is_none_or(|nonce| nonce == "n-1"));
                let auth_time = mapped.claims.get("auth_time");
                prop_assert!(auth_time.is_none_or(|auth_time| *auth_time == json!(AUTH_TIME)));
            }
            let session_state = mapped.claims.get("session_state");
            prop_assert!(session_state.is_none_or(|session_state| session_state == SID));
            prop_assert!(mapped.claims.values().all(|value| !value.is_null()), "{mapped:?}");
        }
    }
}
