//! `kill -9` between any two steps of a refresh, with a real process on each engine: no acknowledged successor is lost, and no dead token comes back.
//!
//! Eight chains of tokens rotate at the same time; the process is killed the moment a chosen number of answers has arrived, so that the other
//! chains are cut off wherever they happen to be. `FRESHKEY_CRASH_ROUNDS` raises the number of kills.

mod power_cut;

use crate::support::{DEMO, Engine, PASSWORD, TOKEN, TestServer, claims};
use freshkey_protocol::form::encode_pairs;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const CHAINS: usize = 8;

fn rounds() -> usize {
    std::env::var("FRESHKEY_CRASH_ROUNDS").map_or(6, |text| text.parse().expect("a number of rounds"))
}

/// A server process, killed with the test.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts it, and waits for the log line that says where it listens.
    fn start(url: &str, key_file: &Path) -> Self {
        Self::start_with(url, key_file, &[])
    }

    /// The same, with more variables in its environment.
    fn start_with(url: &str, key_file: &Path, environment: &[(&str, &Path)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_freshkey-server"))
            .arg("serve")
            .envs(environment.iter().copied())
            .env("FRESHKEY_SERVER__LISTEN", "127.0.0.1:0")
            .env("FRESHKEY_SERVER__PUBLIC_URL", "https://id.example")
            .env("FRESHKEY_SERVER__TLS__MODE", "off")
            .env("FRESHKEY_STORE__URL", url)
            .env("FRESHKEY_SEALING__KEY_FILE", key_file)
            .env("FRESHKEY_LOG__FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Self { child, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let log = BufReader::new(process.child.stderr.take().unwrap());
        let mut seen = String::new();
        for line in log.lines().map(Result::unwrap) {
            if line.contains("\"ready\"") {
                let entry = serde_json::from_str(&line).unwrap();
                process.address = find(&entry, "address").expect("the ready line names the address").parse().unwrap();
                return process;
            }
            seen += &(line + "\n");
        }
        panic!("the server did not become ready:\n{seen}");
    }

    fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text under a name, at whatever depth.
fn find(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(fields) => {
            fields.get(name).and_then(Value::as_str).map(str::to_owned).or_else(|| fields.values().find_map(|inner| find(inner, name)))
        }
        _ => None,
    }
}

/// One kept connection.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Option<Self> {
        TcpStream::connect(address).ok().map(|stream| Self(BufReader::new(stream)))
    }

    /// `None` when the server is gone before the answer is here.
    fn post(&mut self, form: &[(&str, &str)]) -> Option<(u16, Value)> {
        let body = encode_pairs(form.iter().copied());
        let head = format!(
            "POST {TOKEN} HTTP/1.1\r\nhost: id.example\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.get_mut().write_all((head + &body).as_bytes()).ok()?;
        let mut status = None;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
                Some(_) => {}
                None => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()),
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some((status?, serde_json::from_slice(&body).ok()?))
    }

    fn refresh(&mut self, token: &str) -> Option<(u16, Value)> {
        self.post(&[("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", token)])
    }
}

fn sign_in(address: SocketAddr) -> String {
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD)];
    let (status, body) = Connection::open(address).unwrap().post(&form).expect("an answer");
    assert_eq!(status, 200, "{body}");
    body["refresh_token"].as_str().unwrap().to_owned()
}

/// Rotates until the server is gone; gives back every token whose arrival was seen, in order.
fn rotate_until_killed(address: SocketAddr, first: String, acknowledged: &AtomicUsize) -> Vec<String> {
    let mut tokens = vec![first];
    let Some(mut connection) = Connection::open(address) else { return tokens };
    while let Some((status, body)) = connection.refresh(tokens.last().unwrap()) {
        assert_eq!(status, 200, "{body}");
        tokens.push(body["refresh_token"].as_str().unwrap().to_owned());
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    tokens
}

fn generation(token: &str) -> i64 {
    claims(token).other["generation"].as_i64().unwrap()
}

/// Lets eight chains rotate, and kills the server when so many answers have arrived. Gives back every token whose arrival was seen.
fn rotate_and_kill(server: &mut Process, answers_before_kill: usize) -> Vec<Vec<String>> {
    let acknowledged = AtomicUsize::new(0);
    let firsts: Vec<String> = (0..CHAINS).map(|_| sign_in(server.address)).collect();
    let (address, counter) = (server.address, &acknowledged);
    std::thread::scope(|scope| {
        let chains: Vec<_> = firsts.into_iter().map(|first| scope.spawn(move || rotate_until_killed(address, first, counter))).collect();
        while acknowledged.load(Ordering::SeqCst) < answers_before_kill {
            std::thread::yield_now();
        }
        server.kill_9();
        chains.into_iter().map(|chain| chain.join().unwrap()).collect()
    })
}

/// What a new process must know of the tokens that its predecessor has handed out.
fn expect_intact(server: &Process, histories: &[Vec<String>]) {
    let mut connection = Connection::open(server.address).unwrap();
    for history in histories {
        let newest = history.last().unwrap();
        let increases = history.windows(2).all(|pair| generation(&pair[1]) == generation(&pair[0]) + 1);
        assert!(increases, "acknowledged generations strictly increase");
        let (status, body) = connection.refresh(newest).unwrap();
        assert_eq!(status, 200, "the successor that was acknowledged is good: {body}");
        let successor = body["refresh_token"].as_str().unwrap().to_owned();
        // Whether or not its use was committed before the kill.
        assert_eq!(generation(&successor), generation(newest) + 1, "the chain advanced once");
        if let [.., dead, _] = &history[..] {
            let (status, body) = connection.refresh(dead).unwrap();
            assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "a replaced token stays dead");
            assert_eq!(connection.refresh(&successor).unwrap().0, 400, "its reuse ended the grant");
        }
    }
}

async fn no_kill_loses_or_revives(engine: Engine) {
    let mut server = TestServer::on(engine).await;
    server.set_realm(&[("revokeRefreshToken", "true")]).await;
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("sealing.key");
    let url = server.hand_over(&key_file).await;
    let kills = move || {
        // Not round numbers, so that the kills fall into different places of the group commits.
        for round in 0..rounds() {
            let mut server = Process::start(&url, &key_file);
            let histories = rotate_and_kill(&mut server, 5 + round * 37 % 211);
            expect_intact(&Process::start(&url, &key_file), &histories);
        }
    };
    tokio::task::spawn_blocking(kills).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn t_087_kill_9_loses_no_acknowledged_token_on_sqlite() {
    no_kill_loses_or_revives(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t_087_kill_9_loses_no_acknowledged_token_on_postgres() {
    no_kill_loses_or_revives(Engine::Postgres).await;
}
