//! The binary from the outside: first start, second start, production start, and how it fails to start. Clients are `curl`, as on the page.

mod program;

use freshkey_testkit::databases::TestPostgres;
use program::{Program, curl, mode, read_env};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const TOKEN: &str = "/realms/UA/protocol/openid-connect/token";

fn quickstart(directory: &Path) -> Program {
    let env_file = directory.join("page.env");
    let arguments = ["quickstart", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0", "--data"];
    Program::start(arguments.iter().map(AsRef::as_ref).chain([
        directory.join("data").as_os_str(),
        "--env-file".as_ref(),
        env_file.as_os_str(),
    ]))
}

#[test]
fn the_first_start_makes_everything_and_the_second_keeps_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (data, env_file) = (directory.path().join("data"), directory.path().join("page.env"));

    let first_start = quickstart(directory.path());
    let page = first_start.wait_for_output("ready: https://localhost:");
    let first = read_env(&env_file);
    let secrets = ["KC_PASSWORD", "REFRESH_TOKEN", "UA_CLIENT_SECRET", "ADMIN_PASSWORD"];
    assert!(secrets.iter().all(|name| first[*name].len() >= 32), "{:?}", first.keys());
    assert_eq!((first["KC_USERNAME"].as_str(), first["ADMIN_USERNAME"].as_str()), ("demo", "admin"));
    assert!(first["KC_ADDR"].starts_with("localhost:") && page.ends_with(&format!("{}/realms/UA", first["KC_ADDR"])), "{page}");

    let form = format!("grant_type=refresh_token&client_id=ua-grant&refresh_token={}", first["REFRESH_TOKEN"]);
    let answer = curl(&first, TOKEN, &["--data", &form]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("\"access_token\":\"ey"));
    let admin = format!("grant_type=password&client_id=ua-grant&username=admin&password={}", first["ADMIN_PASSWORD"]);
    assert_eq!(curl(&first, TOKEN, &["--data", &admin]).status, 200);
    let confidential = format!(
        "grant_type=password&client_id=ua&client_secret={}&username=demo&password={}",
        first["UA_CLIENT_SECRET"], first["KC_PASSWORD"]
    );
    assert_eq!(curl(&first, TOKEN, &["--data", &confidential]).status, 200);
    let keys = curl(&first, "/realms/UA/protocol/openid-connect/certs", &[]).body;
    first_start.stop();

    let events = Program::run(&["admin", "--data", &data.display().to_string(), "--json", "events", "--realm", "UA"]);
    assert_eq!(
        (events.code, events.stdout.contains("REFRESH_TOKEN")),
        (0, true),
        "events outlive the stop: {}{}",
        events.stdout,
        events.stderr
    );
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&env_file), 0o600);
    for entry in std::fs::read_dir(&data).expect("readable") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    let authority = std::fs::read(data.join("ca.pem")).expect("readable");
    let second_start = quickstart(directory.path());
    second_start.wait_for_output("ready: ");
    let second = read_env(&env_file);
    for name in ["KC_USERNAME", "KC_PASSWORD", "UA_CLIENT_SECRET", "ADMIN_USERNAME", "ADMIN_PASSWORD", "KC_CACERT"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert_ne!(first["REFRESH_TOKEN"], second["REFRESH_TOKEN"], "a fresh one at each start");
    assert_eq!(std::fs::read(data.join("ca.pem")).expect("readable"), authority);
    assert_eq!(curl(&second, "/realms/UA/protocol/openid-connect/certs", &[]).body, keys);
    second_start.stop();
}

#[test]
fn t_044_metrics_and_health_are_on_the_management_listener_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = quickstart(directory.path());
    let line = program.wait_for_log("answering operators");
    let management = line.rsplit_once("address=").expect("an address").1.to_owned();
    program.wait_for_output("ready: ");
    let env = read_env(&directory.path().join("page.env"));
    for path in ["/metrics", "/health/live", "/health/ready", "/health", "/debug/pprof/"] {
        assert_eq!(curl(&env, path, &[]).status, 404, "{path}");
    }
    let operators = |path: &str| program::curl_url(&format!("http://{management}{path}"), &[]);
    assert_eq!(operators("/health/live").status, 200);
    let ready = operators("/health/ready");
    assert_eq!((ready.status, ready.body.contains("\"UP\"")), (200, true), "{}", ready.body);
    let metrics = operators("/metrics");
    assert!(metrics.body.contains(r#"freshkey_http_requests_total{endpoint="token",status="200"} 1"#), "{}", metrics.body);
    assert!(metrics.body.contains("freshkey_ready 1"), "{}", metrics.body);
    assert_eq!(operators("/realms/UA").status, 404, "and nothing else is on it");
    program.stop();
}

#[test]
fn a_production_server_serves_what_a_quickstart_has_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let made = quickstart(directory.path());
    made.wait_for_output("ready: ");
    made.stop();
    let file = directory.path().join("freshkey.toml");
    let data = data.display();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://keys.example.org/auth\"\npath_prefix = \"/auth\"\n\
         tls.certificate = \"{data}/server.pem\"\ntls.key = \"{data}/server.key\"\n\
         [store]\nurl = \"sqlite:{data}/freshkey.db\"\n[sealing]\nkey_file = \"{data}/sealing.key\"\n"
    );
    std::fs::write(&file, text).expect("written");

    let checked = Program::start(["config", "check", "--config"].iter().map(AsRef::as_ref).chain([file.as_os_str()])).end();
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "the configuration can be used\n"), "{}", checked.stderr);

    let server = Program::start(["serve", "--config"].iter().map(AsRef::as_ref).chain([file.as_os_str()]));
    let line = server.wait_for_log("ready address=");
    let address = line.split_once("address=").and_then(|(_, rest)| rest.split(' ').next()).expect("an address").to_owned();
    let ca = format!("{data}/ca.pem");
    let url = format!("https://{address}/auth/realms/UA/.well-known/openid-configuration");
    // T-047: whatever the request says of itself, the issuer is the configured one.
    let lies = ["-H", "Host: canary.example", "-H", "X-Forwarded-Host: canary.example", "-H", "Forwarded: host=canary.example;proto=http"];
    let answer = program::curl_url(&url, &[&["--cacert", ca.as_str()][..], &lies[..]].concat());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains(r#""issuer":"https://keys.example.org/auth/realms/UA""#), "{}", answer.body);
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    server.stop();
}

