//! Grants as administration sees them.

use freshkey_core::event::EventKind;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::ClientKey;
use freshkey_store::{GrantFilter, Page, Store};

use super::engine;
use crate::stores::{apply, audit, begin, create, grant, realm, realm_with_user, record, sid, stored, user};

async fn all(store: &Store, filter: &GrantFilter, rows: usize) -> Vec<GrantId> {
    let mut found = Vec::new();
    let mut page = Page::first(rows);
    loop {
        let grants = store.grants(filter, &page).await.expect("readable");
        assert!(grants.len() <= rows);
        found.extend(grants.iter().map(|grant| grant.id));
        match grants.last() {
            Some(last) if grants.len() == rows => page.after = Some(last.id),
            _ => return found,
        }
    }
}

#[tokio::test]
async fn t_021_every_grant_is_listed_once_whatever_the_page_size() {
    let test = engine::open().await;
    let (realm_a, ann) = realm_with_user(&test.store).await;
    let bob = user("bob");
    create(&test.store, realm_a, &record(bob.clone())).await;
    let realm_b = realm(&test.store, "second").await;
    create(&test.store, realm_b, &record(ann.clone())).await;
    let mut of_ann = Vec::new();
    for number in 0..7 {
        for kind in [SessionKind::Online, SessionKind::Offline] {
            of_ann.push(grant(realm_a, &ann, kind, number));
        }
    }
    let foreign = [grant(realm_a, &bob, SessionKind::Online, 50), grant(realm_b, &ann, SessionKind::Online, 51)];
    for grant in of_ann.iter().chain(&foreign) {
        apply(&test.store, &[begin(grant)]).await;
    }
    let expected: Vec<GrantId> = of_ann.iter().map(|grant| grant.id).collect();
    for rows in [1, 3, 14, 1000] {
        assert_eq!(all(&test.store, &GrantFilter::user(realm_a, ann.key), rows).await, expected, "{rows} rows");
    }
    assert_eq!(all(&test.store, &GrantFilter::realm(realm_a), 4).await.len(), 15);
    assert_eq!(all(&test.store, &GrantFilter::session(realm_a, sid(3)), 4).await, expected[6..8]);
    let offline = GrantFilter { kind: Some(SessionKind::Offline), ..GrantFilter::user(realm_a, ann.key) };
    let of_kind: Vec<GrantId> = expected.iter().copied().filter(|id| id.kind == SessionKind::Offline).collect();
    assert_eq!(all(&test.store, &offline, 3).await, of_kind);
    assert_eq!(all(&test.store, &GrantFilter::client(realm_a, ClientKey([8; 16])), 3).await, []);
    assert_eq!(all(&test.store, &GrantFilter::session(realm_b, sid(3)), 4).await, []);
}

#[tokio::test]
async fn t_021_ending_answers_what_ended_and_nothing_else_ends() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let bob = user("bob");
    create(&test.store, realm, &record(bob.clone())).await;
    let of_bob = grant(realm, &bob, SessionKind::Online, 50);
    let mine: Vec<Grant> = (0..3).map(|number| grant(realm, &ann, SessionKind::Online, number)).collect();
    for grant in mine.iter().chain([&of_bob]) {
        apply(&test.store, &[begin(grant)]).await;
    }
    let logout = audit(EventKind::Logout);
    let ended = test.store.end_grants(&GrantFilter::session(realm, sid(1)), &logout).await;
    assert_eq!(ended, Ok(vec![mine[1].clone()]));
    let mut ended = test.store.end_grants(&GrantFilter::user(realm, ann.key), &logout).await.expect("ended");
    ended.sort_by_key(|grant| grant.id);
    assert_eq!(ended, [mine[0].clone(), mine[2].clone()]);
    assert_eq!(stored(&test.store, &of_bob).await, Some(of_bob));
}

#[tokio::test]
async fn all_grants_of_a_client_end_and_are_counted() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let changes: Vec<_> = (0..20).map(|number| begin(&grant(realm, &ann, SessionKind::Offline, number))).collect();
    let other = grant(realm, &ann, SessionKind::Online, 30);
    let other = Grant { id: GrantId { client: ClientKey([5; 16]), ..other.id }, ..other };
    apply(&test.store, &changes).await;
    apply(&test.store, &[begin(&other)]).await;
    let counts = test.store.count_grants(realm).await;
    assert_eq!(counts, Ok(vec![(ClientKey([5; 16]), SessionKind::Online, 1), (ClientKey([9; 16]), SessionKind::Offline, 20)]));
    let ended = test.store.end_grants(&GrantFilter::client(realm, ClientKey([9; 16])), &audit(EventKind::Logout)).await.expect("ended");
    assert_eq!(ended.len(), 20);
    assert_eq!(all(&test.store, &GrantFilter::realm(realm), 10).await, [other.id]);
}
