//! A PostgreSQL server of our own: fresh cluster, random port, random password, `fsync` on, gone when the test process is gone, however that ends.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

const ROLE: &str = "freshkey";
/// The account that runs the server when the tests run as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";
const NOT_INSTALLED: &str = "PostgreSQL is not installed: no `initdb` and `postgres` under /usr/lib/postgresql/*/bin or in PATH. \
     These tests need it; `cargo xtask test` says how to get it and runs everything";

/// A running server. [`TestPostgres::shared`] is the usual one; tests that kill it start their own.
pub struct TestPostgres {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
    password: String,
    databases_count: AtomicU32,
    server: Mutex<Option<Server>>,
}

/// One database, used by one test.
pub struct TestPostgresDatabase {
    /// The address that the store understands.
    pub url: String,
}

/// The server and the shell that watches over it.
struct Server {
    /// Ends the server when its standard input closes, which the kernel does for a test process that dies.
    watchdog: Child,
}

impl TestPostgres {
    /// The server of this test process, started by the first test that asks.
    pub async fn shared() -> &'static TestPostgres {
        static SHARED: OnceCell<TestPostgres> = OnceCell::const_new();
        SHARED.get_or_init(TestPostgres::start).await
    }

    /// A server for one test alone.
    ///
    /// # Panics
    /// If PostgreSQL is missing or doesn't start; the message says what to do.
    pub async fn start() -> TestPostgres {
        let started = tokio::task::spawn_blocking(|| {
            let postgres = create_cluster();
            postgres.start_server();
            postgres
        });
        let postgres = started.await.expect("the server starts");
        postgres.wait_until_ready().await;
        postgres
    }

    /// A new, empty database on this server.
    pub async fn database(&self) -> TestPostgresDatabase {
        let name = format!("test_{}", self.databases_count.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}")).await;
        TestPostgresDatabase { url: self.url(&name) }
    }

    /// Runs a statement as the superuser of the cluster, outside of any test's database.
    pub async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls).await.expect("the server is up");
        let driver = tokio::spawn(connection);
        client.batch_execute(sql).await.expect("the statement is accepted");
        drop(client);
        let _ = driver.await;
    }

    /// Lets the server offer TLS with this certificate.
    pub async fn enable_tls(&self, certificate_pem: &str, key_pem: &str) {
        let data = self.directory.path().join("data");
        for (name, content) in [("server.crt", certificate_pem), ("server.key", key_pem)] {
            let path = data.join(name);
            std::fs::write(&path, content).expect("the data directory is ours");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, mode).expect("the file is ours");
            if is_root() {
                check("chown", Command::new("chown").arg(ACCOUNT).arg(&path).output());
            }
        }
        self.execute("ALTER SYSTEM SET ssl = on").await;
        // A reload is noticed later, a restart is over when it is over.
        self.shut_down_fast();
        self.restart().await;
    }

    /// Kills every process of the server at once, as a power cut does to everything that isn't on the disk.
    pub fn kill_9(&self) {
        if let Some(mut server) = self.server().take() {
            self.signal_all("-KILL");
            server.stop();
        }
    }

    /// Ends all sessions politely, as an operator's restart does (57P01).
    pub fn shut_down_fast(&self) {
        if let Some(mut server) = self.server().take() {
            self.run("pg_ctl", &["stop", "-m", "fast", "-w", "-s", "-D", &self.data()]);
            server.stop();
        }
    }

    /// Starts the server again after it was ended, on the same port and with the same data.
    pub async fn restart(&self) {
        // A lock that a killed server left behind is not believed by the next one, since the process is gone.
        self.start_server();
        self.wait_until_ready().await;
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }

    fn start_server(&self) {
        let mut server = self.server();
        assert!(server.is_none(), "the server runs already");
        *server = Some(Server::start(self));
    }

    async fn wait_until_ready(&self) {
        let mut last_error = String::new();
        for _ in 0..600 {
            match tokio_postgres::connect(&self.url("postgres"), NoTls).await {
                Ok(_) => return,
                Err(error) => last_error = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL does not answer: {last_error}\n{log}");
    }

    fn signal_all(&self, signal: &str) {
        let pid_file = self.directory.path().join("data/postmaster.pid");
        let content = std::fs::read_to_string(pid_file).expect("a running server has a pid file");
        let postmaster = content.lines().next().expect("it begins with the process id").trim().to_owned();
        // Children that outlive the postmaster would finish their commits.
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster]).output();
        let children = children.map(|output| text(&output.stdout)).unwrap_or_default();
        let mut kill = Command::new("kill");
        kill.arg(signal).arg(&postmaster).args(children.split_whitespace());
        // A child that ended in between makes `kill` complain, which does not matter.
        let _ = kill.stderr(Stdio::null()).status();
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        check(program, as_server_account(&self.programs.join(program)).args(arguments).output());
    }

    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    fn start(postgres: &TestPostgres) -> Self {
        let directory = postgres.directory.path();
        // The first argument is the data directory, the second the server, the rest its arguments.
        // The read at the end returns when the test process has closed the pipe, by will or by dying.
        let script = "data=$1; shift; \"$@\" </dev/null >>\"$data/../log\" 2>&1 & server=$!; echo started; \
                      read -r reason; kill -QUIT $server 2>/dev/null; wait $server; \
                      [ \"$reason\" = stop ] || rm -rf \"${data%/data}\"";
        let mut command = as_server_account(Path::new("/bin/sh"));
        command.args(["-c", script, "watchdog", &postgres.data()]);
        command.arg(postgres.programs.join("postgres"));
        command.args(["-D", &postgres.data(), "-p", &postgres.port.to_string()]);
        command.arg("-k").arg(directory);
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=on",
            "synchronous_commit=on",
            "max_connections=200",
            "shared_buffers=64MB",
            "deadlock_timeout=100ms",
            "autovacuum_naptime=5s",
        ] {
            command.args(["-c", setting]);
        }
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut watchdog = spawned.expect("a shell can be started");
        let mut first_byte = [0];
        let stdout = watchdog.stdout.as_mut().expect("it is piped");
        stdout.read_exact(&mut first_byte).expect("the watchdog has started");
        Server { watchdog }
    }

    /// Lets the watchdog end the server, and keeps the data.
    fn stop(&mut self) {
        use std::io::Write;
        if let Some(mut stdin) = self.watchdog.stdin.take() {
            // A watchdog that has ended already needs no word.
            let _ = stdin.write_all(b"stop\n");
        }
        let _ = self.watchdog.wait();
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server().take() {
            server.stop();
        }
    }
}

