//! How a server of PostgreSQL is spoken to: in TLS with a certificate that is verified in full, or in clear where that is what the operator wrote or
//! stays on this machine. Our own database and one that is read from are held to the same.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What TLS is spoken with.
pub type Tls = MakeRustlsConnect;

/// Reads libpq's form of an address. `sslmode=verify-full` and `verify-ca` mean `require`: a certificate is always verified in full.
/// The error may repeat parts of the address, and with them a password.
pub fn read_address(url: &str) -> Result<Config, tokio_postgres::Error> {
    url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require").parse()
}

/// Settles how `config` connects: in TLS with what is answered, or in clear. `root_ca_file` has the certificates of the authorities, in PEM.
/// An error says what is missing, in words for the operator.
pub fn settle(config: &mut Config, root_ca_file: Option<&Path>) -> Result<Option<Tls>, String> {
    let mode = mode(config, root_ca_file.is_some())?;
    config.ssl_mode(mode);
    root_ca_file.map(|path| client_config(path).map(Tls::new)).transpose()
}

/// `prefer`, the default of addresses, would go on in clear with whoever says that TLS is not spoken here. Without a CA nothing proves who the server is.
fn mode(config: &Config, has_ca: bool) -> Result<SslMode, String> {
    match (config.get_ssl_mode(), has_ca) {
        (SslMode::Disable, _) => Ok(SslMode::Disable),
        (SslMode::Prefer, true) if is_local(config) => Ok(SslMode::Prefer),
        (_, true) => Ok(SslMode::Require),
        (SslMode::Prefer, false) if is_local(config) => Ok(SslMode::Disable),
        _ => Err("a database on another machine needs sslmode=require and a root CA file, or an explicit sslmode=disable".to_owned()),
    }
}

fn is_local(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    };
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn client_config(root_ca_file: &Path) -> Result<rustls::ClientConfig, String> {
    let unusable = |why: &dyn std::fmt::Display| format!("the root CA file {} cannot be used: {why}", root_ca_file.display());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root_ca_file).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it holds no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| unusable(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_to_another_machine_in_clear_unless_the_address_says_so() {
        let cases = [
            ("postgres://a@db.example/k", true, Some(SslMode::Require)),
            ("postgres://a@db.example/k?sslmode=require", true, Some(SslMode::Require)),
            ("postgres://a@db.example/k", false, None),
            ("postgres://a@db.example/k?sslmode=require", false, None),
            ("postgres://a@db.example/k?sslmode=disable", false, Some(SslMode::Disable)),
            ("postgres://a@127.0.0.1,db.example/k", false, None),
            ("postgres://a@127.0.0.1,db.example/k", true, Some(SslMode::Require)),
            ("postgres://a@localhost/k", false, Some(SslMode::Disable)),
            ("postgres://a@[::1]/k", false, Some(SslMode::Disable)),
            ("postgres://a@127.0.0.1/k", true, Some(SslMode::Prefer)),
            ("postgres://a@127.0.0.1/k?sslmode=require", false, None),
        ];
        for (url, has_ca, expected) in cases {
            let config = url.parse::<Config>().expect("an address");
            assert_eq!(mode(&config, has_ca).ok(), expected, "{url}, with a CA: {has_ca}");
        }
    }

    #[test]
    fn a_ca_file_that_is_missing_is_named() {
        let mut config = "postgres://a@db.example/k".parse::<Config>().expect("an address");
        let error = settle(&mut config, Some(Path::new("/nonexistent/ca.pem"))).err().expect("refused");
        assert!(error.contains("/nonexistent/ca.pem"), "{error}");
    }
}
