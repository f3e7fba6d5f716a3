//! TLS: towards providers and applications with authorities of their own, and for callers.

use crate::proxy::CONFIGURATION;
use crate::support::{Application, Authority, Gateway, Provider, tls_before};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn an_authority_of_a_provider_that_is_replaced_counts_from_the_next_fetch() {
    let (provider, application, authority) = (Provider::start().await, Application::start().await, Authority::new());
    let front = tls_before(provider.address, &authority).await;
    let directory = tempfile::TempDir::new().expect("a directory");
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, Authority::new().certificate()).expect("written");
    let configuration = CONFIGURATION.replace(
        "jwks_url = \"http://{provider}/certs\"",
        &format!("jwks_url = \"https://localhost:{}/certs\"\nca_file = {ca_file:?}", front.port()),
    );
    let gateway = Gateway::start_unready(&configuration, &provider, &application).await;
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 503, "nobody knows the keys: another authority");
    let management = gateway.service.addresses.management.expect("a second listener");
    assert_eq!(crate::support::ask(management, "GET", "/health/ready", "gateway", &[]).await.status, 503);
    std::fs::write(&ca_file, authority.certificate()).expect("written");
    gateway.until_ready().await;
    assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, 200);
    assert_eq!(crate::support::ask(management, "GET", "/health/ready", "gateway", &[]).await.status, 200);
}

#[tokio::test]
async fn an_application_is_believed_by_its_own_authority_only() {
    let (provider, application, authority) = (Provider::start().await, Application::start().await, Authority::new());
    let front = tls_before(application.address, &authority).await;
    let directory = tempfile::TempDir::new().expect("a directory");
    for (certificate, status) in [(authority.certificate(), 200), (Authority::new().certificate(), 502)] {
        let ca_file = directory.path().join("ca.pem");
        std::fs::write(&ca_file, certificate).expect("written");
        let upstream = format!("url = \"https://localhost:{}\", ca_file = {ca_file:?}", front.port());
        let gateway = Gateway::start(&CONFIGURATION.replace("url = \"http://{application}\"", &upstream), &provider, &application).await;
        assert_eq!(gateway.get_with("/api/whoami", &provider.token()).await.status, status);
    }
}

#[tokio::test]
async fn callers_are_served_in_tls_and_a_new_certificate_is_taken_over() {
    let (provider, application, authority) = (Provider::start().await, Application::start().await, Authority::new());
    let directory = tempfile::TempDir::new().expect("a directory");
    let (certificate, key) = (directory.path().join("gateway.crt"), directory.path().join("gateway.key"));
    let write = |authority: &Authority| {
        let (own, private) = authority.issue();
        std::fs::write(&key, private).expect("written");
        std::fs::write(&certificate, own).expect("written");
    };
    write(&authority);
    let files = format!("certificate = {certificate:?}\nkey = {key:?}\n[management]");
    let gateway = Gateway::start(&CONFIGURATION.replace("tls = \"off\"\n[management]", &files), &provider, &application).await;
    assert_eq!(get(&gateway, &authority).await.expect("trusted"), 200);
    let next = Authority::new();
    assert!(get(&gateway, &next).await.is_err());
    write(&next);
    for _ in 0..1000 {
        if get(&gateway, &next).await.is_ok() {
            return;
        }
        crate::support::pause().await;
    }
    panic!("the new certificate was not served");
}

/// The status of a public path, for a caller who trusts this authority.
async fn get(gateway: &Gateway, authority: &Authority) -> std::io::Result<u16> {
    let connector = TlsConnector::from(Arc::new(authority.client()));
    let stream = TcpStream::connect(gateway.proxy()).await?;
    let mut stream = connector.connect(ServerName::try_from("localhost").expect("a name"), stream).await?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n").await?;
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    let text = String::from_utf8_lossy(&received).into_owned();
    Ok(text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
}
