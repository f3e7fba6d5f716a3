//! What of a person becomes which claim: every mapper at least once, scopes with roles, composites, groups, full scope off.

use crate::realm::{add_mapper, client_of};
use crate::script::{Scenario, endpoint, refresh, scenario, sign_in, token};
use serde_json::{Value, json};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        attributes(),
        properties(),
        roles(),
        groups(),
        fixed(),
        audiences(),
        subject(),
        session(),
        targets(),
        names(),
        narrow(),
        scope_roles(),
        service(),
    ]
}

/// Signs in at the client with the mappers, looks at userinfo, and refreshes.
fn mapped(name: &'static str, realm: fn(&mut Value)) -> Scenario {
    scenario(name)
        .in_realm(realm)
        .send("sign-in", sign_in("mapped", "openid"))
        .keep_tokens()
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send(
            "introspection",
            endpoint("POST", "token/introspect").basic("confidential", crate::realm::SECRET).form(&[("token", "{access}")]),
        )
        .send("refresh", refresh("mapped"))
}

fn attribute(realm: &mut Value, attribute: &str, claim: &str, more: Value) {
    let mut config = json!({ "user.attribute": attribute, "claim.name": claim, "jsonType.label": "String" });
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    add_mapper(realm, claim, "oidc-usermodel-attribute-mapper", config);
}

fn attributes() -> Scenario {
    mapped("claims/attributes", |realm| {
        attribute(realm, "department", "one", json!({}));
        attribute(realm, "department", "all", json!({ "multivalued": "true" }));
        attribute(realm, "uid", "uid_long", json!({ "jsonType.label": "long" }));
        attribute(realm, "uid", "uid_int", json!({ "jsonType.label": "int" }));
        attribute(realm, "vip", "vip", json!({ "jsonType.label": "boolean" }));
        attribute(realm, "settings", "settings", json!({ "jsonType.label": "JSON" }));
        attribute(realm, "missing", "missing", json!({}));
        attribute(realm, "missing", "missing_list", json!({ "multivalued": "true" }));
        attribute(realm, "floor", "floor", json!({ "aggregate.attrs": "true", "multivalued": "true" }));
        attribute(realm, "floor", "floor_first", json!({}));
        attribute(realm, "department", "number_that_is_none", json!({ "jsonType.label": "long" }));
        attribute(realm, "uid", "nested.uid", json!({}));
        attribute(realm, "department", "nested.department", json!({}));
        attribute(realm, "uid", r"with\.dot", json!({}));
        add_mapper(
            realm,
            "address",
            "oidc-address-mapper",
            json!({ "user.attribute.street": "street", "user.attribute.locality": "locality", "user.attribute.postal_code": "postal_code", "user.attribute.country": "country", "user.attribute.region": "region", "user.attribute.formatted": "formatted" }),
        );
    })
}

fn properties() -> Scenario {
    mapped("claims/properties", |realm| {
        for property in ["username", "email", "firstName", "lastName", "emailVerified", "id", "enabled", "createdTimestamp"] {
            let config = json!({ "user.attribute": property, "claim.name": format!("property_{property}"), "jsonType.label": "String" });
            add_mapper(realm, property, "oidc-usermodel-property-mapper", config);
        }
        add_mapper(realm, "full name", "oidc-full-name-mapper", json!({}));
    })
}

