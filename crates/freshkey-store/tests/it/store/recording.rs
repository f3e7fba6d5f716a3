//! Changes as `change.rs` of the core describes them: guards that void everything, and what ends with what.

use freshkey_core::brute_force::LoginFailures;
use freshkey_core::change::{Applied, Change};
use freshkey_core::event::EventKind;
use freshkey_core::grant::{Grant, GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family};
use freshkey_core::passwords::{HashAlgorithm, PasswordHash, Pbkdf2Parameters, Pbkdf2Prf, write_stored};
use freshkey_store::{EventFilter, GrantFilter, LoginBy, Page, Store};

use super::engine;
use crate::stores::{NOW, apply, audit, begin, create, credential, grant, realm, realm_with_user, record, sid, stored, user};

async fn events(store: &Store) -> usize {
    store.flush().await.expect("flushed");
    let all = store.events(&EventFilter::realm(freshkey_core::ids::RealmKey(1)), &Page::first(1000)).await.expect("readable");
    all.iter().filter(|event| event.kind != "ADMIN_CHANGE").count()
}

#[tokio::test]
async fn a_rotation_advances_its_own_generation_once() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let (mine, other) = (grant(realm, &ann, SessionKind::Offline, 1), grant(realm, &ann, SessionKind::Offline, 2));
    apply(&test.store, &[begin(&mine), begin(&other)]).await;
    let rotate = Change::Rotate { grant: mine.id, presented: 0, at: NOW + 5 };
    let refresh = audit(EventKind::RefreshToken);
    assert_eq!(test.store.record(std::slice::from_ref(&rotate), &refresh).await, Ok(Applied::Yes));
    assert_eq!(test.store.record(std::slice::from_ref(&rotate), &refresh).await, Ok(Applied::Raced));
    let expected = Grant { generation: 1, predecessor_uses: 1, rotated_at: NOW + 5, last_used_at: NOW + 5, ..mine.clone() };
    assert_eq!(stored(&test.store, &mine).await, Some(expected));
    assert_eq!(stored(&test.store, &other).await, Some(other));
    assert_eq!(events(&test.store).await, 2, "the sign-in and the rotation that won");
}

#[tokio::test]
async fn last_used_moves_forward_only() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let mine = grant(realm, &ann, SessionKind::Online, 1);
    apply(&test.store, &[begin(&mine)]).await;
    for (at, expected) in [(NOW + 50, NOW + 50), (NOW + 20, NOW + 50)] {
        apply(&test.store, &[Change::Touch { grant: mine.id, at }]).await;
        assert_eq!(stored(&test.store, &mine).await.expect("there").last_used_at, expected);
    }
    let rotate = Change::Rotate { grant: mine.id, presented: 0, at: NOW + 30 };
    apply(&test.store, &[rotate]).await;
    let rotated = stored(&test.store, &mine).await.expect("there");
    assert_eq!((rotated.rotated_at, rotated.last_used_at), (NOW + 30, NOW + 50));
}

#[tokio::test]
async fn a_lost_guard_voids_everything_wherever_it_stands() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let (mine, other) = (grant(realm, &ann, SessionKind::Online, 1), grant(realm, &ann, SessionKind::Online, 2));
    apply(&test.store, &[begin(&mine)]).await;
    let before = events(&test.store).await;
    let failures = LoginFailures { count: 1, last_failure_at_ms: 1, ..LoginFailures::default() };
    let gone = grant(realm, &ann, SessionKind::Online, 7);
    let guards = [
        Change::Rotate { grant: mine.id, presented: 3, at: NOW },
        Change::Touch { grant: gone.id, at: NOW },
        Change::CountReuse { grant: mine.id, generation: 0, seen: 1, at: NOW },
        Change::LoginFailures { realm, user: ann.key, seen: Some(failures.clone()), becomes: None },
        begin(&grant(realm, &user("nobody"), SessionKind::Online, 3)),
    ];
    for guard in guards {
        let changes = [begin(&other), Change::EndGrant(mine.id), guard.clone()];
        assert_eq!(test.store.record(&changes, &audit(EventKind::Login)).await, Ok(Applied::Raced), "{guard:?}");
        assert_eq!(stored(&test.store, &mine).await, Some(mine.clone()), "{guard:?}");
        assert_eq!(stored(&test.store, &other).await, None, "{guard:?}");
    }
    assert_eq!(events(&test.store).await, before);
}