fn create_cluster() -> TestPostgres {
    let programs = find_programs();
    let directory = tempfile::Builder::new().prefix("freshkey-postgres-").tempdir();
    let directory = directory.expect("the temporary directory is writable");
    let password = random_text();
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, &password).expect("the temporary directory is writable");
    if is_root() {
        let chown = Command::new("chown").args(["-R", ACCOUNT]).arg(directory.path()).output();
        check("chown", chown);
    }
    let postgres =
        TestPostgres { programs, directory, port: free_port(), password, databases_count: AtomicU32::new(0), server: Mutex::new(None) };
    let (data, password_file) = (postgres.data(), password_file.display().to_string());
    let pwfile = format!("--pwfile={password_file}");
    postgres.run("initdb", &["-D", &data, "-U", ROLE, "-A", "scram-sha-256", &pwfile, "--no-sync", "-E", "UTF8", "--locale=C"]);
    postgres
}

/// The newest version that is installed as Debian does it, or whatever is in PATH.
fn find_programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = versions.into_iter().rev().map(|(_, programs)| programs);
    let mut candidates = newest_first.chain(std::env::split_paths(&in_path));
    let has_both = |programs: &PathBuf| programs.join("initdb").is_file() && programs.join("postgres").is_file();
    candidates.find(has_both).expect(NOT_INSTALLED)
}

/// A command that runs as the server's account if we are root, and as ourselves otherwise.
fn as_server_account(program: &Path) -> Command {
    if !is_root() {
        let mut command = Command::new(program);
        command.current_dir("/");
        return command;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]);
    command.arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id` exists");
    text(&id.stdout).trim() == "0"
}

fn check(program: &str, output: std::io::Result<Output>) {
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program} failed:\n{stdout}{stderr}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Somebody may take the port between here and the start of the server; the test then fails and says so.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

fn random_text() -> String {
    let mut bytes = [0; 16];
    let mut source = std::fs::File::open("/dev/urandom").expect("the system has randomness");
    source.read_exact(&mut bytes).expect("it never ends");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
