//! `admin session`, `admin events`, `admin recover`.

use super::data_dir::{DEMO, DataDir, audit, claims};
use freshkey_core::change::{Applied, Change};
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{Family, SessionId};
use freshkey_server::clock::{Clock as _, SystemClock};
use freshkey_store::GrantFilter;
use insta::assert_snapshot;

#[tokio::test]
async fn t_021_every_offline_grant_of_a_person_is_listed_and_ends_alone() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(server.sign_in("offline_access").await.refresh_token());
    }
    let online = server.sign_in("").await.refresh_token();
    let listed = dir.admin(&["session", "list", "--realm", "UA", "--user", "demo", "--offline", "--json"]).json();
    let rows = listed.as_array().expect("a list").clone();
    assert_eq!(rows.len(), 3, "{listed}");
    assert!(
        rows.iter()
            .all(|row| row["kind"] == "offline" && row["clientId"] == "ua-grant" && row["username"] == DEMO && row["diesAt"].is_i64()),
        "{listed}"
    );

    let second = claims(&tokens[1]).sid.expect("a sid");
    let grant = rows.iter().find(|row| row["sid"] == second.as_str()).expect("listed")["grant"].as_str().expect("a name").to_owned();
    let ended = dir.admin(&["session", "end", &grant, "--json"]).json();
    assert_eq!(ended["ended"], serde_json::json!([grant]));
    assert_eq!(server.refresh(&tokens[1]).await.status, 400);
    for alive in [&tokens[0], &tokens[2], &online] {
        assert_eq!(server.refresh(alive).await.status, 200);
    }
    let left = dir.admin(&["session", "list", "--user", "demo", "--json"]).json();
    assert_eq!(left.as_array().map(Vec::len), Some(3), "{left}");

    dir.admin(&["session", "end", "--user", "demo", "--offline"]).ok();
    assert_eq!(server.refresh(&tokens[0]).await.status, 400);
    assert_eq!(server.refresh(&online).await.status, 200, "--offline leaves the online session alone");
    dir.admin(&["session", "end", "--user", "demo", "--realm", "UA"]).ok();
    assert_eq!(server.refresh(&online).await.status, 400);
    assert_snapshot!(dir.admin(&["session", "list", "--user", "demo"]).shown(), @"
    exit code: 0
    ── stdout
    ── stderr
    no such grants
    ");
}

#[tokio::test]
async fn one_of_the_two_grants_of_a_session_ends_alone() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let online = server.sign_in("").await.refresh_token();
    let form =
        [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", online.as_str()), ("scope", "offline_access")];
    let offline = server.token(&form).await.refresh_token();
    let sid = claims(&online).sid.expect("a sid");
    assert_eq!(claims(&offline).sid.as_ref(), Some(&sid));
    let rows = dir.admin(&["session", "show", &sid, "--json"]).json();
    let named = |kind: &str| {
        rows.as_array().expect("a list").iter().find(|row| row["kind"] == kind).expect("listed")["grant"]
            .as_str()
            .expect("a name")
            .to_owned()
    };
    dir.admin(&["session", "end", &named("online")]).ok();
    assert_eq!(server.refresh(&online).await.status, 400);
    assert_eq!(server.refresh(&offline).await.status, 200);
    assert_eq!(dir.admin(&["session", "end", &sid, "--client", "ua-grant", "--online"]).code, 7, "it has no online grant any more");
    dir.admin(&["session", "end", &named("offline")]).ok();
    assert_eq!(server.refresh(&offline).await.status, 400);
}

