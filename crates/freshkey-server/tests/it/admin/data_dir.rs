//! A folder as a quickstart leaves it, commands that run on it, and a server in this process beside them.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use freshkey_core::Now;
use freshkey_core::entropy::random_uuid;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::{GeneratedKey, GeneratedKeys, realm_ua};
use freshkey_core::keycloak::edit::{RoleName, UserChange, change_user, new_user};
use freshkey_core::keycloak::users::password_record;
use freshkey_core::passwords::{self, HashAlgorithm, HashWorkspace, PlainPassword};
use freshkey_protocol::Claims;
use freshkey_protocol::form::encode_pairs;
use freshkey_protocol::jose::{CompactJws, KeyKind, generate_private_key};
use freshkey_server::caller::Scheme;
use freshkey_server::clock::{Clock as _, SystemClock, SystemEntropy};
use freshkey_server::realms::BaseUrls;
use freshkey_server::router::router;
use freshkey_server::routes::Connection;
use freshkey_server::server::{Assembly, assemble};
use freshkey_service::network::TrustedProxies;
use freshkey_store::{
    AuditRecord, DbOptions, EmailRule, EventFilter, NewRealm, Page, RealmCreated, SealingKey, Store, StoreOptions, StoredEvent, UserCreated,
};
use serde_json::Value;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use tower::ServiceExt as _;

/// The user of the realm `UA`, with the role `member`.
pub const DEMO: &str = "demo";

/// The user's password.
pub const PASSWORD: &str = "correct horse battery";

/// A data folder that vanishes.
pub struct DataDir {
    folder: tempfile::TempDir,
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    folder: String,
}

/// Made once: keys and hashes take their time.
static TEMPLATE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let made = std::thread::scope(|scope| scope.spawn(|| runtime().block_on(make(folder.path()))).join());
    made.expect("the template is made");
    folder
});

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn make(folder: &Path) {
    let entropy = SystemEntropy;
    let now = SystemClock.now();
    SealingKey::from_file_or_new(&folder.join("sealing.key"), &entropy).expect("a sealing key");
    let store = open(folder).await;
    store.migrate(now).await.expect("migrated");
    let rsa = GeneratedKey { pkcs8: generate_private_key(KeyKind::Rsa2048).expect("a key"), certificate: None };
    let realm = realm_ua(&[], &entropy, GeneratedKeys { rsa, p256: None, ed25519: None });
    let new = NewRealm { name: realm.name, document: realm.document, items: realm.items };
    let RealmCreated::Yes(key) = store.create_realm(&new, &audit(RealmKey(0), now)).await.expect("created") else {
        panic!("there is a realm already")
    };
    let documents = store.load_realm("UA").await.expect("read").expect("there");
    let (realm, _) = build_realm(&documents).expect("sound");
    let mut record = new_user(&documents, &realm, DEMO, now, &entropy).expect("sound");
    record.user = change_user(&realm, &record.user, &[UserChange::AddRole(RoleName::of_realm("member"))]).expect("changed");
    let hash =
        passwords::hash(PlainPassword::new(PASSWORD).expect("short"), &HashAlgorithm::RECOMMENDED, [1; 16], &mut HashWorkspace::new())
            .expect("hashed");
    record.credentials.push(password_record(random_uuid(&entropy), &hash, now.milliseconds()));
    assert_eq!(store.create_user(key, &record, EmailRule::Unique, &audit(key, now)).await.expect("written"), UserCreated::Yes);
    store.close().await.expect("closed");
}

async fn open(folder: &Path) -> Store {
    let db = DbOptions::from_url(&format!("sqlite:{}", folder.join("freshkey.db").display())).expect("a path");
    let sealing_key = SealingKey::from_file(&folder.join("sealing.key")).expect("a sealing key");
    Store::open(StoreOptions { db, sealing_key, entropy: Arc::new(SystemEntropy) }).await.expect("opened")
}