fn roles() -> Scenario {
    mapped("claims/roles", |realm| {
        let list = |claim: &str| json!({ "claim.name": claim, "jsonType.label": "String", "multivalued": "true" });
        add_mapper(realm, "realm roles", "oidc-usermodel-realm-role-mapper", list("groups_of_roles"));
        let mut prefixed = list("prefixed");
        prefixed["usermodel.realmRoleMapping.rolePrefix"] = json!("realm:");
        add_mapper(realm, "prefixed", "oidc-usermodel-realm-role-mapper", prefixed);
        let mut one = list("one_client");
        one["usermodel.clientRoleMapping.clientId"] = json!("confidential");
        one["usermodel.clientRoleMapping.rolePrefix"] = json!("c:");
        add_mapper(realm, "one client", "oidc-usermodel-client-role-mapper", one);
        add_mapper(realm, "all clients", "oidc-usermodel-client-role-mapper", list("by_client.${client_id}.roles"));
        add_mapper(realm, "hardcoded", "oidc-hardcoded-role-mapper", json!({ "role": "confidential.reader" }));
        add_mapper(realm, "hardcoded of the realm", "oidc-hardcoded-role-mapper", json!({ "role": "auditor" }));
        add_mapper(realm, "renamed", "oidc-role-name-mapper", json!({ "role": "member", "new.role.name": "employee" }));
        add_mapper(realm, "renamed into a client", "oidc-role-name-mapper", json!({ "role": "admin", "new.role.name": "public.chief" }));
        let single = json!({ "claim.name": "single", "jsonType.label": "String", "multivalued": "false" });
        add_mapper(realm, "single", "oidc-usermodel-realm-role-mapper", single);
    })
}

fn groups() -> Scenario {
    mapped("claims/groups", |realm| {
        add_mapper(realm, "paths", "oidc-group-membership-mapper", json!({ "claim.name": "paths", "full.path": "true" }));
        add_mapper(realm, "names", "oidc-group-membership-mapper", json!({ "claim.name": "names", "full.path": "false" }));
    })
}