#[test]
fn a_start_that_fails_says_what_is_wrong_and_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    let taken = taken.local_addr().expect("bound").to_string();
    let key = |byte: u8| {
        let path = path(&format!("{byte}.key"));
        // 32 bytes in base64, all of one letter.
        std::fs::write(&path, format!("{}=\n", char::from(byte).to_string().repeat(42) + "A")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
        path
    };
    let (first_key, other_key) = (key(b'A'), key(b'E'));
    let config = |name: &str, database: &str, key: &str| {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://k.example\"\ntls.mode = \"off\"\n[store]\nurl = \"{database}\"\n[sealing]\nkey_file = \"{key}\"\n"
        );
        std::fs::write(path(name), text).expect("written");
        path(name)
    };
    let empty = format!("sqlite:{}", path("empty.db"));
    let used = format!("sqlite:{}", path("used.db"));
    let migrated = Program::run(&["migrate", "--config", &config("used.toml", &used, &first_key)]);
    assert_eq!(migrated.code, 0, "{}", migrated.stderr);

    let cases: [(&[&str], i32, &[&str]); 7] = [
        (&["quickstart", "--data", &path("data"), "--listen", &taken], 6, &[&taken, "Address already in use", "--listen"]),
        (&["quickstart", "--data", &path("data"), "--hostname", "https://x"], 5, &["\"https://x\" is not a host name", "--hostname"]),
        (&["serve", "--config", &path("missing.toml")], 3, &["missing.toml: the file cannot be read: No such file"]),
        (&["serve"], 3, &["server.public_url: is required", "store.url: is required", "config default"]),
        (&["serve", "--config", &config("a.toml", &empty, &first_key)], 4, &["this release needs", "freshkey-server migrate"]),
        (&["serve", "--config", &config("b.toml", &used, &other_key)], 5, &["sealed with another key"]),
        (&["serve", "--config", &config("c.toml", &used, &path("missing.key"))], 5, &["missing.key", "No such file"]),
    ];
    for (arguments, code, words) in cases {
        let ended = Program::run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{arguments:?} does not say {word:?}: {}", ended.stderr);
        }
        assert_eq!(ended.stdout, "", "talk is not data");
    }
}

#[test]
fn a_server_without_its_database_lives_and_says_that_it_is_not_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let made = quickstart(directory.path());
    made.wait_for_output("ready: ");
    made.stop();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("an address").local_addr().expect("bound");
    let file = directory.path().join("freshkey.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://k.example\"\ntls.mode = \"off\"\n[store]\nurl = \"postgres://x@{nobody}/x\"\ndeadline_ms = 200\n\
         [sealing]\nkey_file = \"{}/sealing.key\"\n[management]\nlisten = \"127.0.0.1:0\"\n",
        data.display()
    );
    std::fs::write(&file, text).expect("written");
    let server = Program::start(["serve", "--config"].iter().map(AsRef::as_ref).chain([file.as_os_str()]));
    let line = server.wait_for_log("answering operators");
    let management = line.rsplit_once("address=").expect("an address").1.to_owned();
    server.wait_for_log("waiting for the database");
    let operators = |path: &str| program::curl_url(&format!("http://{management}{path}"), &[]);
    assert_eq!(operators("/health/live").status, 200);
    let ready = operators("/health/ready");
    assert_eq!((ready.status, ready.body.contains("not open yet")), (503, true), "{}", ready.body);
    server.stop();
}

#[tokio::test]
async fn t_099_a_server_that_starts_before_its_database_is_ready_once_that_is_back() {
    let postgres = TestPostgres::start().await;
    let database = postgres.database().await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let key = path("sealing.key");
    std::fs::write(&key, format!("{}=\n", "A".repeat(43))).expect("written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("changed");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://k.example\"\ntls.mode = \"off\"\n[store]\nurl = \"{}\"\n[sealing]\nkey_file = \"{key}\"\n\
         [management]\nlisten = \"127.0.0.1:0\"\n",
        database.url
    );
    std::fs::write(path("freshkey.toml"), text).expect("written");
    let config = path("freshkey.toml");
    let refused = Program::run(&["serve", "--config", &config]);
    assert_eq!((refused.code, refused.stderr.contains("store.migrate = true")), (4, true), "{}", refused.stderr);
    let migrated = Program::run(&["migrate", "--config", &config]);
    assert_eq!(migrated.code, 0, "{}", migrated.stderr);

    postgres.kill_9();
    let server = Program::start(["serve", "--config", &config].map(AsRef::as_ref));
    let line = server.wait_for_log("answering operators");
    let management = line.rsplit_once("address=").expect("an address").1.to_owned();
    server.wait_for_log("waiting for the database");
    assert_eq!(program::curl_url(&format!("http://{management}/health/ready"), &[]).status, 503);
    postgres.restart().await;
    server.wait_for_log("ready address=");
    let ready = program::curl_url(&format!("http://{management}/health/ready"), &[]);
    assert_eq!(ready.status, 200, "{}", ready.body);
    server.stop();
}
