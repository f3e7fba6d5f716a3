//! A server of somebody else's: it speaks TLS under an authority of its own, answers as told, and writes down what it was sent.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    /// The value of a header; empty when it wasn't sent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// Asks for credentials by this scheme.
    pub(super) fn unauthorized(challenge: &str) -> Self {
        Self { status: 401, headers: vec![("www-authenticate", challenge.to_owned())], body: Vec::new() }
    }
}

/// A server on a port of its own. Its threads end with the process.
pub(super) struct TestServer {
    pub(super) port: u16,
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestServer {
    pub(super) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let directory = tempfile::Builder::new().prefix("freshkey-server-").tempdir().expect("a directory");
        let config = certified(directory.path().join("ca.pem"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, log, config) = (Arc::clone(&answer), Arc::clone(&log), Arc::clone(&config));
                // A tool that goes away in the middle is no concern of ours: what it has asked for is written down.
                std::thread::spawn(move || attend(stream, config, &log, &*answer));
            }
        });
        Self { port, directory, asked }
    }

    /// Scheme, host and port.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    pub(super) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no thread has panicked").clone()
    }

    /// What has come as `Authorization`, request by request.
    pub(super) fn authorizations(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect()
    }

    /// What the last request has shown.
    pub(super) fn last_authorization(&self) -> String {
        self.authorizations().pop().unwrap_or_default()
    }
}

/// Makes an authority and has it certify the server.
fn certified(ca_file: PathBuf) -> Arc<ServerConfig> {
    let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    // Under one name authority and server would be one for some.
    authority.distinguished_name.push(DnType::CommonName, "Freshkey's authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(ca_file, authority.self_signed(&ca_key).expect("a certificate").pem()).expect("written");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).expect("parameters");
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, ca_key)).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    Arc::new(config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).expect("a certificate and its key"))
}

fn attend(stream: TcpStream, config: Arc<ServerConfig>, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Reply) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let asked = read(&mut stream)?;
    log.lock().expect("no thread has panicked").push(asked.clone());
    let Reply { status, headers, body } = answer(&asked);
    let mut head = format!("HTTP/1.1 {status} As told\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let out = stream.get_mut();
    out.write_all(format!("{head}\r\n").as_bytes())?;
    if asked.method != "HEAD" {
        out.write_all(&body)?;
    }
    out.conn.send_close_notify();
    out.flush()
}

fn read(stream: &mut impl io::BufRead) -> io::Result<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    (asked.method, asked.target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? < 3 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        asked.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").parse().unwrap_or(0);
    stream.take(length).read_to_string(&mut asked.body)?;
    Ok(asked)
}
