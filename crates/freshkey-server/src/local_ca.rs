//! A certificate authority of one's own for a quickstart. It can certify nothing but the names of this server, so that trusting it is no
//! risk to anything else, even if its key is stolen (T-053, RFC 5280 §4.2.1.10).

#[cfg(test)]
mod tests;

use crate::limits::PEM_BYTES_MAX;
use crate::private_file;
use freshkey_core::Now;
use freshkey_service::tls;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls_pki_types::{ServerName, UnixTime};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The authority outlives what it is used for.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// What the strictest platforms accept.
const LEAF_LIFETIME: Duration = Duration::from_secs(397 * 24 * 60 * 60);
/// A certificate with less than this to live is made anew at the start.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The files of an authority and of the certificate that it gave this server.
#[derive(Debug, Clone)]
pub struct LocalCa {
    /// What clients are to trust.
    pub ca_certificate: PathBuf,
    /// What nobody else may have.
    pub ca_key: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The authority or the certificate couldn't be made.
#[derive(Debug)]
pub enum LocalCaError {
    /// A file.
    File(PathBuf, std::io::Error),
    /// Making or reading a certificate.
    Certificate(PathBuf, String),
    /// The authority that is there can't certify this host name: it was made for another one.
    OtherHostname(PathBuf, String),
    /// That isn't a name of a host.
    NotAHostname(String),
}

impl fmt::Display for LocalCaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Certificate(path, error) => write!(f, "{}: {error}", path.display()),
            Self::OtherHostname(path, hostname) => {
                write!(f, "the local authority {} cannot certify {hostname}: it was made for another name", path.display())
            }
            Self::NotAHostname(name) => write!(f, "{name:?} is not a host name or an address"),
        }
    }
}

impl std::error::Error for LocalCaError {}

impl LocalCa {
    /// The authority in a directory: the one that is there, or a new one. The server's certificate is renewed if it has less than 30 days
    /// left, or was made for other names.
    pub fn open_or_make(directory: &Path, hostname: &str, now: Now) -> Result<Self, LocalCaError> {
        let ca = Self {
            ca_certificate: directory.join("ca.pem"),
            ca_key: directory.join("ca.key"),
            certificate: directory.join("server.pem"),
            key: directory.join("server.key"),
        };
        let names = names(hostname)?;
        let now = Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
        if !ca.ca_certificate.exists() {
            ca.make_authority(hostname, &names, now)?;
        }
        if !ca.certificate.exists() || !ca.key.exists() || !ca.certifies(&ca.certificate, &names, now + RENEW_BEFORE)? {
            ca.make_leaf(&names, now)?;
            if !ca.certifies(&ca.certificate, &names, now)? {
                return Err(LocalCaError::OtherHostname(ca.ca_certificate, hostname.to_owned()));
            }
        }
        Ok(ca)
    }

