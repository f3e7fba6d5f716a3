//! What a decision reads: grants, their user, and nothing of anybody else.

use freshkey_core::change::Change;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey};

use super::engine;
use crate::stores::{apply, begin, create, grant, realm, realm_with_user, record, sid, user};

#[tokio::test]
async fn a_refresh_reads_grants_and_user_as_they_were_written() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let mut first = grant(realm, &ann, SessionKind::Offline, 1);
    first.auth_time = Some(1_799_999_999);
    first.id.family = Family(i64::MIN);
    let second = Grant { id: GrantId { client: ClientKey([8; 16]), ..first.id }, notes: Default::default(), ..first.clone() };
    apply(&test.store, &[begin(&first), begin(&second)]).await;
    let context = test.store.refresh_context(realm, sid(1), SessionKind::Offline).await.expect("readable");
    assert_eq!(context.user, Some(ann));
    assert_eq!(context.grants, [second, first]);
}

#[tokio::test]
async fn online_and_offline_grants_of_one_session_are_apart() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    apply(&test.store, &[begin(&grant(realm, &ann, SessionKind::Online, 1))]).await;
    let offline = test.store.refresh_context(realm, sid(1), SessionKind::Offline).await.expect("readable");
    assert!(offline.grants.is_empty() && offline.user.is_none());
}

#[tokio::test]
async fn a_user_without_roles_groups_and_optional_fields_is_read() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let mut bare = user("bare");
    (bare.email, bare.first_name, bare.roles, bare.groups, bare.attributes) = (None, None, Vec::new(), Vec::new(), Default::default());
    bare.required_actions = vec!["UPDATE_PASSWORD".into()];
    create(&test.store, realm, &record(bare.clone())).await;
    let session = grant(realm, &bare, SessionKind::Online, 1);
    apply(&test.store, &[begin(&session)]).await;
    let context = test.store.refresh_context(realm, sid(1), SessionKind::Online).await.expect("readable");
    assert_eq!(context.user, Some(bare));
}

#[tokio::test]
async fn t_008_roles_groups_and_attributes_are_of_this_moment() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    apply(&test.store, &[begin(&grant(realm, &ann, SessionKind::Online, 1))]).await;
    let node = test.another_node().await;
    assert_eq!(node.refresh_context(realm, sid(1), SessionKind::Online).await.expect("readable").user, Some(ann.clone()));
    let change =
        freshkey_store::MembershipChange { remove_roles: ann.roles.clone(), remove_groups: ann.groups.clone(), ..Default::default() };
    let audit = crate::stores::audit(freshkey_core::event::EventKind::AdminChange);
    assert_eq!(test.store.change_memberships(realm, ann.key, &change, &audit).await, Ok(freshkey_core::change::Applied::Yes));
    let after = node.refresh_context(realm, sid(1), SessionKind::Online).await.expect("readable").user.expect("there");
    assert!(after.roles.is_empty() && after.groups.is_empty());
}

#[tokio::test]
async fn t_015_a_session_of_another_user_is_not_mixed_with_mine() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let bob = user("bob");
    create(&test.store, realm, &record(bob.clone())).await;
    apply(&test.store, &[begin(&grant(realm, &ann, SessionKind::Online, 1)), begin(&grant(realm, &bob, SessionKind::Online, 2))]).await;
    let context = test.store.refresh_context(realm, sid(2), SessionKind::Online).await.expect("readable");
    assert_eq!(context.user, Some(bob.clone()));
    assert!(context.grants.iter().all(|grant| grant.user == bob.key));
}

#[tokio::test]
async fn t_046_another_realm_sees_neither_grants_nor_users_nor_revocations() {
    let test = engine::open().await;
    let (a, ann) = realm_with_user(&test.store).await;
    let b = realm(&test.store, "second").await;
    // Realm B is a copy of A: same ids everywhere.
    create(&test.store, b, &record(freshkey_core::user::User { username: "twin".into(), ..ann.clone() })).await;
    apply(&test.store, &[begin(&grant(a, &ann, SessionKind::Online, 1)), revoked(a, "jti-1")]).await;
    let context = test.store.refresh_context(b, sid(1), SessionKind::Online).await.expect("readable");
    assert!(context.grants.is_empty() && context.user.is_none());
    let context = test.store.access_token_context(b, Some(sid(1)), None, "jti-1").await.expect("readable");
    assert!(context.grants.is_empty() && context.user.is_none() && !context.revoked);
    let ours = test.store.access_token_context(a, Some(sid(1)), None, "jti-1").await.expect("readable");
    assert!(ours.grants.len() == 1 && ours.revoked && ours.user == Some(ann.clone()));
    assert_eq!(test.store.user(b, ann.key).await.expect("readable").expect("there").username, "twin");
}

fn revoked(realm: RealmKey, jti: &str) -> Change {
    Change::RevokeAccessToken { realm, jti: jti.into(), until: crate::stores::NOW + 60 }
}

#[tokio::test]
async fn an_access_token_is_known_by_session_by_user_or_not_at_all() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    apply(&test.store, &[begin(&grant(realm, &ann, SessionKind::Online, 1)), begin(&grant(realm, &ann, SessionKind::Offline, 1))]).await;
    let by_session = test.store.access_token_context(realm, Some(sid(1)), None, "j").await.expect("readable");
    assert_eq!(by_session.grants.len(), 2);
    assert_eq!(by_session.user, Some(ann.clone()));
    let by_user = test.store.access_token_context(realm, None, Some(ann.key), "j").await.expect("readable");
    assert!(by_user.grants.is_empty() && !by_user.revoked);
    assert_eq!(by_user.user, Some(ann.clone()));
    let unknown = test.store.access_token_context(realm, Some(sid(9)), Some(user("nobody").key), "j").await.expect("readable");
    assert!(unknown.grants.is_empty() && unknown.user.is_none() && !unknown.revoked);
    let neither = test.store.access_token_context(realm, None, None, "j").await.expect("readable");
    assert!(neither.grants.is_empty() && neither.user.is_none());
}

#[tokio::test]
async fn a_revoked_access_token_is_known_by_its_jti_alone() {
    let test = engine::open().await;
    let (realm, _) = realm_with_user(&test.store).await;
    apply(&test.store, &[revoked(realm, "jti-1")]).await;
    for (jti, expected) in [("jti-1", true), ("jti-2", false), ("", false)] {
        let context = test.store.access_token_context(realm, None, None, jti).await.expect("readable");
        assert_eq!(context.revoked, expected, "{jti}");
    }
}
