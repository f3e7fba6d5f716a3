//! What Keycloak's tables say otherwise than its exports, and which of its parts come with it: for whoever reads its database.

use super::fields::{self, FieldType};
use serde_json::{Map, Value, json};

/// Turns the rows of `realm_attribute` into fields of a realm's representation, as Keycloak's export does (`ModelToRepresentation`, `RealmAdapter`).
pub fn realm_attributes(rows: impl IntoIterator<Item = (String, String)>, realm: &mut Map<String, Value>) {
    let mut attributes = Map::new();
    let mut headers = Map::new();
    for (name, text) in rows {
        if let Some(header) = name.strip_prefix("_browser_header.") {
            headers.insert(header.to_owned(), json!(text));
        } else if let Some(part) = name.strip_prefix("client-policies.") {
            let field = if part == "profiles" { "clientProfiles" } else { "clientPolicies" };
            realm.insert(field.to_owned(), serde_json::from_str(&text).unwrap_or(Value::Null));
        } else if name == "firstBrokerLoginFlowId" {
            // The name of the flow is told elsewhere.
        } else if let Some(value) = field_value(&field_name(&name), &text) {
            realm.insert(field_name(&name), value);
        } else {
            attributes.insert(name, json!(text));
        }
    }
    // These two are attributes in Keycloak's exports as well.
    for name in ["oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval"] {
        if let Some(value) = realm.get(name) {
            attributes.insert(name.to_owned(), json!(value.to_string()));
        }
    }
    realm.insert("attributes".to_owned(), Value::Object(attributes));
    realm.insert("browserSecurityHeaders".to_owned(), Value::Object(headers));
}

/// `webAuthnPolicyRpIdPasswordless` is `webAuthnPolicyPasswordlessRpId` in an export.
fn field_name(attribute: &str) -> String {
    let policy = attribute.strip_prefix("webAuthnPolicy").and_then(|rest| rest.strip_suffix("Passwordless"));
    policy.map_or_else(|| attribute.to_owned(), |rest| format!("webAuthnPolicyPasswordless{rest}"))
}

/// The value of a field of the representation; `None` when an attribute is no field, or its text no value of it.
fn field_value(field: &str, text: &str) -> Option<Value> {
    match fields::field_type(fields::REALM, field)? {
        FieldType::Flag => text.parse().ok().map(Value::Bool),
        FieldType::Whole => text.parse::<i64>().ok().map(|number| json!(number)),
        FieldType::Text => Some(json!(text)),
        FieldType::Texts => Some(text.split(',').filter(|one| !one.is_empty()).collect()),
        FieldType::Json => None,
    }
}

/// A part of a server that others can bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A step of an authentication flow.
    Authenticator,
    /// Something that a user has to do before going on.
    RequiredAction,
    /// Something that hears of events.
    EventListener,
    /// A component: user federation, key provider, policy for registrations, ….
    Component,
}

impl Part {
    /// Reads the word that a survey uses.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "authenticator" => Some(Self::Authenticator),
            "required action" => Some(Self::RequiredAction),
            "event listener" => Some(Self::EventListener),
            "component" => Some(Self::Component),
            _ => None,
        }
    }

    /// Whether a part of this id comes with Keycloak 26. All others were added by somebody.
    pub fn is_stock(self, provider_id: &str) -> bool {
        let stock: &[&str] = match self {
            Self::Authenticator => &STOCK_AUTHENTICATORS,
            Self::RequiredAction => &STOCK_REQUIRED_ACTIONS,
            Self::EventListener => &["email", "jboss-logging", "workflow-event-listener"],
            Self::Component => &STOCK_COMPONENTS,
        };
        stock.contains(&provider_id)
    }
}

/// Steps of flows, form actions and client authenticators of Keycloak 26.7.
const STOCK_AUTHENTICATORS: [&str; 53] = [
    "allow-access-authenticator",
    "auth-conditional-otp-form",
    "auth-cookie",
    "auth-otp-form",
    "auth-password-form",
    "auth-recovery-authn-code-form",
    "auth-spnego",
    "auth-username-form",
    "auth-username-password-form",
    "auth-x509-client-username-form",
    "client-jwt",
    "client-secret",
    "client-secret-jwt",
    "client-x509",
    "conditional-client-scope",
    "conditional-credential",
    "conditional-level-of-authentication",
    "conditional-sub-flow-executed",
    "conditional-user-attribute",
    "conditional-user-configured",
    "conditional-user-role",
    "deny-access-authenticator",
    "direct-grant-auth-x509-username",
    "direct-grant-validate-otp",
    "direct-grant-validate-password",
    "direct-grant-validate-username",
    "docker-http-basic-authenticator",
    "federated-jwt",
    "http-basic-authenticator",
    "identity-provider-redirector",
    "idp-add-organization-member",
    "idp-auto-link",
    "idp-confirm-link",
    "idp-confirm-override-link",
    "idp-create-user-if-unique",
    "idp-detect-existing-broker-user",
    "idp-email-verification",
    "idp-review-profile",
    "idp-username-password-form",
    "organization",
    "registration-page-form",
    "registration-password-action",
    "registration-recaptcha-action",
    "registration-recaptcha-enterprise",
    "registration-terms-and-conditions",
    "registration-user-creation",
    "reset-credential-email",
    "reset-credentials-choose-user",
    "reset-otp",
    "reset-password",
    "user-session-limits",
    "webauthn-authenticator",
    "webauthn-authenticator-passwordless",
];

/// Required actions of Keycloak 26.7.
const STOCK_REQUIRED_ACTIONS: [&str; 14] = [
    "CONFIGURE_RECOVERY_AUTHN_CODES",
    "CONFIGURE_TOTP",
    "TERMS_AND_CONDITIONS",
    "UPDATE_EMAIL",
    "UPDATE_PASSWORD",
    "UPDATE_PROFILE",
    "VERIFY_EMAIL",
    "VERIFY_PROFILE",
    "delete_account",
    "delete_credential",
    "idp_link",
    "update_user_locale",
    "webauthn-register",
    "webauthn-register-passwordless",
];

/// Components of Keycloak 26.7, whatever their type.
const STOCK_COMPONENTS: [&str; 49] = [
    "add-required-action",
    "aes-generated",
    "allowed-client-templates",
    "allowed-protocol-mappers",
    "certificate-ldap-mapper",
    "client-disabled",
    "consent-required",
    "declarative-user-profile",
    "default",
    "delete-client",
    "delete-user",
    "disable-client",
    "disable-user",
    "ecdh-generated",
    "ecdsa-generated",
    "eddsa-generated",
    "full-name-ldap-mapper",
    "grant-role",
    "group-ldap-mapper",
    "hardcoded-attribute-mapper",
    "hardcoded-ldap-attribute-mapper",
    "hardcoded-ldap-group-mapper",
    "hardcoded-ldap-role-mapper",
    "hmac-generated",
    "java-keystore",
    "join-group",
    "kerberos",
    "kerberos-principal-attribute-mapper",
    "ldap",
    "leave-group",
    "max-clients",
    "msad-lds-user-account-control-mapper",
    "msad-user-account-control-mapper",
    "notify-user",
    "registration-web-origins",
    "remove-required-action",
    "remove-user-attribute",
    "restart",
    "revoke-role",
    "role-ldap-mapper",
    "rsa",
    "rsa-enc",
    "rsa-enc-generated",
    "rsa-generated",
    "scope",
    "set-user-attribute",
    "trusted-hosts",
    "unlink-user",
    "user-attribute-ldap-mapper",
];

#[cfg(test)]
mod tests;
