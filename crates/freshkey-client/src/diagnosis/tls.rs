//! The certificate that a host shows, and what exactly is wrong with it. It is looked at by a connection that trusts nobody and over which nothing of
//! ours is ever sent; whether it is to be trusted, rustls says afterwards, as for every other connection.

use super::certificate::{Certificate, organisation};
use super::clock::{SETS_CLOCK, day, span};
use super::network::{Reached, host_and_port};
use super::{Case, Check, Cure, Patient, Report};
use crate::failure::{FailureKind, shown};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// Bytes of a reply of which only the headers are wanted.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Seconds before its end at which a certificate is worth a word.
const ENDS_SOON_S: i64 = 7 * 24 * 3600;

/// Why no certificate was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// What answers speaks no TLS.
    NotTls,
    /// The connection ended, or the handshake was refused.
    BrokenOff(String),
    /// The host's name can't be in a certificate.
    Name,
}

/// What a host has shown.
pub struct Seen {
    /// Its certificates, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    connection: ClientConnection,
    stream: TcpStream,
}

/// What is wrong with a chain of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// One is over.
    Expired(Box<Certificate>),
    /// One does not count yet.
    NotYet(Box<Certificate>),
    /// It is for other hosts.
    OtherHost(Vec<String>),
    /// The server vouches for itself.
    SelfSigned,
    /// What it shows as its own is the certificate of an authority, which is never taken for a server's.
    AuthorityAsServer,
    /// The authority, which is shown, is none of those that are trusted.
    UnknownAuthority(String),
    /// The issuer is neither shown nor trusted, and belongs to one that is: a certificate between the two is missing.
    MissingIntermediate(String),
    /// The issuer is neither shown nor trusted.
    UnknownIssuer(String),
    /// An authority of that name is trusted, and has another key.
    MadeAnew(String),
    /// Something else.
    Other(String),
}

/// Lets a host show its certificates.
pub fn look(mut stream: TcpStream, host: &str) -> Result<Seen, Unseen> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Unseen::Name)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Unseen::BrokenOff(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OnlyLooks(provider)))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| Unseen::BrokenOff(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| unseen(&error))?;
    }
    let chain = connection.peer_certificates().unwrap_or_default().iter().map(|der| der.clone().into_owned()).collect();
    Ok(Seen { chain, connection, stream })
}

fn unseen(error: &io::Error) -> Unseen {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidMessage(_)) => Unseen::NotTls,
        Some(tls) => Unseen::BrokenOff(tls.to_string()),
        None if error.kind() == ErrorKind::UnexpectedEof => Unseen::BrokenOff("the connection was closed".to_owned()),
        None => Unseen::BrokenOff(error.to_string()),
    }
}

/// What is wrong with a chain that a host has shown; `None` when it is trusted.
#[must_use]
pub fn doubt(chain: &[CertificateDer<'_>], host: &str, roots: &RootCertStore, now_s: i64) -> Option<Doubt> {
    let Some((own, rest)) = chain.split_first() else { return Some(Doubt::Other("it shows no certificate".to_owned())) };
    let Ok(name) = ServerName::try_from(host.to_owned()) else { return Some(Doubt::OtherHost(Vec::new())) };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Without any authority nothing can be verified, which is the same as an unknown one.
    let verifier = match WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), provider).build() {
        Ok(verifier) => verifier,
        Err(_) => return Some(unknown(chain, roots)),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now_s.unsigned_abs()));
    let error = verifier.verify_server_cert(own, rest, &name, &[], now).err()?;
    let read = || chain.iter().filter_map(Certificate::read);
    let Error::InvalidCertificate(error) = error else { return Some(Doubt::Other(error.to_string())) };
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => read()
            .find(|certificate| certificate.not_after_s < now_s)
            .map_or(Doubt::Other("it is over".to_owned()), |certificate| Doubt::Expired(Box::new(certificate))),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => read()
            .find(|certificate| certificate.not_before_s > now_s)
            .map_or(Doubt::Other("it does not count yet".to_owned()), |certificate| Doubt::NotYet(Box::new(certificate))),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Doubt::OtherHost(Certificate::read(own).map(|certificate| certificate.names).unwrap_or_default())
        }
        // An authority of the right name with another key, of the same sort or not, is sorted out there.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => unknown(chain, roots),
        other => {
            let is_authority = Certificate::read(own).is_some_and(|own| own.is_authority);
            if is_authority { Doubt::AuthorityAsServer } else { Doubt::Other(other_told(&other)) }
        }
    })
}

fn other_told(error: &CertificateError) -> String {
    shown(&Error::InvalidCertificate(error.clone()).to_string())
}

