//! Every statement that is sent to Keycloak's database: all of them read, and none names a column that Keycloak 26.0 doesn't have.
//!
//! PostgreSQL puts the representations together itself, so that one statement brings all things of a kind. A column that came later is read through
//! `to_jsonb`, where it is absent instead of an error. `$1` is the id of the realm wherever there is one.

/// The first statements of the transaction: Keycloak's database may have time limits that a long copy would meet.
pub(super) const NO_TIME_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Whether the tables that a Keycloak database must have are there.
pub(super) const HAS_TABLES: &str = "SELECT to_regclass('migration_model') IS NOT NULL AND to_regclass('realm') IS NOT NULL
   AND to_regclass('user_entity') IS NOT NULL AND to_regclass('client') IS NOT NULL";

/// The version that last changed the tables.
pub(super) const VERSION: &str = "SELECT version FROM migration_model ORDER BY update_time DESC LIMIT 1";

/// All realms.
pub(super) const REALM_NAMES: &str = "SELECT id, name FROM realm ORDER BY name";

/// A realm's own row.
pub(super) const REALM: &str = "SELECT (jsonb_strip_nulls(jsonb_build_object(
    'id', r.id, 'realm', r.name, 'displayName', r.display_name, 'notBefore', COALESCE(r.not_before, 0), 'enabled', r.enabled,
    'sslRequired', lower(r.ssl_required), 'revokeRefreshToken', r.revoke_refresh_token, 'refreshTokenMaxReuse', r.refresh_token_max_reuse,
    'accessTokenLifespan', r.access_token_lifespan, 'accessTokenLifespanForImplicitFlow', r.access_token_life_implicit,
    'ssoSessionIdleTimeout', r.sso_idle_timeout, 'ssoSessionMaxLifespan', r.sso_max_lifespan,
    'ssoSessionIdleTimeoutRememberMe', r.sso_idle_timeout_remember_me, 'ssoSessionMaxLifespanRememberMe', r.sso_max_lifespan_remember_me,
    'offlineSessionIdleTimeout', r.offline_session_idle_timeout, 'accessCodeLifespan', r.access_code_lifespan,
    'accessCodeLifespanUserAction', r.user_action_lifespan, 'accessCodeLifespanLogin', r.login_lifespan,
    'registrationAllowed', r.registration_allowed, 'registrationEmailAsUsername', r.reg_email_as_username, 'rememberMe', r.remember_me,
    'verifyEmail', r.verify_email, 'loginWithEmailAllowed', r.login_with_email_allowed, 'duplicateEmailsAllowed', r.duplicate_emails_allowed,
    'resetPasswordAllowed', r.reset_password_allowed, 'editUsernameAllowed', r.edit_username_allowed, 'passwordPolicy', r.password_policy))
  || jsonb_strip_nulls(jsonb_build_object(
    'otpPolicyType', r.otp_policy_type, 'otpPolicyAlgorithm', r.otp_policy_alg, 'otpPolicyInitialCounter', r.otp_policy_counter,
    'otpPolicyDigits', r.otp_policy_digits, 'otpPolicyLookAheadWindow', r.otp_policy_window, 'otpPolicyPeriod', r.otp_policy_period,
    'eventsEnabled', r.events_enabled, 'eventsExpiration', NULLIF(r.events_expiration, 0), 'adminEventsEnabled', r.admin_events_enabled,
    'adminEventsDetailsEnabled', r.admin_events_details_enabled, 'loginTheme', r.login_theme, 'accountTheme', r.account_theme,
    'adminTheme', r.admin_theme, 'emailTheme', r.email_theme, 'internationalizationEnabled', r.internationalization_enabled,
    'defaultLocale', r.default_locale, 'userManagedAccessAllowed', r.allow_user_managed_access,
    'browserFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.browser_flow),
    'registrationFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.registration_flow),
    'directGrantFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.direct_grant_flow),
    'resetCredentialsFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.reset_credentials_flow),
    'clientAuthenticationFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.client_auth_flow),
    'dockerAuthenticationFlow', (SELECT f.alias FROM authentication_flow f WHERE f.id = r.docker_auth_flow),
    'firstBrokerLoginFlow', (SELECT f.alias FROM authentication_flow f JOIN realm_attribute a ON a.value = f.id
      WHERE a.realm_id = r.id AND a.name = 'firstBrokerLoginFlowId'),
    'defaultRole', (SELECT jsonb_build_object('id', k.id, 'name', k.name, 'description', k.description, 'composite', true, 'clientRole', false,
      'containerId', r.id) FROM keycloak_role k WHERE k.id = r.default_role)))
  || jsonb_build_object(
    'requiredCredentials', (SELECT COALESCE(jsonb_agg(x.type ORDER BY x.type), '[]') FROM realm_required_credential x WHERE x.realm_id = r.id),
    'smtpServer', (SELECT COALESCE(jsonb_object_agg(x.name, x.value), '{}') FROM realm_smtp_config x WHERE x.realm_id = r.id),
    'eventsListeners', (SELECT COALESCE(jsonb_agg(x.value ORDER BY x.value), '[]') FROM realm_events_listeners x WHERE x.realm_id = r.id),
    'enabledEventTypes', (SELECT COALESCE(jsonb_agg(x.value ORDER BY x.value), '[]') FROM realm_enabled_event_types x WHERE x.realm_id = r.id),
    'supportedLocales', (SELECT COALESCE(jsonb_agg(x.value ORDER BY x.value), '[]') FROM realm_supported_locales x WHERE x.realm_id = r.id),
    'localizationTexts', (SELECT COALESCE(jsonb_object_agg(x.locale, x.texts::jsonb), '{}') FROM realm_localizations x WHERE x.realm_id = r.id),
    'defaultDefaultClientScopes', (SELECT COALESCE(jsonb_agg(s.name ORDER BY s.name), '[]') FROM default_client_scope x
      JOIN client_scope s ON s.id = x.scope_id WHERE x.realm_id = r.id AND x.default_scope),
    'defaultOptionalClientScopes', (SELECT COALESCE(jsonb_agg(s.name ORDER BY s.name), '[]') FROM default_client_scope x
      JOIN client_scope s ON s.id = x.scope_id WHERE x.realm_id = r.id AND NOT x.default_scope),
    'defaultGroups', (SELECT COALESCE(jsonb_agg(x.group_id ORDER BY x.group_id), '[]') FROM realm_default_groups x WHERE x.realm_id = r.id)))::text
  FROM realm r WHERE r.id = $1";

