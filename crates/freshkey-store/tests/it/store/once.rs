//! Things that can be used once.

use freshkey_core::Now;
use freshkey_core::change::OnceKind;
use freshkey_core::client_auth::FirstUse;

use super::engine;
use crate::stores::{NOW, now, realm};

const KIND: OnceKind = OnceKind::ClientAssertion;

#[tokio::test]
async fn a_second_use_is_known_on_every_node_and_in_its_realm_only() {
    let test = engine::open().await;
    let (a, b) = (realm(&test.store, "a").await, realm(&test.store, "b").await);
    let node = test.another_node().await;
    assert_eq!(test.store.use_once(KIND, a, "jti", NOW + 60, now()).await, Ok(FirstUse::Yes));
    assert_eq!(node.use_once(KIND, a, "jti", NOW + 60, now()).await, Ok(FirstUse::No));
    assert_eq!(node.use_once(KIND, b, "jti", NOW + 60, now()).await, Ok(FirstUse::Yes));
    assert_eq!(node.use_once(KIND, a, "jti2", NOW + 60, now()).await, Ok(FirstUse::Yes));
}

#[tokio::test]
async fn an_entry_that_has_expired_is_taken_over_once() {
    let test = engine::open().await;
    let realm = realm(&test.store, "a").await;
    let later = Now::from_seconds(NOW + 60);
    assert_eq!(test.store.use_once(KIND, realm, "jti", NOW + 60, now()).await, Ok(FirstUse::Yes));
    assert_eq!(test.store.use_once(KIND, realm, "jti", NOW + 120, Now::from_seconds(NOW + 59)).await, Ok(FirstUse::No));
    assert_eq!(test.store.use_once(KIND, realm, "jti", NOW + 120, later).await, Ok(FirstUse::Yes));
    assert_eq!(test.store.use_once(KIND, realm, "jti", NOW + 120, later).await, Ok(FirstUse::No));
}
