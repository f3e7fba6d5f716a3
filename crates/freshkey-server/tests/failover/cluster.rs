//! A cluster of PostgreSQL under Patroni: three members and one etcd, all on loopback, gone when the test process is gone, however that ends.
//! A member is a machine in small: its Patroni and every process of its PostgreSQL are killed or frozen together.

use super::http;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The superuser of the cluster and the database of the server.
const ROLE: &str = "freshkey";
const SCOPE: &str = "freshkey";
/// The account that runs PostgreSQL when the tests run as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";
const MEMBERS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);
const POLL_PAUSE: Duration = Duration::from_millis(250);
const NOT_INSTALLED: &str = "this test needs etcd, Patroni and PostgreSQL in PATH; `cargo xtask test --long` gets them and runs it";

pub struct Cluster {
    directory: TempDir,
    programs: Programs,
    password: String,
    members: Vec<Member>,
    etcd: SocketAddr,
    children: Vec<Child>,
    /// Ends everything when its standard input closes, which the kernel does for a test process that dies.
    watchdog: Option<Child>,
}

struct Programs {
    postgres: PathBuf,
    patroni: PathBuf,
    patronictl: PathBuf,
    etcd: PathBuf,
}

#[derive(Clone)]
struct Member {
    name: String,
    directory: PathBuf,
    postgres: SocketAddr,
    rest: SocketAddr,
}

/// What Patroni says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Roles {
    leader: Option<String>,
    synchronous: Option<String>,
    streaming: usize,
}

impl Cluster {
    /// A leader, a synchronous and another standby, and an empty database. Logs go to `logs`.
    pub fn start(logs: &Path) -> Self {
        let programs = Programs::find();
        let directory = tempfile::Builder::new().prefix("freshkey-failover-").tempdir().unwrap();
        let watchdog = start_watchdog(directory.path());
        let members = (1..=MEMBERS).map(|number| Member::in_folder(directory.path(), number)).collect();
        let password = random_text();
        let mut cluster =
            Self { directory, programs, password, members, etcd: free_address(), children: Vec::new(), watchdog: Some(watchdog) };
        cluster.start_etcd(logs);
        for number in 0..MEMBERS {
            cluster.configure(number);
            cluster.start_member(number, logs);
            // The first one is the leader, whom the others copy.
            cluster.wait_until("the first member leads", |roles| roles.leader.is_some());
        }
        cluster.wait_until_settled();
        cluster
    }

    /// The address of the database on all members, the one at `first` leading the list.
    pub fn url(&self, first: usize) -> String {
        let hosts: Vec<String> = (0..MEMBERS).map(|number| self.members[(first + number) % MEMBERS].postgres.to_string()).collect();
        format!("postgres://{ROLE}:{}@{}/postgres?target_session_attrs=read-write", self.password, hosts.join(","))
    }

    /// The number of the member that leads.
    pub fn leader(&self) -> usize {
        let roles = self.wait_until("there is a leader", |roles| roles.leader.is_some());
        self.numbered(roles.leader.as_deref())
    }

    /// As a machine that loses its power: neither PostgreSQL nor Patroni says goodbye.
    pub fn kill(&mut self, number: usize) {
        let processes = self.stopped_processes(number);
        signal("-KILL", &processes);
        self.reap();
    }

    /// As a machine whose hypervisor forgets it for a while.
    pub fn freeze(&self, number: usize) -> Frozen {
        Frozen(self.stopped_processes(number))
    }

