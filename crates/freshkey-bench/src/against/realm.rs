//! The realm that both servers get, in the form of a Keycloak export: two clients, and users with roles, groups and attributes that mappers
//! put into their tokens. Client scopes and everything else are the defaults of a new realm.

use serde_json::{Value, json};

pub(super) const REALM: &str = "bench";
/// The public client whose tokens are refreshed.
pub(super) const APP: &str = "app";
/// The confidential client with a service account, which also introspects.
pub(super) const API: &str = "api";
pub(super) const SECRET: &str = "the secret of the benchmark";
/// The password of every user.
pub(super) const PASSWORD: &str = "the password";

/// PBKDF2-SHA256 of it: 1,000 rounds, since no sign-in is measured.
const HASH: &str = "cPEFNNh/S3xpwXgamjcM2Dnlw01PWAYThP0lcMkIU0AD7c7tSggKhzbGn1zsyIrUyc8nJZfwWFrrpPYe774Diw==";
const SALT: &str = "AAECAwQFBgcICQoLDA0ODw==";
/// Longer than any run, so that nothing expires in the middle of it.
const LIFESPAN_S: u32 = 36_000;

pub(super) fn username(number: usize) -> String {
    format!("user{number:06}")
}

/// The path of an endpoint of the realm.
pub(super) fn endpoint(name: &str) -> String {
    format!("/realms/{REALM}/protocol/openid-connect/{name}")
}

pub(super) fn realm(users: usize) -> Value {
    json!({
        "realm": REALM,
        "enabled": true,
        "sslRequired": "none",
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1000)",
        "accessTokenLifespan": LIFESPAN_S,
        "ssoSessionIdleTimeout": LIFESPAN_S,
        "ssoSessionMaxLifespan": LIFESPAN_S,
        "revokeRefreshToken": false,
        "roles": { "realm": [{ "name": "admin" }, { "name": "member" }], "client": { API: [{ "name": "reader" }, { "name": "writer" }] } },
        "groups": [{ "name": "physics", "path": "/physics" }, { "name": "staff", "path": "/staff" }],
        "clients": [
            client(APP, json!({
                "publicClient": true, "directAccessGrantsEnabled": true,
                "protocolMappers": [attribute("department"), attribute("uid"), attribute("gid"), groups(), audience()],
            })),
            client(API, json!({ "secret": SECRET, "serviceAccountsEnabled": true })),
        ],
        "components": {
            "org.keycloak.userprofile.UserProfileProvider": [{
                "providerId": "declarative-user-profile", "config": { "kc.user.profile.config": [user_profile()] },
            }],
        },
        "users": (0..users).map(user).collect::<Vec<_>>(),
    })
}

fn user(number: usize) -> Value {
    let name = username(number);
    json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"),
        "username": name, "email": format!("{name}@example.org"), "emailVerified": true, "enabled": true,
        "firstName": "Given", "lastName": format!("Family {number}"),
        "attributes": { "department": ["physics"], "uid": [(10_000 + number).to_string()], "gid": ["1000"] },
        "realmRoles": [format!("default-roles-{REALM}"), "admin", "member"],
        "clientRoles": { API: ["reader", "writer"] },
        "groups": ["/physics", "/staff"],
        "credentials": [{
            "type": "password",
            "secretData": json!({ "value": HASH, "salt": SALT }).to_string(),
            "credentialData": json!({ "hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {} }).to_string(),
        }],
    })
}

fn client(id: &str, more: Value) -> Value {
    let mut client = json!({
        "clientId": id, "enabled": true, "protocol": "openid-connect", "publicClient": false, "clientAuthenticatorType": "client-secret",
        "standardFlowEnabled": false, "directAccessGrantsEnabled": false, "fullScopeAllowed": true, "redirectUris": [], "webOrigins": [],
    });
    if let (Value::Object(client), Value::Object(more)) = (&mut client, more) {
        client.extend(more);
    }
    client
}

fn mapper(name: &str, kind: &str, mut config: Value) -> Value {
    for target in ["access.token.claim", "id.token.claim", "userinfo.token.claim", "introspection.token.claim"] {
        config[target] = json!("true");
    }
    json!({ "name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config })
}

fn attribute(name: &str) -> Value {
    mapper(name, "oidc-usermodel-attribute-mapper", json!({ "user.attribute": name, "claim.name": name, "jsonType.label": "String" }))
}

fn groups() -> Value {
    mapper("groups", "oidc-group-membership-mapper", json!({ "claim.name": "groups", "full.path": "false" }))
}

/// Whoever introspects a token has to be among those that it is for.
fn audience() -> Value {
    mapper("audience", "oidc-audience-mapper", json!({ "included.client.audience": API }))
}

/// Lets users have attributes that the profile does not name.
fn user_profile() -> String {
    let attribute = |name: &str| json!({ "name": name, "permissions": { "view": ["admin", "user"], "edit": ["admin", "user"] } });
    let attributes = ["username", "email", "firstName", "lastName"].map(attribute);
    json!({ "attributes": attributes, "unmanagedAttributePolicy": "ENABLED" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_is_another_one() {
        let realm = realm(3);
        let ids: std::collections::BTreeSet<&str> =
            realm["users"].as_array().unwrap().iter().filter_map(|user| user["id"].as_str()).collect();
        assert_eq!(ids.len(), 3);
    }
}