    fn make_authority(&self, hostname: &str, names: &[Name], now: Duration) -> Result<(), LocalCaError> {
        let failed = |error: rcgen::Error| LocalCaError::Certificate(self.ca_certificate.clone(), error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority(hostname, names, now).self_signed(&key).map_err(failed)?;
        // The key first: a certificate without its key would be taken for an authority that is there.
        write(&self.ca_key, &key.serialize_pem())?;
        write(&self.ca_certificate, &certificate.pem())
    }

    fn make_leaf(&self, names: &[Name], now: Duration) -> Result<(), LocalCaError> {
        let failed = |error: rcgen::Error| LocalCaError::Certificate(self.certificate.clone(), error.to_string());
        let of_ca = |error: rcgen::Error| LocalCaError::Certificate(self.ca_certificate.clone(), error.to_string());
        let ca_key =
            KeyPair::from_pem(&read(&self.ca_key)?).map_err(|error| LocalCaError::Certificate(self.ca_key.clone(), error.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&read(&self.ca_certificate)?, ca_key).map_err(of_ca)?;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = leaf(names, now).map_err(failed)?.signed_by(&key, &issuer).map_err(failed)?;
        write(&self.key, &key.serialize_pem())?;
        // With its authority: who has no file of it yet can look at what is shown, and compare (`freshkey trust`).
        write(&self.certificate, &(certificate.pem() + &read(&self.ca_certificate)?))
    }

    /// Whether a client that trusts the authority accepts this certificate under each of the names, at that moment.
    fn certifies(&self, certificate: &Path, names: &[Name], at: Duration) -> Result<bool, LocalCaError> {
        let unusable = |error: tls::TlsError| LocalCaError::Certificate(error.path.clone(), error.to_string());
        let chain = tls::read_certificates(certificate).map_err(unusable)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(tls::read_certificates(&self.ca_certificate).map_err(unusable)?);
        let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build() else { return Ok(false) };
        let Some((leaf, intermediates)) = chain.split_first() else { return Ok(false) };
        let at = UnixTime::since_unix_epoch(at);
        Ok(names.iter().all(|name| verifier.verify_server_cert(leaf, intermediates, &name.server_name(), &[], at).is_ok()))
    }
}

/// A name that the server is reached by.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Dns(ServerName<'static>, String),
    Address(IpAddr),
}

impl Name {
    fn server_name(&self) -> ServerName<'static> {
        match self {
            Self::Dns(name, _) => name.clone(),
            Self::Address(address) => ServerName::IpAddress((*address).into()),
        }
    }

    fn constraint(&self) -> GeneralSubtree {
        match self {
            Self::Dns(_, name) => GeneralSubtree::DnsName(name.clone()),
            Self::Address(address) => {
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, if address.is_ipv4() { 32 } else { 128 }))
            }
        }
    }
}

/// The host name, and the names of this machine for itself.
fn names(hostname: &str) -> Result<Vec<Name>, LocalCaError> {
    let not_a_name = || LocalCaError::NotAHostname(hostname.to_owned());
    let dns = |name: &str| ServerName::try_from(name.to_owned()).map(|server_name| Name::Dns(server_name, name.to_owned()));
    let mut names = Vec::new();
    for name in [hostname, "localhost"] {
        names.push(match name.parse::<IpAddr>() {
            Ok(address) => Name::Address(address),
            Err(_) => dns(&name.to_lowercase()).map_err(|_| not_a_name())?,
        });
    }
    names.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(Name::Address));
    let mut known = Vec::new();
    names.retain(|name| {
        !known.contains(name) && {
            known.push(name.clone());
            true
        }
    });
    Ok(names)
}

fn authority(hostname: &str, names: &[Name], now: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Freshkey local authority for {hostname}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // With both a name and an address in the list no name of either kind beyond it is permitted.
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: names.iter().map(Name::constraint).collect(), excluded_subtrees: Vec::new() });
    set_validity(&mut params, now, CA_LIFETIME);
    params
}

fn leaf(names: &[Name], now: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Freshkey quickstart server");
    for name in names {
        params.subject_alt_names.push(match name {
            Name::Dns(_, name) => SanType::DnsName(name.clone().try_into()?),
            Name::Address(address) => SanType::IpAddress(*address),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now, LEAF_LIFETIME);
    Ok(params)
}

fn set_validity(params: &mut CertificateParams, now: Duration, lifetime: Duration) {
    // A day back, for clients whose clocks are slow.
    params.not_before = (SystemTime::UNIX_EPOCH + now.saturating_sub(DAY)).into();
    params.not_after = (SystemTime::UNIX_EPOCH + now + lifetime).into();
}

/// Readable by the owner alone, the public certificates too: the directory is closed to others anyway.
fn write(path: &Path, text: &str) -> Result<(), LocalCaError> {
    private_file::write(path, text.as_bytes()).map_err(|error| LocalCaError::File(path.to_owned(), error))
}

fn read(path: &Path) -> Result<String, LocalCaError> {
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let text = private_file::read_if_there(path, PEM_BYTES_MAX);
    text.and_then(|text| text.ok_or_else(missing)).map_err(|error| LocalCaError::File(path.to_owned(), error))
}
