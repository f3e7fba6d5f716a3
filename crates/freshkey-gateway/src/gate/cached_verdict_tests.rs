//! Caching never changes a verdict (T-074): gates that remember everything, a little and nothing are asked the same, while time passes and jumps back,
//! policies change, and keys come and go.

use super::*;
use crate::clock::FixedClock;
use crate::config::read_for_service;
use crate::identity::IdentityNames;
use crate::keys::{IssuerKeys, KeySet};
use crate::policy::Policy;
use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use freshkey_service::network::TrustedProxies;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

const START_S: i64 = 1_800_000_000;
/// The tokens end and begin within this time, around which the clock wanders.
const SPAN_S: i64 = 1_000;
const TOKENS: u64 = 600;

/// Random numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        let place = self.below(list.len() as u64);
        &list[usize::try_from(place).expect("a place in a list")]
    }

    fn seconds(&mut self, end: i64) -> i64 {
        i64::try_from(self.below(end.unsigned_abs())).expect("below an i64")
    }
}

/// Policies that differ in every way that a verdict can depend on.
fn policy(number: u64) -> Policy {
    let audience = ["api", "other"][usize::from(number % 5 == 4)];
    let writer = ["writer", "reader", "nobody"][usize::try_from(number % 3).expect("small")];
    let parties = ["[]", "[\"app\"]"][usize::from(number % 4 == 3)];
    let skew_s = [5, 0, 30][usize::try_from(number % 3).expect("small")];
    let health = ["public", "authenticated"][usize::from(number % 2 == 1)];
    let text = format!(
        r#"
default = "deny"
trusted_proxies = []
[[issuers]]
issuer = "https://a.test"
audiences = ["{audience}"]
algorithms = ["RS256"]
authorized_parties = {parties}
clock_skew_s = {skew_s}
[[issuers]]
issuer = "https://b.test"
audiences = ["api", "b"]
algorithms = ["RS256", "ES256"]
[[applications]]
name = "first"
hosts = ["first.test"]
[[applications.rules]]
paths = ["/health"]
allow = "{health}"
[[applications.rules]]
paths = ["/write/**"]
methods = ["GET", "POST"]
roles = {{ any = ["{writer}"] }}
[[applications.rules]]
paths = ["/**"]
allow = "authenticated"
[[applications]]
name = "second"
hosts = ["*.second.test"]
[applications.identity]
x-caller = "sub"
[[applications.rules]]
paths = ["/**"]
issuers = ["https://b.test"]
scopes = {{ all = ["api"] }}
"#
    );
    read_for_service(&text).unwrap_or_else(|problems| panic!("{problems}")).policy
}

/// The keys of two issuers, of which one id belongs to both, and tokens signed with them.
struct World {
    keys: [Vec<SigningKey>; 2],
    tokens: Vec<HeaderValue>,
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        let key = |id: &str, kind, algorithm| {
            let der = generate_private_key(kind).expect("a key");
            let key = SigningKey::from_private_key_der(algorithm, der.expose()).expect("a key");
            key.with_key_id(KeyId::parse(id).expect("an id"))
        };
        let rsa = |id| key(id, KeyKind::Rsa2048, Algorithm::Rs256);
        let keys = [vec![rsa("a1"), rsa("a2"), rsa("shared")], vec![rsa("b1"), rsa("shared"), key("b2", KeyKind::P256, Algorithm::Es256)]];
        let mut world = Self { keys, tokens: Vec::new() };
        for number in 0..TOKENS {
            let token = world.token(number, dice);
            world.tokens.push(HeaderValue::try_from(format!("Bearer {token}")).expect("ASCII"));
        }
        world
    }

    fn token(&self, number: u64, dice: &mut Dice) -> String {
        let issuer = usize::from(dice.below(2) == 1);
        // Now and then one of them speaks for the other.
        let name = ["https://a.test", "https://b.test"][if dice.below(20) == 0 { 1 - issuer } else { issuer }];
        let begins_at_s = START_S - SPAN_S + dice.seconds(SPAN_S * 3 / 2);
        let claims = json!({
            "iss": name, "sub": format!("u{}", number % 50), "aud": *dice.pick(&["api", "api", "api", "api", "api", "api", "other", "b"]),
            "iat": begins_at_s, "nbf": begins_at_s, "exp": begins_at_s + 1 + dice.seconds(2 * SPAN_S),
            "typ": if dice.below(12) == 0 { "Refresh" } else { "Bearer" }, "azp": *dice.pick(&["app", "app", "job"]),
            "realm_access": { "roles": [*dice.pick(&["reader", "writer"])] }, "scope": *dice.pick(&["api", "openid"]),
        });
        let token = sign_compact(dice.pick(&self.keys[issuer]), HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed");
        if dice.below(12) == 0 { token[..token.len() - 6].to_owned() + "AAAAAA" } else { token }
    }

    /// Some of an issuer's keys; never none, since a set without keys is refused and the old one stays.
    fn key_set(&self, issuer: usize, dice: &mut Dice) -> KeySet {
        // As likely as not all but one; seldom fewer.
        let all = (1 << self.keys[issuer].len()) - 1;
        let kept = if dice.below(4) > 0 { all & !(1 << dice.below(4)) } else { 1 + dice.below(all) };
        let published = self.keys[issuer].iter().enumerate().filter(|(place, _)| kept & (1 << place) != 0);
        let jwk = |key: &SigningKey| Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
        let set = JwkSet { keys: published.map(|(_, key)| jwk(key)).collect(), ignored: 0 };
        KeySet::parse(&serde_json::to_vec(&set).expect("JSON"), &[Algorithm::Rs256, Algorithm::Es256]).expect("a set")
    }
}