/// A realm's attributes: (name, value).
pub(super) const REALM_ATTRIBUTES: &str = "SELECT name, value FROM realm_attribute WHERE realm_id = $1 AND value IS NOT NULL ORDER BY name";

/// Clients: (representation).
pub(super) const CLIENTS: &str = "SELECT (jsonb_strip_nulls(jsonb_build_object(
    'id', c.id, 'clientId', c.client_id, 'name', c.name, 'description', c.description, 'rootUrl', c.root_url, 'adminUrl', c.management_url,
    'baseUrl', c.base_url, 'surrogateAuthRequired', c.surrogate_auth_required, 'enabled', c.enabled,
    'alwaysDisplayInConsole', c.always_display_in_console, 'clientAuthenticatorType', c.client_authenticator_type, 'secret', c.secret,
    'notBefore', COALESCE(c.not_before, 0), 'bearerOnly', c.bearer_only, 'consentRequired', c.consent_required,
    'standardFlowEnabled', c.standard_flow_enabled, 'implicitFlowEnabled', c.implicit_flow_enabled,
    'directAccessGrantsEnabled', c.direct_access_grants_enabled, 'serviceAccountsEnabled', c.service_accounts_enabled,
    'publicClient', c.public_client, 'frontchannelLogout', c.frontchannel_logout, 'protocol', c.protocol,
    'fullScopeAllowed', c.full_scope_allowed, 'nodeReRegistrationTimeout', c.node_rereg_timeout,
    'registeredNodes', (SELECT jsonb_object_agg(x.name, x.value) FROM client_node_registrations x WHERE x.client_id = c.id),
    'protocolMappers', (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'name', m.name, 'protocol', m.protocol, 'protocolMapper',
      m.protocol_mapper_name, 'consentRequired', false, 'config', (SELECT COALESCE(jsonb_object_agg(x.name, x.value), '{}')
        FROM protocol_mapper_config x WHERE x.protocol_mapper_id = m.id)) ORDER BY m.name) FROM protocol_mapper m WHERE m.client_id = c.id)))
  || jsonb_build_object(
    'redirectUris', (SELECT COALESCE(jsonb_agg(x.value ORDER BY x.value), '[]') FROM redirect_uris x WHERE x.client_id = c.id),
    'webOrigins', (SELECT COALESCE(jsonb_agg(x.value ORDER BY x.value), '[]') FROM web_origins x WHERE x.client_id = c.id),
    'attributes', (SELECT COALESCE(jsonb_object_agg(x.name, x.value) FILTER (WHERE x.value IS NOT NULL), '{}')
      FROM client_attributes x WHERE x.client_id = c.id),
    'authenticationFlowBindingOverrides', (SELECT COALESCE(jsonb_object_agg(x.binding_name, x.flow_id), '{}')
      FROM client_auth_flow_bindings x WHERE x.client_id = c.id),
    'defaultClientScopes', (SELECT COALESCE(jsonb_agg(s.name ORDER BY s.name), '[]') FROM client_scope_client x
      JOIN client_scope s ON s.id = x.scope_id WHERE x.client_id = c.id AND x.default_scope),
    'optionalClientScopes', (SELECT COALESCE(jsonb_agg(s.name ORDER BY s.name), '[]') FROM client_scope_client x
      JOIN client_scope s ON s.id = x.scope_id WHERE x.client_id = c.id AND NOT x.default_scope)))::text
  FROM client c WHERE c.realm_id = $1 ORDER BY c.client_id";