/// The audit record of what a test does itself.
pub fn audit(realm: RealmKey, now: Now) -> AuditRecord {
    AuditRecord {
        event: Event::new(now.milliseconds(), realm, EventKind::Login).with("actor", "test"),
        reason: None,
        address: None,
        correlation_id: "test".into(),
    }
}

impl DataDir {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(TEMPLATE.path()).expect("the template") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder, with this content.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    /// `freshkey-server admin --data DIR …`
    pub fn admin(&self, arguments: &[&str]) -> Ran {
        self.run("admin", arguments, "")
    }

    /// The same with something on standard input.
    pub fn admin_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        self.run("admin", arguments, input)
    }

    /// `freshkey-server explain --data DIR …`
    pub fn explain(&self, arguments: &[&str], input: &str) -> Ran {
        self.run("explain", arguments, input)
    }

    fn run(&self, command: &str, arguments: &[&str], input: &str) -> Ran {
        let folder = self.path().display().to_string();
        let mut child = binary()
            .arg(command)
            .args(["--data", &folder])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        // A command that reads nothing closes its end early.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("finished");
        Ran {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            folder,
        }
    }

    /// The database, from within this process.
    pub async fn store(&self) -> Store {
        open(self.path()).await
    }

    /// A server in this process, on the same database as the commands.
    pub async fn server(&self) -> Server {
        let store = Arc::new(self.store().await);
        let assembly = Assembly {
            store: Arc::clone(&store),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            urls: BaseUrls { public: "https://id.example".into(), backchannel: None },
            path_prefix: String::new(),
            trusted_proxies: TrustedProxies::new(Vec::new()),
            hash_concurrency: 1,
            outgoing: freshkey_server::outgoing::Outgoing::default(),
        };
        let app = assemble(assembly).await.expect("assembled");
        Server { store, app: Arc::clone(&app), router: router(app) }
    }

    /// All events of the realm `UA`, newest first.
    pub async fn events(&self) -> Vec<StoredEvent> {
        let store = self.store().await;
        let realm = store.load_realm("UA").await.expect("read").expect("there").key;
        store.events(&EventFilter::realm(realm), &Page::first(1000)).await.expect("read")
    }
}

/// A server in this process.
pub struct Server {
    pub store: Arc<Store>,
    app: Arc<freshkey_server::app::App>,
    router: Router,
}

impl Server {
    /// Signs `demo` in at `ua-grant`.
    pub async fn sign_in(&self, scope: &str) -> Answer {
        let mut form =
            vec![("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD), ("scope", scope)];
        form.retain(|(_, value)| !value.is_empty());
        let answer = self.token(&form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    /// A refresh at `ua-grant`, whatever comes of it.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", refresh_token)]).await
    }

    /// A request to the token endpoint, after a look for changes of the configuration.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.app.realms.check().await.expect("checked");
        let request =
            Request::post("/realms/UA/protocol/openid-connect/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut request = request.body(Body::from(encode_pairs(form.iter().copied()))).expect("a request");
        request.extensions_mut().insert(Connection { peer: SocketAddr::from(([192, 0, 2, 1], 40_000)), scheme: Scheme::Https });
        let (parts, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let answer = Answer { status: parts.status.as_u16(), body: serde_json::from_slice(&body).expect("JSON") };
        // Events may be written a moment later; the commands of a test look for them at once.
        self.store.flush().await.expect("flushed");
        answer
    }
}

/// What the token endpoint answered.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn access_token(&self) -> String {
        self.body["access_token"].as_str().expect("an access token").to_owned()
    }

    pub fn refresh_token(&self) -> String {
        self.body["refresh_token"].as_str().expect("a refresh token").to_owned()
    }
}

/// The claims of a token, not verified.
pub fn claims(token: &str) -> Claims {
    let payload = CompactJws::parse(token.as_bytes()).expect("a compact JWS").unverified_payload().expect("base64url");
    Claims::parse(&payload).expect("claims")
}

/// The program.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshkey-server"));
    command.env_remove("NO_COLOR").env_remove("FRESHKEY_CONFIG");
    command
}

impl Ran {
    /// Exit code, standard output and standard error, for a snapshot.
    pub fn shown(&self) -> String {
        format!("exit code: {}\n── stdout\n{}── stderr\n{}", self.code, self.hidden(&self.stdout), self.hidden(&self.stderr))
    }