/// What would be wrong with a chain if this authority were trusted, and no other.
#[must_use]
pub fn doubt_if_trusted(chain: &[CertificateDer<'_>], host: &str, authority: &Certificate, now_s: i64) -> Option<Doubt> {
    let mut roots = RootCertStore::empty();
    if let Err(error) = roots.add(authority.der()) {
        return Some(Doubt::Other(error.to_string()));
    }
    doubt(chain, host, &roots, now_s)
}

impl Doubt {
    /// In words, without advice.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Expired(over) => format!("the certificate of {} ended on {}", over.subject, day(over.not_after_s)),
            Self::NotYet(early) => format!("the certificate of {} counts only from {}", early.subject, day(early.not_before_s)),
            Self::OtherHost(names) if names.is_empty() => "the certificate is for no host".to_owned(),
            Self::OtherHost(names) => format!("the certificate is for {}", names.join(", ")),
            Self::AuthorityAsServer => "what is shown as the server's own certificate is that of an authority".to_owned(),
            Self::SelfSigned => "the certificate is signed by nobody but itself".to_owned(),
            Self::UnknownAuthority(who) | Self::UnknownIssuer(who) | Self::MadeAnew(who) => format!("the certificate comes from {who}"),
            Self::MissingIntermediate(issuer) => format!("the intermediate certificate of {issuer} is not shown"),
            Self::Other(what) => what.clone(),
        }
    }
}

/// Nobody who is trusted has signed it: why?
fn unknown(chain: &[CertificateDer<'_>], roots: &RootCertStore) -> Doubt {
    let read: Vec<Certificate> = chain.iter().filter_map(Certificate::read).collect();
    let (Some(own), Some(top)) = (read.first(), read.last()) else { return Doubt::Other("its certificate cannot be read".to_owned()) };
    if own.is_self_signed {
        return Doubt::SelfSigned;
    }
    // webpki keeps the content of a name, without the tag and the length before it.
    let is_trusted_name = |name: &[u8]| roots.roots.iter().any(|root| !root.subject.is_empty() && name.ends_with(&root.subject));
    if let Some(root) = read.iter().find(|certificate| certificate.is_self_signed) {
        return if is_trusted_name(&root.issuer_der) {
            Doubt::MadeAnew(root.subject.clone())
        } else {
            Doubt::UnknownAuthority(root.subject.clone())
        };
    }
    if is_trusted_name(&top.issuer_der) {
        return Doubt::MadeAnew(top.issuer.clone());
    }
    let belongs = |organisation: &String| roots.roots.iter().any(|root| organisation_of(&root.subject).as_ref() == Some(organisation));
    if top.names_issuer_url || top.issuer_organisation.as_ref().is_some_and(belongs) {
        return Doubt::MissingIntermediate(top.issuer.clone());
    }
    Doubt::UnknownIssuer(top.issuer.clone())
}

/// Of a name without its tag and length, which are put back before it.
fn organisation_of(content: &[u8]) -> Option<String> {
    let mut der = vec![0x30];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => der.push(length),
        _ => der.extend([[0x82].as_slice(), &u16::try_from(content.len()).ok()?.to_be_bytes()].concat()),
    }
    der.extend_from_slice(content);
    X509Name::from_der(&der).ok().and_then(|(_, name)| organisation(&name))
}

/// Lets any chain pass, so that it can be looked at. The signatures of the handshake are checked: what is shown belongs to who shows it.
#[derive(Debug)]
struct OnlyLooks(Arc<CryptoProvider>);