/// Client scopes: (representation).
pub(super) const CLIENT_SCOPES: &str =
    "SELECT (jsonb_strip_nulls(jsonb_build_object('id', s.id, 'name', s.name, 'description', s.description,
    'protocol', s.protocol,
    'attributes', (SELECT jsonb_object_agg(x.name, x.value) FROM client_scope_attributes x WHERE x.scope_id = s.id),
    'protocolMappers', (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'name', m.name, 'protocol', m.protocol, 'protocolMapper',
      m.protocol_mapper_name, 'consentRequired', false, 'config', (SELECT COALESCE(jsonb_object_agg(x.name, x.value), '{}')
        FROM protocol_mapper_config x WHERE x.protocol_mapper_id = m.id)) ORDER BY m.name)
      FROM protocol_mapper m WHERE m.client_scope_id = s.id))))::text
  FROM client_scope s WHERE s.realm_id = $1 ORDER BY s.name";

/// Roles: (OAuth name of the client or null, representation).
pub(super) const ROLES: &str =
    "SELECT c.client_id, (jsonb_strip_nulls(jsonb_build_object('id', k.id, 'name', k.name, 'description', k.description,
    'composite', EXISTS (SELECT 1 FROM composite_role x WHERE x.composite = k.id), 'clientRole', k.client_role,
    'containerId', COALESCE(k.client, k.realm_id),
    'composites', (SELECT NULLIF(jsonb_strip_nulls(jsonb_build_object(
      'realm', (SELECT jsonb_agg(o.name ORDER BY o.name) FROM composite_role x JOIN keycloak_role o ON o.id = x.child_role
        WHERE x.composite = k.id AND NOT o.client_role),
      'client', (SELECT jsonb_object_agg(by_client.client_id, by_client.names) FROM (
        SELECT p.client_id, jsonb_agg(o.name ORDER BY o.name) AS names FROM composite_role x JOIN keycloak_role o ON o.id = x.child_role
          JOIN client p ON p.id = o.client WHERE x.composite = k.id AND o.client_role GROUP BY p.client_id) AS by_client))), '{}'))))
  || jsonb_build_object('attributes', (SELECT COALESCE(jsonb_object_agg(by_name.name, by_name.list), '{}') FROM (
    SELECT x.name, jsonb_agg(x.value ORDER BY x.id) AS list FROM role_attribute x WHERE x.role_id = k.id AND x.value IS NOT NULL
     GROUP BY x.name) AS by_name)))::text
  FROM keycloak_role k LEFT JOIN client c ON c.id = k.client WHERE k.realm_id = $1 ORDER BY c.client_id NULLS FIRST, k.name";

