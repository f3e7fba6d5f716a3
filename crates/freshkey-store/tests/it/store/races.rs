//! What happens at the same moment, over two nodes. SQLite has one writer and can't lose most of these; the suite counts on PostgreSQL.

use freshkey_core::brute_force::LoginFailures;
use freshkey_core::change::{Applied, Change, OnceKind};
use freshkey_core::client_auth::FirstUse;
use freshkey_core::event::EventKind;
use freshkey_core::grant::SessionKind;
use freshkey_core::one_time_codes::CodeUse;
use freshkey_store::{GrantFilter, Page, Store};
use tokio::task::JoinSet;

use super::engine;
use crate::stores::{NOW, apply, audit, begin, create, credential, grant, now, realm, realm_with_user, record, stored, user};

/// Runs 64 at once, taking turns between the nodes, and counts how many answered `expected`.
async fn count_of<T, F>(nodes: &[Store], expected: T, call: impl Fn(Store) -> F) -> usize
where
    T: PartialEq + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..64 {
        calls.spawn(call(nodes[number % nodes.len()].clone()));
    }
    calls.join_all().await.into_iter().filter(|answer| *answer == expected).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn t_001_one_of_64_rotations_wins_each_generation() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let mine = grant(realm, &ann, SessionKind::Offline, 1);
    apply(&test.store, &[begin(&mine)]).await;
    for presented in 0..3 {
        let id = mine.id;
        let won = count_of(&nodes, Ok(Applied::Yes), |store| async move {
            store.record(&[Change::Rotate { grant: id, presented, at: NOW }], &audit(EventKind::RefreshToken)).await
        });
        assert_eq!(won.await, 1, "generation {presented}");
    }
    assert_eq!(stored(&test.store, &mine).await.expect("there").generation, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_001_a_rotation_with_company_wins_once_too() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let (mine, twin) = (grant(realm, &ann, SessionKind::Online, 1), grant(realm, &ann, SessionKind::Offline, 1));
    apply(&test.store, &[begin(&mine)]).await;
    let id = mine.id;
    let begun = begin(&twin);
    let won = count_of(&nodes, Ok(Applied::Yes), move |store| {
        let changes = [Change::Rotate { grant: id, presented: 0, at: NOW }, begun.clone()];
        async move { store.record(&changes, &audit(EventKind::OfflineUpgrade)).await }
    });
    assert_eq!(won.await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_001_without_rotation_every_use_is_fine() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let mine = grant(realm, &ann, SessionKind::Offline, 1);
    apply(&test.store, &[begin(&mine)]).await;
    let id = mine.id;
    let fine = count_of(&nodes, Ok(Applied::Yes), move |store| async move {
        store.record(&[Change::Touch { grant: id, at: NOW + 9 }], &audit(EventKind::RefreshToken)).await
    });
    assert_eq!(fine.await, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_005_nothing_begun_after_the_end_succeeds() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    for trial in 0..100_u8 {
        let mine = grant(realm, &ann, SessionKind::Offline, trial);
        apply(&test.store, &[begin(&mine)]).await;
        let id = mine.id;
        let mut refreshing = JoinSet::new();
        for node in &nodes {
            let node = node.clone();
            refreshing.spawn(async move {
                for presented in 0.. {
                    let rotation = [Change::Rotate { grant: id, presented, at: NOW }];
                    let recorded = node.record(&rotation, &audit(EventKind::RefreshToken)).await.expect("an answer");
                    let context = node.refresh_context(realm, id.sid, id.kind).await.expect("readable");
                    if recorded == Applied::Raced && context.grants.is_empty() {
                        return;
                    }
                }
            });
        }
        let end = [Change::EndClientSession { sid: id.sid, kind: id.kind, client: id.client }];
        assert_eq!(nodes[usize::from(trial) % 2].record(&end, &audit(EventKind::RevokeGrant)).await, Ok(Applied::Yes));
        for node in &nodes {
            assert_eq!(stored(node, &mine).await, None, "trial {trial}");
            for presented in 0..4 {
                let rotation = [Change::Rotate { grant: id, presented, at: NOW }];
                assert_eq!(node.record(&rotation, &audit(EventKind::RefreshToken)).await, Ok(Applied::Raced), "trial {trial}");
            }
        }
        refreshing.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_005_no_grant_begins_after_its_user_was_deleted() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let mut signing_in = JoinSet::new();
    for number in 0..64_u8 {
        let (node, change) = (nodes[usize::from(number % 2)].clone(), begin(&grant(realm, &ann, SessionKind::Online, number)));
        signing_in.spawn(async move { node.record(&[change], &audit(EventKind::Login)).await });
    }
    assert_eq!(test.store.delete_user(realm, ann.key, &audit(EventKind::AdminChange)).await, Ok(Applied::Yes));
    for answer in signing_in.join_all().await {
        assert!(matches!(answer, Ok(Applied::Yes | Applied::Raced)), "{answer:?}");
    }
    assert_eq!(test.store.grants(&GrantFilter::user(realm, ann.key), &Page::first(100)).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_021_the_cap_holds_for_sign_ins_at_the_same_moment() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let mut signing_in = JoinSet::new();
    for number in 0..64_u8 {
        let grant = Box::new(grant(realm, &ann, SessionKind::Offline, number));
        let (node, change) = (nodes[usize::from(number % 2)].clone(), Change::BeginGrant { grant, offline_grants_max: Some(5) });
        signing_in.spawn(async move { node.record(&[change], &audit(EventKind::Login)).await });
    }
    assert!(signing_in.join_all().await.into_iter().all(|answer| answer == Ok(Applied::Yes)));
    assert_eq!(test.store.grants(&GrantFilter::user(realm, ann.key), &Page::first(100)).await.expect("readable").len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_024_one_of_64_guesses_is_counted_on_one_judgement() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let first = LoginFailures { count: 1, last_failure_at_ms: NOW * 1000, ..LoginFailures::default() };
    let second = LoginFailures { count: 2, ..first.clone() };
    for (seen, becomes) in [(None, first.clone()), (Some(first), second)] {
        let change = Change::LoginFailures { realm, user: ann.key, seen, becomes: Some(becomes) };
        let counted = count_of(&nodes, Ok(Applied::Yes), move |store| {
            let changes = [change.clone()];
            async move { store.record(&changes, &audit(EventKind::Login)).await }
        });
        assert_eq!(counted.await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_6238_5_2_one_of_64_uses_of_a_code_is_the_first() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let realm = realm(&test.store, "first").await;
    let mut ann = record(user("ann"));
    ann.credentials = vec![credential("otp", "phone", "{}")];
    create(&test.store, realm, &ann).await;
    for next in [1, 2, 60] {
        let change = Change::UseOneTimeCode(CodeUse { realm, user: ann.user.key, credential_id: "phone".into(), next });
        let first = count_of(&nodes, Ok(Applied::Yes), move |store| {
            let changes = [change.clone()];
            async move { store.record(&changes, &audit(EventKind::Login)).await }
        });
        assert_eq!(first.await, 1, "count {next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_025_one_of_64_uses_of_a_jti_is_the_first() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, _) = realm_with_user(&test.store).await;
    let first = count_of(&nodes, Ok(FirstUse::Yes), move |store| async move {
        store.use_once(OnceKind::ClientAssertion, realm, "jti", NOW + 60, now()).await
    });
    assert_eq!(first.await, 1);
    let later = freshkey_core::Now::from_seconds(NOW + 61);
    let first = count_of(&nodes, Ok(FirstUse::Yes), move |store| async move {
        store.use_once(OnceKind::ClientAssertion, realm, "jti", NOW + 120, later).await
    });
    assert_eq!(first.await, 1, "of an entry that has expired");
}
