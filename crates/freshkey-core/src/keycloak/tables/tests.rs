use super::*;

fn realm(rows: &[(&str, &str)]) -> Map<String, Value> {
    let mut realm = Map::new();
    realm_attributes(rows.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())), &mut realm);
    realm
}

#[test]
fn attributes_that_are_fields_become_fields_of_their_types() {
    let realm = realm(&[
        ("offlineSessionMaxLifespanEnabled", "true"),
        ("offlineSessionMaxLifespan", "5184000"),
        ("defaultSignatureAlgorithm", "ES256"),
        ("webAuthnPolicySignatureAlgorithmsPasswordless", "ES256,RS256"),
        ("oauth2DeviceCodeLifespan", "600"),
        ("_browser_header.xFrameOptions", "SAMEORIGIN"),
        ("client-policies.profiles", "{\"profiles\":[]}"),
        ("firstBrokerLoginFlowId", "id"),
        ("frontendUrl", "https://id.example"),
        ("failureFactor", "many"),
    ]);
    assert_eq!(realm["offlineSessionMaxLifespanEnabled"], true);
    assert_eq!(realm["offlineSessionMaxLifespan"], 5_184_000);
    assert_eq!(realm["defaultSignatureAlgorithm"], "ES256");
    assert_eq!(realm["webAuthnPolicyPasswordlessSignatureAlgorithms"], json!(["ES256", "RS256"]));
    assert_eq!(realm["browserSecurityHeaders"], json!({ "xFrameOptions": "SAMEORIGIN" }));
    assert_eq!(realm["clientProfiles"], json!({ "profiles": [] }));
    assert_eq!(
        realm["attributes"],
        json!({ "frontendUrl": "https://id.example", "failureFactor": "many", "oauth2DeviceCodeLifespan": "600" })
    );
}

#[test]
fn what_comes_with_keycloak_is_told_from_what_was_added() {
    for (topic, stock) in
        [("authenticator", "auth-cookie"), ("required action", "VERIFY_EMAIL"), ("event listener", "email"), ("component", "rsa-generated")]
    {
        let part = Part::parse(topic).unwrap();
        assert!(part.is_stock(stock) && !part.is_stock("acme-own"), "{topic}");
    }
    assert_eq!(Part::parse("identity provider"), None);
}