    /// What an operator does before maintenance.
    pub fn switch_over(&self) {
        let roles = self.wait_until("there is a synchronous standby", |roles| roles.synchronous.is_some());
        let (leader, candidate) = (roles.leader.unwrap(), roles.synchronous.unwrap());
        let mut command = Command::new(&self.programs.patronictl);
        command.arg("-c").arg(self.members[0].directory.join("patroni.json"));
        command.args(["switchover", SCOPE, "--leader", &leader, "--candidate", &candidate, "--force"]);
        let output = command.current_dir("/").output().unwrap();
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a member that was killed.
    pub fn start_member(&mut self, number: usize, logs: &Path) {
        let member = self.members[number].clone();
        let mut command = as_server_account(&self.programs.patroni);
        command.arg(member.directory.join("patroni.json")).env("HOME", &member.directory);
        self.start_child(&mut command, &logs.join(format!("{}.log", member.name)), &member.directory.join("patroni.pid"));
    }

    /// Until every member is there and follows, and one of them synchronously.
    pub fn wait_until_settled(&self) {
        self.wait_until("all members follow one leader", |roles| {
            roles.leader.is_some() && roles.synchronous.is_some() && roles.streaming == MEMBERS - 1
        });
    }

    fn start_etcd(&mut self, logs: &Path) {
        let (client, peer) = (format!("http://{}", self.etcd), format!("http://{}", free_address()));
        let mut command = Command::new(&self.programs.etcd);
        command.arg("--data-dir").arg(self.directory.path().join("etcd"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync"]);
        let pid_file = self.directory.path().join("etcd.pid");
        self.start_child(&mut command, &logs.join("etcd.log"), &pid_file);
    }

    fn start_child(&mut self, command: &mut Command, log: &Path, pid_file: &Path) {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        fs::write(pid_file, child.id().to_string()).unwrap();
        self.children.push(child);
    }

    /// The configuration is YAML to Patroni, of which JSON is a part.
    fn configure(&self, number: usize) {
        let member = &self.members[number];
        let account = |name: &str| json!({ "username": name, "password": self.password });
        let configuration = json!({
            "scope": SCOPE,
            "name": member.name,
            "restapi": { "listen": member.rest, "connect_address": member.rest },
            "etcd3": { "host": self.etcd },
            "bootstrap": {
                "dcs": {
                    // The shortest life of the leader's key that Patroni takes; the rest must fit into it.
                    "ttl": 20,
                    "loop_wait": 5,
                    "retry_timeout": 5,
                    "synchronous_mode": true,
                    "postgresql": { "use_pg_rewind": true, "parameters": { "max_connections": 100 } },
                },
                "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, "data-checksums"],
            },
            "postgresql": {
                "listen": member.postgres,
                "connect_address": member.postgres,
                "data_dir": member.directory.join("data"),
                "bin_dir": self.programs.postgres,
                "pgpass": member.directory.join("pgpass"),
                "authentication": { "superuser": account(ROLE), "replication": account("replicator"), "rewind": account("rewinder") },
                "parameters": { "unix_socket_directories": member.directory, "shared_buffers": "32MB", "fsync": "on" },
                "pg_hba": ["local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"],
            },
        });
        fs::create_dir_all(&member.directory).unwrap();
        fs::write(member.directory.join("patroni.json"), configuration.to_string()).unwrap();
        if is_root() {
            // The folder of the cluster has to let it through; what is in it is nobody else's.
            let through = std::os::unix::fs::PermissionsExt::from_mode(0o711);
            fs::set_permissions(self.directory.path(), through).unwrap();
            let status = Command::new("chown").args(["-R", ACCOUNT]).arg(&member.directory).status().unwrap();
            assert!(status.success(), "there is no account {ACCOUNT}: {NOT_INSTALLED}");
        }
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Roles) -> bool) -> Roles {
        let until = Instant::now() + PATIENCE;
        loop {
            let roles = self.roles();
            if is_so(&roles) {
                return roles;
            }
            assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}; last seen: {roles:?}");
            std::thread::sleep(POLL_PAUSE);
        }
    }

    /// As the first member sees it that answers.
    fn roles(&self) -> Roles {
        self.members
            .iter()
            .find_map(|member| http::get_json(member.rest, "/cluster"))
            .map(|cluster| Roles::read(&cluster))
            .unwrap_or_default()
    }

    fn numbered(&self, name: Option<&str>) -> usize {
        self.members.iter().position(|member| Some(member.name.as_str()) == name).unwrap()
    }

    /// Every process of a member, stopped: parents first, so that none of them has another child.
    fn stopped_processes(&self, number: usize) -> Vec<String> {
        let member = &self.members[number];
        let pid_files = [member.directory.join("patroni.pid"), member.directory.join("data/postmaster.pid")];
        let mut parents: Vec<String> = pid_files.iter().filter_map(|file| first_line(file)).collect();
        parents.retain(|pid| runs_in(pid, &member.directory));
        assert_eq!(parents.len(), 2, "{} runs", member.name);
        signal("-STOP", &parents);
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parents.join(",")]).output().unwrap();
        let children: Vec<String> = String::from_utf8_lossy(&children.stdout).split_whitespace().map(str::to_owned).collect();
        signal("-STOP", &children);
        [children, parents].concat()
    }

    fn reap(&mut self) {
        self.children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// The processes of a member that stands still.
pub struct Frozen(Vec<String>);

impl Frozen {
    /// All of it goes on where it was.
    pub fn thaw(self) {
        signal("-CONT", &self.0);
    }
}

impl Member {
    fn in_folder(folder: &Path, number: usize) -> Self {
        let name = format!("member{number}");
        Self { directory: folder.join(&name), name, postgres: free_address(), rest: free_address() }
    }
}

impl Roles {
    fn read(cluster: &Value) -> Self {
        let mut roles = Self::default();
        for member in cluster["members"].as_array().into_iter().flatten() {
            let text = |name: &str| member[name].as_str().unwrap_or_default();
            match (text("role"), text("state")) {
                ("leader", "running") => roles.leader = Some(text("name").to_owned()),
                ("sync_standby", "streaming") => {
                    roles.synchronous = Some(text("name").to_owned());
                    roles.streaming += 1;
                }
                ("replica", "streaming") => roles.streaming += 1,
                _ => {}
            }
        }
        roles
    }
}

impl Programs {
    fn find() -> Self {
        let in_path = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file());
            found.unwrap_or_else(|| panic!("{name} is missing: {NOT_INSTALLED}"))
        };
        // The folder of the programs themselves, where the less usual ones lie, too.
        let postgres = fs::canonicalize(in_path("initdb")).unwrap().parent().unwrap().to_owned();
        Self { postgres, patroni: in_path("patroni"), patronictl: in_path("patronictl"), etcd: in_path("etcd") }
    }
}