fn snapshot(number: u64, keys: &[Arc<IssuerKeys>]) -> Snapshot {
    let policy = policy(number);
    Snapshot {
        issuers: policy.issuers.iter().zip(keys).map(|(issuer, keys)| IssuerState::with_keys(issuer, Arc::clone(keys))).collect(),
        identity_names: IdentityNames::of(&policy.applications),
        trusted_proxies: TrustedProxies::default(),
        signer: None,
        realm: "test".to_owned(),
        policy,
    }
}

/// A snapshot of the same policy for another gate: its generation is the same, as that of a policy that only one gate has is for itself.
fn snapshots(number: u64, keys: &[Arc<IssuerKeys>]) -> [Snapshot; 3] {
    std::array::from_fn(|_| snapshot(number, keys))
}

/// What a verdict says, without what it was made with.
type Said = (Option<usize>, Option<usize>, Result<Vec<(String, HeaderValue)>, Reason>);

fn said(judgement: &Judgement<'_>) -> Said {
    let headers = |pass: &Pass| {
        let identity = pass.identity.iter().flat_map(|identity| identity.headers());
        identity.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect()
    };
    (judgement.application, judgement.rule, judgement.outcome.as_ref().map(headers).map_err(|reason| *reason))
}

/// Asks so many questions, and answers with how many passed.
async fn ask(cases: u64, seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let world = World::new(&mut dice);
    let keys: Vec<Arc<IssuerKeys>> = (0..2).map(|issuer| Arc::new(IssuerKeys::fixed(world.key_set(issuer, &mut dice)))).collect();
    let clock = Arc::new(FixedClock::at_s(START_S));
    let mut first = snapshots(0, &keys).into_iter();
    // The middle one forgets while it is asked.
    let gates = [0, 64, 100_000].map(|entries_max| Gate::new(first.next().expect("three"), entries_max, Arc::clone(&clock) as _));
    let (mut passed, mut changes) = (0, 0);
    for case in 0..cases {
        match dice.below(1000) {
            0..=1 => {
                changes += 1;
                gates.iter().zip(snapshots(changes, &keys)).for_each(|(gate, snapshot)| gate.replace(snapshot));
            }
            2..=5 => {
                let issuer = usize::from(dice.below(2) == 1);
                let _ = keys[issuer].replace(world.key_set(issuer, &mut dice));
            }
            6..=25 => clock.advance_s(START_S + dice.seconds(SPAN_S) - SPAN_S / 2 - clock.now_ms() / 1000),
            26..=125 => clock.advance_ms(dice.seconds(1500)),
            _ => {}
        }
        let mut headers = HeaderMap::new();
        let host = *dice.pick(&["first.test", "first.test", "first.test", "a.second.test", "a.second.test", "third.test"]);
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if dice.below(20) > 0 {
            headers.insert(header::AUTHORIZATION, dice.pick(&world.tokens).clone());
        }
        let method = dice.pick(&[Method::GET, Method::POST, Method::DELETE]).clone();
        let target = *dice.pick(&["/health", "/write/x", "/read", "/read", "/write", "/?access_token=x"]);
        let request = CanonicalRequest::parse(&method, None, target, &headers).expect("a plain request");
        let [without, little, whole] = &gates;
        let expected = said(&without.judge(&without.snapshot(), &request).await);
        for (gate, name) in [(little, "a small cache"), (whole, "a cache")] {
            let cached = said(&gate.judge(&gate.snapshot(), &request).await);
            assert_eq!(cached, expected, "{name} changes the verdict: seed {seed}, case {case}, {method} {target} {headers:?}");
        }
        passed += u64::from(expected.2.is_ok());
    }
    assert!(gates[0].cached_tokens() == 0 && gates[2].cached_tokens() > 0, "one remembers, the other does not");
    passed
}

#[tokio::test(start_paused = true)]
async fn t_074_a_cached_verdict_is_the_verdict_across_expiry_policies_and_keys() {
    let passed = ask(100_000, 1).await;
    assert!((8_000..92_000).contains(&passed), "both kinds of verdict are asked for: {passed} of 100,000 pass");
}

/// A hundred times as many. `cargo xtask test --long` runs it with optimisations.
#[tokio::test(start_paused = true)]
#[ignore = "the long mode runs it: minutes, with optimisations"]
async fn t_074_ten_million_cached_verdicts_are_the_verdicts() {
    for seed in 2..102 {
        ask(100_000, seed).await;
    }
}
