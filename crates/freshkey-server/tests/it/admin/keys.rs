//! `admin keys`.

use super::data_dir::DataDir;
use freshkey_protocol::jose::CompactJws;
use insta::assert_snapshot;

fn kid_of(token: &str) -> String {
    CompactJws::parse(token.as_bytes()).expect("a JWS").header().key_id.as_ref().expect("a kid").as_str().to_owned()
}

#[tokio::test]
async fn t_031_a_new_key_is_published_before_it_signs_and_the_old_one_goes_on_verifying() {
    let dir = DataDir::new();
    let server = dir.server().await;
    assert_snapshot!(dir.admin(&["keys", "list", "--realm", "UA"]).shown(), @"
    exit code: 0
    ── stdout
    KID  ALGORITHM  STATUS  SIGNS  PRIORITY  PROVIDER
    UUID  HS512  active  yes  100  hmac-generated
    KID  RS256  active  yes  100  rsa-generated
    ── stderr
    ");
    let before = kid_of(&server.sign_in("").await.access_token());

    let ran = dir.admin(&["keys", "rotate", "--realm", "UA"]);
    assert_snapshot!(ran.shown(), @r#"
    exit code: 0
    ── stdout
    ── stderr
    key KID for RS256 is published in realm "UA"; it doesn't sign yet
    hint: when every application has fetched the key set again (a day is ample), run `freshkey-server admin … keys activate KID --realm UA`
    "#);
    let listed = dir.admin(&["keys", "list", "--json"]).json();
    let rs256 = |status: &str| {
        let rows = listed.as_array().expect("a list").iter().filter(|row| row["algorithm"] == "RS256" && row["status"] == status);
        rows.map(|row| row["kid"].as_str().expect("a kid").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rs256("active"), std::slice::from_ref(&before));
    let new = rs256("passive").pop().expect("the new key is published");
    assert_eq!(kid_of(&server.sign_in("").await.access_token()), before, "it doesn't sign yet");

    dir.admin(&["keys", "activate", &new, "--realm", "UA"]).ok();
    assert_eq!(kid_of(&server.sign_in("").await.access_token()), new);
    let listed = dir.admin(&["keys", "list", "--json"]).json();
    let old = listed.as_array().expect("a list").iter().find(|row| row["kid"] == before.as_str()).expect("listed");
    assert_eq!(old["status"], "passive", "what it signed still verifies");
    assert!(dir.events().await.iter().filter(|event| event.kind == "KEY_CHANGE").count() == 2);
}

#[tokio::test]
async fn refresh_tokens_survive_the_rotation_of_their_key_and_die_with_it() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    let old = kid_of(&token);
    dir.admin(&["keys", "rotate", "--algorithm", "hs512", "--now"]).ok();
    let answer = server.refresh(&token).await;
    assert_eq!(answer.status, 200);
    assert_ne!(kid_of(&answer.refresh_token()), old);
    dir.admin(&["keys", "disable", &old]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);
    assert_eq!(server.refresh(&answer.refresh_token()).await.status, 200);
}

#[test]
fn the_last_key_of_an_algorithm_is_not_disabled_by_mistake() {
    let dir = DataDir::new();
    let listed = dir.admin(&["keys", "list", "--json"]).json();
    let kid = listed.as_array().expect("a list").iter().find(|row| row["algorithm"] == "RS256").expect("listed")["kid"]
        .as_str()
        .expect("a kid")
        .to_owned();
    assert_snapshot!(dir.admin(&["keys", "disable", &kid]).shown(), @"
    exit code: 1
    ── stdout
    ── stderr
    error: no other key can sign with RS256; nothing was changed
    hint: first `keys rotate --algorithm RS256 --now`, then disable this one; --force does it all the same
    ");
    assert_eq!(dir.admin(&["keys", "disable", &kid, "--force"]).code, 0);
    assert_snapshot!(dir.admin(&["keys", "disable", "nonsense"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no key "nonsense" in realm "UA"
    hint: `keys list` shows them
    "#);
}
