//! Tests of the fetching of keys. The clock of the runtime is paused: waiting takes no time.

use super::*;
use crate::limits::KEY_FETCH_INTERVAL;
use crate::token::tests::{issuer, key, set_of};
use freshkey_protocol::jose::SigningKey;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, advance};

/// A provider that answers what a test wants, and remembers when it was asked.
#[derive(Clone, Default)]
struct Source {
    answer: Arc<Mutex<Option<Vec<u8>>>>,
    asked_at: Arc<Mutex<Vec<Instant>>>,
}

impl Source {
    fn publish(&self, keys: &[&SigningKey]) {
        self.say(Some(json(keys)));
    }

    fn say(&self, answer: Option<Vec<u8>>) {
        *self.answer.lock().expect("unharmed") = answer;
    }

    fn asked(&self) -> Vec<Instant> {
        self.asked_at.lock().expect("unharmed").clone()
    }
}

fn json(keys: &[&SigningKey]) -> Vec<u8> {
    use freshkey_protocol::jose::{Jwk, JwkSet};
    let jwk = |key: &&SigningKey| Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
    serde_json::to_vec(&JwkSet { keys: keys.iter().map(jwk).collect(), ignored: 0 }).expect("JSON")
}

impl FetchKeys for Source {
    async fn fetch(&mut self) -> Result<Vec<u8>, FetchError> {
        self.asked_at.lock().expect("unharmed").push(Instant::now());
        self.answer.lock().expect("unharmed").clone().ok_or(FetchError::NoAddress)
    }
}

fn start(source: &Source) -> Arc<IssuerKeys> {
    let keys = Arc::new(IssuerKeys::default());
    let (running, source) = (Arc::clone(&keys), source.clone());
    tokio::spawn(async move { run(&running, &issuer("https://a.test"), source).await });
    keys
}

/// Lets time pass in small steps, so that whoever waits for a moment gets to it.
async fn pass(duration: Duration) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        advance(Duration::from_millis(50)).await;
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }
}

fn has(set: &KeySet, id: &str) -> bool {
    set.key_ids().any(|known| known == id)
}

fn known(keys: &IssuerKeys, id: &str) -> bool {
    keys.current().as_ref().is_some_and(|set| has(set, id))
}

#[tokio::test(start_paused = true)]
async fn t_075_a_flood_of_unknown_keys_causes_one_fetch_in_five_seconds() {
    let (source, old) = (Source::default(), key("old"));
    source.publish(&[&old]);
    let keys = start(&source);
    pass(Duration::from_secs(10)).await;
    let before = source.asked().len();
    for round in 0..60 {
        for number in 0..100 {
            let (keys, id) = (Arc::clone(&keys), format!("random-{round}-{number}"));
            tokio::spawn(async move { keys.wait_for(|set| has(set, &id)).await });
        }
        pass(Duration::from_millis(500)).await;
    }
    let asked = source.asked();
    assert!(asked.len() - before <= 7, "{} fetches in 30 seconds", asked.len() - before);
    for pair in asked.windows(2) {
        assert!(pair[1] - pair[0] >= KEY_FETCH_INTERVAL);
    }
    assert!(known(&keys, "old"), "and the known keys are as good as before");
}

#[tokio::test(start_paused = true)]
async fn t_075_a_new_key_passes_on_its_first_request_and_a_withdrawn_one_goes() {
    let (source, old, new) = (Source::default(), key("old"), key("new"));
    source.publish(&[&old]);
    let keys = start(&source);
    pass(Duration::from_secs(7)).await;
    source.publish(&[&new]);
    let asked_at = Instant::now();
    assert!(keys.wait_for(|set| has(set, "new")).await);
    assert!(Instant::now() - asked_at < Duration::from_secs(1), "the last fetch was long enough ago: this one is made at once");
    assert!(!known(&keys, "old"));
    source.publish(&[&old]);
    pass(Duration::from_secs(60)).await;
    assert!(known(&keys, "old") && !known(&keys, "new"), "a withdrawn key is gone within a minute, without anybody asking");
}

#[tokio::test(start_paused = true)]
async fn t_075_garbage_leaves_the_old_keys() {
    let (source, old) = (Source::default(), key("old"));
    source.publish(&[&old]);
    let keys = start(&source);
    pass(Duration::from_secs(1)).await;
    let generation = keys.current().as_ref().expect("keys").generation;
    let garbage: [&[u8]; 6] = [b"", b"<html>", b"{}", br#"{"keys":[]}"#, br#"{"keys":[{"kty":"oct","k":"AA"}]}"#, br#"{"keys":{}}"#];
    for answer in garbage {
        source.say(Some(answer.to_vec()));
        pass(Duration::from_secs(31)).await;
        assert_eq!(keys.current().as_ref().map(|set| set.generation), Some(generation), "{}", String::from_utf8_lossy(answer));
    }
    source.publish(&[&old]);
    pass(Duration::from_secs(31)).await;
    assert_eq!(keys.current().as_ref().map(|set| set.generation), Some(generation), "the same keys again are the same set");
}

#[tokio::test(start_paused = true)]
async fn t_099_keys_go_on_while_the_provider_is_away_and_for_a_day() {
    let (source, old) = (Source::default(), key("old"));
    source.publish(&[&old]);
    let keys = start(&source);
    pass(Duration::from_secs(1)).await;
    source.say(None);
    pass(Duration::from_secs(300)).await;
    assert!(known(&keys, "old"));
    advance(Duration::from_secs(86_400)).await;
    pass(Duration::from_secs(60)).await;
    assert!(!keys.is_ready(), "after a day nobody knows whether they are still good");
    source.publish(&[&old]);
    pass(Duration::from_secs(1)).await;
    assert!(keys.is_ready());
}

#[tokio::test(start_paused = true)]
async fn t_099_a_gateway_that_started_without_keys_has_them_within_a_second_of_the_return() {
    let (source, old) = (Source::default(), key("old"));
    let keys = start(&source);
    pass(Duration::from_secs(60)).await;
    assert!(!keys.is_ready());
    source.publish(&[&old]);
    pass(Duration::from_millis(1000)).await;
    assert!(keys.is_ready());
}

#[test]
fn only_keys_for_allowed_algorithms_are_taken() {
    let key = key("k");
    assert!(KeySet::parse(&json(&[&key]), &[freshkey_protocol::jose::Algorithm::Rs256]).is_err());
    let set = set_of(&[&key], &[freshkey_protocol::jose::Algorithm::Es256]);
    assert_eq!(set.key_ids().collect::<Vec<_>>(), ["k"]);
}
