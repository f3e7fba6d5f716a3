//! A door before the test provider that can be badly hung: a TLS server with any certificate, which answers discovery as told and hands the rest on.

use freshkey_testkit::provider::TestProvider;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// An authority that signs for tests.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server shows, and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<KeyPair>,
}

/// From when to when a certificate counts, as years.
pub(crate) type Years = (i32, i32);
pub(crate) const NOW: Years = (2020, 2090);

impl Authority {
    /// One that vouches for itself.
    pub(crate) fn new(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(name), KeyPair::generate().expect("a key")).expect("signed");
        Self(issuer)
    }

    /// One that another vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(authority(name), KeyPair::generate().expect("a key"), &self.0).expect("signed"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The fingerprint as `openssl` writes it.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.der());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
    }

    /// Its own certificate in a server's place, as `openssl req -x509` makes it by default.
    pub(crate) fn as_server(&self) -> Identity {
        let key = KeyPair::from_pem(&self.0.key().serialize_pem()).expect("a key");
        Identity { chain: vec![self.0.der().clone()], key: Arc::new(key) }
    }

    /// A certificate for these hosts, shown together with `beside`.
    pub(crate) fn certifies(&self, hosts: &[&str], years: Years, beside: &[&Self]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let own = server(hosts, years).signed_by(&key, &self.0).expect("signed");
        let chain = std::iter::once(own.der().clone()).chain(beside.iter().map(|other| other.0.der().clone())).collect();
        Identity { chain, key: Arc::new(key) }
    }
}

impl Identity {
    /// One that nobody else has signed.
    pub(crate) fn of_itself(hosts: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let own = server(hosts, NOW).self_signed(&key).expect("signed");
        Self { chain: vec![own.der().clone()], key: Arc::new(key) }
    }

    pub(crate) fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.chain[0]);
        digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .expect("a key of the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a host");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::OrganizationName, "House of Tests");
    parameters.distinguished_name.push(DnType::CommonName, name);
    (parameters.not_before, parameters.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
    parameters
}

fn server(hosts: &[&str], years: Years) -> CertificateParams {
    let mut parameters = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).expect("hosts");
    parameters.distinguished_name.push(DnType::CommonName, "a server of tests");
    (parameters.not_before, parameters.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    parameters
}

/// How discovery is answered.
#[derive(Clone)]
pub(crate) enum Answers {
    /// As it should be.
    Discovery,
    /// As if the issuer were this.
    DiscoveryOf(String),
    /// With a status, headers that end in a line break each, and a body.
    Other(u16, &'static str, &'static str),
}

struct Script {
    identity: Option<TlsAcceptor>,
    answers: Answers,
    date: Option<&'static str>,
    changed: Arc<Notify>,
}

/// The door.
pub(crate) struct Front {
    script: Arc<Mutex<Script>>,
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Opens it on loopback. Without an identity it speaks plain HTTP.
    pub(crate) async fn start(provider: &TestProvider, identity: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
        let port = listener.local_addr().expect("an address").port();
        let script =
            Script { identity: identity.map(Identity::acceptor), answers: Answers::Discovery, date: None, changed: Arc::default() };
        let script = Arc::new(Mutex::new(script));
        let (shared, upstream) = (Arc::clone(&script), provider.issuer().trim_start_matches("http://").to_owned());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, upstream) = (Arc::clone(&shared), upstream.clone());
                // One that breaks off is what some tests want.
                tokio::spawn(async move { drop(attend(stream, &shared, &upstream).await) });
            }
        });
        Self { script, port, task }
    }

    pub(crate) fn host(&self, host: &str) -> String {
        format!("{host}:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on. Connections that were made before are closed.
    pub(crate) fn shows(&self, identity: &Identity) {
        let mut script = self.script.lock().expect("locked");
        script.identity = Some(identity.acceptor());
        script.changed.notify_waiters();
    }

    pub(crate) fn answers(&self, answers: Answers) {
        self.script.lock().expect("locked").answers = answers;
    }

    /// What it says the time is.
    pub(crate) fn says_it_is(&self, date: Option<&'static str>) {
        self.script.lock().expect("locked").date = date;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn attend(stream: TcpStream, script: &Mutex<Script>, upstream: &str) -> std::io::Result<()> {
    let identity = script.lock().expect("locked").identity.clone();
    match identity {
        Some(acceptor) => answer(acceptor.accept(stream).await?, "https", script, upstream).await,
        None => answer(stream, "http", script, upstream).await,
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    scheme: &str,
    script: &Mutex<Script>,
    upstream: &str,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ").or_else(|| line.strip_prefix("Host: "))).unwrap_or_default();
    let (answers, date) = {
        let script = script.lock().expect("locked");
        (script.answers.clone(), script.date)
    };
    let date = date.map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
    let own = format!("{scheme}://{host}");
    let reply = match (text.contains("/.well-known/") || text.starts_with("HEAD"), answers) {
        (true, Answers::Discovery) => whole(200, &date, &discovery(&own, &own)),
        (true, Answers::DiscoveryOf(issuer)) => whole(200, &date, &discovery(&issuer, &own)),
        (true, Answers::Other(status, headers, body)) => whole(status, &format!("{date}{headers}"), body),
        (false, _) => {
            let mut onward = TcpStream::connect(upstream).await?;
            onward.write_all(&head).await?;
            let changed = Arc::clone(&script.lock().expect("locked").changed);
            return tokio::select! {
                copied = tokio::io::copy_bidirectional(&mut stream, &mut onward) => copied.map(drop),
                () = changed.notified() => Ok(()),
            };
        }
    };
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

fn discovery(issuer: &str, base: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","token_endpoint":"{base}/token","revocation_endpoint":"{base}/revoke"}}"#)
}

fn whole(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} As Told\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