#[tokio::test]
async fn uses_of_the_predecessor_are_counted_once_for_each_judged_count() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let mine = Grant { generation: 4, predecessor_uses: 1, ..grant(realm, &ann, SessionKind::Online, 1) };
    apply(&test.store, &[begin(&mine)]).await;
    let count = |seen| [Change::CountReuse { grant: mine.id, generation: 4, seen, at: NOW + 1 }];
    let refresh = audit(EventKind::RefreshToken);
    assert_eq!(test.store.record(&count(1), &refresh).await, Ok(Applied::Yes));
    assert_eq!(test.store.record(&count(1), &refresh).await, Ok(Applied::Raced));
    assert_eq!(stored(&test.store, &mine).await.expect("there").predecessor_uses, 2);
}

#[tokio::test]
async fn beginning_a_grant_twice_moves_its_last_use_only() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let mine = grant(realm, &ann, SessionKind::Offline, 1);
    apply(&test.store, &[begin(&mine)]).await;
    apply(&test.store, &[Change::Rotate { grant: mine.id, presented: 0, at: NOW + 1 }]).await;
    apply(&test.store, &[begin(&Grant { last_used_at: NOW + 9, rotated_at: NOW + 9, ..mine.clone() })]).await;
    let after = stored(&test.store, &mine).await.expect("there");
    assert_eq!((after.generation, after.rotated_at, after.last_used_at), (1, NOW + 1, NOW + 9));
}

#[tokio::test]
async fn t_021_the_oldest_offline_grants_beyond_the_cap_end() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let bob = user("bob");
    create(&test.store, realm, &record(bob.clone())).await;
    let at = |number: u8, last_used_at| Grant { last_used_at, ..grant(realm, &ann, SessionKind::Offline, number) };
    let other_client = Grant {
        id: GrantId { client: ClientKey([4; 16]), ..grant(realm, &ann, SessionKind::Offline, 20).id },
        last_used_at: 1,
        ..at(20, 1)
    };
    let bystanders = [grant(realm, &bob, SessionKind::Offline, 21), grant(realm, &ann, SessionKind::Online, 22), other_client];
    for bystander in &bystanders {
        apply(&test.store, &[begin(bystander)]).await;
    }
    // The newest one was used least recently, and stays all the same.
    for grant in [at(1, NOW + 3), at(2, NOW + 1), at(3, NOW + 2), at(4, NOW)] {
        apply(&test.store, &[Change::BeginGrant { grant: Box::new(grant), offline_grants_max: Some(3) }]).await;
    }
    let filter = GrantFilter { client: Some(ClientKey([9; 16])), kind: Some(SessionKind::Offline), ..GrantFilter::user(realm, ann.key) };
    let left = test.store.grants(&filter, &Page::first(10)).await.expect("readable");
    assert_eq!(left.iter().map(|grant| grant.id.sid).collect::<Vec<_>>(), [sid(1), sid(3), sid(4)]);
    for bystander in bystanders {
        assert_eq!(stored(&test.store, &bystander).await, Some(bystander));
    }
}

#[tokio::test]
async fn ending_takes_what_it_names_and_an_offline_grant_its_online_twin() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let online = grant(realm, &ann, SessionKind::Online, 1);
    let of = |kind, client, family| Grant {
        id: GrantId { sid: sid(1), kind, client: ClientKey([client; 16]), family: Family(family) },
        ..online.clone()
    };
    let (a, b) = (SessionKind::Online, SessionKind::Offline);
    let all = [of(a, 1, 0), of(a, 1, 5), of(a, 2, 0), of(b, 1, 0), of(b, 1, 5), of(b, 2, 0)];
    let one = of(b, 1, 0).id;
    let client = ClientKey([1; 16]);
    let cases: [(Change, &[usize]); 5] = [
        (Change::EndGrant(of(a, 1, 0).id), &[1, 2, 3, 4, 5]),
        (Change::EndGrant(one), &[1, 2, 4, 5]),
        (Change::EndClientSession { sid: sid(1), kind: a, client }, &[2, 3, 4, 5]),
        (Change::EndSession { sid: sid(1), kind: b }, &[0, 1, 2]),
        (Change::EndSession { sid: sid(2), kind: a }, &[0, 1, 2, 3, 4, 5]),
    ];
    for (change, survivors) in cases {
        let begun: Vec<Change> = all.iter().map(begin).collect();
        apply(&test.store, &begun).await;
        apply(&test.store, std::slice::from_ref(&change)).await;
        for (position, grant) in all.iter().enumerate() {
            assert_eq!(stored(&test.store, grant).await.is_some(), survivors.contains(&position), "{change:?}: {position}");
        }
    }
}

