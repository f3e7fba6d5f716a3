//! The fields of Keycloak's representations with their JSON types: all that are known, whether anything here acts upon them or not.
//! What is in none of these lists is unknown: kept, and reported.

/// JSON type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `true` or `false`
    Flag,
    /// A whole number.
    Whole,
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// Anything else.
    Json,
}

/// A known field.
pub type Field = (&'static str, FieldType);

use FieldType::{Flag, Json, Text, Texts, Whole};

/// Fields of a realm. Those that become items, and users, are not here: they are not edited as fields.
pub const REALM: &[Field] = &[
    ("accessCodeLifespan", Whole),
    ("accessCodeLifespanLogin", Whole),
    ("accessCodeLifespanUserAction", Whole),
    ("accessTokenLifespan", Whole),
    ("accessTokenLifespanForImplicitFlow", Whole),
    ("accountTheme", Text),
    ("actionTokenGeneratedByAdminLifespan", Whole),
    ("actionTokenGeneratedByUserLifespan", Whole),
    ("adminEventsDetailsEnabled", Flag),
    ("adminEventsEnabled", Flag),
    ("adminPermissionsClient", Json),
    ("adminPermissionsEnabled", Flag),
    ("adminTheme", Text),
    ("attributes", Json),
    ("authenticationFlows", Json),
    ("authenticatorConfig", Json),
    ("browserFlow", Text),
    ("browserSecurityHeaders", Json),
    ("bruteForceProtected", Flag),
    ("bruteForceStrategy", Text),
    ("certificate", Text),
    ("clientAuthenticationFlow", Text),
    ("clientOfflineSessionIdleTimeout", Whole),
    ("clientOfflineSessionMaxLifespan", Whole),
    ("clientPolicies", Json),
    ("clientProfiles", Json),
    ("clientScopeMappings", Json),
    ("clientSessionIdleTimeout", Whole),
    ("clientSessionMaxLifespan", Whole),
    ("clientTemplates", Json),
    ("defaultDefaultClientScopes", Texts),
    ("defaultGroups", Texts),
    ("defaultLocale", Text),
    ("defaultOptionalClientScopes", Texts),
    ("defaultRole", Json),
    ("defaultSignatureAlgorithm", Text),
    ("directGrantFlow", Text),
    ("displayName", Text),
    ("displayNameHtml", Text),
    ("dockerAuthenticationFlow", Text),
    ("duplicateEmailsAllowed", Flag),
    ("editUsernameAllowed", Flag),
    ("emailTheme", Text),
    ("enabled", Flag),
    ("enabledEventTypes", Texts),
    ("eventsEnabled", Flag),
    ("eventsExpiration", Whole),
    ("eventsListeners", Texts),
    ("failureFactor", Whole),
    ("federatedUsers", Json),
    ("firstBrokerLoginFlow", Text),
    ("id", Text),
    ("identityProviderMappers", Json),
    ("identityProviders", Json),
    ("internationalizationEnabled", Flag),
    ("keycloakVersion", Text),
    ("localizationTexts", Json),
    ("loginTheme", Text),
    ("loginWithEmailAllowed", Flag),
    ("maxDeltaTimeSeconds", Whole),
    ("maxFailureWaitSeconds", Whole),
    ("maxTemporaryLockouts", Whole),
    ("minimumQuickLoginWaitSeconds", Whole),
    ("notBefore", Whole),
    ("oauth2DeviceCodeLifespan", Whole),
    ("oauth2DevicePollingInterval", Whole),
    ("offlineSessionIdleTimeout", Whole),
    ("offlineSessionMaxLifespan", Whole),
    ("offlineSessionMaxLifespanEnabled", Flag),
    ("organizations", Json),
    ("organizationsEnabled", Flag),
    ("otpPolicyAlgorithm", Text),
    ("otpPolicyCodeReusable", Flag),
    ("otpPolicyDigits", Whole),
    ("otpPolicyInitialCounter", Whole),
    ("otpPolicyLookAheadWindow", Whole),
    ("otpPolicyPeriod", Whole),
    ("otpPolicyType", Text),
    ("otpSupportedApplications", Texts),
    ("passwordPolicy", Text),
    ("permanentLockout", Flag),
    ("protocolMappers", Json),
    ("publicKey", Text),
    ("quickLoginCheckMilliSeconds", Whole),
    ("realm", Text),
    ("refreshTokenMaxReuse", Whole),
    ("registrationAllowed", Flag),
    ("registrationEmailAsUsername", Flag),
    ("registrationFlow", Text),
    ("rememberMe", Flag),
    ("requiredActions", Json),
    ("requiredCredentials", Texts),
    ("resetCredentialsFlow", Text),
    ("resetPasswordAllowed", Flag),
    ("revokeRefreshToken", Flag),
    ("scopeMappings", Json),
    ("smtpServer", Json),
    ("sslRequired", Text),
    ("ssoSessionIdleTimeout", Whole),
    ("ssoSessionIdleTimeoutRememberMe", Whole),
    ("ssoSessionMaxLifespan", Whole),
    ("ssoSessionMaxLifespanRememberMe", Whole),
    ("supportedLocales", Texts),
    ("userFederationMappers", Json),
    ("userFederationProviders", Json),
    ("userManagedAccessAllowed", Flag),
    ("verifiableCredentialsEnabled", Flag),
    ("verifyEmail", Flag),
    ("waitIncrementSeconds", Whole),
    ("webAuthnPolicyAcceptableAaguids", Texts),
    ("webAuthnPolicyAttestationConveyancePreference", Text),
    ("webAuthnPolicyAuthenticatorAttachment", Text),
    ("webAuthnPolicyAvoidSameAuthenticatorRegister", Flag),
    ("webAuthnPolicyCreateTimeout", Whole),
    ("webAuthnPolicyExtraOrigins", Texts),
    ("webAuthnPolicyPasswordlessAcceptableAaguids", Texts),
    ("webAuthnPolicyPasswordlessAttestationConveyancePreference", Text),
    ("webAuthnPolicyPasswordlessAuthenticatorAttachment", Text),
    ("webAuthnPolicyPasswordlessAvoidSameAuthenticatorRegister", Flag),
    ("webAuthnPolicyPasswordlessCreateTimeout", Whole),
    ("webAuthnPolicyPasswordlessExtraOrigins", Texts),
    ("webAuthnPolicyPasswordlessPasskeysEnabled", Flag),
    ("webAuthnPolicyPasswordlessRequireResidentKey", Text),
    ("webAuthnPolicyPasswordlessRpEntityName", Text),
    ("webAuthnPolicyPasswordlessRpId", Text),
    ("webAuthnPolicyPasswordlessSignatureAlgorithms", Texts),
    ("webAuthnPolicyPasswordlessUserVerificationRequirement", Text),
    ("webAuthnPolicyRequireResidentKey", Text),
    ("webAuthnPolicyRpEntityName", Text),
    ("webAuthnPolicyRpId", Text),
    ("webAuthnPolicySignatureAlgorithms", Texts),
    ("webAuthnPolicyUserVerificationRequirement", Text),
];

/// Fields of a client.
pub const CLIENT: &[Field] = &[
    ("access", Json),
    ("adminUrl", Text),
    ("alwaysDisplayInConsole", Flag),
    ("attributes", Json),
    ("authenticationFlowBindingOverrides", Json),
    ("authorizationServicesEnabled", Flag),
    ("authorizationSettings", Json),
    ("baseUrl", Text),
    ("bearerOnly", Flag),
    ("clientAuthenticatorType", Text),
    ("clientId", Text),
    ("consentRequired", Flag),
    ("defaultClientScopes", Texts),
    ("defaultRoles", Texts),
    ("description", Text),
    ("directAccessGrantsEnabled", Flag),
    ("directGrantsOnly", Flag),
    ("enabled", Flag),
    ("frontchannelLogout", Flag),
    ("fullScopeAllowed", Flag),
    ("id", Text),
    ("implicitFlowEnabled", Flag),
    ("name", Text),
    ("nodeReRegistrationTimeout", Whole),
    ("notBefore", Whole),
    ("optionalClientScopes", Texts),
    ("origin", Text),
    ("protocol", Text),
    ("protocolMappers", Json),
    ("publicClient", Flag),
    ("redirectUris", Texts),
    ("registeredNodes", Json),
    ("registrationAccessToken", Text),
    ("rootUrl", Text),
    ("secret", Text),
    ("serviceAccountsEnabled", Flag),
    ("standardFlowEnabled", Flag),
    ("surrogateAuthRequired", Flag),
    ("type", Text),
    ("webOrigins", Texts),
];

/// Fields of a client scope.
pub const CLIENT_SCOPE: &[Field] =
    &[("attributes", Json), ("description", Text), ("id", Text), ("name", Text), ("protocol", Text), ("protocolMappers", Json)];

/// Fields of a protocol mapper.
pub const PROTOCOL_MAPPER: &[Field] = &[
    ("config", Json),
    ("consentRequired", Flag),
    ("consentText", Text),
    ("id", Text),
    ("name", Text),
    ("protocol", Text),
    ("protocolMapper", Text),
];

/// Fields of a role.
pub const ROLE: &[Field] = &[
    ("attributes", Json),
    ("clientRole", Flag),
    ("composite", Flag),
    ("composites", Json),
    ("containerId", Text),
    ("description", Text),
    ("id", Text),
    ("name", Text),
    ("scopeParamRequired", Flag),
];

/// Fields of a group.
pub const GROUP: &[Field] = &[
    ("access", Json),
    ("attributes", Json),
    ("clientRoles", Json),
    ("description", Text),
    ("id", Text),
    ("name", Text),
    ("parentId", Text),
    ("path", Text),
    ("realmRoles", Texts),
    ("subGroupCount", Whole),
    ("subGroups", Json),
];

/// Fields of a component.
pub const COMPONENT: &[Field] = &[
    ("config", Json),
    ("id", Text),
    ("name", Text),
    ("parentId", Text),
    ("providerId", Text),
    ("providerType", Text),
    ("subComponents", Json),
    ("subType", Text),
];

/// Fields of a scope mapping.
pub const SCOPE_MAPPING: &[Field] = &[("client", Text), ("clientScope", Text), ("clientTemplate", Text), ("roles", Texts), ("self", Text)];

/// Fields of a user.
pub const USER: &[Field] = &[
    ("access", Json),
    ("applicationRoles", Json),
    ("attributes", Json),
    ("clientConsents", Json),
    ("clientRoles", Json),
    ("createdTimestamp", Whole),
    ("credentials", Json),
    ("disableableCredentialTypes", Texts),
    ("email", Text),
    ("emailVerified", Flag),
    ("enabled", Flag),
    ("federatedIdentities", Json),
    ("federationLink", Text),
    ("firstName", Text),
    ("groups", Texts),
    ("id", Text),
    ("lastName", Text),
    ("notBefore", Whole),
    ("origin", Text),
    ("realmRoles", Texts),
    ("requiredActions", Texts),
    ("self", Text),
    ("serviceAccountClientId", Text),
    ("socialLinks", Json),
    ("totp", Flag),
    ("userProfileMetadata", Json),
    ("username", Text),
];

/// The type of a known field.
pub fn field_type(fields: &[Field], name: &str) -> Option<FieldType> {
    fields.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// The known name that looks most like an unknown one, for a hint; `None` when none is close.
pub fn nearest<'f>(names: impl IntoIterator<Item = &'f str>, unknown: &str) -> Option<&'f str> {
    const DISTANCE_MAX: usize = 4;
    let unknown: Vec<char> = unknown.chars().flat_map(char::to_lowercase).take(100).collect();
    let candidates =
        names.into_iter().map(|name| (distance(&name.chars().flat_map(char::to_lowercase).collect::<Vec<_>>(), &unknown), name));
    candidates.min().filter(|(distance, name)| *distance <= DISTANCE_MAX.min(name.len() / 2)).map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, letter) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
