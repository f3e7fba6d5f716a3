//! `freshkey-server quickstart`: from nothing to a server that answers the page's commands. What is there is kept; what is missing is made.
//!
//! Nothing here has a default that somebody could know: keys, passwords and the authority are made at the first start (T-044).

mod credentials;
mod page;
mod probe;
mod seed;

use super::open::{DataDirectory, Missing};
use super::{ExitStatus, Failure, open, process, store_failure, terminal};
use crate::clock::{Clock as _, SystemClock, SystemEntropy};
use crate::config::default_hash_concurrency;
use crate::limits::{CONNECTIONS_MAX, MANAGEMENT_CONNECTIONS_MAX};
use crate::listener::PROTOCOLS;
use crate::local_ca::{LocalCa, LocalCaError};
use crate::outgoing::Outgoing;
use crate::private_file;
use crate::realms::BaseUrls;
use crate::server::{self, Assembly, Server};
use credentials::Credentials;
use freshkey_service::listener::Listener;
use freshkey_service::logging::{Colour, LogFormat, LogSettings};
use freshkey_service::network::TrustedProxies;
use freshkey_service::tls::{ServedCertificate, TlsError};
use metrics_exporter_prometheus::PrometheusHandle;
use page::Page;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The realm that a quickstart makes.
pub(crate) const REALM: &str = "UA";

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  freshkey-server quickstart --data ./data --env-file ./data/page.env
  . ./data/page.env && curl --cacert \"$KC_CACERT\" \"https://$KC_ADDR/realms/UA\"

A second start keeps database, keys, authority, users and passwords. Only the refresh token that is printed is new each time.
For production write a configuration file and use `serve`.")]
pub struct Arguments {
    /// The directory of everything that is kept. Made with mode 0700 if it is not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// The name under which clients reach the server. It becomes part of every token and of the certificate.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    hostname: String,
    /// Write what is printed as shell assignments to this file, with mode 0600.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Also serve health and metrics here, in plain HTTP.
    #[arg(long, value_name = "ADDRESS:PORT")]
    management: Option<SocketAddr>,
    /// What is logged to standard error.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

/// Serves until it is told to stop.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let log = LogSettings { format: LogFormat::Human, level: arguments.log_level.clone(), colour: Colour::Auto };
    let metrics = process::prepare(&log)?;
    process::runtime()?.block_on(quickstart(arguments, metrics))
}

async fn quickstart(arguments: &Arguments, metrics: PrometheusHandle) -> Result<(), Failure> {
    let signals = process::signals()?;
    let directory = make_directory(&arguments.data)?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let authority = LocalCa::open_or_make(&directory.0, &arguments.hostname, clock.now()).map_err(authority_failure)?;
    let (listener, certificate) = listen(arguments, &authority).await?;
    let address = process::address(&listener);
    let mut server = Server::new(Arc::clone(&clock) as _, Arc::clone(&entropy) as _, metrics);
    if let Some(address) = arguments.management {
        let listener = process::bind("--management", address, None, MANAGEMENT_CONNECTIONS_MAX).await?;
        tracing::info!(address = %process::address(&listener), "answering operators");
        server.open_management(listener);
    }

    let store = directory.open(Missing::IsMade).await?;
    store
        .migrate(clock.now())
        .await
        .map_err(|error| open::schema(&error, "use a release that is not older than the one that made this directory"))?;
    let credentials = Credentials::open_or_make(&directory.credentials(), &*entropy)?;
    let realm = seed::open_or_make_realm(&store, &credentials, clock.now(), &*entropy).await?;
    server::prove_keys(&store).await.map_err(|error| Failure::new(ExitStatus::Material, error.to_string()))?;

    let host = host_and_port(&arguments.hostname, address.port());
    let assembly = Assembly {
        store: Arc::new(store),
        clock: Arc::clone(&clock) as _,
        entropy: Arc::clone(&entropy) as _,
        urls: BaseUrls { public: format!("https://{host}"), backchannel: None },
        path_prefix: String::new(),
        trusted_proxies: TrustedProxies::default(),
        hash_concurrency: default_hash_concurrency(),
        outgoing: Outgoing::default(),
    };
    let app = server::assemble(assembly).await.map_err(|error| store_failure(&error))?;
    server.open(app, listener, Some(certificate), None);

    // Ready is what a client can see: the way that it takes is the way that is tried.
    let mut probe = probe::Probe::connect(address, &arguments.hostname, &authority.ca_certificate).await?;
    probe.expect_discovery(&host, REALM).await?;
    let refresh_token = probe.sign_in(&host, REALM, &credentials).await?;
    let page = Page {
        directory: &directory.0,
        program: &program(),
        host: &host,
        credentials: &credentials,
        refresh_token: refresh_token.as_deref(),
        ua_secret: realm.ua_secret.as_ref(),
    };
    if let Some(path) = &arguments.env_file {
        private_file::write(path, page.assignments().as_bytes())
            .map_err(|error| Failure::new(ExitStatus::Material, format!("{} cannot be written: {error}", path.display())))?;
    }
    terminal::print(&page.text())?;
    server.announce();
    process::until_stopped(server, signals).await
}

fn make_directory(path: &Path) -> Result<DataDirectory, Failure> {
    let unusable = |error: std::io::Error| {
        Failure::new(ExitStatus::Material, format!("the directory {} cannot be used: {error}", path.display()))
            .with_hint("choose another with --data")
    };
    private_file::make_directory(path).map_err(unusable)?;
    // What is printed must work from any directory.
    path.canonicalize().map(DataDirectory).map_err(unusable)
}

/// The path of this program, since it may not be in `PATH`.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "freshkey-server".to_owned(), |path| path.display().to_string())
}

async fn listen(arguments: &Arguments, authority: &LocalCa) -> Result<(Listener, Arc<ServedCertificate>), Failure> {
    let unusable = |error: TlsError| Failure::new(ExitStatus::Material, error.to_string());
    let certificate = ServedCertificate::load(&authority.certificate, &authority.key).map_err(unusable)?;
    let tls = certificate.acceptor(PROTOCOLS).map_err(unusable)?;
    Ok((process::bind("--listen", arguments.listen, Some(tls), CONNECTIONS_MAX).await?, certificate))
}

fn authority_failure(error: LocalCaError) -> Failure {
    let failure = Failure::new(ExitStatus::Material, error.to_string());
    match error {
        LocalCaError::OtherHostname(path, _) => failure.with_hint(format!(
            "use the former --hostname or another --data; or remove {} to have a new authority made, which every client must then be told to trust",
            path.display()
        )),
        LocalCaError::NotAHostname(_) => failure.with_hint("--hostname is a name such as localhost or freshkey.example.org, without scheme and port"),
        LocalCaError::File(..) | LocalCaError::Certificate(..) => failure,
    }
}

/// What stands between `https://` and the path.
fn host_and_port(hostname: &str, port: u16) -> String {
    let host = match hostname.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => hostname.to_lowercase(),
    };
    if port == 443 { host } else { format!("{host}:{port}") }
}