#[tokio::test]
async fn wrong_guesses_are_replaced_only_while_they_are_what_was_judged() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let first =
        LoginFailures { count: 1, last_failure_at_ms: NOW * 1000, last_address: Some("192.0.2.7".into()), ..LoginFailures::default() };
    let second = LoginFailures { count: 2, locked_until_s: NOW + 60, temporary_lockouts: 1, permanently_locked: true, ..first.clone() };
    let another = LoginFailures { count: 2, ..first.clone() };
    let later = LoginFailures { last_failure_at_ms: first.last_failure_at_ms + 1, ..first.clone() };
    let change = |seen: Option<&LoginFailures>, becomes: Option<&LoginFailures>| Change::LoginFailures {
        realm,
        user: ann.key,
        seen: seen.cloned(),
        becomes: becomes.cloned(),
    };
    let steps = [
        (change(None, Some(&first)), Applied::Yes, Some(&first)),
        (change(None, Some(&second)), Applied::Raced, Some(&first)),
        (change(Some(&another), Some(&second)), Applied::Raced, Some(&first)),
        (change(Some(&later), Some(&second)), Applied::Raced, Some(&first)),
        (change(Some(&first), Some(&second)), Applied::Yes, Some(&second)),
        (change(Some(&first), Some(&second)), Applied::Raced, Some(&second)),
        (change(Some(&first), None), Applied::Raced, Some(&second)),
        (change(Some(&second), None), Applied::Yes, None),
        (change(Some(&second), None), Applied::Raced, None),
    ];
    for (step, (change, expected, left)) in steps.into_iter().enumerate() {
        assert_eq!(test.store.record(&[change], &audit(EventKind::Login)).await, Ok(expected), "step {step}");
        assert_eq!(test.store.login_failures(realm, ann.key).await, Ok(left.cloned()), "step {step}");
    }
}

fn hash(byte: u8) -> PasswordHash {
    let algorithm = HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf: Pbkdf2Prf::Sha256, iterations: 600_000, hash_bytes: 32 });
    PasswordHash::new(algorithm, vec![byte; 16], vec![byte; 32]).expect("within the limits")
}

#[tokio::test]
async fn a_rehash_replaces_the_password_it_names_and_keeps_its_other_fields() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let mut ann = record(user("ann"));
    let (document, secret) = write_stored(&serde_json::json!({"userLabel": "mine"}), &hash(1));
    ann.credentials = vec![freshkey_core::documents::CredentialRecord { document, secret, ..credential("password", "p-1", "") }];
    create(&test.store, realm, &ann).await;
    let rehash = |id: &str| Change::Rehash { realm, user: ann.user.key, credential_id: id.into(), hash: hash(2) };
    apply(&test.store, &[rehash("p-0")]).await;
    let before = test.store.sign_in_context(realm, "ann", LoginBy::Username).await.expect("readable");
    assert!(before.password.is_some_and(|stored| stored.hash == hash(1)));
    apply(&test.store, &[rehash("p-1")]).await;
    let after = test.store.sign_in_context(realm, "ann", LoginBy::Username).await.expect("readable");
    assert!(after.password.is_some_and(|stored| stored.hash == hash(2) && stored.credential_id == "p-1"));
    let stored = test.store.user_record(realm, ann.user.key).await.expect("readable").expect("there");
    assert_eq!(stored.record.credentials[0].document["userLabel"], "mine");
}

#[tokio::test]
async fn t_095_a_regressed_grant_is_listed_until_it_is_decided() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let (first, second) = (grant(realm, &ann, SessionKind::Offline, 1), grant(realm, &ann, SessionKind::Offline, 2));
    apply(&test.store, &[begin(&first), begin(&second)]).await;
    let note = |grant: &Grant, seen_generation| [Change::NoteRegression { grant: grant.id, seen_generation, at: NOW }];
    let event = audit(EventKind::DatabaseRegression);
    for (grant, seen) in [(&first, 3), (&first, 2), (&second, 1)] {
        assert_eq!(test.store.record(&note(grant, seen), &event).await, Ok(Applied::Yes));
    }
    let listed = test.store.regressed_grants(&Page::first(10)).await.expect("readable");
    let seen: Vec<_> = listed.iter().map(|entry| (entry.id, entry.seen_generation, entry.row.as_ref().map(|row| row.generation))).collect();
    assert_eq!(seen, [(first.id, 3, Some(0)), (second.id, 1, Some(0))]);
    let admin = audit(EventKind::AdminChange);
    assert_eq!(test.store.set_generation(&first.id, 1, 3, &admin).await, Ok(freshkey_store::Stepped::No));
    assert_eq!(test.store.set_generation(&first.id, 0, 3, &admin).await, Ok(freshkey_store::Stepped::Yes));
    assert_eq!(stored(&test.store, &first).await.expect("there").generation, 3);
    test.store.end_regressed_grant(&listed[1], &admin).await.expect("ended");
    assert_eq!(stored(&test.store, &second).await, None);
    assert_eq!(test.store.regressed_grants(&Page::first(10)).await, Ok(Vec::new()));
}
