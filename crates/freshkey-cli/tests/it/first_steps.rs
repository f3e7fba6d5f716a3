//! The first minutes of a new user.

use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;

#[test]
fn a_sign_in_serves_tokens_until_the_sign_out() {
    let quickstart = Quickstart::start();
    let home = Home::new();
    home.sign_in(&quickstart);
    let token = home.prints(&["token"]);
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert_eq!(home.prints(&["token"]), token, "a fresh one is kept");
    assert_eq!(home.prints(&["token", "--header"]), format!("Authorization: Bearer {token}"));
    assert_eq!(home.prints(&["--no-agent", "token"]), token, "the same without the agent");
    assert!(home.prints(&["whoami"]).starts_with("demo at https://localhost:"));
    home.prints(&["refresh"]);
    assert_ne!(home.prints(&["token"]), token);
    home.prints(&["logout"]);
    let after = home.run(&["token"]);
    assert_eq!((after.code, after.stdout.as_str()), (3, ""), "{}", after.stderr);
    assert!(after.stderr.contains("hint: run `freshkey login ua`"), "{}", after.stderr);
}

#[test]
fn t_065_a_quickstart_shows_the_authority_that_its_file_names() {
    let quickstart = Quickstart::start();
    let home = Home::new();
    home.sign_in(&quickstart);
    let mut openssl = home.command("openssl");
    let output = openssl
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(quickstart.ca_file())
        .output()
        .expect("openssl is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fingerprint = said.trim().split_once('=').expect("a fingerprint").1;
    let before = std::fs::read_to_string(home.path(".config/freshkey/profiles.toml")).expect("readable");
    let shown = home.run(&["trust", &quickstart.address(), "--profile", "ua"]);
    assert_eq!(shown.code, 9, "{}", shown.stderr);
    assert!([shown.stdout, shown.stderr].concat().contains(fingerprint), "{fingerprint}");
    assert_eq!(std::fs::read_to_string(home.path(".config/freshkey/profiles.toml")).expect("readable"), before, "nothing was changed");
    home.prints(&["trust", &quickstart.address(), "--profile", "ua", "--fingerprint", fingerprint]);
    home.prints(&["refresh"]);
}
