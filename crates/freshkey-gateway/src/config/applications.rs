//! Applications and their rules, as the configuration has them.

use super::file::{ApplicationTable, IdentityTable, RuleTable, UpstreamTable, ValuesTable};
use super::issuers::bounded;
use super::problems::Complaints;
use crate::claim::ClaimPath;
use crate::identity::{ASSERTION_HEADER, IDENTITY_PREFIX};
use crate::policy::{
    Access, Application, FactId, FactSource, FactTable, HostPattern, IdentityEncoding, IdentityHeader, Need, PathPattern, PatternError,
    Quantifier, Requirement, Rule, Upstream, UpstreamHost, UpstreamProtocol,
};
use crate::request::CredentialForm;
use http::{HeaderName, Method, Uri};
use std::fmt::Display;
use std::path::Path;

/// What is passed on when the configuration says nothing.
const IDENTITY_DEFAULTS: [(&str, &str); 6] = [
    ("x-freshkey-subject", "sub"),
    ("x-freshkey-user", "preferred_username"),
    ("x-freshkey-email", "email"),
    ("x-freshkey-client", "azp"),
    ("x-freshkey-groups", "groups"),
    ("x-freshkey-roles", "realm_access.roles"),
];

/// Headers that an identity must not be written into: they mean something of their own.
const TAKEN_HEADERS: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-request-id",
];

/// Where in the file an application is, and what is shared by its parts.
pub(super) struct Place<'p> {
    pub(super) prefix: String,
    pub(super) directory: &'p Path,
    pub(super) file_name: Option<&'p str>,
    pub(super) needs_upstream: bool,
}

pub(super) fn read(
    table: &ApplicationTable,
    place: &Place<'_>,
    facts: &mut FactTable,
    complaints: &mut Complaints<'_>,
) -> Option<Application> {
    let key = |name: &str| format!("{}{name}", place.prefix);
    let name = table.name.clone().or_else(|| place.file_name.map(str::to_owned));
    if name.is_none() {
        complaints.add(key("name"), "is required: write name = \"NAME\"; it is how logs and metrics call the application");
    }
    if table.default.as_deref() != Some("deny") && (table.default.is_some() || place.file_name.is_some()) {
        complaints.add(key("default"), "is required: write default = \"deny\"; what no rule allows is refused, and there is no other way");
    }
    let hosts = patterns(&key("hosts"), table.hosts.as_deref().unwrap_or_default(), HostPattern::parse, complaints);
    if table.hosts.as_ref().is_none_or(Vec::is_empty) {
        complaints.add(key("hosts"), "is required: write hosts = [\"api.example.org\"]");
    }
    if place.needs_upstream && table.upstream.is_none() {
        complaints.add(key("upstream"), "is required by [proxy]: write upstream = { url = \"http://127.0.0.1:8080\" }");
    }
    let claims = RuleClaims::read(table, &key, facts, complaints);
    let rules = table.rules.iter().enumerate().filter_map(|(number, rule)| {
        let prefix = format!("{}rules[{number}].", place.prefix);
        read_rule(rule, number, &prefix, &claims, facts, complaints)
    });
    let rules: Vec<Rule> = rules.collect();
    if table.rules.is_empty() {
        complaints.add(key("rules"), "there are none, so that everything is refused: write [[applications.rules]] with paths and allow");
    }
    Some(Application {
        name: name?,
        hosts,
        rules,
        upstream: table.upstream.as_ref().and_then(|upstream| read_upstream(upstream, place, complaints)),
        identity: read_identity(table, &key("identity"), facts, complaints),
        assertion_audience: table.assertion_audience.clone(),
        passes_token: table.pass_token.unwrap_or(false),
    })
}

/// The claims in which rules look.
struct RuleClaims {
    roles: Vec<FactId>,
    scopes: Vec<FactId>,
    groups: Vec<FactId>,
}

