use super::*;
use freshkey_service::logging::LogFormat;
use std::ffi::OsString;

const COMPLETE: &str = r#"
[server]
public_url = "https://auth.example.org/"
tls.mode = "off"
[store]
url = "postgres://freshkey:hunter2@db.example.org/freshkey"
[sealing]
key_file = "/etc/freshkey/sealing.key"
"#;

struct File {
    path: std::path::PathBuf,
    _directory: tempfile::TempDir,
}

fn file(text: &str) -> File {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("freshkey.toml");
    std::fs::write(&path, text).expect("written");
    File { path, _directory: directory }
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// The problems of a file, with its path replaced by `FILE`.
fn problems(text: &str) -> String {
    let file = file(text);
    let problems = Settings::from_layers(Layers::defaults().with_file(&file.path)).expect_err("a problem");
    problems.to_string().replace(&file.path.display().to_string(), "FILE")
}

#[test]
fn the_defaults_are_whole_and_lack_only_what_is_required() {
    let problems = Settings::from_layers(Layers::defaults()).expect_err("required keys are missing");
    let mut keys: Vec<_> = problems.0.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["sealing.key_file", "server.public_url", "server.tls.certificate", "server.tls.key", "store.url"]);
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = file(&format!("{COMPLETE}\n[log]\nlevel = \"warn\"\nformat = \"json\"\n[limits]\nconnections_max = 7\n"));
    let layers = Layers::defaults()
        .with_file(&file.path)
        .with_environment(environment(&[
            ("FRESHKEY_LOG__LEVEL", "debug"),
            ("FRESHKEY_SERVER__LISTEN", "127.0.0.1:1"),
            ("FRESHKEY_LIMITS__CONNECTIONS_MAX", "9"),
        ]))
        .with_flag("listen", "server.listen", Some("127.0.0.1:2"))
        .with_flag("log-level", "log.level", None);
    let settings = Settings::from_layers(layers).expect("usable");
    assert_eq!(settings.server.listen.port(), 2);
    assert_eq!(settings.log.level, "debug");
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.limits.connections_max, 9);
    assert_eq!(settings.telemetry.sample_percent, 100);
    assert_eq!(settings.server.public_url, "https://auth.example.org");
}

#[test]
fn the_environment_reaches_nested_keys_and_lists_and_leaves_other_names_alone() {
    let file = file(COMPLETE);
    let layers = Layers::defaults().with_file(&file.path).with_environment(environment(&[
        ("FRESHKEY_SERVER__TLS__MODE", "files"),
        ("FRESHKEY_SERVER__TLS__CERTIFICATE", "/c.pem"),
        ("FRESHKEY_SERVER__TLS__KEY", "/k.pem"),
        ("FRESHKEY_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("FRESHKEY_STORE__MIGRATE", "true"),
        ("FRESHKEY_PORT_8443_TCP", "tcp://10.0.0.1:8443"),
        ("PATH", "/bin"),
    ]));
    let settings = Settings::from_layers(layers).expect("usable");
    assert_eq!(settings.server.tls, TlsSettings::Files { certificate: "/c.pem".into(), key: "/k.pem".into() });
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.store.migrate, MigrateOnStart::Yes);
}

