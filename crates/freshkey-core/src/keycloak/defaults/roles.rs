//! The roles of a new realm.

use serde_json::{Value, json};

/// The composite role that every new user gets.
pub(crate) fn default_role_name(realm: &str) -> String {
    format!("default-roles-{}", realm.to_lowercase())
}

/// What the default role brings along.
fn default_role_composites() -> Value {
    json!({ "realm": ["offline_access", "uma_authorization"], "client": { "account": ["view-profile", "manage-account"] } })
}

pub(super) fn realm_roles(realm: &str, realm_id: &str) -> Vec<Value> {
    let plain = |name: &str, description: &str| json!({ "name": name, "description": description, "composite": false, "clientRole": false, "containerId": realm_id, "attributes": {} });
    let mut default_role = plain(&default_role_name(realm), "${role_default-roles}");
    default_role["composite"] = json!(true);
    default_role["composites"] = default_role_composites();
    vec![default_role, plain("offline_access", "${role_offline-access}"), plain("uma_authorization", "${role_uma_authorization}")]
}

/// Roles of the client `account`.
pub(crate) fn account_roles() -> Vec<Value> {
    let links = json!({ "client": { "account": ["manage-account-links"] } });
    let view_consent = json!({ "client": { "account": ["view-consent"] } });
    vec![
        client_role("delete-account", None),
        client_role("manage-account", Some(links)),
        client_role("manage-account-links", None),
        client_role("manage-consent", Some(view_consent)),
        client_role("view-applications", None),
        client_role("view-consent", None),
        client_role("view-groups", None),
        client_role("view-profile", None),
    ]
}

/// Roles of the client `broker`.
pub(crate) fn broker_roles() -> Vec<Value> {
    vec![client_role("read-token", None)]
}

/// Roles of the client `realm-management`.
pub(crate) fn realm_management_roles() -> Vec<Value> {
    const NAMES: [&str; 18] = [
        "create-client",
        "impersonation",
        "manage-authorization",
        "manage-clients",
        "manage-events",
        "manage-identity-providers",
        "manage-realm",
        "manage-users",
        "query-clients",
        "query-groups",
        "query-realms",
        "query-users",
        "view-authorization",
        "view-clients",
        "view-events",
        "view-identity-providers",
        "view-realm",
        "view-users",
    ];
    let bringing = |names: &[&str]| Some(json!({ "client": { "realm-management": names } }));
    let mut roles: Vec<Value> = NAMES
        .iter()
        .map(|name| match *name {
            "view-clients" => client_role(name, bringing(&["query-clients"])),
            "view-users" => client_role(name, bringing(&["query-groups", "query-users"])),
            plain => client_role(plain, None),
        })
        .collect();
    roles.push(client_role("realm-admin", bringing(&NAMES)));
    roles
}

fn client_role(name: &str, composites: Option<Value>) -> Value {
    let mut role = json!({
        "name": name,
        "description": format!("${{role_{name}}}"),
        "composite": composites.is_some(),
        "clientRole": true,
        "attributes": {},
    });
    if let Some(composites) = composites {
        role["composites"] = composites;
    }
    role
}
