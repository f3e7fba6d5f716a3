//! A profile: with whom one signs in, and as which client. What is in the file of profiles is no secret.

pub mod file;
pub mod wish;

use crate::failure::{Failure, FailureKind};
use crate::limits::PROFILE_NAME_MAX;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// With whom one signs in, and as which client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The provider, as it names itself.
    pub issuer: String,
    /// Where its discovery document is, when it can't be had at the issuer's address (a back-channel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    /// The client that one signs in through.
    pub client_id: String,
    /// The file with the client's secret, if it has one. Read whenever it is needed, so that it can be rotated in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for.
    #[serde(default = "default_scope")]
    pub scope: String,
    /// The authorities that the provider's certificate must come from, in PEM, instead of those of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The file in which somebody else keeps a fresh token, if that is where the tokens come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_file: Option<PathBuf>,
    /// What was set up to be supplied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

/// Something that is supplied with this profile's tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The tool, as `freshkey setup` calls it.
    pub tool: String,
    /// The one address that it may use the token for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file that holds the token, kept fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The settings of the tool that were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// What undoing it, or answering the tool, needs to know beside that. No secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl Delivery {
    /// Where it is: what was changed, or the file, or the address. A tool is supplied once at each place.
    #[must_use]
    pub fn place(&self) -> String {
        let file = self.token_file.as_ref().map(|path| path.display().to_string());
        self.settings.clone().or(file).or_else(|| self.url.clone()).unwrap_or_default()
    }
}

/// What is asked for when nothing else is said.
pub const DEFAULT_SCOPE: &str = "openid";

fn default_scope() -> String {
    DEFAULT_SCOPE.to_owned()
}

impl Profile {
    /// Whether everything in it can be used. A name of a profile stands in paths and on command lines, so it is a plain word.
    pub fn check(&self, name: &str) -> Result<(), Failure> {
        let wrong = |what: String| Failure::new(FailureKind::Profile, format!("the profile {name} {what}"));
        check_name(name)?;
        for (field, url) in [("issuer", Some(&self.issuer)), ("discovery_url", self.discovery_url.as_ref())] {
            if let Some(url) = url {
                secure_url(url).map_err(|why| wrong(format!("has an unusable {field}: {why}")))?;
            }
        }
        if self.client_id.is_empty() || self.client_id.chars().any(char::is_control) {
            return Err(wrong("has no usable client_id".to_owned()));
        }
        freshkey_protocol::ScopeList::parse(&self.scope).map_err(|_| wrong("has an unusable scope".to_owned()))?;
        Ok(())
    }

    /// Whether a token without an end was asked for.
    #[must_use]
    pub fn wants_offline(&self) -> bool {
        self.scope.split(' ').any(|name| name == "offline_access")
    }
}

/// Whether this can be the name of a profile.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let starts = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if starts && name.len() <= PROFILE_NAME_MAX && name.bytes().all(is_plain) {
        return Ok(());
    }
    let shown = crate::failure::shown(name);
    Err(Failure::new(FailureKind::Profile, format!("\"{shown}\" is no name of a profile"))
        .with_hint("use letters, digits, `-`, `_` and `.`, and begin with a letter or digit"))
}

/// An address that a secret may be sent to: https, or http that does not leave the machine (T-064).
pub fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.host_str().is_none() {
        return Err("it names no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user or a password in it".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("http is taken on this machine's own addresses only; use https".to_owned()),
        other => Err(format!("it begins with {other}, not https")),
    }
}

/// Whether an address stays on this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(issuer: &str) -> Profile {
        Profile {
            issuer: issuer.to_owned(),
            discovery_url: None,
            client_id: "ua-grant".to_owned(),
            client_secret_file: None,
            scope: DEFAULT_SCOPE.to_owned(),
            ca_file: None,
            access_token_file: None,
            deliveries: Vec::new(),
        }
    }

    #[test]
    fn t_064_no_address_but_https_or_this_machine_is_taken() {
        for issuer in ["https://sso.example/realms/UA", "http://localhost:8080/realms/UA", "http://127.0.0.1:1", "http://[::1]:1/a"] {
            assert_eq!(profile(issuer).check("ua"), Ok(()), "{issuer}");
        }
        for issuer in [
            "http://sso.example/realms/UA",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "ftp://sso.example",
            "https://user:pw@sso.example",
            "sso.example",
            "",
        ] {
            assert!(profile(issuer).check("ua").is_err(), "{issuer}");
        }
    }

    #[test]
    fn a_name_is_a_plain_word() {
        for name in ["ua", "UA-2.prod_x", "7"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "-x", ".x", "a/b", "../x", "a b", "a\n", "ü", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
