//! What has become of a sign-in at its provider. Looking never costs it anything.

use super::{Person, examine};
use crate::with_provider::WithProvider;
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use freshkey_testkit::provider::{Behaviour, Rotation};

fn signed_in() -> (Quickstart, Home, Person) {
    let (quickstart, home) = (Quickstart::start(), Home::new());
    home.sign_in(&quickstart);
    let demo = Person { username: "demo".into(), password: quickstart.value("KC_PASSWORD"), ..Person::ann() };
    (quickstart, home, demo)
}

#[test]
fn a_session_that_ended_elsewhere_is_named_while_its_token_still_looks_fresh() {
    let (quickstart, home, demo) = signed_in();
    let before = quickstart.refreshes();
    examine(&home, &["ua"]).is_well("sign-in");
    assert_eq!(quickstart.refreshes(), before, "a fresh token is not renewed by looking at it");
    quickstart.admin(&["session", "end", "--user", "demo", "--realm", "UA"]);
    let cure = examine(&home, &["ua"]).names("sign-in", 3, &["the session has ended elsewhere", "Session not active"]);
    cure.apply(&home, &demo);
    examine(&home, &["ua"]).is_well("sign-in");
}

#[test]
fn a_user_who_was_disabled_is_named() {
    let (quickstart, home, demo) = signed_in();
    quickstart.admin(&["user", "set", "demo", "--realm", "UA", "--disabled"]);
    let cure = examine(&home, &["ua"]).names("sign-in", 3, &["the user demo was disabled"]);
    assert!(cure.advice.contains("enabled again"), "{}", cure.advice);
    quickstart.admin(&["user", "set", "demo", "--realm", "UA", "--enabled"]);
    cure.apply(&home, &demo);
    examine(&home, &["ua"]).is_well("sign-in");
}

