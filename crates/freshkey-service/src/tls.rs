//! Certificates and keys from files, for serving and for trusting. A certificate that is renewed on disk is taken over without a restart.

#[cfg(test)]
mod tests;

use crate::file_state::FileState;
use crate::limits::PEM_BYTES_MAX;
use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate or key that can't be used.
#[derive(Debug)]
pub struct TlsError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: TlsFault,
}

/// What can be wrong with a certificate or key.
#[derive(Debug)]
pub enum TlsFault {
    /// It can't be read.
    Unreadable(std::io::Error),
    /// It is too large to be what it should be.
    TooLarge,
    /// It isn't PEM.
    NotPem,
    /// It holds no certificate.
    NoCertificate,
    /// It holds no private key, or one that is encrypted.
    NoKey,
    /// The key is of a kind that isn't offered, or broken.
    UnusableKey,
    /// The key isn't the one of the certificate.
    KeyOfAnother,
    /// The certificate is broken.
    UnusableCertificate,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.reason {
            TlsFault::Unreadable(error) => write!(f, "the file cannot be read: {error}"),
            TlsFault::TooLarge => write!(f, "the file has more than {PEM_BYTES_MAX} bytes"),
            TlsFault::NotPem => f.write_str("the file is not PEM"),
            TlsFault::NoCertificate => f.write_str("the file holds no certificate (-----BEGIN CERTIFICATE-----)"),
            TlsFault::NoKey => f.write_str("the file holds no private key (-----BEGIN PRIVATE KEY-----); an encrypted one cannot be used"),
            TlsFault::UnusableKey => f.write_str("the private key is broken or of a kind that TLS does not use"),
            TlsFault::KeyOfAnother => f.write_str("the private key does not belong to the certificate"),
            TlsFault::UnusableCertificate => f.write_str("the certificate is broken"),
        }
    }
}

impl std::error::Error for TlsError {}

/// A certificate for serving that follows its files.
pub struct ServedCertificate {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Option<[FileState; 2]>>,
}

impl ServedCertificate {
    /// Loads a certificate, with its chain, and its key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let seen = states(certificate, key);
        let current = ArcSwap::from_pointee(read_pair(certificate, key)?);
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current, seen: Mutex::new(seen) }))
    }

    /// Loads the files again if they have changed, and says whether that was so. When they can't be used the old ones stay.
    pub fn follow(&self) -> Result<bool, TlsError> {
        let states = states(&self.certificate, &self.key);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if states == *seen {
                return Ok(false);
            }
            // Noted even if the files turn out to be unusable: one complaint for each change is enough. A pair of which only one half is
            // new changes once more when the other half comes.
            *seen = states;
        }
        self.current.store(Arc::new(read_pair(&self.certificate, &self.key)?));
        Ok(true)
    }

    /// For a listener that speaks these protocols (RFC 7301), the preferred one first.
    pub fn acceptor(self: &Arc<Self>, protocols: &[&[u8]]) -> Result<TlsAcceptor, TlsError> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let failed = |_| TlsError { path: self.certificate.clone(), reason: TlsFault::UnusableCertificate };
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(failed)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = owned(protocols);
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for ServedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServedCertificate({})", self.certificate.display())
    }
}

/// For connections to servers whose certificates were signed by an authority in this file and by no other; by one of the machine's without a file.
pub fn client_config(authorities: Option<&Path>, protocols: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let path = authorities.map_or_else(|| PathBuf::from("the authorities of this machine"), Path::to_owned);
    let roots = match authorities {
        Some(path) => roots_of(path)?,
        None => machine_roots(),
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| TlsError { path, reason: TlsFault::UnusableCertificate })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = owned(protocols);
    Ok(config)
}

/// The same as a connector that offers no protocol, which servers take for HTTP/1.1.
pub fn connector(authorities: &Path) -> Result<TlsConnector, TlsError> {
    client_config(Some(authorities), &[]).map(|config| TlsConnector::from(Arc::new(config)))
}

/// For connections to servers of anybody, whose certificates were signed by an authority that this machine trusts, or by one of these. `None` when there
/// is no authority at all.
#[must_use]
pub fn public_connector(further: &[CertificateDer<'static>]) -> Option<TlsConnector> {
    let mut roots = RootCertStore::clone(&machine_roots());
    roots.add_parsable_certificates(further.iter().cloned());
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().ok()?;
    (!roots.is_empty()).then(|| TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

fn roots_of(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(|_| TlsError { path: path.to_owned(), reason: TlsFault::UnusableCertificate })?;
    }
    Ok(Arc::new(roots))
}

/// Read once: a machine's store has hundreds of them.
fn machine_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    Arc::clone(roots)
}

/// The cryptography of TLS.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

/// The certificates of a PEM file, in their order.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |reason| TlsError { path: path.to_owned(), reason };
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(fault(TlsFault::NoCertificate)),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(fault(TlsFault::NotPem)),
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read_certificates(certificate)?;
    let fault = |reason| TlsError { path: key.to_owned(), reason };
    let text = read(key)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        rustls_pki_types::pem::Error::NoItemsFound => fault(TlsFault::NoKey),
        _ => fault(TlsFault::NotPem),
    })?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => fault(TlsFault::KeyOfAnother),
        rustls::Error::InvalidCertificate(_) => TlsError { path: certificate.to_owned(), reason: TlsFault::UnusableCertificate },
        _ => fault(TlsFault::UnusableKey),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let fault = |reason| TlsError { path: path.to_owned(), reason };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| fault(TlsFault::Unreadable(error)))?;
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut text).map_err(|error| fault(TlsFault::Unreadable(error)))?;
    if text.len() as u64 > PEM_BYTES_MAX { Err(fault(TlsFault::TooLarge)) } else { Ok(text) }
}

/// `None` while one of the files is missing, which is a change like any other.
fn states(certificate: &Path, key: &Path) -> Option<[FileState; 2]> {
    Some([FileState::of(certificate)?, FileState::of(key)?])
}

fn owned(protocols: &[&[u8]]) -> Vec<Vec<u8>> {
    protocols.iter().map(|protocol| protocol.to_vec()).collect()
}