fn start_watchdog(folder: &Path) -> Child {
    // A number in a file is believed only if the process of that number knows this folder: numbers are given again.
    let script = "trap '' HUP INT TERM; read -r line; \
                  for file in \"$1\"/etcd.pid \"$1\"/*/patroni.pid \"$1\"/*/data/postmaster.pid; do \
                      [ -f \"$file\" ] || continue; pid=$(head -n 1 \"$file\"); \
                      grep -qsF \"$1\" \"/proc/$pid/cmdline\" || continue; \
                      kill -STOP $pid; kill -KILL $(ps -o pid= --ppid $pid) $pid; \
                  done; rm -rf \"$1\"";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "watchdog"]).arg(folder);
    command.stdin(Stdio::piped()).stderr(File::open("/dev/null").unwrap()).spawn().unwrap()
}

fn first_line(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.lines().next()?.trim().to_owned())
}

fn runs_in(pid: &str, folder: &Path) -> bool {
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(&folder.display().to_string())
}

fn signal(name: &str, processes: &[String]) {
    // A process that has ended in between makes `kill` complain, which does not matter.
    let _ = Command::new("kill").arg(name).args(processes).stderr(Stdio::null()).status().unwrap();
}

fn as_server_account(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0"
}

/// Somebody may take the port between here and its use; the test then fails and says so.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn random_text() -> String {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