/// Groups of people, not those that stand for organizations: (id, id of the group above or null, representation without the groups below).
pub(super) const GROUPS: &str =
    "SELECT g.id, NULLIF(trim(g.parent_group), ''), jsonb_strip_nulls(jsonb_build_object('id', g.id, 'name', g.name,
    'description', to_jsonb(g) ->> 'description',
    'attributes', (SELECT jsonb_object_agg(by_name.name, by_name.list) FROM (SELECT x.name, jsonb_agg(x.value ORDER BY x.id) AS list
      FROM group_attribute x WHERE x.group_id = g.id AND x.value IS NOT NULL GROUP BY x.name) AS by_name),
    'realmRoles', (SELECT jsonb_agg(k.name ORDER BY k.name) FROM group_role_mapping x JOIN keycloak_role k ON k.id = x.role_id
      WHERE x.group_id = g.id AND NOT k.client_role),
    'clientRoles', (SELECT jsonb_object_agg(by_client.client_id, by_client.names) FROM (
      SELECT c.client_id, jsonb_agg(k.name ORDER BY k.name) AS names FROM group_role_mapping x JOIN keycloak_role k ON k.id = x.role_id
        JOIN client c ON c.id = k.client WHERE x.group_id = g.id AND k.client_role GROUP BY c.client_id) AS by_client)))::text
  FROM keycloak_group g WHERE g.realm_id = $1 AND COALESCE(to_jsonb(g) ->> 'type', '0') = '0' ORDER BY g.name, g.id";

/// Roles within reach: (whether the holder is a client scope, its name, OAuth name of the roles' client or null, names).
pub(super) const SCOPE_MAPPINGS: &str = "SELECT false, h.client_id, c.client_id, jsonb_agg(k.name ORDER BY k.name)::text
  FROM scope_mapping m JOIN client h ON h.id = m.client_id JOIN keycloak_role k ON k.id = m.role_id LEFT JOIN client c ON c.id = k.client
 WHERE h.realm_id = $1 GROUP BY h.client_id, c.client_id
UNION ALL
SELECT true, h.name, c.client_id, jsonb_agg(k.name ORDER BY k.name)::text
  FROM client_scope_role_mapping m JOIN client_scope h ON h.id = m.scope_id JOIN keycloak_role k ON k.id = m.role_id
  LEFT JOIN client c ON c.id = k.client
 WHERE h.realm_id = $1 GROUP BY h.name, c.client_id
 ORDER BY 1, 2, 3";

/// Components: (id, id of what it belongs to, type, representation without the components below).
pub(super) const COMPONENTS: &str =
    "SELECT k.id, k.parent_id, k.provider_type, (jsonb_strip_nulls(jsonb_build_object('id', k.id, 'name', k.name,
    'providerId', k.provider_id, 'subType', k.sub_type))
  || jsonb_build_object('config', (SELECT COALESCE(jsonb_object_agg(by_name.name, by_name.list), '{}') FROM (
    SELECT x.name, jsonb_agg(x.value ORDER BY x.id) AS list FROM component_config x WHERE x.component_id = k.id AND x.value IS NOT NULL
     GROUP BY x.name) AS by_name)))::text
  FROM component k WHERE k.realm_id = $1 ORDER BY k.provider_type, k.name, k.id";

/// What is kept for export and not used: (field of the realm, list).
pub(super) const KEPT_LISTS: &str = "SELECT 'identityProviders', COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('alias', p.provider_alias,
    'displayName', p.provider_display_name, 'internalId', p.internal_id, 'providerId', p.provider_id, 'enabled', p.enabled,
    'storeToken', p.store_token, 'addReadTokenRoleOnCreate', p.add_token_role, 'authenticateByDefault', p.authenticate_by_default,
    'linkOnly', p.link_only, 'trustEmail', p.trust_email, 'hideOnLogin', to_jsonb(p) -> 'hide_on_login',
    'firstBrokerLoginFlowAlias', (SELECT f.alias FROM authentication_flow f WHERE f.id = p.first_broker_login_flow_id),
    'postBrokerLoginFlowAlias', (SELECT f.alias FROM authentication_flow f WHERE f.id = p.post_broker_login_flow_id),
    'config', (SELECT jsonb_object_agg(x.name, x.value) FROM identity_provider_config x WHERE x.identity_provider_id = p.internal_id)))
    ORDER BY p.provider_alias), '[]')::text FROM identity_provider p WHERE p.realm_id = $1
