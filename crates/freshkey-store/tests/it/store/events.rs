//! The audit log.

use freshkey_core::Refusal;
use freshkey_core::event::{Event, EventKind};
use freshkey_core::ids::RealmKey;
use freshkey_store::{AuditRecord, EventFilter, EventKey, Page, Store, StoredEvent};

use super::engine;
use crate::stores::{NOW, audit, sid};

const REALM: RealmKey = RealmKey(1);

fn at(at_ms: i64, client_id: &str, user_id: &str, number: u8) -> AuditRecord {
    let mut record = audit(EventKind::RefreshToken);
    record.event =
        Event { at_ms, client_id: Some(client_id.into()), user_id: Some(user_id.into()), sid: Some(sid(number)), ..record.event }
            .with("scope", "openid");
    record.reason = Some("session_not_active".into());
    record
}

async fn record_all(store: &Store, records: &[AuditRecord]) {
    for record in records {
        assert_eq!(store.record(&[], record).await, Ok(freshkey_core::change::Applied::Yes));
    }
    store.flush().await.expect("flushed");
}

async fn list(store: &Store, filter: &EventFilter) -> Vec<StoredEvent> {
    store.events(filter, &Page::first(100)).await.expect("readable")
}

#[tokio::test]
async fn an_event_is_kept_as_it_was() {
    let test = engine::open().await;
    record_all(&test.store, &[at(NOW * 1000, "app", "u-1", 1)]).await;
    let events = list(&test.store, &EventFilter::realm(REALM)).await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let expected = StoredEvent {
        key: EventKey { at_ms: NOW * 1000, nonce: event.key.nonce },
        realm: REALM,
        kind: "REFRESH_TOKEN".into(),
        client_id: Some("app".into()),
        user_id: Some("u-1".into()),
        sid: Some(sid(1)),
        reason: Some("session_not_active".into()),
        address: Some("192.0.2.7".into()),
        correlation_id: "c-1".into(),
        details: vec![("scope".into(), "openid".into())],
    };
    assert_eq!(*event, expected);
}

#[tokio::test]
async fn t_023_the_event_of_a_refused_sign_in_is_there_when_it_is_recorded() {
    let test = engine::open().await;
    for number in 1..=20 {
        let mut record = at(NOW * 1000 + i64::from(number), "app", "u", number);
        record.event = Event { kind: EventKind::Login, ..record.event }.refused(&Refusal::UnknownUser);
        // As the count of a wrong guess is: whoever watches the clock sees no difference.
        assert_eq!(test.store.record(&[], &record).await, Ok(freshkey_core::change::Applied::Yes));
        assert_eq!(list(&test.store, &EventFilter::realm(REALM)).await.len(), usize::from(number));
    }
}

#[tokio::test]
async fn pages_go_from_new_to_old_and_miss_nothing_of_one_millisecond() {
    let test = engine::open().await;
    let records: Vec<_> = (0..25).map(|number| at(NOW * 1000 + i64::from(number / 5), "app", "u", number)).collect();
    record_all(&test.store, &records).await;
    let mut seen = Vec::new();
    let mut page = Page::first(4);
    loop {
        let events = test.store.events(&EventFilter::realm(REALM), &page).await.expect("readable");
        seen.extend(events.iter().map(|event| event.key));
        match events.last() {
            Some(last) => page.after = Some(last.key),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

#[tokio::test]
async fn a_filter_lets_through_what_fits_all_of_it() {
    let test = engine::open().await;
    let login = AuditRecord { event: Event { kind: EventKind::Login, ..at(50, "app", "u-1", 1).event }, ..at(50, "app", "u-1", 1) };
    let elsewhere = AuditRecord { event: Event { realm: RealmKey(2), ..at(50, "app", "u-1", 1).event }, ..at(50, "app", "u-1", 1) };
    record_all(&test.store, &[at(10, "app", "u-1", 1), at(20, "app", "u-2", 2), at(30, "other", "u-1", 3), login, elsewhere]).await;
    let all = EventFilter::realm(REALM);
    let cases = [
        (all.clone(), vec![50, 30, 20, 10]),
        (EventFilter { from_ms: 20, to_ms: 50, ..all.clone() }, vec![30, 20]),
        (EventFilter { kind: Some(EventKind::Login), ..all.clone() }, vec![50]),
        (EventFilter { client_id: Some("app".into()), ..all.clone() }, vec![50, 20, 10]),
        (EventFilter { user_id: Some("u-1".into()), client_id: Some("app".into()), ..all.clone() }, vec![50, 10]),
        (EventFilter { sid: Some(sid(3)), ..all.clone() }, vec![30]),
        (EventFilter { user_id: Some("' OR 1=1 --".into()), ..all }, vec![]),
    ];
    for (filter, expected) in cases {
        let times: Vec<i64> = list(&test.store, &filter).await.iter().map(|event| event.key.at_ms).collect();
        assert_eq!(times, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn what_an_auditor_must_see_is_durable_at_once() {
    let test = engine::open().await;
    let node = test.another_node().await;
    assert_eq!(test.store.record(&[], &audit(EventKind::DatabaseRegression)).await, Ok(freshkey_core::change::Applied::Yes));
    assert_eq!(list(&node, &EventFilter::realm(REALM)).await.len(), 1, "without a flush");
}

#[tokio::test]
async fn a_smuggled_nul_loses_no_event() {
    let test = engine::open().await;
    let mut bad = audit(EventKind::Logout);
    bad.event.client_id = Some("a\0b".into());
    bad.event = bad.event.with("token", "c\0d");
    let worse = AuditRecord { event: Event { kind: EventKind::Login, ..bad.event.clone() }, ..bad.clone() };
    record_all(&test.store, &[bad, worse]).await;
    let events = list(&test.store, &EventFilter::realm(REALM)).await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.client_id.as_deref() == Some("a\u{fffd}b")));
}
