use super::*;
use crate::fixture::{DAY, START, World};
use crate::inherited::sid_text;
use serde_json::json;

const CHAIN: &str = "97dee207-89e1-4753-a4be-7765bf32f3d4";

fn stored(world: &World, kind: SessionKind) -> StoredSession {
    let client = world.client("ua-grant");
    let client_id = client.key.to_string();
    StoredSession {
        id: "tzy8C3YBNOLkaEdKUHA9hRG3".into(),
        kind,
        user_id: world.user.id.clone(),
        started_at: START,
        last_used_at: START + 60,
        data: json!({ "started": 0, "state": "LOGGED_IN", "notes": {
            "AUTH_TIME": START.to_string(), "KC_DEVICE_NOTE": "eyJ", "clientHost": "192.0.2.7", "FEDERATED_ACCESS_TOKEN": "secret" } })
        .to_string(),
        clients: vec![StoredClientSession {
            client_id,
            last_used_at: START + 60,
            data: json!({ "authMethod": "openid-connect", "notes": {
                "startedAt": (START + 5).to_string(),
                "userSessionStartedAt": START.to_string(),
                format!("refreshTokenPrefix{CHAIN}"): "used",
                format!("refreshTokenUsePrefix{CHAIN}"): "1",
                format!("refreshTokenLastRefreshPrefix{CHAIN}"): (START + 60).to_string(),
            } })
            .to_string(),
        }],
    }
}

fn read(world: &World, session: &StoredSession, now: EpochSeconds) -> Translated {
    let mut answers = SessionReader::new(&world.realm, Now::from_seconds(now)).read(session, |user| user == world.user.key);
    answers.remove(0)
}

#[test]
fn a_session_keeps_its_times_and_the_notes_that_mappers_read() {
    let world = World::new();
    for kind in [SessionKind::Online, SessionKind::Offline] {
        let grants = read(&world, &stored(&world, kind), START + 100).unwrap();
        let [grant] = grants.as_slice() else { panic!("without rotation a session has one chain: {grants:?}") };
        assert_eq!((grant.session_started_at, grant.started_at, grant.last_used_at), (START, START + 5, START + 60));
        assert_eq!((grant.auth_time, grant.user, grant.id.kind), (Some(START), world.user.key, kind));
        assert_eq!(grant.notes.get("clientHost").map(String::as_str), Some("192.0.2.7"));
        assert!(!grant.notes.contains_key("KC_DEVICE_NOTE") && !grant.notes.contains_key("FEDERATED_ACCESS_TOKEN"));
        assert_eq!(sid_text(grant), "tzy8C3YBNOLkaEdKUHA9hRG3");
    }
}

#[test]
fn with_rotation_each_chain_that_was_used_has_its_grant_beside_the_first() {
    let mut world = World::new();
    world.realm.settings.rotation.default = Rotation::On;
    let grants = read(&world, &stored(&world, SessionKind::Offline), START + 100).unwrap();
    let [first, chain] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!((first.id.family, first.generation), (Family::FIRST, 0));
    assert_eq!(Some(chain.id.family), Family::of_keycloak(CHAIN));
    assert_eq!((chain.generation, chain.predecessor_uses, chain.rotated_at), (2, 1, START + 60));
}

#[test]
fn what_cannot_go_on_is_left_behind_with_the_reason() {
    let mut world = World::new();
    world.realm.settings.lifetimes.session_idle_s = 1800;
    let session = |change: fn(&mut StoredSession)| {
        let mut session = stored(&world, SessionKind::Online);
        change(&mut session);
        session
    };
    let cases: [(StoredSession, EpochSeconds, Option<LeftBehind>); 8] = [
        (session(|_| ()), START + 60 + 1799, None),
        (session(|_| ()), START + 60 + 1800, Some(LeftBehind::Expired)),
        (session(|session| session.started_at = START - 100 * DAY), START + 100, Some(LeftBehind::Expired)),
        (session(|session| session.user_id = "f:ldap:ann".into()), START + 100, Some(LeftBehind::UnknownUser)),
        (session(|session| session.clients[0].client_id = "external".into()), START + 100, Some(LeftBehind::UnknownClient)),
        (session(|session| session.clients[0].data = "{\"authMethod\":\"saml\"}".into()), START + 100, Some(LeftBehind::OtherProtocol)),
        (session(|session| session.data = "{\"state\":\"LOGGED_OUT\"}".into()), START + 100, Some(LeftBehind::LoggedOut)),
        (session(|session| session.clients[0].data = "{".into()), START + 100, Some(LeftBehind::Unreadable)),
    ];
    for (session, now, expected) in cases {
        assert_eq!(read(&world, &session, now).err(), expected, "{session:?}");
    }
}
