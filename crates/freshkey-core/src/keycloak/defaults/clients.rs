//! The built-in clients of a realm.

use super::client_scopes::mapper;
use super::{DEFAULT_SCOPES, OPTIONAL_SCOPES};
use crate::entropy::{Entropy, random_uuid};
use serde_json::{Value, json};

/// Their names.
pub(crate) const BUILT_IN_CLIENTS: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];

/// A built-in client of a realm.
pub(crate) fn built_in_client(client_id: &str, realm: &str, entropy: &dyn Entropy) -> Value {
    let mut client = json!({
        "id": random_uuid(entropy),
        "clientId": client_id,
        "name": format!("${{client_{client_id}}}"),
        "surrogateAuthRequired": false,
        "enabled": true,
        "alwaysDisplayInConsole": false,
        "clientAuthenticatorType": "client-secret",
        "redirectUris": [],
        "webOrigins": [],
        "notBefore": 0,
        "bearerOnly": false,
        "consentRequired": false,
        "standardFlowEnabled": true,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "serviceAccountsEnabled": false,
        "publicClient": true,
        "frontchannelLogout": false,
        "protocol": "openid-connect",
        "attributes": { "realm_client": "false", "post.logout.redirect.uris": "+" },
        "authenticationFlowBindingOverrides": {},
        "fullScopeAllowed": false,
        "nodeReRegistrationTimeout": 0,
        "defaultClientScopes": DEFAULT_SCOPES,
        "optionalClientScopes": OPTIONAL_SCOPES,
    });
    match client_id {
        "account" | "account-console" => {
            client["rootUrl"] = json!("${authBaseUrl}");
            client["baseUrl"] = json!(format!("/realms/{realm}/account/"));
            client["redirectUris"] = json!([format!("/realms/{realm}/account/*")]);
        }
        "admin-cli" => {
            client["standardFlowEnabled"] = json!(false);
            client["directAccessGrantsEnabled"] = json!(true);
            client["fullScopeAllowed"] = json!(true);
            client["attributes"] = json!({ "realm_client": "false", "client.use.lightweight.access.token.enabled": "true" });
        }
        "broker" | "realm-management" => {
            client["publicClient"] = json!(false);
            client["bearerOnly"] = json!(true);
            client["attributes"] = json!({ "realm_client": "true" });
        }
        _ => {
            client["rootUrl"] = json!("${authAdminUrl}");
            client["baseUrl"] = json!(format!("/admin/{realm}/console/"));
            client["redirectUris"] = json!([format!("/admin/{realm}/console/*")]);
            client["webOrigins"] = json!(["+"]);
            client["fullScopeAllowed"] = json!(true);
            client["attributes"]["client.use.lightweight.access.token.enabled"] = json!("true");
        }
    }
    if matches!(client_id, "account-console" | "security-admin-console") {
        client["attributes"]["pkce.code.challenge.method"] = json!("S256");
        client["protocolMappers"] = json!([console_mapper(client_id, entropy)]);
    }
    client
}

fn console_mapper(client_id: &str, entropy: &dyn Entropy) -> Value {
    if client_id == "account-console" {
        return mapper("audience resolve", "oidc-audience-resolve-mapper", json!({}), entropy);
    }
    let config = json!({
        "introspection.token.claim": "true",
        "userinfo.token.claim": "true",
        "user.attribute": "locale",
        "id.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": "locale",
        "jsonType.label": "String",
    });
    mapper("locale", "oidc-usermodel-attribute-mapper", config, entropy)
}