#[test]
fn a_refresh_token_of_which_there_is_a_copy_is_named() {
    let (mut quickstart, home, demo) = signed_in();
    let settings = ["revokeRefreshToken=true", "attributes.freshkey.refresh.grace.seconds=0"];
    for setting in settings {
        quickstart.admin(&["realm", "set", "UA", "--set", setting]);
    }
    // A server that starts knows its settings from the first request on.
    quickstart.restart();
    // What is kept, put back from a copy of before: its refresh token is used already.
    let (account, copy) = (home.path(".local/state/freshkey/accounts/ua.sealed"), home.path("copy"));
    std::fs::copy(&account, &copy).expect("copied");
    home.prints(&["--no-agent", "refresh"]);
    std::fs::copy(&copy, &account).expect("copied");
    assert_eq!(home.run(&["--no-agent", "refresh"]).code, 3);
    let cure = examine(&home, &["ua"]).names("sign-in", 3, &["used a second time", "there is another copy of it"]);
    cure.apply(&home, &demo);
    examine(&home, &["ua"]).is_well("sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_words_are_sorted_into_causes() {
    for (words, cause) in [
        ("Maximum allowed refresh token reuse exceeded", "used a second time"),
        ("Stale token", "used a second time"),
        ("Token is not active", "the refresh token is over"),
        ("Offline session not active", "the offline session has ended"),
        ("Session not active", "the session has ended elsewhere"),
        ("User disabled", "was disabled"),
        ("no such thing", "does not take the refresh token any more"),
    ] {
        let user = WithProvider::signed_in().await;
        user.let_the_token_end();
        // Doctor asks for itself first, with no token, and then the keeper does.
        let refusal = format!(r#"{{"error":"invalid_grant","error_description":"{words}"}}"#);
        user.provider.behave(Behaviour::Says(400, refusal));
        let cure = examine(&user.home, &["ua"]).names("sign-in", 3, &[cause, words]);
        // What has ended is remembered: nobody has to be asked again to say why.
        examine(&user.home, &["ua"]).names("sign-in", 3, &[cause, words]);
        user.provider.behave(Behaviour::Answers);
        cure.apply(&user.home, &Person::ann());
        examine(&user.home, &["ua"]).is_well("sign-in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_091_looking_at_a_session_whose_tokens_rotate_does_not_lose_it() {
    let user = WithProvider::signed_in().await;
    user.provider.set_rotation(Rotation::Strict);
    for _ in 0..3 {
        user.let_the_token_end();
        examine(&user.home, &["ua"]).is_well("sign-in");
        examine(&user.home, &["ua"]).is_well("sign-in");
    }
    assert_eq!(user.provider.live_tokens(), 1);
    assert_eq!(user.home.run(&["refresh", "ua"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_is_signed_in_is_named_with_the_way_in() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["logout"]);
    let cure = examine(&user.home, &["ua"]).names("sign-in", 3, &["nobody is signed in to ua"]);
    assert_eq!(cure.command, "freshkey login ua");
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("sign-in");
}

/// Like a JWT, for who only reads it.
fn token(claims: &serde_json::Value) -> String {
    let part = |value: &serde_json::Value| freshkey_protocol::base64url::encode(value.to_string().as_bytes());
    format!("{}.{}.c2lnbmF0dXJl", part(&serde_json::json!({ "alg": "RS256", "typ": "JWT" })), part(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_access_that_was_left_out_in_silence_is_named_with_what_is_missing() {
    let user = WithProvider::signed_in().await;
    let roles =
        |roles: &[&str]| token(&serde_json::json!({ "aud": "api", "preferred_username": "ann", "realm_access": { "roles": roles } }));
    for (roles, missing) in [(roles(&["member"]), "ann lacks the role"), (roles(&["offline_access"]), "the client app lacks the scope")] {
        user.provider.say_in_replies(serde_json::json!({ "access_token": roles }));
        let arguments = ["login", "ua", "--scope", "openid offline_access", "--username", "ann", "--password-stdin"];
        assert_eq!(user.home.run_with_input(&arguments, "the password").code, 0);
        let cure = examine(&user.home, &["ua"]).warns("offline", &["offline_access was asked for and not granted", missing]);
        assert!(cure.advice.starts_with("have the"), "{}", cure.advice);
        user.provider.say_in_replies(serde_json::json!({ "access_token": roles, "scope": "openid offline_access" }));
        cure.apply(&user.home, &Person::ann());
        examine(&user.home, &["ua"]).is_well("offline");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_093_a_token_from_the_future_and_one_for_nobody_are_named() {
    let user = WithProvider::signed_in().await;
    for (claims, check) in [
        (serde_json::json!({ "aud": "api", "nbf": 4_000_000_000_i64 }), "counts only in"),
        (serde_json::json!({ "aud": "api", "iat": 4_000_000_000_i64, "exp": 4_000_000_060_i64 }), "in the future"),
        (serde_json::json!({ "sub": "ann" }), "names no audience"),
    ] {
        user.provider.say_in_replies(serde_json::json!({ "access_token": token(&claims) }));
        user.home.prints(&["refresh"]);
        examine(&user.home, &["ua"]).warns("token", &[check]);
    }
    user.provider.say_in_replies(serde_json::json!({ "access_token": token(&serde_json::json!({ "aud": "api" })) }));
    user.home.prints(&["refresh"]);
    examine(&user.home, &["ua"]).is_well("token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_somebody_else_keeps_in_a_file_and_lets_end_is_named() {
    let user = WithProvider::signed_in().await;
    let file = user.home.path("token");
    let write = |exp: i64| {
        let claims = serde_json::json!({ "iss": user.provider.issuer(), "azp": "app", "aud": "api", "exp": exp });
        std::fs::write(&file, token(&claims)).expect("written");
    };
    write(4_000_000_000);
    user.home.prints(&["login", "ua", "--from-token-file", &file.display().to_string()]);
    examine(&user.home, &["ua"]).is_well("sign-in");
    user.let_the_token_end();
    write(1_000_000_000);
    let cure = examine(&user.home, &["ua"]).names("sign-in", 4, &["the token in", "has ended"]);
    assert!(cure.advice.contains("renew its token"), "{}", cure.advice);
    std::fs::remove_file(&file).expect("removed");
    examine(&user.home, &["ua"]).names("sign-in", 4, &["is not there"]);
    write(4_000_000_000);
    examine(&user.home, &["ua"]).is_well("sign-in");
    user.home.prints(&["logout", "ua"]);
    let cure = examine(&user.home, &["ua"]).names("sign-in", 3, &["nobody is signed in to ua"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("sign-in");
}