impl RuleClaims {
    fn read(table: &ApplicationTable, key: &dyn Fn(&str) -> String, facts: &mut FactTable, complaints: &mut Complaints<'_>) -> Self {
        let mut path = |name: &str, text: &str, facts: &mut FactTable, source: fn(ClaimPath) -> FactSource| {
            let path = complaints.parsed(&key(name), text, "the path of a claim, such as realm_access.roles", ClaimPath::parse);
            path.map(|path| facts.add(source(path)))
        };
        let roles = table.roles_claims.clone().unwrap_or_else(|| vec!["realm_access.roles".to_owned()]);
        let roles = roles.iter().filter_map(|text| path("roles_claims", text, facts, FactSource::Claim)).collect();
        let scopes = path("scope_claim", table.scope_claim.as_deref().unwrap_or("scope"), facts, FactSource::Words).into_iter().collect();
        let groups =
            path("groups_claim", table.groups_claim.as_deref().unwrap_or("groups"), facts, FactSource::Claim).into_iter().collect();
        Self { roles, scopes, groups }
    }
}

fn patterns<T>(key: &str, texts: &[String], parse: fn(&str) -> Result<T, PatternError>, complaints: &mut Complaints<'_>) -> Vec<T> {
    let mut patterns = Vec::new();
    for text in texts {
        match parse(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => complaints.add(key, format!("{text:?}: expected {error}")),
        }
    }
    patterns
}

fn read_rule(
    table: &RuleTable,
    number: usize,
    prefix: &str,
    claims: &RuleClaims,
    facts: &mut FactTable,
    complaints: &mut Complaints<'_>,
) -> Option<Rule> {
    let key = |name: &dyn Display| format!("{prefix}{name}");
    if table.paths.as_ref().is_none_or(Vec::is_empty) {
        complaints.add(key(&"paths"), "is required: write paths = [\"/api/**\"]");
    }
    let paths = patterns(&key(&"paths"), table.paths.as_deref().unwrap_or_default(), PathPattern::parse, complaints);
    let hosts = patterns(&key(&"hosts"), table.hosts.as_deref().unwrap_or_default(), HostPattern::parse, complaints);
    let is_method = |text: &str| {
        Method::from_bytes(text.as_bytes()).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-'))
    };
    let methods = table.methods.as_deref().unwrap_or_default().iter();
    let methods: Vec<Method> =
        methods.filter_map(|text| complaints.parsed(&key(&"methods"), text, "a method in upper case", is_method)).collect();
    let mut requirements = Vec::new();
    let issuers = table.issuers.as_ref().map(|names| ValuesTable { any: Some(names.clone()), all: None });
    // Taken up only where it is asked for: every token keeps what the policy asks for.
    let issuer = issuers.as_ref().and_then(|_| ClaimPath::parse("iss")).map(|path| facts.add(FactSource::Claim(path)));
    let named = [
        ("roles", Need::Role, claims.roles.clone(), table.roles.as_ref()),
        ("scopes", Need::Scope, claims.scopes.clone(), table.scopes.as_ref()),
        ("groups", Need::Group, claims.groups.clone(), table.groups.as_ref()),
        ("issuers", Need::Issuer, issuer.into_iter().collect(), issuers.as_ref()),
    ];
    for (name, need, facts, values) in named {
        if let Some(values) = values {
            add_requirements(&key(&name), need, &facts, values, &mut requirements, complaints);
        }
    }
    for (text, values) in table.claims.iter().flatten() {
        let key = format!("{}.{text}", key(&"claims"));
        if let Some(path) = complaints.parsed(&key, text, "the path of a claim", ClaimPath::parse) {
            let fact = facts.add(FactSource::Claim(path));
            add_requirements(&key, Need::Claim, &[fact], values, &mut requirements, complaints);
        }
    }
    let access = match (table.allow.as_deref(), requirements.is_empty()) {
        (Some("public"), true) => Access::Public,
        (Some("public"), false) => {
            complaints.add(key(&"allow"), "\"public\" asks for nothing: leave out allow, or the roles, scopes, groups and claims");
            return None;
        }
        (Some("authenticated"), _) | (None, false) => Access::Token(requirements),
        (Some(other), _) => {
            complaints.add(key(&"allow"), format!("{other:?} is not \"public\" or \"authenticated\""));
            return None;
        }
        (None, true) => {
            complaints.add(key(&"allow"), "is required: write allow = \"authenticated\", \"public\", or roles, scopes, groups or claims");
            return None;
        }
    };
    let credential_form = if table.s3_credentials == Some(true) { CredentialForm::BearerOrS3 } else { CredentialForm::Bearer };
    let name = table.name.clone().unwrap_or_else(|| format!("#{}", number + 1));
    Some(Rule { name, hosts, paths, methods, access, credential_form })
}