UNION ALL
SELECT 'identityProviderMappers', COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', m.id, 'name', m.name,
    'identityProviderAlias', m.idp_alias, 'identityProviderMapper', m.idp_mapper_name,
    'config', (SELECT jsonb_object_agg(x.name, x.value) FROM idp_mapper_config x WHERE x.idp_mapper_id = m.id))) ORDER BY m.name), '[]')::text
  FROM identity_provider_mapper m WHERE m.realm_id = $1
UNION ALL
SELECT 'authenticationFlows', COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', f.id, 'alias', f.alias,
    'description', f.description, 'providerId', f.provider_id, 'topLevel', f.top_level, 'builtIn', f.built_in))
    || jsonb_build_object('authenticationExecutions', (SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'authenticator', e.authenticator, 'authenticatorFlow', e.authenticator_flow, 'priority', e.priority, 'userSetupAllowed', false,
      'requirement', CASE e.requirement WHEN 0 THEN 'REQUIRED' WHEN 1 THEN 'CONDITIONAL' WHEN 2 THEN 'ALTERNATIVE' ELSE 'DISABLED' END,
      'flowAlias', (SELECT o.alias FROM authentication_flow o WHERE o.id = e.auth_flow_id),
      'authenticatorConfig', (SELECT o.alias FROM authenticator_config o WHERE o.id = e.auth_config))) ORDER BY e.priority, e.id), '[]')
      FROM authentication_execution e WHERE e.flow_id = f.id)) ORDER BY f.alias), '[]')::text
  FROM authentication_flow f WHERE f.realm_id = $1
UNION ALL
SELECT 'authenticatorConfig', COALESCE(jsonb_agg(jsonb_build_object('id', a.id, 'alias', a.alias,
    'config', (SELECT COALESCE(jsonb_object_agg(x.name, x.value), '{}') FROM authenticator_config_entry x WHERE x.authenticator_id = a.id))
    ORDER BY a.alias, a.id), '[]')::text FROM authenticator_config a WHERE a.realm_id = $1
UNION ALL
SELECT 'requiredActions', COALESCE(jsonb_agg(jsonb_build_object('alias', a.alias, 'name', a.name, 'providerId', a.provider_id,
    'enabled', a.enabled, 'defaultAction', a.default_action, 'priority', a.priority,
    'config', (SELECT COALESCE(jsonb_object_agg(x.name, x.value), '{}') FROM required_action_config x WHERE x.required_action_id = a.id))
    ORDER BY a.priority, a.alias), '[]')::text FROM required_action_provider a WHERE a.realm_id = $1";

