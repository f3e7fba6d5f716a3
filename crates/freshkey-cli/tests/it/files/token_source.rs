//! Tokens that come from a file which somebody else keeps fresh, as the analytics platform does for its notebooks.

use freshkey_protocol::base64url::encode;
use freshkey_testkit::home::Home;
use std::time::{SystemTime, UNIX_EPOCH};

/// A token with so much of half an hour left.
fn token(left_s: i64, number: usize) -> String {
    #[allow(clippy::disallowed_methods, reason = "the program under test reads the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs().cast_signed();
    let exp = now + left_s;
    let claims = format!(
        r#"{{"iss":"https://sso.example/realms/UA","azp":"ua","preferred_username":"ann","iat":{},"exp":{exp},"jti":"{number}"}}"#,
        exp - 1800
    );
    format!("{}.{}.{}", encode(br#"{"alg":"RS256"}"#), encode(claims.as_bytes()), encode(b"signature"))
}

#[test]
fn the_platforms_file_serves_every_tool_and_is_read_again() {
    let home = Home::new();
    let path = home.path(".auth_token");
    let keep = |token: &str| {
        let next = home.path(".auth_token.next");
        std::fs::write(&next, token).expect("written");
        std::fs::rename(next, &path).expect("renamed");
    };
    let first = token(1200, 1);
    keep(&first);
    let told = home.run(&["login", "--from-token-file", ".auth_token"]);
    assert!(told.code == 0 && told.stderr.contains("ann at https://sso.example/realms/UA"), "{}", told.stderr);
    assert_eq!(home.prints(&["token"]), first);
    assert_eq!(home.prints(&["--no-agent", "token", "ua"]), first);
    assert!(home.prints(&["whoami"]).starts_with("ann at https://sso.example/realms/UA through ua"));
    home.prints(&["exec", "--", "sh", "-c", "test -n \"$AUTH_TOKEN\""]);

    // Fresh enough is what the file has; more than it has is an error that says whose it is to renew.
    let refused = home.run(&["token", "--min-ttl", "1300"]);
    assert!(refused.code == 4 && refused.stderr.contains("whoever keeps that file has not renewed it"), "{}", refused.stderr);
    let same = home.run(&["refresh"]);
    assert!(same.code == 4 && same.stderr.contains("the same as before"), "{}", same.stderr);
    let second = token(1750, 2);
    keep(&second);
    assert_eq!(home.prints(&["token", "--min-ttl", "1300"]), second);
    assert_eq!(home.prints(&["token"]), second);

    // Another program's file is kept from it, in the other direction.
    home.prints(&["setup", "token-file", "copy"]);
    assert_eq!(std::fs::read_to_string(home.path("copy")).expect("there"), second);

    home.prints(&["logout"]);
    assert_eq!(home.run(&["token"]).code, 3);
    assert!(path.exists(), "it is not ours");
}

#[test]
fn a_file_that_nobody_renews_is_a_clear_error() {
    let home = Home::new();
    let path = home.path(".auth_token");
    std::fs::write(&path, token(-5, 1)).expect("written");
    home.prints(&["login", "ua", "--from-token-file", ".auth_token"]);
    let ended = home.run(&["token"]);
    assert!(ended.code == 4 && ended.stdout.is_empty() && ended.stderr.contains("has ended"), "{}", ended.stderr);
    std::fs::write(&path, token(60, 2)).expect("written");
    let short = home.run(&["token"]);
    assert!(short.code == 0 && short.stderr.contains("warning: this token has only"), "{}", short.stderr);
    std::fs::remove_file(&path).expect("removed");
    assert!(home.run(&["token", "--min-ttl", "300"]).stderr.contains("is not there"));
    std::fs::write(&path, "opaque").expect("written");
    let opaque = home.run(&["login", "ua", "--from-token-file", ".auth_token"]);
    assert!(opaque.code == 10 && opaque.stderr.contains("no JWT"), "{}", opaque.stderr);
}