fn add_requirements(
    key: &str,
    need: Need,
    facts: &[FactId],
    table: &ValuesTable,
    requirements: &mut Vec<Requirement>,
    complaints: &mut Complaints<'_>,
) {
    if table.any.is_none() && table.all.is_none() {
        complaints.add(key, "write any = [\"…\"] or all = [\"…\"]");
    }
    for (quantifier, values) in [(Quantifier::Any, &table.any), (Quantifier::All, &table.all)] {
        let Some(values) = values else { continue };
        if values.is_empty() || values.iter().any(String::is_empty) {
            complaints.add(key, "a list of nothing, or an empty value: name what is needed");
        }
        requirements.push(Requirement { need, facts: facts.to_vec(), quantifier, values: values.clone() });
    }
}

fn read_identity(table: &ApplicationTable, key: &str, facts: &mut FactTable, complaints: &mut Complaints<'_>) -> Vec<IdentityHeader> {
    let mut headers = Vec::new();
    let mut add = |name: &str, claim: &str, encoding: Option<&str>| {
        let key = format!("{key}.{name}");
        let good_name = |text: &str| {
            // A name that is known to the program is copied for free.
            let known = IDENTITY_DEFAULTS.iter().find(|(name, _)| *name == text).map(|(name, _)| HeaderName::from_static(name));
            let name = known.or_else(|| HeaderName::try_from(text).ok());
            name.filter(|name| !TAKEN_HEADERS.contains(&name.as_str()) && *name != ASSERTION_HEADER)
        };
        let expectation = format!("the name of a header that is free for this, such as {IDENTITY_PREFIX}user");
        let header = complaints.parsed(&key, name, &expectation, good_name);
        let path = complaints.parsed(&key, claim, "the path of a claim", ClaimPath::parse);
        let encoding = match encoding {
            None | Some("percent") => IdentityEncoding::Percent,
            Some("json") => IdentityEncoding::Json,
            Some(other) => {
                complaints.add(&key, format!("{other:?} is not \"percent\" or \"json\""));
                return;
            }
        };
        if let (Some(name), Some(path)) = (header, path) {
            headers.push(IdentityHeader { name, fact: facts.add(FactSource::Claim(path)), encoding });
        }
    };
    match &table.identity {
        None => IDENTITY_DEFAULTS.iter().for_each(|(name, claim)| add(name, claim, None)),
        Some(own) => own.iter().for_each(|(name, value)| match value {
            IdentityTable::Claim(claim) => add(name, claim, None),
            IdentityTable::Encoded(value) => add(name, &value.claim, value.encoding.as_deref()),
        }),
    }
    headers
}

fn read_upstream(table: &UpstreamTable, place: &Place<'_>, complaints: &mut Complaints<'_>) -> Option<Upstream> {
    let key = |name: &str| format!("{}upstream.{name}", place.prefix);
    let is_origin = |text: &str| {
        let uri: Uri = text.parse().ok()?;
        let is_bare =
            uri.path() == "/" && uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        (is_bare && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
    };
    let url = table.url.as_deref().unwrap_or_default();
    let origin = complaints.parsed(&key("url"), url, "a URL with scheme, host and port, and without a path", is_origin);
    let protocol = match table.protocol.as_deref() {
        None | Some("auto") => UpstreamProtocol::Negotiated,
        Some("http2") => UpstreamProtocol::Http2,
        Some(other) => {
            complaints.add(key("protocol"), format!("{other:?} is not \"auto\" or \"http2\""));
            UpstreamProtocol::Negotiated
        }
    };
    let host = match table.host.as_deref() {
        None | Some("keep") => UpstreamHost::Kept,
        Some("upstream") => UpstreamHost::Upstream,
        Some(other) => {
            complaints.add(key("host"), format!("{other:?} is not \"keep\" or \"upstream\""));
            UpstreamHost::Kept
        }
    };
    let timeout_s = bounded(&key("timeout_s"), table.timeout_s, 60, 1, 3600, complaints);
    let ca_file = table.ca_file.as_ref().map(|file| place.directory.join(file));
    Some(Upstream { origin: origin?, ca_file, protocol, host, timeout_ms: u64::from(timeout_s) * 1000 })
}