/// Users: (representation; `groups` has ids). Read page by page; their order is of no account.
pub(super) const USERS: &str = "SELECT (jsonb_strip_nulls(jsonb_build_object('id', u.id, 'createdTimestamp', u.created_timestamp,
    'username', u.username, 'enabled', u.enabled, 'emailVerified', u.email_verified, 'firstName', u.first_name, 'lastName', u.last_name,
    'email', u.email, 'federationLink', u.federation_link, 'notBefore', COALESCE(u.not_before, 0),
    'serviceAccountClientId', (SELECT c.client_id FROM client c WHERE c.id = u.service_account_client_link),
    'attributes', (SELECT jsonb_object_agg(by_name.name, by_name.list) FROM (
      SELECT x.name, jsonb_agg(COALESCE(x.value, x.long_value) ORDER BY x.id) AS list FROM user_attribute x
       WHERE x.user_id = u.id AND COALESCE(x.value, x.long_value) IS NOT NULL GROUP BY x.name) AS by_name),
    'clientRoles', (SELECT jsonb_object_agg(by_client.client_id, by_client.names) FROM (
      SELECT c.client_id, jsonb_agg(k.name ORDER BY k.name) AS names FROM user_role_mapping x JOIN keycloak_role k ON k.id = x.role_id
        JOIN client c ON c.id = k.client WHERE x.user_id = u.id AND k.client_role GROUP BY c.client_id) AS by_client),
    'federatedIdentities', (SELECT jsonb_agg(jsonb_build_object('identityProvider', x.identity_provider, 'userId', x.federated_user_id,
      'userName', x.federated_username) ORDER BY x.identity_provider) FROM federated_identity x WHERE x.user_id = u.id),
    'clientConsents', (SELECT jsonb_agg(jsonb_build_object('clientId', c.client_id, 'createdDate', x.created_date,
      'lastUpdatedDate', x.last_updated_date, 'grantedClientScopes', (SELECT COALESCE(jsonb_agg(s.name ORDER BY s.name), '[]')
        FROM user_consent_client_scope y JOIN client_scope s ON s.id = y.scope_id WHERE y.user_consent_id = x.id)) ORDER BY c.client_id)
      FROM user_consent x JOIN client c ON c.id = x.client_id WHERE x.user_id = u.id)))
  || jsonb_build_object(
    'requiredActions', (SELECT COALESCE(jsonb_agg(x.required_action ORDER BY x.required_action), '[]') FROM user_required_action x
      WHERE x.user_id = u.id),
    'realmRoles', (SELECT COALESCE(jsonb_agg(k.name ORDER BY k.name), '[]') FROM user_role_mapping x JOIN keycloak_role k ON k.id = x.role_id
      WHERE x.user_id = u.id AND NOT k.client_role),
    'groups', (SELECT COALESCE(jsonb_agg(x.group_id ORDER BY x.group_id), '[]') FROM user_group_membership x WHERE x.user_id = u.id),
    'credentials', (SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', x.id, 'type', x.type, 'userLabel', x.user_label,
      'createdDate', x.created_date, 'secretData', x.secret_data, 'credentialData', x.credential_data)) ORDER BY x.priority, x.id), '[]')
      FROM credential x WHERE x.user_id = u.id)))::text
  FROM user_entity u WHERE u.realm_id = $1";

/// How many users there are.
pub(super) const USER_COUNT: &str = "SELECT count(*) FROM user_entity WHERE realm_id = $1";

/// Sessions: (id, whether offline, user, beginning, last use, notes, clients). Read page by page.
pub(super) const SESSIONS: &str =
    "SELECT s.user_session_id, s.offline_flag = '1', s.user_id, s.created_on::bigint, s.last_session_refresh::bigint,
    COALESCE(s.data, '{}'), (SELECT COALESCE(jsonb_agg(jsonb_build_object('client', c.client_id, 'at', COALESCE(c.timestamp, 0),
      'data', COALESCE(c.data, '{}')) ORDER BY c.client_id), '[]')
      FROM offline_client_session c WHERE c.user_session_id = s.user_session_id AND c.offline_flag = s.offline_flag)::text
  FROM offline_user_session s WHERE s.realm_id = $1";

/// How many sessions there are.
pub(super) const SESSION_COUNT: &str = "SELECT count(*) FROM offline_user_session WHERE realm_id = $1";

/// What can't come along, or not whole: (topic, name, how many).
pub(super) const SURVEY: &str = "SELECT 'user federation', k.name, (SELECT count(*) FROM user_entity u WHERE u.realm_id = $1 AND u.federation_link = k.id)
  FROM component k WHERE k.realm_id = $1 AND k.provider_type LIKE '%.UserStorageProvider'
UNION ALL
SELECT 'federated user data', x.storage_provider_id, count(*) FROM (
    SELECT storage_provider_id, user_id FROM fed_user_attribute WHERE realm_id = $1
    UNION SELECT storage_provider_id, user_id FROM fed_user_credential WHERE realm_id = $1
    UNION SELECT storage_provider_id, user_id FROM fed_user_role_mapping WHERE realm_id = $1
    UNION SELECT storage_provider_id, user_id FROM fed_user_group_membership WHERE realm_id = $1
    UNION SELECT storage_provider_id, user_id FROM fed_user_consent WHERE realm_id = $1) AS x GROUP BY x.storage_provider_id
