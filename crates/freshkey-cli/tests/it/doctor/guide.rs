//! The guide to failures, pasted: its commands run as printed, and its table has every check.

use super::front::NOW;
use super::{Authority, Front};
use freshkey_client::diagnosis::Check;
use freshkey_testkit::home::Home;
use freshkey_testkit::provider::TestProvider;

const GUIDE: &str = include_str!("../../../../../docs/guides/when-it-fails.md");

/// The checks are as many as this; the compiler tells when a name is wrong, and this when one is left out.
const CHECKS: [Check; 19] = [
    Check::Directories,
    Check::Profiles,
    Check::Agent,
    Check::Key,
    Check::Settings,
    Check::Account,
    Check::Address,
    Check::Connection,
    Check::Proxy,
    Check::Certificate,
    Check::Discovery,
    Check::Clock,
    Check::Keys,
    Check::Client,
    Check::SignIn,
    Check::Offline,
    Check::Token,
    Check::Deliveries,
    Check::Tools,
];

#[test]
fn the_table_of_the_guide_has_every_check() {
    let rows: Vec<&str> = GUIDE.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let named: Vec<&str> = rows.iter().filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    assert_eq!(named, CHECKS.map(Check::as_str));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guide_runs_as_printed() {
    let (home, provider, authority) = (Home::new(), TestProvider::start().await, Authority::new("Root"));
    let front = Front::start(&provider, Some(&authority.certifies(&["localhost"], NOW, &[&authority]))).await;
    let (host, ca_file) = (front.host("localhost"), home.path("ca.pem"));
    std::fs::write(&ca_file, authority.pem()).expect("written");
    let issuer = format!("https://{host}");
    let ca = ca_file.display().to_string();
    let login = ["login", "ua", "--issuer", &issuer, "--client-id", "ua-grant", "--ca", &ca, "--username", "ann", "--password-stdin"];
    assert_eq!(home.run_with_input(&login, "the password").code, 0);
    let blocks: Vec<&str> = GUIDE.split("```sh guide").skip(1).map(|rest| rest.split("```").next().expect("a block")).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let (expected, commands) = match block.strip_prefix(" fails") {
            Some(commands) => (9, commands),
            None => (0, block),
        };
        let script = commands
            .replace("https://sso.example.org", &issuer)
            .replace("sso.example.org", &host)
            .replace("/etc/ssl/sso.pem", &ca)
            .replace("--fingerprint SHA256", &format!("--fingerprint {}", authority.fingerprint()));
        let output = home.command("sh").args(["-e", "-c", &script]).output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{script}{said}");
    }
}
