//! Grants that another server began: brought here in numbers, and the chains that begin beside them.

use freshkey_core::change::{Applied, Change};
use freshkey_core::event::EventKind;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family};
use freshkey_core::inherited::inherit;
use freshkey_store::{GrantFilter, GrantsImported, Page, RealmChanged};
use tokio::task::JoinSet;

use super::engine;
use crate::stores::{NOW, apply, audit, begin, grant, realm, realm_with_user, stored};

fn chain(first: &Grant, family: i64) -> Change {
    let id = GrantId { family: Family(family), ..first.id };
    Change::BeginChain { grant: Box::new(Grant { id, generation: 1, ..first.clone() }), first: first.id }
}

#[tokio::test]
async fn grants_are_brought_in_numbers_and_bringing_them_again_replaces_them() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let numbered = |family| {
        let mine = grant(realm, &ann, SessionKind::Offline, 1);
        Grant { id: GrantId { family: Family(family), ..mine.id }, generation: 2, ..mine }
    };
    let mut many: Vec<Grant> = (0..1300).map(numbered).collect();
    assert_eq!(test.store.import_grants(realm, &many).await, Ok(GrantsImported::Yes));
    many[1299].last_used_at += 5;
    assert_eq!(test.store.import_grants(realm, &many[1200..]).await, Ok(GrantsImported::Yes));
    assert_eq!(stored(&test.store, &many[1299]).await, Some(many[1299].clone()));
    let counts = test.store.count_grants(realm).await.expect("read");
    assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<i64>(), 1300);
}

#[tokio::test]
async fn a_session_of_another_realm_is_not_taken_unless_that_realm_is_gone() {
    let test = engine::open().await;
    let (first, ann) = realm_with_user(&test.store).await;
    let second = realm(&test.store, "second").await;
    let theirs = grant(first, &ann, SessionKind::Offline, 1);
    assert_eq!(test.store.import_grants(first, std::slice::from_ref(&theirs)).await, Ok(GrantsImported::Yes));
    let taken = test.store.import_grants(second, std::slice::from_ref(&theirs)).await;
    assert_eq!(taken, Ok(GrantsImported::Conflict(theirs.id.sid)));
    assert_eq!(stored(&test.store, &theirs).await.map(|grant| grant.realm), Some(first));
    let name = test.store.realm_list().await.expect("read").into_iter().find(|entry| entry.key == first).expect("there");
    assert_eq!(test.store.delete_realm(first, name.version, &audit(EventKind::AdminChange)).await, Ok(RealmChanged::Yes));
    assert_eq!(test.store.import_grants(second, &[theirs]).await, Ok(GrantsImported::Yes));
    assert_eq!(test.store.grants(&GrantFilter::realm(second), &Page::first(10)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_chain_begins_only_beside_the_first_and_once() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let first = grant(realm, &ann, SessionKind::Offline, 1);
    let record = audit(EventKind::RefreshToken);
    assert_eq!(test.store.record(&[chain(&first, 7)], &record).await, Ok(Applied::Raced));
    apply(&test.store, &[begin(&first)]).await;
    assert_eq!(test.store.record(&[chain(&first, 7)], &record).await, Ok(Applied::Yes));
    assert_eq!(test.store.record(&[chain(&first, 7)], &record).await, Ok(Applied::Raced));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_001_one_of_64_begins_a_chain() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    let first = grant(realm, &ann, SessionKind::Offline, 1);
    apply(&test.store, &[begin(&first)]).await;
    let mut calls = JoinSet::new();
    for number in 0..64 {
        let (node, change) = (nodes[number % 2].clone(), chain(&first, 7));
        calls.spawn(async move { node.record(&[change], &audit(EventKind::RefreshToken)).await });
    }
    let won = calls.join_all().await.into_iter().filter(|answer| *answer == Ok(Applied::Yes)).count();
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_005_no_chain_outlives_the_session_that_ends_while_it_begins() {
    let test = engine::open().await;
    let nodes = [test.store.clone(), test.another_node().await];
    let (realm, ann) = realm_with_user(&test.store).await;
    for trial in 0..160_u8 {
        let first = grant(realm, &ann, SessionKind::Online, trial);
        apply(&test.store, &[begin(&first)]).await;
        let (sid, kind, client) = (first.id.sid, first.id.kind, first.id.client);
        let (beginner, ender, begun) = (nodes[0].clone(), nodes[1].clone(), chain(&first, 7));
        let begins = async move { beginner.record(&[begun], &audit(EventKind::RefreshToken)).await.map(|_applied| ()) };
        let user = ann.key;
        let ends = async move {
            let admin = audit(EventKind::AdminChange);
            match trial % 4 {
                0 => ender.record(&[Change::EndSession { sid, kind }], &admin).await.map(|_applied| ()),
                1 => ender.record(&[Change::EndClientSession { sid, kind, client }], &admin).await.map(|_applied| ()),
                2 => ender.end_grants(&GrantFilter::session(realm, sid), &admin).await.map(|_ended| ()),
                _ => ender.end_grants(&GrantFilter::user(realm, user), &admin).await.map(|_ended| ()),
            }
        };
        for call in [tokio::spawn(begins), tokio::spawn(ends)] {
            call.await.expect("no panic").expect("an answer");
        }
        let left = test.store.refresh_context(realm, sid, kind).await.expect("readable").grants;
        assert_eq!(left, [], "trial {trial} at {NOW}");
    }
}

#[tokio::test]
async fn t_095_a_regressed_chain_that_was_brought_here_ends_with_what_could_begin_it_again() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let moved = inherit(grant(realm, &ann, SessionKind::Offline, 1), "a session of another server", NOW, None);
    let of_other_client = Grant { id: GrantId { client: ClientKey([77; 16]), ..moved.id }, ..moved.clone() };
    apply(&test.store, &[begin(&moved), begin(&of_other_client)]).await;
    let begun = Grant { id: GrantId { family: Family(7), ..moved.id }, ..moved.clone() };
    apply(&test.store, &[chain(&moved, 7)]).await;
    let admin = audit(EventKind::AdminChange);
    let note = Change::NoteRegression { grant: begun.id, seen_generation: 5, at: NOW };
    assert_eq!(test.store.record(&[note], &audit(EventKind::DatabaseRegression)).await, Ok(Applied::Yes));
    let listed = test.store.regressed_grants(&Page::first(10)).await.expect("readable");
    test.store.end_regressed_grant(&listed[0], &admin).await.expect("ended");
    let left = test.store.grants(&GrantFilter::realm(realm), &Page::first(10)).await.expect("readable");
    assert_eq!(left.iter().map(|grant| grant.id).collect::<Vec<_>>(), [of_other_client.id], "the other client's part stays");
}
