//! A move that is interrupted anywhere, and begun again.

use super::recorded::{Keycloak, Ours, Recording, Unhindered, everybody};
use freshkey_server::keycloak_database::{MoveError, Progress, Step};
use freshkey_store::{GrantFilter, Page, Store};
use std::ops::ControlFlow;

/// Three pages of users and two of sessions.
const MANY: &str = "
INSERT INTO user_entity SELECT 'u' || i, 'u' || i || '@example.org', 'u' || i || '@example.org', true, true, NULL, 'U', i::text, r.id, 'u' || i, 1, NULL, 0, 1
  FROM generate_series(1, 2100) i, realm r WHERE r.name = 'till';
INSERT INTO user_role_mapping (role_id, user_id) SELECT r.default_role, 'u' || i FROM generate_series(1, 2100) i, realm r WHERE r.name = 'till';
INSERT INTO offline_user_session SELECT 'session-' || i, 'u' || i, s.realm_id, s.created_on, '1', s.data, s.last_session_refresh, NULL, 0, false
  FROM generate_series(1, 1100) i, (SELECT * FROM offline_user_session WHERE offline_flag = '1' AND realm_id = (SELECT id FROM realm WHERE name = 'till') LIMIT 1) s;
INSERT INTO offline_client_session SELECT 'session-' || i, c.client_id, '1', c.timestamp, c.data, 'local', 'local', 0, c.realm_id
  FROM generate_series(1, 1100) i, (SELECT * FROM offline_client_session WHERE offline_flag = '1' AND realm_id = (SELECT id FROM realm WHERE name = 'till') LIMIT 1) c;
";

/// Stops a move after so many pages were written.
struct StopsAfter(u32);

impl Progress for StopsAfter {
    fn step(&mut self, step: Step, _: u64, _: u64) -> ControlFlow<()> {
        if step == Step::Check {
            return ControlFlow::Continue(());
        }
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Everything of the realm that the move brought, in words.
async fn contents(store: &Store) -> Vec<String> {
    let documents = store.load_realm("till").await.unwrap().unwrap();
    let mut contents = vec![documents.document.to_string()];
    contents.extend(documents.items.iter().map(|item| format!("{item:?} {}", item.document)));
    let mut page = Page::first(1000);
    loop {
        let users = store.list_users(documents.key, &everybody(), &page).await.unwrap();
        let Some(last) = users.last() else { break };
        page.after = Some(last.username.clone());
        contents.extend(users.iter().map(|user| format!("{user:?}")));
    }
    let mut page = Page::first(1000);
    loop {
        let grants = store.grants(&GrantFilter::realm(documents.key), &page).await.unwrap();
        let Some(last) = grants.last() else { break };
        page.after = Some(last.id);
        contents.extend(
            grants
                .into_iter()
                .map(|grant| format!("{:?}", freshkey_core::grant::Grant { realm: freshkey_core::ids::RealmKey(0), ..grant })),
        );
    }
    contents
}

#[tokio::test]
async fn a_move_that_was_stopped_anywhere_is_taken_up_and_ends_the_same() {
    let (recording, keycloak) = (Recording::read(), Keycloak::load().await);
    keycloak.execute(MANY).await;
    let whole = Ours::make().await;
    let moved = whole.try_to_take_over(&keycloak, "till", recording.taken_at, &mut Unhindered).await.unwrap();
    let expected = contents(&whole.store).await;
    assert!(moved.users > 2100 && moved.offline > 1100, "{moved:?}");
    for pages in [2, 4] {
        let ours = Ours::make().await;
        let stopped = ours.try_to_take_over(&keycloak, "till", recording.taken_at, &mut StopsAfter(pages)).await;
        assert!(matches!(stopped, Err(MoveError::Stopped)), "{pages} pages: {stopped:?}");
        let half = ours.store.load_realm("till").await.unwrap().unwrap();
        assert_eq!(half.document["enabled"], false, "nobody can use it");
        let taken_up = ours.try_to_take_over(&keycloak, "till", recording.taken_at, &mut Unhindered).await.unwrap();
        assert!(taken_up.users_found >= 2000, "{taken_up:?}");
        assert_eq!((taken_up.users, taken_up.offline, taken_up.online), (moved.users, moved.offline, moved.online));
        assert_eq!(contents(&ours.store).await, expected, "stopped after {pages} pages");
    }
}

#[tokio::test]
async fn a_move_whose_keycloak_went_on_begins_anew() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    let stopped = ours.try_to_take_over(&keycloak, "till", recording.taken_at, &mut StopsAfter(2)).await;
    assert!(matches!(stopped, Err(MoveError::Stopped)), "{stopped:?}");
    // A sign-in was ended and a user deleted after the first attempt: neither may come back.
    keycloak
        .execute(
            "DELETE FROM offline_client_session WHERE offline_flag = '0'; DELETE FROM offline_user_session WHERE offline_flag = '0';
             DELETE FROM user_entity WHERE username = 'eve'",
        )
        .await;
    let moved = ours.try_to_take_over(&keycloak, "till", recording.taken_at, &mut Unhindered).await.unwrap();
    assert_eq!((moved.online, moved.users_found), (0, 0));
    let fresh = Ours::make().await;
    fresh.take_over(&keycloak, &["till"], recording.taken_at).await;
    assert_eq!(contents(&ours.store).await, contents(&fresh.store).await);
}

#[tokio::test]
async fn a_realm_that_is_here_already_is_left_as_it_is() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    let token = recording.token("offline current");
    let server = ours.serve(recording.taken_at).await;
    let successor = server.refresh(&recording, token, &token.refresh_token).await.refresh_token();
    // The command is run again, since of several realms the last was interrupted.
    ours.take_over(&keycloak, &["till", "shop"], recording.taken_at).await;
    assert_eq!(server.refresh(&recording, token, &successor).await.status, 200);
}

#[tokio::test]
async fn a_realm_that_was_removed_is_not_in_the_way_of_its_sessions() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    let there = ours.store.load_realm("till").await.unwrap().unwrap();
    let _ = ours.store.delete_realm(there.key, there.version, &super::recorded::audit(there.key, "realm.remove")).await.unwrap();
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    let token = recording.token("offline current");
    assert_eq!(ours.serve(recording.taken_at).await.refresh(&recording, token, &token.refresh_token).await.status, 200);
}
