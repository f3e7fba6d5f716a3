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