    /// The same, after making sure that it went well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.shown());
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.shown());
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.stdout))
    }

    /// The one line on standard output that is a secret: long, of letters, digits and hyphens, and nowhere on standard error.
    pub fn secret(&self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        let secret = self.stdout.strip_suffix('\n').expect("a whole line");
        assert!(
            secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "no secret on its own: {:?}",
            self.stdout
        );
        assert!(!self.stderr.contains(secret), "the secret is on standard error");
        secret.to_owned()
    }

    /// What differs from run to run is replaced by its shape, where it has that shape.
    fn hidden(&self, text: &str) -> String {
        let text = text.replace(&self.folder, "DIR");
        let text = replace(&text, is_uuid, 36, "UUID");
        let text = replace(&text, is_exact_moment, 24, "MOMENT");
        let text = replace(&text, is_moment, 20, "MOMENT");
        let text = replace(&text, is_key_id, 43, "KID");
        text.lines().map(|line| narrowed(&without_distances(line)) + "\n").collect()
    }
}

/// How far away a moment is depends on how fast the test runs; that it is told does not.
fn without_distances(line: &str) -> String {
    let mut parts = line.split("MOMENT (");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (distance, rest) = part.split_once(')').expect("a closing parenthesis");
        assert!(distance == "now" || distance.starts_with("in ") || distance.ends_with(" ago"), "no distance: {distance:?}");
        shown.push_str("MOMENT (DISTANCE)");
        shown.push_str(rest);
    }
    shown
}

/// Columns are as wide as what was replaced in them.
fn narrowed(line: &str) -> String {
    let mut shown = String::new();
    for part in line.split("  ").filter(|part| !part.trim().is_empty()) {
        if !shown.is_empty() {
            shown.push_str("  ");
        }
        shown.push_str(part.trim());
    }
    shown
}

fn replace(text: &str, is_it: fn(&str) -> bool, length: usize, name: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        match rest.get(..length).filter(|part| is_it(part)) {
            Some(_) => {
                shown.push_str(name);
                rest = &rest[length..];
            }
            None => {
                shown.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    shown
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(position, byte)| match position {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    })
}

/// `2026-11-23 07:30:00Z`
fn is_moment(text: &str) -> bool {
    text.starts_with("20")
        && text.bytes().zip("dddd-dd-dd dd:dd:ddZ".bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// `2026-11-23 07:30:00.000Z`
fn is_exact_moment(text: &str) -> bool {
    let (whole, rest) = text.split_at_checked(19).unwrap_or_default();
    is_moment(&format!("{whole}Z")) && rest.starts_with('.') && rest.ends_with('Z') && rest[1..4].bytes().all(|byte| byte.is_ascii_digit())
}

/// A kid is a SHA-256 in base64url.
fn is_key_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().all(is_letter) && text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[test]
fn only_what_has_the_shape_is_hidden() {
    let hidden = |text: &str| replace(&replace(text, is_uuid, 36, "UUID"), is_moment, 20, "MOMENT");
    assert_eq!(hidden("a 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 b"), "a UUID b");
    assert_eq!(hidden("019ab3c4-5d6e-7f80-9a1b-2c3d4e5f607"), "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f607");
    assert!(is_exact_moment("2026-11-23 07:30:00.123Z") && !is_exact_moment("2026-11-23 07:30:00Z +123"));
    assert_eq!(without_distances("a MOMENT (now) MOMENT (in 7 days) b"), "a MOMENT (DISTANCE) MOMENT (DISTANCE) b");
    assert_eq!(narrowed("a    b c   d  "), "a  b c  d");
    assert_eq!(hidden("2026-11-23 07:30:00Z, 1970-01-01 00:00:00Z"), "MOMENT, 1970-01-01 00:00:00Z");
}
