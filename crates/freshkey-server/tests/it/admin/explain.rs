//! `explain`.

use super::data_dir::{DEMO, DataDir, Ran, claims};
use insta::assert_snapshot;

/// No part of a token that could be of use is in what came out (T-054).
fn assert_tells_no_token(ran: &Ran, tokens: &[&str]) {
    for token in tokens {
        for slice in token.as_bytes().windows(12) {
            let slice = std::str::from_utf8(slice).expect("ASCII");
            assert!(!ran.stdout.contains(slice) && !ran.stderr.contains(slice), "{slice:?} of a token came out:\n{}", ran.stdout);
        }
    }
}

#[tokio::test]
async fn t_054_a_living_token_is_explained_and_never_repeated() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let answer = server.sign_in("openid").await;
    let token = answer.refresh_token();
    server.refresh(&token).await;
    let ran = dir.explain(&["-"], &format!("{token}\n"));
    assert_snapshot!(ran.shown(), @"
    exit code: 0
    ── stdout
    realm  UA
    token  Refresh token, signed by a key of this realm (HS512)
    issued  MOMENT (DISTANCE)
    expires  MOMENT (DISTANCE)
    generation  0 of a chain whose newest is 0
    client  ua-grant
    scope  openid web-origins acr profile roles basic email ua
    issuer  https://id.example/realms/UA
    session  UUID
    user  demo (UUID)

    usable now  yes
    because  a refresh with it would be granted now

    Grants
    SESSION  KIND  CLIENT  GENERATION  STARTED  LAST USED  DIES
    UUID  online  ua-grant  MOMENT (DISTANCE)  MOMENT (DISTANCE)  MOMENT (DISTANCE) of disuse of the session

    What would end them
    - `admin session end`
    - `admin user set --log-out`, or removing the user or the client
    - logging out or revoking with one of its tokens

    Events, newest first
    AT  WHAT  DECISION  CLIENT  FROM
    MOMENT  REFRESH_TOKEN  ok  ua-grant  192.0.2.1
    MOMENT  LOGIN  ok  ua-grant  192.0.2.1
    ── stderr
    ");
    let access = answer.access_token();
    let as_json = dir.explain(&["--json", "-"], &access);
    for ran in [&ran, &as_json, &dir.explain(&[&token], ""), &dir.explain(&[DEMO, "--json"], "")] {
        assert_tells_no_token(ran, &[&token, &access]);
    }
    let story = as_json.json();
    assert_eq!(
        (story["verdict"]["usable"].as_bool(), story["user"]["username"].as_str(), story["token"]["clientId"].as_str()),
        (Some(true), Some(DEMO), Some("ua-grant"))
    );
}

#[tokio::test]
async fn a_dead_token_says_who_ended_it_and_why_it_was_refused() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    let sid = claims(&token).sid.expect("a sid");
    dir.admin(&["session", "end", &sid]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);
    let story = dir.explain(&["--json", "-"], &token).json();
    assert_eq!((story["verdict"]["usable"].as_bool(), story["verdict"]["reason"].as_str()), (Some(false), Some("session_not_active")));
    assert_eq!(story["lastRefusal"]["reason"], "session_not_active");
    assert!(story["events"].to_string().contains("session.end"), "{story}");
    assert_eq!(story["user"]["username"], DEMO);
    let by_sid = dir.explain(&[&sid, "--json"], "").json();
    assert_eq!((by_sid["subject"].as_str(), by_sid["grants"].as_array().map(Vec::len)), (Some("session"), Some(0)));
    assert_eq!(by_sid["user"]["username"], DEMO);
}

#[tokio::test]
async fn what_an_administrator_did_to_the_user_is_part_of_the_story_of_a_session() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("offline_access").await.refresh_token();
    dir.admin(&["user", "set", DEMO, "--log-out"]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);
    let story = dir.explain(&["--json", "-"], &token).json();
    assert_eq!(story["verdict"]["reason"], "offline_session_not_found", "{story}");
    assert!(story["events"].to_string().contains("user.log-out"), "{story}");
}

#[tokio::test]
async fn a_replayed_token_is_named_as_one_and_the_chain_is_shown() {
    let dir = DataDir::new();
    let server = dir.server().await;
    dir.admin(&["realm", "set", "UA", "--set", "revokeRefreshToken=true", "--set", "attributes.freshkey.refresh.grace.seconds=0"]).ok();
    let first = server.sign_in("").await.refresh_token();
    let second = server.refresh(&first).await.refresh_token();
    let story = dir.explain(&["--json", "-"], &second).json();
    assert_eq!((story["token"]["generation"].as_i64(), story["token"]["newestGeneration"].as_i64()), (Some(1), Some(1)));
    let story = dir.explain(&["--json", "-"], &first).json();
    assert_eq!((story["token"]["generation"].as_i64(), story["verdict"]["reason"].as_str()), (Some(0), Some("reused_too_often")));
    // Asking is not using: the chain is still alive.
    assert_eq!(server.refresh(&second).await.status, 200);
    assert_eq!(server.refresh(&first).await.status, 400);
    let ran = dir.explain(&["-"], &second);
    assert!(ran.stdout.contains("REFRESH_TOKEN_REUSE"), "{}", ran.stdout);
    assert!(ran.stdout.contains("of a chain that has ended"), "{}", ran.stdout);
}

#[test]
fn what_is_not_ours_is_said_to_be_not_ours() {
    let dir = DataDir::new();
    let foreign = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5vdC1vdXJzIn0.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUvcmVhbG1zL1VBIiwic3ViIjoieCJ9.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";
    assert_snapshot!(dir.explain(&["-"], foreign).shown(), @"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no token of ours: no key here has signed it
    hint: asked were the keys of: UA
    ");
    assert_snapshot!(dir.explain(&["nobody"], "").shown(), @"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no token, session or user of that name
    hint: a token goes on standard input: `explain … - < token.txt`; sessions leave events for as long as the realm keeps them
    ");
    assert_snapshot!(dir.explain(&["019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071"], "").shown(), @"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no token, session or user of that name
    hint: a token goes on standard input: `explain … - < token.txt`; sessions leave events for as long as the realm keeps them
    ");
}

#[tokio::test]
async fn t_046_a_changed_signature_is_noticed() {
    let dir = DataDir::new();
    let token = dir.server().await.sign_in("").await.refresh_token();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let changed = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let ran = dir.explain(&["-"], &changed);
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.contains("the signature is wrong"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_user_is_explained_with_all_grants_and_refusals() {
    let dir = DataDir::new();
    let server = dir.server().await;
    server.sign_in("offline_access").await;
    server.sign_in("").await;
    let wrong = server.token(&[("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", "wrong")]).await;
    assert_eq!(wrong.status, 400);
    let story = dir.explain(&[DEMO, "--realm", "UA", "--json"], "").json();
    assert_eq!(story["grants"].as_array().map(Vec::len), Some(2), "{story}");
    assert_eq!(story["lastRefusal"]["reason"], "wrong_password", "{story}");
    assert!(story["lastRefusal"]["advice"].as_str().is_some_and(|advice| advice.contains("set-password")));
}