UNION ALL
SELECT 'identity provider', p.provider_alias, (SELECT count(*) FROM federated_identity f WHERE f.realm_id = $1 AND f.identity_provider = p.provider_alias)
  FROM identity_provider p WHERE p.realm_id = $1
UNION ALL
SELECT 'credential', x.type, count(*) FROM credential x JOIN user_entity u ON u.id = x.user_id
 WHERE u.realm_id = $1 AND x.type NOT IN ('password', 'password-history', 'otp') GROUP BY x.type
UNION ALL
SELECT 'consent', c.client_id, count(*) FROM user_consent x JOIN client c ON c.id = x.client_id WHERE c.realm_id = $1 GROUP BY c.client_id
UNION ALL
SELECT 'client that asks for consent', c.client_id, (SELECT count(*) FROM offline_client_session s WHERE s.client_id = c.id)
  FROM client c WHERE c.realm_id = $1 AND c.consent_required AND c.enabled
UNION ALL
SELECT 'organization', o.name, 1 FROM org o WHERE o.realm_id = $1
UNION ALL
SELECT 'authorization services', c.client_id, 1 FROM resource_server x JOIN client c ON c.id = x.id WHERE c.realm_id = $1
UNION ALL
SELECT 'client of another protocol', c.client_id, (SELECT count(*) FROM offline_client_session s WHERE s.client_id = c.id)
  FROM client c WHERE c.realm_id = $1 AND c.protocol <> 'openid-connect'
UNION ALL
SELECT 'authenticator', e.authenticator, count(*) FROM authentication_execution e WHERE e.realm_id = $1 AND e.authenticator IS NOT NULL
 GROUP BY e.authenticator
UNION ALL
SELECT 'required action', a.provider_id, 1 FROM required_action_provider a WHERE a.realm_id = $1
UNION ALL
SELECT 'event listener', l.value, 1 FROM realm_events_listeners l WHERE l.realm_id = $1
UNION ALL
SELECT 'component', k.provider_id, count(*) FROM component k WHERE k.realm_id = $1 GROUP BY k.provider_id
UNION ALL
SELECT 'remembered sessions', 'remember me', count(*) FROM offline_user_session s
 WHERE s.realm_id = $1 AND s.data LIKE '%\"rememberMe\":true%' HAVING count(*) > 0
UNION ALL
SELECT 'issuer', substring(c.data FROM '\"iss\":\"([^\"]*)\"'), count(*) FROM offline_client_session c
  JOIN offline_user_session s ON s.user_session_id = c.user_session_id AND s.offline_flag = c.offline_flag
 WHERE s.realm_id = $1 AND c.data LIKE '%\"iss\":\"%' GROUP BY 2
 ORDER BY 1, 2";

/// One text that changes whenever a user or a session of the realm does.
pub(super) const STATE_OF_ROWS: &str = "SELECT concat_ws(' ',
  (SELECT COALESCE(sum(hashtextextended(u::text, 0)), 0) FROM user_entity u WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(x::text, 1)), 0) FROM user_attribute x JOIN user_entity u ON u.id = x.user_id WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(x::text, 2)), 0) FROM user_role_mapping x JOIN user_entity u ON u.id = x.user_id WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(x::text, 3)), 0) FROM user_group_membership x JOIN user_entity u ON u.id = x.user_id WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(x::text, 4)), 0) FROM credential x JOIN user_entity u ON u.id = x.user_id WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(x::text, 5)), 0) FROM user_required_action x JOIN user_entity u ON u.id = x.user_id WHERE u.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(s::text, 6)), 0) FROM offline_user_session s WHERE s.realm_id = $1),
  (SELECT COALESCE(sum(hashtextextended(c::text, 7)), 0) FROM offline_client_session c
     JOIN offline_user_session s ON s.user_session_id = c.user_session_id AND s.offline_flag = c.offline_flag WHERE s.realm_id = $1))";
