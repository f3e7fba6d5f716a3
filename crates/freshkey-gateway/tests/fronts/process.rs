//! The fronts as processes: the real programs, with the configuration of their guides.

use super::guide::with;
use super::stage::{Front, until};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A front that runs. It ends with this.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
}

/// Somebody else may take the port between our question and the front's.
const ATTEMPTS: u32 = 5;

impl Process {
    /// Starts a front before these. The gateway itself needs none.
    pub(crate) async fn start(
        front: Front,
        directory: &TempDir,
        gateway: SocketAddr,
        application: SocketAddr,
        setup: Setup,
    ) -> Option<Self> {
        let mut said = String::new();
        for attempt in 0..ATTEMPTS {
            let address = free_address();
            let (gateway, application) = (gateway.to_string(), application.to_string());
            let places = Places { directory: directory.path(), address, gateway: &gateway, application: &application, setup };
            let mut command = match front {
                Front::Gateway => return None,
                Front::Nginx => nginx(&places),
                Front::Haproxy => haproxy(&places),
                Front::Caddy => caddy(&places),
                Front::Envoy => envoy(&places),
            };
            let log = directory.path().join(format!("front-{attempt}.log"));
            let output = std::fs::File::create(&log).expect("a log");
            command.current_dir(directory.path()).stdin(Stdio::null()).stdout(output.try_clone().expect("a log")).stderr(output);
            let mut process = Self { address, child: command.spawn().unwrap_or_else(|error| panic!("{front:?}: {error}")) };
            let mut has_ended = false;
            until(&format!("{front:?} listens"), || {
                has_ended = process.child.try_wait().expect("a child").is_some();
                has_ended || TcpStream::connect(address).is_ok()
            })
            .await;
            if !has_ended {
                return Some(process);
            }
            said = std::fs::read_to_string(&log).unwrap_or_default();
        }
        panic!("{front:?} did not start: {said}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a front is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// As its guide prints it.
    Printed,
    /// With little patience with the gateway, where a test waits for the end of it.
    Impatient,
    /// With HTTP/2 for callers, which their browsers would agree upon in TLS.
    Http2,
}

struct Places<'p> {
    directory: &'p Path,
    address: SocketAddr,
    gateway: &'p str,
    application: &'p str,
    setup: Setup,
}

impl Places<'_> {
    /// The guide's text with the addresses of this stage, and where it is wanted a shorter time.
    fn with(&self, text: &str, addresses: &[(&str, &str)], (printed, short): (&str, &str)) -> String {
        let text = with(text, addresses);
        if self.setup == Setup::Impatient { with(&text, &[(printed, short)]) } else { text }
    }

    /// These words where HTTP/2 is wanted. Envoy finds out by itself.
    fn in_http2(&self, words: &'static str) -> &'static str {
        if self.setup == Setup::Http2 { words } else { "" }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

/// What Debian's own `nginx.conf` says around a site, without its paths.
const NGINX_CONF: &str = "daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n  \
                          client_body_temp_path {directory}/body;\n  proxy_temp_path {directory}/proxy;\n  fastcgi_temp_path {directory}/fastcgi;\n  \
                          uwsgi_temp_path {directory}/uwsgi;\n  scgi_temp_path {directory}/scgi;\n  include {directory}/site.conf;\n}\n";

fn nginx(places: &Places<'_>) -> Command {
    let listen = format!("listen {}{};", places.address, places.in_http2(" http2"));
    let changes = [("listen 80;", listen.as_str()), ("127.0.0.1:8445", places.gateway), ("127.0.0.1:8080", places.application)];
    places.write("site.conf", &places.with(Front::Nginx.guide().block("nginx"), &changes, ("read_timeout 15s", "read_timeout 300ms")));
    let conf = places.write("nginx.conf", &NGINX_CONF.replace("{directory}", &places.directory.display().to_string()));
    let mut command = program("nginx");
    command.args(["-e", "stderr", "-p"]).arg(places.directory).arg("-c").arg(conf);
    command
}

fn haproxy(places: &Places<'_>) -> Command {
    let (bind, script) = (format!("bind {}{}", places.address, places.in_http2(" proto h2")), places.path("gateway.lua"));
    let guide = Front::Haproxy.guide();
    places.write("gateway.lua", &places.with(guide.block("lua"), &[("127.0.0.1:8445", places.gateway)], ("15000", "300")));
    let changes = [("bind :80", bind.as_str()), ("/etc/haproxy/gateway.lua", &script), ("127.0.0.1:8080", places.application)];
    let conf = places.write("haproxy.cfg", &format!("{}\n", with(guide.block("haproxy"), &changes)));
    let mut command = program("haproxy");
    command.arg("-db").arg("-f").arg(conf);
    command
}

fn caddy(places: &Places<'_>) -> Command {
    let protocols = places.in_http2("\tservers {\n\t\tprotocols h1 h2c\n\t}\n");
    let site = format!("http://api.example.org:{} {{", places.address.port());
    let changes = [("api.example.org {", site.as_str()), ("127.0.0.1:8445", places.gateway), ("127.0.0.1:8080", places.application)];
    let file = places.with(Front::Caddy.guide().block("caddy"), &changes, ("header_timeout 15s", "header_timeout 300ms"));
    let conf =
        places.write("Caddyfile", &format!("{{\n\tadmin off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n{protocols}}}\n{file}\n"));
    let mut command = program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(conf);
    command.env("HOME", places.directory).env("XDG_DATA_HOME", places.directory).env("XDG_CONFIG_HOME", places.directory);
    command
}

fn envoy(places: &Places<'_>) -> Command {
    let port = |address: &str| format!("address: 127.0.0.1, port_value: {}", address.rsplit(':').next().unwrap_or_default());
    let changes = [
        ("address: 0.0.0.0, port_value: 80 ", &*format!("{} ", port(&places.address.to_string()))),
        ("address: 127.0.0.1, port_value: 8446", &port(places.gateway)),
        ("address: 127.0.0.1, port_value: 8080", &port(places.application)),
    ];
    let conf = places.write("envoy.yaml", &places.with(Front::Envoy.guide().block("yaml"), &changes, ("timeout: 15s", "timeout: 0.3s")));
    let mut command = program("envoy");
    command.args(["--concurrency", "1", "--use-dynamic-base-id", "--disable-hot-restart", "-c"]).arg(conf);
    command
}

/// The program that `cargo xtask test` has brought, or the machine's.
fn program(name: &str) -> Command {
    let brought = ["target/tools/bin", "/var/lib/freshkey-test-tools/bin"].map(|folder| root().join(folder));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = brought.into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(name)).find(|program| program.is_file());
    Command::new(found.unwrap_or_else(|| panic!("{name} is not there: run `cargo xtask test`, which brings it")))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A port that nobody has, and that the kernel gives to nobody: not one of those that it takes for connections going out. With such a one, somebody who waits
/// for a front could be connected to himself.
pub(crate) fn free_address() -> SocketAddr {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 22_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Another process, with another number, begins elsewhere.
        let number = std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % PORTS).expect("a port");
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().expect("bound");
        }
    }
}
