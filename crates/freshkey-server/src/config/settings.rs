//! The settings as the program uses them: read, checked, and of the types that they mean.

use super::layers::Layers;
use super::problems::ConfigProblems;
use super::reader::Reader;
use freshkey_core::outgoing::AllowedHost;
use freshkey_protocol::Secret;
use freshkey_service::logging::{Colour, LogFormat, LogSettings};
use freshkey_service::network::Network;
use http::Uri;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be configured.
#[derive(Debug)]
pub struct Settings {
    /// Where the server is reached.
    pub server: ServerSettings,
    /// Where things are kept.
    pub store: StoreSettings,
    /// What seals secrets.
    pub sealing: SealingSettings,
    /// The listener for operators, if there is one.
    pub management_listen: Option<SocketAddr>,
    /// What is logged.
    pub log: LogSettings,
    /// Where traces go.
    pub telemetry: TelemetrySettings,
    /// Whom the server calls by itself.
    pub outgoing: OutgoingSettings,
    /// Limits.
    pub limits: LimitSettings,
}

/// `[server]`
#[derive(Debug)]
pub struct ServerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What everyone sees, without a slash at the end.
    pub public_url: String,
    /// What programs see, if it differs.
    pub backchannel_url: Option<String>,
    /// Empty, or a path with a slash at its beginning and none at its end.
    pub path_prefix: String,
    /// Who may speak for others.
    pub trusted_proxies: Vec<Network>,
    /// Encryption.
    pub tls: TlsSettings,
}

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSettings {
    /// Plain HTTP, behind a proxy.
    Off,
    /// HTTPS.
    Files {
        /// Certificates in PEM, the server's own first.
        certificate: PathBuf,
        /// Private key in PEM.
        key: PathBuf,
    },
}

/// `[store]`
pub struct StoreSettings {
    /// The address of the database.
    pub url: Secret<String>,
    /// Authorities of PostgreSQL's certificate.
    pub ca_file: Option<PathBuf>,
    /// What to do about a schema that is too old.
    pub migrate: MigrateOnStart,
    /// `None`: as the engine likes.
    pub read_connections: Option<usize>,
    /// `None`: as the engine likes.
    pub write_connections: Option<usize>,
    /// How long one request may take.
    pub deadline: Duration,
}

/// What to do about a schema that is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrateOnStart {
    /// Bring it up to date.
    Yes,
    /// Refuse to start.
    No,
}

/// `[sealing]`
#[derive(Debug)]
pub struct SealingSettings {
    /// The file with the key.
    pub key_file: PathBuf,
}

/// `[telemetry]`
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// Where spans go, if anywhere.
    pub otlp_endpoint: Option<Uri>,
    /// Who may have signed the collector's certificate.
    pub otlp_ca_file: Option<PathBuf>,
    /// How many of a hundred requests without a context begin a trace.
    pub sample_percent: u32,
    /// Name of this service.
    pub service_name: String,
}

/// `[outgoing]`
#[derive(Debug, Clone, Default)]
pub struct OutgoingSettings {
    /// Hosts that may be called whatever their address is.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Authorities beside those that the machine trusts.
    pub ca_file: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// Connections open at the same time.
    pub connections_max: usize,
    /// Passwords hashed at the same time.
    pub hash_concurrency: usize,
}

const URL: &str = "https://HOST or https://HOST:PORT, perhaps with a path, without query and fragment";
const TLS_FILE: &str = "the path of a PEM file, or server.tls.mode = \"off\" behind a proxy that encrypts";

impl Settings {
    /// Reads the settings out of the layers, or tells everything that is wrong.
    pub fn from_layers(layers: Layers) -> Result<Self, ConfigProblems> {
        let mut reader = Reader::new(layers);
        let server = server(&mut reader);
        let store = store(&mut reader);
        let sealing = SealingSettings { key_file: reader.required("sealing.key_file", "the path of the sealing key").into() };
        let management_listen =
            reader.parsed("management.listen", "an address and a port, such as 127.0.0.1:9000", |text| text.parse().ok());
        let log = LogSettings {
            format: reader.one_of("log.format", &[("human", LogFormat::Human), ("json", LogFormat::Json)]),
            level: reader
                .parsed("log.level", "a level, or directives such as info,freshkey_server=debug", |text| {
                    tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
                })
                .unwrap_or_else(|| "info".to_owned()),
            colour: reader.one_of("log.colour", &[("auto", Colour::Auto), ("always", Colour::Always), ("never", Colour::Never)]),
        };
        let telemetry = telemetry(&mut reader);
        let outgoing = OutgoingSettings {
            allowed_hosts: reader.list("outgoing.allowed_hosts", "a host such as keys.internal or 10.1.2.3:8443", AllowedHost::parse),
            ca_file: reader.path("outgoing.ca_file"),
        };
        let limits = LimitSettings {
            connections_max: reader.number("limits.connections_max", 1, 1_000_000) as usize,
            hash_concurrency: match reader.number("limits.hash_concurrency", 0, 1024) {
                0 => default_hash_concurrency(),
                number => number as usize,
            },
        };
        reader.finish()?;
        Ok(Self { server, store, sealing, management_listen, log, telemetry, outgoing, limits })
    }