fn fixed() -> Scenario {
    mapped("claims/hardcoded", |realm| {
        let mut fixed = |claim: &str, value: &str, kind: &str| {
            add_mapper(
                realm,
                claim,
                "oidc-hardcoded-claim-mapper",
                json!({ "claim.name": claim, "claim.value": value, "jsonType.label": kind }),
            );
        };
        fixed("text", "words", "String");
        fixed("number", "42", "long");
        fixed("flag", "true", "boolean");
        fixed("object", r#"{"a":[1,2]}"#, "JSON");
        fixed("deep.er.claim", "x", "String");
        fixed("sub", "somebody-else", "String");
        fixed("iss", "https://evil.example", "String");
        fixed("azp", "somebody-else", "String");
        fixed("typ", "Refresh", "String");
        fixed("email", "fixed@example.org", "String");
    })
}

fn audiences() -> Scenario {
    mapped("claims/audiences", |realm| {
        add_mapper(realm, "client", "oidc-audience-mapper", json!({ "included.client.audience": "second" }));
        add_mapper(realm, "custom", "oidc-audience-mapper", json!({ "included.custom.audience": "https://api.example" }));
        add_mapper(realm, "resolve", "oidc-audience-resolve-mapper", json!({}));
    })
}

fn subject() -> Scenario {
    mapped("claims/subject", |realm| {
        client_of(realm, "mapped")["redirectUris"] = json!(["https://pairwise.example/cb"]);
        add_mapper(realm, "pairwise", "oidc-sha256-pairwise-sub-mapper", json!({ "pairwiseSubAlgorithmSalt": "salt" }));
    })
}

fn session() -> Scenario {
    mapped("claims/session", |realm| {
        add_mapper(realm, "acr", "oidc-acr-mapper", json!({}));
        add_mapper(realm, "amr", "oidc-amr-mapper", json!({}));
        add_mapper(realm, "session state", "oidc-session-state-mapper", json!({}));
        add_mapper(realm, "nonce", "oidc-nonce-backwards-compatible-mapper", json!({}));
        add_mapper(realm, "sub", "oidc-sub-mapper", json!({}));
        add_mapper(realm, "origins", "oidc-allowed-origins-mapper", json!({}));
        client_of(realm, "mapped")["webOrigins"] = json!(["https://one.example", "https://two.example"]);
        add_mapper(
            realm,
            "note",
            "oidc-usersessionmodel-note-mapper",
            json!({ "user.session.note": "AUTH_TIME", "claim.name": "when", "jsonType.label": "long" }),
        );
        add_mapper(realm, "claims parameter", "oidc-claims-param-token-mapper", json!({}));
    })
}

fn targets() -> Scenario {
    mapped("claims/targets", |realm| {
        let mut one = |claim: &str, on: &str| {
            let mut config = json!({ "user.attribute": "uid", "claim.name": claim, "jsonType.label": "String" });
            for target in
                ["access.token.claim", "id.token.claim", "userinfo.token.claim", "introspection.token.claim", "access.tokenResponse.claim"]
            {
                config[target] = json!(if target == on { "true" } else { "false" });
            }
            add_mapper(realm, claim, "oidc-usermodel-attribute-mapper", config);
        };
        one("in_access", "access.token.claim");
        one("in_id", "id.token.claim");
        one("in_userinfo", "userinfo.token.claim");
        one("in_introspection", "introspection.token.claim");
        one("in_response", "access.tokenResponse.claim");
        one("in_none", "none");
    })
}

fn names() -> Scenario {
    scenario("claims/names")
        .in_realm(|realm| {
            let users = realm["users"].as_array_mut().expect("a list");
            users[4]["lastName"] = json!("");
        })
        .send(
            "no family name",
            token(&[
                ("grant_type", "password"),
                ("client_id", "public"),
                ("username", "eve"),
                ("password", "the password"),
                ("scope", "openid"),
            ]),
        )
        .send("everything", sign_in("public", "openid profile email phone address microprofile-jwt"))
        .keep_tokens()
        .send("userinfo with everything", endpoint("GET", "userinfo").bearer("{access}"))
}

fn narrow() -> Scenario {
    scenario("claims/narrow")
        .in_realm(|realm| realm["clientScopeMappings"] = json!({ "confidential": [{ "client": "narrow", "roles": ["writer"] }] }))
        .send("sign-in", sign_in("narrow", "openid"))
        .keep_tokens()
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send("refresh", refresh("narrow"))
}

fn scope_roles() -> Scenario {
    let dan = |scope| {
        token(&[("grant_type", "password"), ("client_id", "public"), ("username", "dan"), ("password", "the password"), ("scope", scope)])
    };
    scenario("claims/scopes-with-roles")
        .in_realm(|realm| {
            let mapper = |claim: &str| {
                json!({
                    "name": claim, "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
                    "config": { "claim.name": claim, "claim.value": "yes", "jsonType.label": "String", "access.token.claim": "true", "id.token.claim": "true" },
                })
            };
            let scope = |name: &str, shown: &str, more: Value| {
                let mut scope = json!({
                    "name": name, "protocol": "openid-connect", "attributes": { "include.in.token.scope": shown }, "protocolMappers": [mapper(&format!("from_{name}"))],
                });
                if let (Value::Object(scope), Value::Object(more)) = (&mut scope, more) {
                    scope.extend(more);
                }
                scope
            };
            realm["addedClientScopes"] = json!([
                scope("for-admins", "true", json!({ "roles": ["admin"], "default": ["public", "narrow"] })),
                scope("on-request", "true", json!({ "optional": ["public"] })),
                scope("hidden", "false", json!({ "optional": ["public"] })),
                scope("for-auditors", "true", json!({ "roles": ["auditor"], "optional": ["public"] })),
            ]);
        })
        .send("one who has the role", sign_in("public", "openid"))
        .send("one who lacks it", dan("openid"))
        .send("on request", sign_in("public", "openid on-request"))
        .keep_tokens()
        .send("on request, refreshed", refresh("public"))
        .send("hidden", sign_in("public", "openid hidden"))
        .keep_tokens()
        .send("hidden, refreshed", refresh("public"))
        .send("asked for without the role", sign_in("public", "openid for-auditors"))
        .send("narrow client", sign_in("narrow", "openid"))
}

fn service() -> Scenario {
    scenario("claims/service-account")
        .in_realm(|realm| {
            let config = json!({ "user.session.note": "clientHost", "claim.name": "host", "jsonType.label": "String", "access.token.claim": "true" });
            let mapper = json!({ "name": "host", "protocol": "openid-connect", "protocolMapper": "oidc-usersessionmodel-note-mapper", "config": config });
            client_of(realm, "confidential")["protocolMappers"] = json!([mapper]);
        })
        .send("sign-in", token(&[("grant_type", "client_credentials"), ("scope", "openid")]).basic("confidential", crate::realm::SECRET))
}
