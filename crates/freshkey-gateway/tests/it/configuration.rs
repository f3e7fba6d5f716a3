//! The binary: what it refuses to start with, and what it says.

use std::process::{Command, Output};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_freshkey-gateway")).args(arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The defaults, as `config default` prints them, are a configuration that works.
fn checked(change: impl FnOnce(String) -> String) -> Output {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("gateway.toml");
    let defaults = text(&run(&["config", "default"]).stdout);
    std::fs::write(&path, change(defaults)).expect("written");
    run(&["check", path.to_str().expect("UTF-8")])
}

#[test]
fn the_defaults_can_be_used_as_they_are() {
    let output = checked(|text| text);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "the configuration can be used: 1 issuers, 1 applications, 2 rules\n");
}

#[test]
fn t_073_it_does_not_start_unsafe_and_says_what_to_write() {
    let without = |start: &'static str| {
        move |text: String| text.lines().filter(|line| !line.starts_with(start)).map(|line| format!("{line}\n")).collect::<String>()
    };
    type Change = Box<dyn FnOnce(String) -> String>;
    let cases: [(&str, Change, &str); 14] = [
        ("issuer", Box::new(without("issuer = ")), "issuers[0].issuer: is required: write issuer = \"https://"),
        (
            "audience",
            Box::new(without("audiences = ")),
            "issuers[0].audiences: is required: for whom must a token be meant? Write audiences = [",
        ),
        ("algorithms", Box::new(without("algorithms = ")), "issuers[0].algorithms: is required: write algorithms = [\"RS256\"]"),
        (
            "trusted proxies",
            Box::new(without("trusted_proxies = ")),
            "trusted_proxies: is required: write trusted_proxies = [\"10.0.0.5\"]",
        ),
        ("default deny", Box::new(without("default = ")), "default: is required: write default = \"deny\""),
        (
            "default allow",
            Box::new(|text| text.replace("default = \"deny\"", "default = \"allow\"")),
            "default: is required: write default = \"deny\"",
        ),
        (
            "everybody",
            Box::new(|text| text.replace("trusted_proxies = []", "trusted_proxies = [\"0.0.0.0/0\"]")),
            "0.0.0.0/0 is nearly everybody",
        ),
        (
            "everybody, too",
            Box::new(|text| text.replace("trusted_proxies = []", "trusted_proxies = [\"::/0\"]")),
            "::/0 is nearly everybody",
        ),
        (
            "hmac",
            Box::new(|text| text.replace("[\"RS256\"]", "[\"HS256\"]")),
            "HS256 is refused: whoever can check such a signature can make one",
        ),
        ("none", Box::new(|text| text.replace("[\"RS256\"]", "[\"none\"]")), "\"none\" is not one of RS256"),
        ("in clear", Box::new(|text| text.replace("issuer = \"https://id", "issuer = \"http://id")), "is not encrypted: write https://"),
        ("no rules", Box::new(|text| text.replace("allow = \"public\"", "")), "applications[0].rules[0].allow: is required"),
        ("nothing asked", Box::new(|text| text.replace("any = [\"reader\", \"writer\"]", "any = []")), "a list of nothing"),
        ("a slip", Box::new(|text| text.replace("audiences =", "audience =")), "unknown field `audience`"),
    ];
    for (name, change, expected) in cases {
        let output = checked(change);
        assert_eq!(output.status.code(), Some(3), "{name}: {}", text(&output.stdout));
        assert!(text(&output.stderr).contains(expected), "{name}: {}", text(&output.stderr));
    }
}

#[test]
fn t_073_serve_ends_with_the_same_words() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, "[proxy]\nlisten = \"127.0.0.1:0\"\ntls = \"off\"\n").expect("written");
    let output = run(&["serve", "--config", path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    for key in ["default", "trusted_proxies", "issuers", "applications"] {
        assert!(said.contains(&format!("gateway.toml: {key}: is required")), "{key}: {said}");
    }
    assert!(said.contains("hint: `freshkey-gateway config default`"), "{said}");
}

#[test]
fn an_application_may_have_a_file_of_its_own() {
    let directory = TempDir::new().expect("a directory");
    let defaults = text(&run(&["config", "default"]).stdout);
    let (gateway, application) = defaults.split_once("\n[[applications]]\n").expect("an application");
    let gateway = gateway.replace("default = \"deny\"", "default = \"deny\"\napplications_directory = \"applications\"");
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, gateway).expect("written");
    std::fs::create_dir(directory.path().join("applications")).expect("made");
    let application =
        application.replace("[[applications.", "[[").replace("[applications.", "[").replace("name = \"api\"", "default = \"deny\"");
    std::fs::write(directory.path().join("applications/wiki.toml"), &application).expect("written");
    let output = run(&["check", path.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::write(directory.path().join("applications/wiki.toml"), application.replace("default = \"deny\"", "")).expect("written");
    let output = run(&["check", path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("wiki.toml: default: is required"), "{}", text(&output.stderr));
}

#[test]
fn the_reference_page_is_what_the_program_prints() {
    let page = include_str!("../../../../docs/reference/gateway.md");
    assert_eq!(page, text(&run(&["config", "reference"]).stdout), "run: freshkey-gateway config reference > docs/reference/gateway.md");
}

#[test]
fn shells_and_man_are_served() {
    assert!(text(&run(&["completions", "bash"]).stdout).contains("freshkey-gateway"));
    let page = text(&run(&["man"]).stdout);
    for command in ["SERVE", "CHECK"] {
        assert!(
            page.contains(&format!("FRESHKEY\\-GATEWAY {command}")) || page.contains(&format!("FRESHKEY-GATEWAY {command}")),
            "{command}"
        );
    }
    assert!(text(&run(&["--help"]).stdout).contains("Exit codes"));
    assert!(text(&run(&["--version"]).stdout).starts_with("freshkey-gateway "));
}