#[tokio::test]
async fn a_session_is_shown_and_ends_by_its_id() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    let sid = claims(&token).sid.expect("a sid");
    assert_snapshot!(dir.admin(&["session", "show", &sid, "--realm", "UA"]).shown(), @"
    exit code: 0
    ── stdout
    SESSION  KIND  CLIENT  USER  STARTED  LAST USED  DIES
    UUID  online  ua-grant  demo  MOMENT  MOMENT  MOMENT (DISTANCE)
    ── stderr
    ");
    assert_snapshot!(dir.admin(&["session", "end", &sid]).shown(), @"
    exit code: 0
    ── stdout
    ── stderr
    1 grant ended
    ");
    assert_eq!(server.refresh(&token).await.status, 400);
    assert_snapshot!(dir.admin(&["session", "show", &sid]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no session UUID in realm "UA"
    hint: if it lived once, `freshkey-server explain … UUID` says what became of it
    "#);
    let ended = dir.events().await.into_iter().find(|event| event.kind == "ADMIN_CHANGE").expect("an event");
    assert_eq!(ended.sid.map(|sid| sid.to_string()), Some(sid));
}

#[tokio::test]
async fn events_are_filtered_by_user_kind_time_and_refusal() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    let sid = claims(&token).sid.expect("a sid");
    server.refresh(&token).await;
    dir.admin(&["session", "end", &sid]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);

    let refused = dir.admin(&["events", "--realm", "UA", "--refused", "--since", "1h", "--json"]).json();
    assert_eq!(refused.as_array().map(Vec::len), Some(1), "{refused}");
    assert_eq!(
        (refused[0]["kind"].as_str(), refused[0]["reason"].as_str(), refused[0]["address"].as_str()),
        (Some("REFRESH_TOKEN"), Some("session_not_active"), Some("192.0.2.1"))
    );
    let count = |arguments: &[&str]| dir.admin(&[&["events", "--json"], arguments].concat()).json().as_array().map(Vec::len);
    assert_eq!(count(&["--user", "demo", "--kind", "refresh-token"]), Some(2));
    assert_eq!(count(&["--sid", &sid, "--kind", "REFRESH_TOKEN", "--kind", "ADMIN_CHANGE"]), Some(3));
    assert_eq!(count(&["--client", "ua"]), Some(0));
    assert_eq!(count(&["--until", "1h"]), Some(0));
    assert_eq!(count(&["--limit", "1"]), Some(1));
    assert_eq!(dir.admin(&["events", "--since", "1h", "--until", "2h"]).code, 2);
}

/// A chain of which a token was seen that is newer than its row, as after a failover that lost commits.
async fn regressed(dir: &DataDir, family: i64) -> GrantId {
    let store = dir.store().await;
    let realm = store.load_realm("UA").await.expect("read").expect("there");
    let (read, _) = freshkey_core::keycloak::build_realm(&realm).expect("sound");
    let user = store.user_by_name(realm.key, DEMO).await.expect("read").expect("there");
    let now = SystemClock.now();
    let id = GrantId {
        sid: SessionId([family.to_be_bytes()[7]; 16]),
        kind: SessionKind::Offline,
        client: read.clients["ua-grant"].key,
        family: Family(family),
    };
    let at = now.seconds();
    let grant = Grant {
        id,
        realm: realm.key,
        user: user.key,
        generation: 3,
        predecessor_uses: 1,
        session_started_at: at,
        started_at: at,
        rotated_at: at,
        last_used_at: at,
        auth_time: None,
        notes: Default::default(),
    };
    let changes = [
        Change::BeginGrant { grant: Box::new(grant), offline_grants_max: None },
        Change::NoteRegression { grant: id, seen_generation: 5, at },
    ];
    assert_eq!(store.record(&changes, &audit(realm.key, now)).await.expect("written"), Applied::Yes);
    id
}

#[tokio::test]
async fn t_095_regressed_grants_are_listed_and_ended_or_stepped_forward() {
    let dir = DataDir::new();
    let (forward, ended) = (regressed(&dir, 1).await, regressed(&dir, 2).await);
    let listed = dir.admin(&["recover", "list", "--realm", "UA", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!((listed[0]["storedGeneration"].as_i64(), listed[0]["seenGeneration"].as_i64()), (Some(3), Some(5)));

    let name = listed[0]["grant"].as_str().expect("a name").to_owned();
    assert_snapshot!(dir.admin(&["recover", "step-forward", &name]).shown(), @"
    exit code: 0
    ── stdout
    ── stderr
    1 stepped forward
    ");
    dir.admin(&["recover", "end", "--all"]).ok();
    assert_snapshot!(dir.admin(&["recover", "list"]).shown(), @"
    exit code: 0
    ── stdout
    ── stderr
    nothing waits for a decision
    ");

    let store = dir.store().await;
    let realm = store.load_realm("UA").await.expect("read").expect("there").key;
    let grants = all_of(&store, &GrantFilter::realm(realm)).await;
    let generation = |id: &GrantId| grants.iter().find(|grant| grant.id == *id).map(|grant| grant.generation);
    assert_eq!((generation(&forward), generation(&ended)), (Some(5), None));
    assert_eq!(dir.admin(&["recover", "end", &name]).code, 7, "it waits no more");
}

async fn all_of(store: &freshkey_store::Store, filter: &GrantFilter) -> Vec<Grant> {
    store.grants(filter, &freshkey_store::Page::first(1000)).await.expect("read")
}