#[test]
fn an_error_names_file_line_key_value_and_expectation() {
    let cases = [
        (
            "[server]\nlisten = \"localhost\"\n",
            "FILE:2: server.listen = \"localhost\": expected an address and a port, such as 0.0.0.0:8443",
        ),
        ("[server]\n\nlisten = 8443\n", "FILE:3: server.listen = 8443: expected a text in quotes"),
        ("[limits]\nconnections_max = 0\n", "FILE:2: limits.connections_max = 0: expected a whole number from 1 to 1000000"),
        ("[limits]\nconnections_max = -1\n", "FILE:2: limits.connections_max = -1: expected a whole number from 1 to 1000000"),
        ("[store]\nmigrate = \"yes\"\n", "FILE:2: store.migrate = \"yes\": expected true or false"),
        ("[log]\nformat = \"xml\"\n", "FILE:2: log.format = \"xml\": expected one of \"human\", \"json\""),
        ("[server]\npublic_url = \"auth.example.org\"\n", "FILE:2: server.public_url = \"auth.example.org\": expected https://HOST"),
        ("[server]\npath_prefix = \"auth/\"\n", "FILE:2: server.path_prefix = \"auth/\": expected a path that begins with a slash"),
        ("[server]\ntrusted_proxies = [\"proxy\"]\n", "FILE:2: server.trusted_proxies = [\"proxy\"]: expected an address or a network"),
        ("[server]\npublic_ulr = \"x\"\n", "FILE:2: server.public_ulr: there is no such key; did you mean server.public_url?"),
        ("[tls]\ncertificate = \"x\"\n", "FILE:2: tls.certificate: there is no such key; did you mean server.tls.certificate?"),
        ("[server\n", "FILE:1: this is not TOML"),
        ("[[server]]\n", "FILE:1: server: there is no such key"),
    ];
    for (text, expected) in cases {
        let found = problems(text);
        assert!(found.contains(expected), "{text:?} gave\n  {found}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_each_says_where_it_was_made() {
    let file = file("[server]\nlisten = \"x\"\n");
    let layers = Layers::defaults()
        .with_file(&file.path)
        .with_environment(environment(&[("FRESHKEY_LIMITS__CONNECTIONS_MAX", "many"), ("FRESHKEY_LOG__LEVLE", "info")]))
        .with_flag("log-level", "log.level", Some("loud,,="));
    let text = Settings::from_layers(layers).expect_err("mistakes").to_string();
    for part in [
        "server.listen = \"x\"",
        "environment variable FRESHKEY_LIMITS__CONNECTIONS_MAX: limits.connections_max = \"many\": expected a whole number",
        "environment variable FRESHKEY_LOG__LEVLE: log.levle: there is no such key; did you mean log.level?",
        "--log-level: log.level = \"loud,,=\": expected a level",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n  {text}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = std::path::Path::new("/nonexistent/freshkey.toml");
    let text = Settings::from_layers(Layers::defaults().with_file(missing)).expect_err("missing").to_string();
    assert!(text.contains("/nonexistent/freshkey.toml: the file cannot be read: No such file"), "{text}");
}

#[test]
fn t_054_a_password_in_the_address_of_the_database_is_never_shown() {
    let shown = |url: &str| {
        let file = file(&COMPLETE.replace("postgres://freshkey:hunter2@db.example.org/freshkey", url));
        let layers = Layers::defaults().with_file(&file.path);
        let text = layers.show();
        let outcome = format!("{:?}", Settings::from_layers(layers));
        (text, outcome)
    };
    let urls = [
        "postgres://freshkey:hunter2@db.example.org/freshkey",
        "postgres://freshkey:hun:hunter2@x@db.example.org/freshkey",
        "postgres://freshkey@db.example.org/freshkey?password=hunter2&sslmode=require",
        "mysql://freshkey:hunter2@db.example.org/freshkey",
    ];
    for url in urls {
        let (text, outcome) = shown(url);
        assert!(!text.contains("hunter2") && !outcome.contains("hunter2"), "{text}\n{outcome}");
        assert!(text.contains("db.example.org"), "{text}");
    }
}

#[test]
fn what_is_in_force_is_shown_with_its_origin() {
    let file = file(COMPLETE);
    let layers = Layers::defaults().with_file(&file.path).with_environment(environment(&[("FRESHKEY_LOG__LEVEL", "debug")]));
    let shown = layers.show();
    assert!(shown.contains(&format!("mode = \"off\"  # {}:4\n", file.path.display())), "{shown}");
    assert!(shown.contains("level = \"debug\"  # environment variable FRESHKEY_LOG__LEVEL\n"), "{shown}");
    assert!(shown.contains("format = \"human\"  # default\n"), "{shown}");
    assert!(toml::from_str::<toml::Table>(&shown).is_ok(), "{shown}");
}

#[test]
fn every_key_has_a_comment_and_stands_in_the_reference() {
    let page = reference_page();
    for key in Layers::defaults().entries.keys() {
        let (_, entry) = page.split_once(&format!("### `{key}`\n\n")).unwrap_or_else(|| panic!("{key} is not on the page"));
        let words = entry.lines().next().unwrap_or_default();
        assert!(words.len() > 20 && !words.starts_with("Default"), "{key} has no explanation: {words:?}");
    }
    assert!(page.contains("environment `FRESHKEY_SERVER__TLS__CERTIFICATE`"));
}

#[test]
fn doubtful_combinations_are_told() {
    let file = file(&COMPLETE.replace("tls.mode", "path_prefix = \"/auth\"\ntls.mode"));
    let settings = Settings::from_layers(Layers::defaults().with_file(&file.path)).expect("usable");
    let doubts = settings.doubts().join("\n");
    assert!(doubts.contains("does not end with server.path_prefix (/auth)"), "{doubts}");
    assert!(doubts.contains("server.trusted_proxies is empty"), "{doubts}");
}