impl ServerCertVerifier for OnlyLooks {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the provider can be asked over this connection.
pub(super) fn examine(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, reached: Reached) -> bool {
    if reached.url.scheme() != "https" {
        return true;
    }
    let (host, port) = host_and_port(&reached.url);
    let seen = match look(reached.stream, &host) {
        Ok(seen) => seen,
        Err(unseen) => {
            let (kind, says) = match unseen {
                Unseen::NotTls => (FailureKind::Untrusted, format!("port {port} of {host} speaks no TLS: it may be the port for http")),
                Unseen::BrokenOff(why) => {
                    (FailureKind::Unavailable, format!("{host} broke off before it showed a certificate: {}", shown(&why)))
                }
                Unseen::Name => (FailureKind::Untrusted, format!("{} cannot be the name of a host", shown(&host))),
            };
            let cure = Cure::advice(format!("find out at which address the provider speaks https, then `{}`", patient.signs_in_at("URL")));
            report.problem(Check::Certificate, kind, says, cure);
            return false;
        }
    };
    let ca_file = patient.profile.ca_file.as_deref();
    let Ok(roots) = crate::transport::roots(ca_file) else { return false };
    let now_s = case.clock.now().wall_s();
    let Some(own) = seen.chain.first().and_then(Certificate::read) else {
        let cure = Cure::advice("have the provider's certificate replaced by one that others can read");
        report.problem(Check::Certificate, FailureKind::Untrusted, format!("the certificate of {host} cannot be read"), cure);
        return false;
    };
    let Some(doubt) = doubt(&seen.chain, &host, &roots, now_s) else {
        trusted(report, &own, now_s);
        return true;
    };
    if let Doubt::Expired(at_other_times) | Doubt::NotYet(at_other_times) = &doubt {
        // Unproven, as the certificate is; good enough to say which of the two is more likely.
        let date_s = date_of(seen, &host).filter(|date_s| (at_other_times.not_before_s..=at_other_times.not_after_s).contains(date_s));
        if let Some(date_s) = date_s {
            let (ours, its) = (day(now_s), day(date_s));
            let says = format!("this machine's clock shows {ours}, and {host} says {its}: by the latter its certificate is good");
            report.problem(Check::Clock, FailureKind::Failed, says, Cure::command(SETS_CLOCK));
            return false;
        }
    }
    let (says, cure) = judged(&doubt, patient, &host);
    report.problem(Check::Certificate, FailureKind::Untrusted, format!("{says}; its SHA-256 is {}", own.sha256), cure);
    false
}

fn trusted(report: &mut Report<'_>, own: &Certificate, now_s: i64) {
    let says = format!("{} by {}, {}", own.names.join(", "), own.issuer, own.validity());
    if own.not_after_s - now_s < ENDS_SOON_S {
        let cure = Cure::advice("have who runs the provider renew it");
        return report.warning(Check::Certificate, format!("it ends in {}: {says}", span(own.not_after_s - now_s)), cure);
    }
    report.ok(Check::Certificate, says);
}

fn judged(doubt: &Doubt, patient: &Patient<'_>, host: &str) -> (String, Cure) {
    let trusted = patient.profile.ca_file.as_ref().map_or("this machine's store".to_owned(), |path| path.display().to_string());
    let compare =
        "have its authority shown, compare the fingerprint with one that you got from its operator, and trust it for this profile alone";
    let operator = |what: &str| Cure::advice(format!("have who runs {host} {what}"));
    match doubt {
        Doubt::Expired(_) | Doubt::NotYet(_) => (doubt.told(), operator("renew it; the clock of this machine is right")),
        Doubt::OtherHost(names) => {
            let says = format!(
                "the certificate that {host} shows is for {}",
                if names.is_empty() { "no host".to_owned() } else { names.join(", ") }
            );
            let fits = names.iter().find(|name| !name.contains('*'));
            let cure = fits.and_then(|name| patient.at_host(name)).map(|issuer| patient.signs_in_at(&issuer));
            (says, cure.map_or_else(|| operator("have its name put into the certificate"), Cure::command))
        }
        Doubt::AuthorityAsServer => {
            let replace = "replace it by one that the authority has signed for the host, or by a self-signed one that is no authority (basicConstraints=CA:FALSE)";
            (format!("{host} shows the certificate of an authority as its own, which no trust makes a server's"), operator(replace))
        }
        Doubt::SelfSigned => {
            (format!("{host} vouches for itself: its certificate is signed by nobody else"), Cure::both(compare, patient.trusts()))
        }
        Doubt::UnknownAuthority(authority) => (
            format!("the certificate of {host} comes from {authority}, which {trusted} does not trust"),
            Cure::both(compare, patient.trusts()),
        ),
        Doubt::MadeAnew(authority) => (
            format!(
                "the certificate of {host} comes from {authority}; {trusted} trusts one of that name with another key: it was made anew"
            ),
            Cure::both(compare, patient.trusts()),
        ),
        Doubt::MissingIntermediate(issuer) => (
            format!(
                "{host} does not show the intermediate certificate of {issuer}, so nothing leads from its own to one that {trusted} trusts"
            ),
            operator("install the whole chain (often named fullchain.pem), its own certificate first"),
        ),
        Doubt::UnknownIssuer(issuer) => (
            format!("the certificate of {host} comes from {issuer}, which {trusted} does not trust, and which {host} does not show"),
            Cure::advice(format!(
                "get the certificate of {issuer} from who runs {host}, as a file, then `{} --ca FILE`",
                patient.signs_in()
            )),
        ),
        Doubt::Other(what) => (format!("the certificate of {host} cannot be used: {what}"), operator("replace it")),
    }
}

/// What the host says the time is. Nothing but the request for a page goes there.
fn date_of(mut seen: Seen, host: &str) -> Option<i64> {
    let mut tls = rustls::Stream::new(&mut seen.connection, &mut seen.stream);
    tls.write_all(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match tls.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => head.extend_from_slice(&part[..read]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("date")))?;
    crate::transport::imf_date(line.1.trim())
}
