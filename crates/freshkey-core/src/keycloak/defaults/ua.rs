//! The realm `UA`: what the page about refreshing tokens expects to find.

use super::client_scopes::{ATTRIBUTE, claim_mapper, hidden, mapper};
use super::{GeneratedKeys, NewRealm, client_item, item, name_of, new_realm, random_client_secret};
use crate::documents::ItemKind;
use crate::entropy::{Entropy, random_uuid};
use serde_json::{Value, json};

/// Name of the realm.
const REALM: &str = "UA";
/// The client scope with the platform's own claims.
const SCOPE: &str = "ua";

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// The realm `UA` without users.
///
/// - Access tokens live an hour, refresh tokens a week from each refresh. A session ends 30 days after the sign-in, so a token refreshed in
///   the last week of it lives less than a week: "typically valid for a week" and still an end to a stolen chain. Who needs longer asks for
///   an offline token: 30 days from each use, without an absolute end.
/// - Roles `admin` and `member`. `default-roles-ua` brings `offline_access` along, so that every user may have offline tokens.
/// - Client `ua-grant`: public, direct grants, and the offline upgrade on refresh. Client `ua`: confidential, standard flow (to `redirect_uris`)
///   and direct grants. Both have `offline_access` as optional scope.
/// - Default scope `ua`: the user attributes `department`, `uid`, `gid` and the group names as claims of these names. It is hidden, so
///   that `scope` in answers is the same as Keycloak's.
/// - Guessing is slowed down, and passwords have at least 8 characters and are not the user name.
pub fn realm_ua(redirect_uris: &[&str], entropy: &dyn Entropy, keys: GeneratedKeys) -> NewRealm {
    let mut realm = new_realm(REALM, entropy, keys);
    let realm_id = name_of(&realm.document, "id");
    for role in ["admin", "member"] {
        let document = json!({ "name": role, "composite": false, "clientRole": false, "containerId": realm_id, "attributes": {} });
        realm.items.push(item(ItemKind::Role, role.to_owned(), document, entropy));
    }
    realm.items.push(item(ItemKind::ClientScope, SCOPE.to_owned(), platform_scope(entropy), entropy));

    let document = &mut realm.document;
    document["accessTokenLifespan"] = json!(HOUR_S);
    document["ssoSessionIdleTimeout"] = json!(7 * DAY_S);
    document["ssoSessionMaxLifespan"] = json!(30 * DAY_S);
    document["offlineSessionIdleTimeout"] = json!(30 * DAY_S);
    document["offlineSessionMaxLifespanEnabled"] = json!(false);
    document["bruteForceProtected"] = json!(true);
    document["passwordPolicy"] = json!("length(8) and notUsername(undefined)");
    if let Some(scopes) = document["defaultDefaultClientScopes"].as_array_mut() {
        scopes.push(json!(SCOPE));
    }

    let default_scopes = document["defaultDefaultClientScopes"].clone();
    let optional_scopes = document["defaultOptionalClientScopes"].clone();
    for mut client in [ua_grant(entropy), ua(redirect_uris, entropy)] {
        client["defaultClientScopes"] = default_scopes.clone();
        client["optionalClientScopes"] = optional_scopes.clone();
        realm.items.push(client_item(client, entropy));
    }
    realm
}

fn ua_grant(entropy: &dyn Entropy) -> Value {
    let mut client = client("ua-grant", entropy);
    client["publicClient"] = json!(true);
    client["standardFlowEnabled"] = json!(false);
    client["attributes"]["freshkey.offline.upgrade.on.refresh"] = json!("true");
    client
}

fn ua(redirect_uris: &[&str], entropy: &dyn Entropy) -> Value {
    let mut client = client("ua", entropy);
    client["secret"] = json!(random_client_secret(entropy).expose());
    client["redirectUris"] = json!(redirect_uris);
    client["webOrigins"] = json!(["+"]);
    client
}

fn client(client_id: &str, entropy: &dyn Entropy) -> Value {
    json!({
        "id": random_uuid(entropy),
        "clientId": client_id,
        "enabled": true,
        "clientAuthenticatorType": "client-secret",
        "redirectUris": [],
        "webOrigins": [],
        "notBefore": 0,
        "bearerOnly": false,
        "consentRequired": false,
        "standardFlowEnabled": true,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": true,
        "serviceAccountsEnabled": false,
        "publicClient": false,
        "frontchannelLogout": false,
        "protocol": "openid-connect",
        "attributes": {},
        "fullScopeAllowed": true,
    })
}

fn platform_scope(entropy: &dyn Entropy) -> Value {
    let mut mappers = ["department", "uid", "gid"].map(|name| claim_mapper(name, ATTRIBUTE, name, name, "String", entropy)).to_vec();
    let groups = json!({
        "full.path": "false",
        "introspection.token.claim": "true",
        "userinfo.token.claim": "true",
        "id.token.claim": "true",
        "access.token.claim": "true",
        "claim.name": "groups",
    });
    mappers.push(mapper("groups", "oidc-group-membership-mapper", groups, entropy));
    hidden(SCOPE, "Claims of the analytics platform", mappers, entropy)
}
