//! Issuers of the configuration.

use super::file::{IntrospectionTable, IssuerTable};
use super::problems::Complaints;
use crate::http_client::{HttpClient, is_this_machine};
use crate::issuer::{Introspection, IntrospectionSecret, Issuer, KeyAddress, KeySource};
use crate::limits::INTROSPECTION_CONNECTIONS_KEPT_MAX;
use freshkey_protocol::Secret;
use freshkey_protocol::jose::{Algorithm, Family};
use std::path::{Path, PathBuf};

pub(super) fn read(tables: &[IssuerTable], directory: &Path, complaints: &mut Complaints<'_>) -> Vec<Issuer> {
    if tables.is_empty() {
        complaints.add(
            "issuers",
            "is required: whose tokens are believed? Write [[issuers]] with issuer = \"https://…\", audiences and algorithms",
        );
    }
    let issuers: Vec<Issuer> =
        tables.iter().enumerate().filter_map(|(number, table)| issuer(number, table, directory, complaints)).collect();
    for (number, one) in issuers.iter().enumerate() {
        if issuers[..number].iter().any(|other| other.name == one.name) {
            complaints.add(format!("issuers[{number}].issuer"), format!("{:?} is there twice", one.name));
        }
    }
    issuers
}

fn issuer(number: usize, table: &IssuerTable, directory: &Path, complaints: &mut Complaints<'_>) -> Option<Issuer> {
    let key = |name: &str| format!("issuers[{number}].{name}");
    let name = table.issuer.clone().filter(|name| !name.is_empty());
    match &name {
        None => complaints.add(key("issuer"), "is required: write issuer = \"https://…\", exactly as `iss` is in the tokens"),
        Some(name) => check_url(&key("issuer"), name, complaints),
    }
    let audiences = table.audiences.clone().unwrap_or_default();
    if audiences.is_empty() || audiences.iter().any(String::is_empty) {
        complaints.add(key("audiences"), "is required: for whom must a token be meant? Write audiences = [\"NAME OF YOUR API\"]");
    }
    let address = key_address(number, table, directory, complaints);
    let refresh_s = bounded(&key("refresh_s"), table.refresh_s, 30, 5, 50, complaints);
    let kept_s = bounded(&key("keys_kept_s"), table.keys_kept_s, 86_400, 60, 7 * 86_400, complaints);
    let skew_s = bounded(&key("clock_skew_s"), table.clock_skew_s, 5, 0, 60, complaints);
    let ca_file = table.ca_file.as_ref().map(|file| directory.join(file));
    let introspection = table.introspection.as_ref().and_then(|table| introspection(number, table, ca_file.clone(), directory, complaints));
    Some(Issuer {
        algorithms: algorithms(&key("algorithms"), table, complaints),
        name: name?,
        audiences,
        parties: table.authorized_parties.clone().unwrap_or_default(),
        skew_s: i64::from(skew_s),
        needs_subject: table.subject_required.unwrap_or(true),
        keys: KeySource { address: address?, ca_file, refresh_s, kept_s },
        introspection,
    })
}

fn algorithms(key: &str, table: &IssuerTable, complaints: &mut Complaints<'_>) -> Vec<Algorithm> {
    let names = table.algorithms.as_deref().unwrap_or_default();
    if names.is_empty() {
        complaints.add(key, "is required: write algorithms = [\"RS256\"], or what the issuer signs with");
    }
    let mut algorithms = Vec::new();
    for name in names {
        match Algorithm::parse(name) {
            Some(algorithm) if algorithm.family() == Family::Hmac => {
                complaints.add(key, format!("{name} is refused: whoever can check such a signature can make one"));
            }
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                complaints.add(key, format!("{name:?} is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"));
            }
        }
    }
    algorithms
}

fn key_address(number: usize, table: &IssuerTable, directory: &Path, complaints: &mut Complaints<'_>) -> Option<KeyAddress> {
    match (&table.jwks_url, &table.jwks_file) {
        (Some(_), Some(_)) => {
            complaints.add(format!("issuers[{number}].jwks_file"), "is there beside jwks_url: leave one of them out");
            None
        }
        (Some(url), None) => {
            check_url(&format!("issuers[{number}].jwks_url"), url, complaints);
            Some(KeyAddress::Url(url.clone()))
        }
        (None, Some(file)) => Some(KeyAddress::File(directory.join(file))),
        (None, None) => Some(KeyAddress::Discovered),
    }
}

fn introspection(
    number: usize,
    table: &IntrospectionTable,
    ca_file: Option<PathBuf>,
    directory: &Path,
    complaints: &mut Complaints<'_>,
) -> Option<Introspection> {
    let key = |name: &str| format!("issuers[{number}].introspection.{name}");
    let mut required = |name: &str, value: &Option<String>| {
        if value.as_deref().is_none_or(str::is_empty) {
            complaints.add(key(name), "is required");
        }
        value.clone()
    };
    let url = required("url", &table.url);
    let client_id = required("client_id", &table.client_id);
    let file = required("client_secret_file", &table.client_secret_file)?;
    let url = url?;
    check_url(&key("url"), &url, complaints);
    match std::fs::read_to_string(directory.join(&file)) {
        Ok(text) => {
            let client_secret = IntrospectionSecret(Secret::new(text.trim_end().to_owned()));
            let client = HttpClient::keeping(ca_file, INTROSPECTION_CONNECTIONS_KEPT_MAX);
            Some(Introspection { url, client_id: client_id?, client_secret, client })
        }
        Err(error) => {
            complaints.add(key("client_secret_file"), format!("{file} cannot be read: {error}"));
            None
        }
    }
}

/// Keys and answers that come in clear may be anybody's.
fn check_url(key: &str, text: &str, complaints: &mut Complaints<'_>) {
    let uri: Option<http::Uri> = text.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    match (uri.as_ref().and_then(|uri| uri.scheme_str()), host) {
        (Some("https"), Some(_)) => {}
        (Some("http"), Some(host)) if is_this_machine(host) => {}
        (Some("http"), Some(_)) => {
            complaints.add(key, format!("{text:?} is not encrypted: write https://…; http is for this machine's own addresses only"));
        }
        _ => complaints.add(key, format!("{text:?} is not a URL with https and a host")),
    }
}

pub(super) fn bounded(key: &str, value: Option<u32>, default: u32, min: u32, max: u32, complaints: &mut Complaints<'_>) -> u32 {
    let number = value.unwrap_or(default);
    if !(min..=max).contains(&number) {
        complaints.add(key, format!("{number} is not a whole number from {min} to {max}"));
    }
    number.clamp(min, max)
}
