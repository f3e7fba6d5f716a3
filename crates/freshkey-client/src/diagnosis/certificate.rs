//! What a certificate says, for people (RFC 5280). Nothing is decided by it: whether one is trusted, the same code says as for every connection.

use super::clock::day;
use crate::failure::shown;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

/// Characters of a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// A certificate as it is shown. Its texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// From when on it counts, in seconds since 1970.
    pub not_before_s: i64,
    /// Until when, in seconds since 1970.
    pub not_after_s: i64,
    /// The fingerprint by which people compare it.
    pub sha256: String,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// Whether it names itself as its issuer.
    pub is_self_signed: bool,
    /// Where its issuer's certificate can be fetched, as public authorities write into theirs.
    pub names_issuer_url: bool,
    /// The organisation of its issuer.
    pub issuer_organisation: Option<String>,
    pub(super) issuer_der: Vec<u8>,
    der: Vec<u8>,
}

impl Certificate {
    /// Reads one. `None` for bytes that are none.
    #[must_use]
    pub fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, found) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (found.subject(), found.issuer());
        let names = found.subject_alternative_name().ok().flatten();
        let names_issuer_url = found.iter_extensions().any(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => {
                access.accessdescs.iter().any(|described| described.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
            }
            _ => false,
        });
        Some(Self {
            subject: name(subject),
            issuer: name(issuer),
            names: names.map(|names| names.value.general_names.iter().filter_map(host).collect()).unwrap_or_default(),
            not_before_s: found.validity().not_before.timestamp(),
            not_after_s: found.validity().not_after.timestamp(),
            sha256: fingerprint_of(der),
            is_authority: found.is_ca(),
            is_self_signed: subject.as_raw() == issuer.as_raw(),
            names_issuer_url,
            issuer_organisation: organisation(issuer),
            issuer_der: issuer.as_raw().to_vec(),
            der: der.to_vec(),
        })
    }

    /// When it counts, for a sentence.
    #[must_use]
    pub fn validity(&self) -> String {
        format!("from {} to {}", day(self.not_before_s), day(self.not_after_s))
    }

    /// As rustls takes it.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    /// In PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(&self.der);
        let lines: Vec<String> = text.as_bytes().chunks(PEM_LINE).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

/// The certificate of a chain that vouches for the rest: its authority, or the server's own if that is signed by itself. `None` when the chain does
/// not show it.
#[must_use]
pub fn authority(chain: &[CertificateDer<'_>]) -> Option<Certificate> {
    let read: Vec<Certificate> = chain.iter().filter_map(Certificate::read).collect();
    let root = read.iter().rfind(|certificate| certificate.is_self_signed);
    root.or_else(|| read.iter().skip(1).rfind(|certificate| certificate.is_authority)).cloned()
}

/// The SHA-256 fingerprint, as `openssl x509 -fingerprint -sha256` writes it.
fn fingerprint_of(der: &[u8]) -> String {
    let digits: Vec<String> = digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(":")
}

/// A fingerprint in the form of [`Certificate::sha256`], however it was written: with or without colons, in small letters, after a name and `=` or `:`.
/// `None` for anything but 64 hexadecimal digits.
#[must_use]
pub fn fingerprint(text: &str) -> Option<String> {
    let text = text.rsplit('=').next().unwrap_or_default().trim();
    let text = text.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("sha256:")).map_or(text, |prefix| &text[prefix.len()..]);
    let digits: Vec<u8> = text.bytes().filter(|byte| !b": ".contains(byte)).map(|byte| byte.to_ascii_uppercase()).collect();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    Some(digits.chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect::<Vec<_>>().join(":"))
}

/// The organisation of a name.
pub(super) fn organisation(name: &X509Name<'_>) -> Option<String> {
    name.iter_organization().next().and_then(|found| found.as_str().ok()).map(str::to_owned)
}

fn name(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    if text.is_empty() { "nobody named".to_owned() } else { shown(&text) }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}
