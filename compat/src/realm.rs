//! The realm in which every scenario begins, as a Keycloak export would have it: a client for each way of being one, a user for each state.

use freshkey_core::one_time_codes::read_device;
use freshkey_protocol::Secret;
use serde_json::{Map, Value, json};

/// The realm's name.
pub const REALM: &str = "compat";

/// The password of every user.
pub const PASSWORD: &str = "the password";

/// PBKDF2-SHA256 of it, 1,000 rounds. Both servers hash it anew at the first sign-in.
const HASH: &str = "cPEFNNh/S3xpwXgamjcM2Dnlw01PWAYThP0lcMkIU0AD7c7tSggKhzbGn1zsyIrUyc8nJZfwWFrrpPYe774Diw==";
const SALT: &str = "AAECAwQFBgcICQoLDA0ODw==";

/// The key of every device for one-time codes.
const CODE_KEY: &str = "12345678901234567890";

/// How the id of each user begins.
pub const USER_ID_PREFIX: &str = "00000000-0000-4000-8000-";

/// The secret of the client `confidential`.
pub const SECRET: &str = "the-secret-of-confidential";

/// The secret of the client `secret-jwt`: long enough for HS512.
pub const LONG_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The realm. `client_keys` is the JWK set that the client `jwt` has registered.
///
/// Two fields are ours: `addedClientScopes`, a list of client scopes beside the default ones, with `default` or `optional` a list of clients that have it; and `addedKeys`, a list of
/// algorithms for which there is a key from the beginning.
pub fn realm(client_keys: &str) -> Value {
    json!({
        "realm": REALM,
        "enabled": true,
        "sslRequired": "none",
        "loginWithEmailAllowed": true,
        "duplicateEmailsAllowed": false,
        // Keycloak's behaviour to the letter, where ours is another one by default (KC-017, KC-018, KC-050). A Keycloak ignores these.
        "attributes": { "freshkey.refresh.grace.seconds": "0", "freshkey.refresh.reuse.ends": "client-session", "freshkey.introspection.by": "audience" },
        "roles": {
            "realm": [
                role("admin"), role("member"), role("auditor"),
                { "name": "boss", "composite": true, "composites": { "realm": ["admin"], "client": { "confidential": ["reader"] } } },
            ],
            "client": { "confidential": [role("reader"), role("writer")], "public": [role("player")] },
        },
        "groups": [
            {
                "name": "staff", "path": "/staff", "realmRoles": ["member"], "attributes": { "floor": ["3"] },
                "subGroups": [{ "name": "night", "path": "/staff/night", "clientRoles": { "confidential": ["writer"] } }],
            },
            { "name": "a,b", "path": "/a,b" },
        ],
        "users": [
            user("ann", 1, json!({
                "realmRoles": ["default-roles-compat", "boss"], "groups": ["/staff/night", "/a,b"],
                "attributes": {
                    "department": ["blue", "green"], "uid": ["1000"], "vip": ["true"], "settings": [r#"{"dark":true}"#], "nickname": ["annie"],
                    "street": ["1 Main St"], "locality": ["Town"], "postal_code": ["12345"], "phoneNumber": ["+1 555"], "phoneNumberVerified": ["true"],
                },
            })),
            user("bob", 2, json!({ "realmRoles": ["default-roles-compat"], "enabled": false })),
            user("cid", 3, json!({ "realmRoles": ["default-roles-compat"], "requiredActions": ["UPDATE_PASSWORD"] })),
            user("dan", 4, json!({ "realmRoles": ["member"] })),
            user("eve", 5, json!({ "realmRoles": ["default-roles-compat"] })),
        ],
        "clients": [
            client("public", json!({ "publicClient": true, "webOrigins": ["https://app.example"], "redirectUris": ["https://app.example/*"] })),
            client("other", json!({ "publicClient": true })),
            client("confidential", json!({
                "secret": SECRET, "serviceAccountsEnabled": true, "webOrigins": ["+"], "redirectUris": ["https://shop.example/cb"],
            })),
            client("second", json!({ "secret": "the-secret-of-second" })),
            client("jwt", json!({
                "clientAuthenticatorType": "client-jwt", "serviceAccountsEnabled": true,
                "attributes": { "use.jwks.string": "true", "jwks.string": client_keys, "token.endpoint.auth.signing.alg": "RS256" },
            })),
            client("secret-jwt", json!({
                "clientAuthenticatorType": "client-secret-jwt", "secret": LONG_SECRET, "serviceAccountsEnabled": true,
            })),
            client("no-direct", json!({ "publicClient": true, "directAccessGrantsEnabled": false })),
            client("consent", json!({ "publicClient": true, "consentRequired": true })),
            client("bearer", json!({ "bearerOnly": true, "secret": "the-secret-of-bearer" })),
            client("disabled", json!({ "enabled": false, "secret": "the-secret-of-disabled" })),
            client("no-refresh", json!({ "publicClient": true, "attributes": { "use.refresh.tokens": "false" } })),
            client("service-refresh", json!({
                "secret": "the-secret-of-service-refresh", "serviceAccountsEnabled": true,
                "attributes": { "client_credentials.use_refresh_token": "true" },
            })),
            client("narrow", json!({ "publicClient": true, "fullScopeAllowed": false })),
            client("lower", json!({ "publicClient": true, "attributes": { "token.response.type.bearer.lower-case": "true" } })),
            client("light", json!({ "publicClient": true, "attributes": { "client.use.lightweight.access.token.enabled": "true" } })),
            client("es256", json!({ "publicClient": true, "attributes": { "access.token.signed.response.alg": "ES256", "id.token.signed.response.alg": "ES256" } })),
            client("at-jwt", json!({ "publicClient": true, "attributes": { "access.token.header.type.rfc9068": "true" } })),
            client("mapped", json!({ "publicClient": true, "protocolMappers": [] })),
        ],
        "scopeMappings": [{ "client": "narrow", "roles": ["admin"] }],
        "components": {
            // Attributes that the user profile does not know are an administrator's affair, as they were before Keycloak 24.
            "org.keycloak.userprofile.UserProfileProvider": [{
                "providerId": "declarative-user-profile",
                "config": { "kc.user.profile.config": [user_profile()] },
            }],
        },
        "addedClientScopes": [],
        "addedKeys": [],
    })
}

/// Gives a user devices for one-time codes, all with one key: `totp` or `hotp`, and a label.
///
/// # Panics
/// When there is no user of this name.
pub fn add_devices(realm: &mut Value, username: &str, devices: &[(&str, &str)]) {
    let users = realm["users"].as_array_mut().expect("a list");
    let user = users.iter_mut().find(|user| user["username"] == username).expect("a user of the realm");
    user["credentials"].as_array_mut().expect("a list").extend(devices.iter().map(|(kind, label)| device(kind, label)));
}

fn device(kind: &str, label: &str) -> Value {
    let data = json!({ "subType": kind, "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" });
    json!({ "type": "otp", "userLabel": label, "credentialData": data.to_string(), "secretData": json!({ "value": CODE_KEY }).to_string() })
}

/// The code that such a device shows at a count.
///
/// # Panics
/// When the device cannot be read.
#[must_use]
pub fn code(count: i64) -> String {
    let device = device("totp", "");
    let secret = Secret::new(device["secretData"].as_str().unwrap_or_default().to_owned());
    read_device("device", &device, &secret, None).expect("a device").code(count).expose().clone()
}

/// Adds a mapper to the client `mapped`, with everything switched on that a mapper may write to, save what the configuration says otherwise.
pub fn add_mapper(realm: &mut Value, name: &str, kind: &str, configuration: Value) {
    let mut config = Map::new();
    for target in ["access.token.claim", "id.token.claim", "userinfo.token.claim", "introspection.token.claim"] {
        config.insert(target.to_owned(), json!("true"));
    }
    if let Value::Object(more) = configuration {
        config.extend(more);
    }
    let mapper = json!({ "name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config });
    client_of(realm, "mapped")["protocolMappers"].as_array_mut().expect("a list").push(mapper);
}

/// A client of the realm's file.
///
/// # Panics
/// When there is none of this name.
pub fn client_of<'r>(realm: &'r mut Value, client_id: &str) -> &'r mut Value {
    let clients = realm["clients"].as_array_mut().expect("a list");
    clients.iter_mut().find(|client| client["clientId"] == client_id).expect("a client of the realm")
}

fn user_profile() -> String {
    let attribute = |name: &str| json!({ "name": name, "permissions": { "view": ["admin", "user"], "edit": ["admin", "user"] } });
    let attributes = ["username", "email", "firstName", "lastName"].map(attribute);
    json!({ "attributes": attributes, "unmanagedAttributePolicy": "ENABLED" }).to_string()
}

fn role(name: &str) -> Value {
    json!({ "name": name })
}

fn user(name: &str, number: u32, more: Value) -> Value {
    let secret = json!({ "value": HASH, "salt": SALT }).to_string();
    let data = json!({ "hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {} }).to_string();
    let base = json!({
        "id": format!("{USER_ID_PREFIX}{number:012}"),
        "username": name, "enabled": true, "email": format!("{name}@example.org"), "emailVerified": true,
        "firstName": name.to_uppercase(), "lastName": "Example", "createdTimestamp": 1_700_000_000_000_i64,
        "credentials": [{ "type": "password", "secretData": secret, "credentialData": data }],
    });
    merged(base, more)
}

fn client(id: &str, more: Value) -> Value {
    let base = json!({
        "clientId": id, "enabled": true, "protocol": "openid-connect", "publicClient": false, "clientAuthenticatorType": "client-secret",
        "standardFlowEnabled": true, "directAccessGrantsEnabled": true, "fullScopeAllowed": true, "redirectUris": [], "webOrigins": [],
    });
    merged(base, more)
}

fn merged(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            base.extend(more);
            Value::Object(base)
        }
        (base, _) => base,
    }
}
