//! Certificates and keys from files, for serving and for trusting. What is replaced on disk is taken over without a restart.

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
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsAcceptor;

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
    /// It is not PEM, or holds no certificate.
    NoCertificate,
    /// It holds no private key, or one that is encrypted.
    NoKey,
    /// The certificate is broken.
    UnusableCertificate,
    /// The key isn't the one of the certificate, or of a kind that isn't offered.
    UnusableKey,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.reason {
            TlsFault::Unreadable(error) => write!(f, "the file cannot be read: {error}"),
            TlsFault::TooLarge => write!(f, "the file has more than {PEM_BYTES_MAX} bytes"),
            TlsFault::NoCertificate => f.write_str("the file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
            TlsFault::NoKey => f.write_str("the file holds no private key (-----BEGIN PRIVATE KEY-----); an encrypted one cannot be used"),
            TlsFault::UnusableCertificate => f.write_str("the certificate is broken"),
            TlsFault::UnusableKey => {
                f.write_str("the private key does not belong to the certificate, or is of a kind that TLS does not use")
            }
        }
    }
}

impl std::error::Error for TlsError {}

/// A certificate for serving that follows its files.
pub struct ServedCertificate {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

impl ServedCertificate {
    /// Loads a certificate, with its chain, and its key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = ArcSwap::from_pointee(read_pair(certificate, key)?);
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }

    /// The files that it is made from.
    #[must_use]
    pub fn files(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }

    /// Loads the files again. When they can't be used the old ones stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read_pair(&self.certificate, &self.key)?));
        Ok(())
    }

    /// For a listener.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let failed = |_| TlsError { path: self.certificate.clone(), reason: TlsFault::UnusableCertificate };
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(failed)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
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

/// For connections to servers whose certificates were signed by an authority in this file and by no other, or by one of the machine's.
pub fn client_config(authorities: Option<&Path>, alpn: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let path = authorities.map_or_else(|| PathBuf::from("the authorities of this machine"), Path::to_owned);
    let roots = match authorities {
        Some(path) => roots_of(path)?,
        None => machine_roots(),
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| TlsError { path, reason: TlsFault::UnusableCertificate })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
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

pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError { path: path.to_owned(), reason: TlsFault::NoCertificate }),
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read_certificates(certificate)?;
    let text = read(key)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError { path: key.to_owned(), reason: TlsFault::NoKey })?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
        rustls::Error::InvalidCertificate(_) => TlsError { path: certificate.to_owned(), reason: TlsFault::UnusableCertificate },
        _ => TlsError { path: key.to_owned(), reason: TlsFault::UnusableKey },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let fault = |reason| TlsError { path: path.to_owned(), reason };
    let bytes = std::fs::metadata(path).map_err(|error| fault(TlsFault::Unreadable(error)))?.len();
    if bytes > PEM_BYTES_MAX {
        return Err(fault(TlsFault::TooLarge));
    }
    std::fs::read(path).map_err(|error| fault(TlsFault::Unreadable(error)))
}
