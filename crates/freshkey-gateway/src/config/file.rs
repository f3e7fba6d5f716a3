//! The files as they are written. Everything is optional here, so that what is missing can be said in our own words.

use serde::Deserialize;
use std::collections::BTreeMap;

/// `gateway.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GatewayFile {
    pub(super) default: Option<String>,
    pub(super) trusted_proxies: Option<Vec<String>>,
    pub(super) applications_directory: Option<String>,
    pub(super) realm: Option<String>,
    pub(super) cached_tokens: Option<u32>,
    pub(super) proxy: Option<ProxyTable>,
    pub(super) forward_auth: Option<ForwardAuthTable>,
    pub(super) ext_authz: Option<ListenTable>,
    pub(super) management: Option<ListenTable>,
    pub(super) log: Option<LogTable>,
    pub(super) assertion: Option<AssertionTable>,
    pub(super) issuers: Vec<IssuerTable>,
    pub(super) applications: Vec<ApplicationTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProxyTable {
    pub(super) listen: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) connections_max: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ForwardAuthTable {
    pub(super) listen: Option<String>,
    pub(super) headers: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenTable {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogTable {
    pub(super) level: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AssertionTable {
    pub(super) issuer: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) lifespan_s: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IssuerTable {
    pub(super) issuer: Option<String>,
    pub(super) audiences: Option<Vec<String>>,
    pub(super) algorithms: Option<Vec<String>>,
    pub(super) authorized_parties: Option<Vec<String>>,
    pub(super) clock_skew_s: Option<u32>,
    pub(super) subject_required: Option<bool>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwks_file: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) refresh_s: Option<u32>,
    pub(super) keys_kept_s: Option<u32>,
    pub(super) introspection: Option<IntrospectionTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IntrospectionTable {
    pub(super) url: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApplicationTable {
    pub(super) name: Option<String>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) default: Option<String>,
    pub(super) roles_claims: Option<Vec<String>>,
    pub(super) scope_claim: Option<String>,
    pub(super) groups_claim: Option<String>,
    pub(super) upstream: Option<UpstreamTable>,
    pub(super) identity: Option<BTreeMap<String, IdentityTable>>,
    pub(super) assertion_audience: Option<String>,
    pub(super) pass_token: Option<bool>,
    pub(super) rules: Vec<RuleTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UpstreamTable {
    pub(super) url: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) host: Option<String>,
    pub(super) timeout_s: Option<u32>,
}

/// A claim, or a claim and how it is written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum IdentityTable {
    Claim(String),
    Encoded(EncodedClaim),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EncodedClaim {
    pub(super) claim: String,
    pub(super) encoding: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleTable {
    pub(super) name: Option<String>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) paths: Option<Vec<String>>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) allow: Option<String>,
    pub(super) issuers: Option<Vec<String>>,
    pub(super) roles: Option<ValuesTable>,
    pub(super) scopes: Option<ValuesTable>,
    pub(super) groups: Option<ValuesTable>,
    pub(super) claims: Option<BTreeMap<String, ValuesTable>>,
    pub(super) s3_credentials: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ValuesTable {
    pub(super) any: Option<Vec<String>>,
    pub(super) all: Option<Vec<String>>,
}
