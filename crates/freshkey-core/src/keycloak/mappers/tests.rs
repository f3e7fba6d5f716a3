use super::{explain, read_mapper};
use crate::mappers::{MapperKind, Silence, Target, Targets};
use std::collections::BTreeMap;

#[test]
fn mappers_of_other_protocols_mean_nothing_here() {
    let config = BTreeMap::from([("access.token.claim".to_owned(), "true".to_owned())]);
    let read = |protocol| read_mapper("full name", protocol, "oidc-full-name-mapper", &config);
    assert_eq!(read(None).kind, MapperKind::FullName);
    assert_eq!(read(Some("openid-connect")).kind, MapperKind::FullName);
    let saml = read(Some("saml"));
    assert_eq!((saml.kind, saml.emit), (MapperKind::Unknown("oidc-full-name-mapper".to_owned()), Targets::NONE));
}

#[test]
fn a_mapper_keeps_its_name_and_gets_its_order_from_its_kind() {
    let config = BTreeMap::new();
    let cases = [("oidc-sub-mapper", -10), ("oidc-full-name-mapper", 0), ("oidc-audience-resolve-mapper", 30)];
    for (id, priority) in cases {
        let mapper = read_mapper("its name", None, id, &config);
        assert_eq!((mapper.name.as_str(), mapper.priority), ("its name", priority), "{id}");
    }
    let with_role = BTreeMap::from(["role", "new.role.name", "claim.name"].map(|name| (name.to_owned(), "x".to_owned())));
    for (id, priority) in [
        ("oidc-role-name-mapper", 10),
        ("oidc-hardcoded-role-mapper", 20),
        ("oidc-usermodel-realm-role-mapper", 40),
        ("oidc-usermodel-client-role-mapper", 40),
    ] {
        assert_eq!(read_mapper("x", None, id, &with_role).priority, priority, "{id}");
    }
}

#[test]
fn mappers_without_switches_run_wherever_they_can() {
    let config = BTreeMap::from(["role", "new.role.name"].map(|name| (name.to_owned(), "x".to_owned())));
    for id in ["oidc-role-name-mapper", "oidc-hardcoded-role-mapper", "oidc-sha256-pairwise-sub-mapper"] {
        let emit = read_mapper("x", None, id, &config).emit;
        let expected = [Target::AccessToken, Target::LightweightAccessToken, Target::IdToken, Target::UserInfo, Target::Introspection];
        assert_eq!(emit, Targets::of(&expected), "{id}");
    }
    let nonce = read_mapper("x", None, "oidc-nonce-backwards-compatible-mapper", &config).emit;
    assert_eq!(nonce, Targets::of(&[Target::AccessToken, Target::LightweightAccessToken]));
}

#[test]
fn an_explanation_names_the_mapper_that_is_unknown() {
    assert_eq!(explain(Silence::Unknown("script-x.js")), r#"this server has no mapper "script-x.js""#);
}