    /// Combinations that work but are probably not meant.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let server = &self.server;
        if !server.public_url.ends_with(&server.path_prefix) {
            doubts.push(format!(
                "server.public_url ({}) does not end with server.path_prefix ({}): right only if a proxy in front removes the prefix from the path",
                server.public_url, server.path_prefix
            ));
        }
        if server.public_url.starts_with("http://") {
            doubts.push(format!("server.public_url ({}) is not https: tokens go over the network in clear", server.public_url));
        }
        if server.tls == TlsSettings::Off && server.trusted_proxies.is_empty() {
            doubts.push(
                "server.tls.mode is off and server.trusted_proxies is empty: callers from public addresses are refused, since none comes by HTTPS".to_owned(),
            );
        }
        if let Some(address) = self.management_listen.filter(|address| !address.ip().is_loopback()) {
            doubts.push(format!("management.listen ({address}) has no access control: keep it off public networks"));
        }
        doubts
    }
}

/// One core is left for everything else (T-048).
pub(crate) fn default_hash_concurrency() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

fn server(reader: &mut Reader) -> ServerSettings {
    let listen = reader.parsed("server.listen", "an address and a port, such as 0.0.0.0:8443", |text| text.parse().ok());
    reader.required("server.listen", "an address and a port");
    reader.required("server.public_url", URL);
    let public_url = reader.parsed("server.public_url", URL, base_url).unwrap_or_default();
    let backchannel_url = reader.parsed("server.backchannel_url", URL, base_url);
    let path_prefix =
        reader.parsed("server.path_prefix", "a path that begins with a slash and ends without one, such as /auth", path_prefix);
    let trusted_proxies = reader.list("server.trusted_proxies", "an address or a network such as 10.0.0.0/8", Network::parse);
    ServerSettings {
        // Never used: a missing address has been noted.
        listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        public_url,
        backchannel_url,
        path_prefix: path_prefix.unwrap_or_default(),
        trusted_proxies,
        tls: tls(reader),
    }
}

fn tls(reader: &mut Reader) -> TlsSettings {
    #[derive(Clone, Copy)]
    enum Mode {
        Files,
        Off,
    }
    match reader.one_of("server.tls.mode", &[("files", Mode::Files), ("off", Mode::Off)]) {
        Mode::Files => TlsSettings::Files {
            certificate: reader.required("server.tls.certificate", TLS_FILE).into(),
            key: reader.required("server.tls.key", TLS_FILE).into(),
        },
        Mode::Off => {
            for key in ["server.tls.certificate", "server.tls.key"] {
                if reader.path(key).is_some() {
                    reader.complain(key, "is set although server.tls.mode is \"off\": remove one of the two");
                }
            }
            TlsSettings::Off
        }
    }
}

fn store(reader: &mut Reader) -> StoreSettings {
    let connections = |number| Some(number as usize).filter(|number| *number > 0);
    let url = reader.required("store.url", "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE");
    let is_known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if !url.is_empty() && !is_known {
        reader.complain("store.url", "expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE");
    }
    StoreSettings {
        url: Secret::new(url),
        ca_file: reader.path("store.ca_file"),
        migrate: if reader.flag("store.migrate") { MigrateOnStart::Yes } else { MigrateOnStart::No },
        read_connections: connections(reader.number("store.read_connections", 0, 256)),
        write_connections: connections(reader.number("store.write_connections", 0, 256)),
        deadline: Duration::from_millis(u64::from(reader.number("store.deadline_ms", 100, 15_000))),
    }
}

fn telemetry(reader: &mut Reader) -> TelemetrySettings {
    let otlp_endpoint = reader.parsed("telemetry.otlp_endpoint", "a URL such as http://127.0.0.1:4318/v1/traces", |text| {
        let uri: Uri = text.parse().ok()?;
        let is_usable = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
        is_usable.then_some(uri)
    });
    let otlp_ca_file = reader.path("telemetry.otlp_ca_file");
    let is_https = otlp_endpoint.as_ref().is_some_and(|uri| uri.scheme_str() == Some("https"));
    if is_https && otlp_ca_file.is_none() {
        reader.complain("telemetry.otlp_ca_file", "is required: telemetry.otlp_endpoint is https");
    }
    TelemetrySettings {
        otlp_endpoint,
        otlp_ca_file,
        sample_percent: reader.number("telemetry.sample_percent", 0, 100),
        service_name: reader.text("telemetry.service_name"),
    }
}

/// A base URL without the slash at its end: the issuer is this and the realm's path, byte for byte.
fn base_url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let path = uri.path().trim_end_matches('/');
    let is_usable = matches!(scheme, "http" | "https") && uri.query().is_none() && !text.contains('#') && !authority.as_str().contains('@');
    (is_usable && !authority.host().is_empty()).then(|| format!("{scheme}://{}{path}", authority.as_str().to_lowercase()))
}

fn path_prefix(text: &str) -> Option<String> {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment != "."
            && segment != ".."
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    text.strip_prefix('/')?.split('/').all(is_segment).then(|| text.to_owned())
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreSettings({})", super::layers::without_password(self.url.expose()))
    }
}
