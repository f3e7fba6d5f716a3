//! Tests of verification: what passes, and the long list of what must not.

use super::*;
use crate::claim::ClaimPath;
use crate::issuer::{Issuer, KeyAddress, KeySource};
use crate::keys::KeySet;
use crate::policy::{FactSource, FactTable, Policy};
use crate::reason::Reason;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use serde_json::{Value, json};
use std::sync::Arc;

const NOW_S: i64 = 1_800_000_000;

pub(crate) fn key(id: &str) -> SigningKey {
    key_of(KeyKind::P256, Algorithm::Es256, id)
}

fn key_of(kind: KeyKind, algorithm: Algorithm, id: &str) -> SigningKey {
    let der = generate_private_key(kind).expect("a key");
    SigningKey::from_private_key_der(algorithm, der.expose()).expect("a key").with_key_id(KeyId::parse(id).expect("an id"))
}

pub(crate) fn set_of(keys: &[&SigningKey], algorithms: &[Algorithm]) -> KeySet {
    let jwk = |key: &&SigningKey| Jwk::of_verifying_key(&key.verifying_key().expect("a key"), Vec::new()).expect("public");
    let json = serde_json::to_vec(&JwkSet { keys: keys.iter().map(jwk).collect(), ignored: 0 }).expect("JSON");
    KeySet::parse(&json, algorithms).expect("a set")
}

pub(crate) fn issuer(name: &str) -> Issuer {
    Issuer {
        name: name.to_owned(),
        audiences: vec!["api".to_owned()],
        algorithms: vec![Algorithm::Es256],
        parties: Vec::new(),
        skew_s: 5,
        needs_subject: true,
        keys: KeySource { address: KeyAddress::Discovered, ca_file: None, refresh_s: 30, kept_s: 86_400 },
        introspection: None,
    }
}

pub(crate) fn policy(issuers: Vec<Issuer>) -> Policy {
    let mut facts = FactTable::default();
    facts.add(FactSource::Claim(ClaimPath::parse("realm_access.roles").expect("a path")));
    Policy { generation: 1, issuers: issuers.into_iter().map(Arc::new).collect(), applications: Vec::new(), facts }
}

/// Two issuers, each with a key.
struct World {
    policy: Policy,
    keys: Vec<Option<Arc<KeySet>>>,
    a: SigningKey,
    b: SigningKey,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Issuer)) -> Self {
        let mut first = issuer("https://a.test");
        change(&mut first);
        let (a, b) = (key("ka"), key("kb"));
        let keys = vec![Some(Arc::new(set_of(&[&a], &[Algorithm::Es256]))), Some(Arc::new(set_of(&[&b], &[Algorithm::Es256])))];
        Self { policy: policy(vec![first, issuer("https://b.test")]), keys, a, b }
    }

    fn verdict(&self, token: &str) -> Result<(), Stop> {
        verify(&self.policy, &self.keys, token, NOW_S).map(|_| ())
    }

    /// What becomes of a good token of A with this change of its claims. Null takes a claim away.
    fn changed(&self, change: &Value) -> Result<(), Stop> {
        self.verdict(&sign(&self.a, &changed(change)))
    }
}

fn good() -> Value {
    json!({ "iss": "https://a.test", "sub": "u1", "aud": ["api", "other"], "exp": NOW_S + 60, "iat": NOW_S, "typ": "Bearer", "azp": "app" })
}

fn changed(change: &Value) -> Value {
    let mut claims = good();
    for (name, value) in change.as_object().expect("an object").clone() {
        match value {
            Value::Null => claims.as_object_mut().expect("an object").remove(&name),
            value => claims.as_object_mut().expect("an object").insert(name, value),
        };
    }
    claims
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_compact(key, HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
}

/// A token with any header and payload, properly signed over both.
fn signed_raw(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let mut signature = Vec::new();
    key.sign(input.as_bytes(), &mut signature).expect("signed");
    format!("{input}.{}", base64url::encode(&signature))
}

const fn refused(reason: Reason) -> Result<(), Stop> {
    Err(Stop::Refused(reason))
}

#[test]
fn a_good_token_passes_with_the_claims_that_the_policy_asks_for() {
    let world = World::new();
    let mut claims = good();
    claims["realm_access"] = json!({ "roles": ["r"], "more": "not kept" });
    let token = verify(&world.policy, &world.keys, &sign(&world.a, &claims), NOW_S).expect("verified");
    assert_eq!((token.issuer, token.subject.as_deref(), token.ends_at_s, token.valid_until_s), (0, Some("u1"), NOW_S + 60, NOW_S + 65));
    assert_eq!(token.facts.len(), 1);
    assert!(token.facts[0].contains("r"));
    assert_eq!(world.verdict(&sign(&world.b, &changed(&json!({ "iss": "https://b.test" })))), Ok(()));
}

#[test]
fn t_027_the_token_picks_neither_algorithm_nor_key_at_the_gateway() {
    let world = World::new();
    let payload = good().to_string();
    let header = |text: &str| signed_raw(&world.a, text, &payload);
    let hmac = SigningKey::from_hmac_secret(KeyId::parse("ka").expect("an id"), Algorithm::Hs256, &[7; 64]).expect("a key");
    let other_alg = key_of(KeyKind::P384, Algorithm::Es384, "ka");
    let unsigned = |alg: &str| {
        format!("{}.{}.", base64url::encode(format!(r#"{{"alg":"{alg}","kid":"ka"}}"#).as_bytes()), base64url::encode(payload.as_bytes()))
    };
    let good = sign(&world.a, &good());
    let (input, signature) = good.rsplit_once('.').expect("a token");
    let cases = [
        (unsigned("none"), Reason::AlgorithmNotAllowed),
        (unsigned("None"), Reason::AlgorithmNotAllowed),
        (unsigned("nOnE"), Reason::AlgorithmNotAllowed),
        (unsigned("ES256"), Reason::BadSignature),
        (sign(&hmac, &serde_json::from_str(&payload).expect("JSON")), Reason::AlgorithmNotAllowed),
        (sign(&other_alg, &serde_json::from_str(&payload).expect("JSON")), Reason::AlgorithmNotAllowed),
        (sign(&key("ka"), &serde_json::from_str(&payload).expect("JSON")), Reason::BadSignature),
        (format!("{input}.{}", base64url::encode(&[0; 64])), Reason::BadSignature),
        (format!("{input}."), Reason::BadSignature),
        (format!("{input}.{signature}A"), Reason::BadSignature),
        (header(r#"{"alg":"ES256","kid":"ka","crit":["exp"]}"#), Reason::MalformedToken),
        (header(r#"{"alg":"ES256","kid":"ka","b64":false}"#), Reason::MalformedToken),
        (header(r#"{"alg":"ES256","alg":"none","kid":"ka"}"#), Reason::MalformedToken),
        (header(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257))), Reason::MalformedToken),
        (header(r#"{"alg":"ES256","kid":""}"#), Reason::MalformedToken),
        (header(r#"{"kid":"ka"}"#), Reason::MalformedToken),
        (String::new(), Reason::MalformedToken),
        ("a.b".to_owned(), Reason::MalformedToken),
        ("a.b.c.d".to_owned(), Reason::MalformedToken),
        ("a.b.c.d.e".to_owned(), Reason::MalformedToken),
    ];
    for (token, reason) in cases {
        assert_eq!(world.verdict(&token), refused(reason), "{token}");
    }
    for kid in ["../../etc/passwd", "' OR 1=1 --", "https://evil.test/jwks"] {
        assert_eq!(world.verdict(&header(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#))), Err(Stop::NeedsKey(0)), "{kid}");
    }
    let own_key = key("mine");
    let jwk = serde_json::to_string(&Jwk::of_verifying_key(&own_key.verifying_key().expect("a key"), Vec::new())).expect("JSON");
    let embedded = signed_raw(
        &own_key,
        &format!(r#"{{"alg":"ES256","jwk":{jwk},"jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}}"#),
        &payload,
    );
    assert_eq!(world.verdict(&embedded), refused(Reason::BadSignature), "a key in the header is not looked at");
}

#[test]
fn t_028_only_access_tokens_pass_the_gateway() {
    let world = World::new();
    for typ in ["Refresh", "Offline", "ID", "Logout", "Initial", "bearer-token", ""] {
        assert_eq!(world.changed(&json!({ "typ": typ })), refused(Reason::WrongKind), "{typ}");
    }
    for (change, reason) in [
        (json!({ "typ": null, "nonce": "n" }), Reason::WrongKind),
        (json!({ "typ": null, "at_hash": "h" }), Reason::WrongKind),
        (json!({ "typ": null, "c_hash": "h" }), Reason::WrongKind),
        (json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } }), Reason::WrongKind),
        (json!({ "cnf": { "jkt": "x" } }), Reason::SenderConstrained),
    ] {
        assert_eq!(world.changed(&change), refused(reason), "{change}");
    }
    for typ in ["logout+jwt", "dpop+jwt", "id+jwt", "JOSE", "secevent+jwt", "application/jwt+x"] {
        let token = signed_raw(&world.a, &format!(r#"{{"alg":"ES256","kid":"ka","typ":"{typ}"}}"#), &good().to_string());
        assert_eq!(world.verdict(&token), refused(Reason::WrongKind), "{typ}");
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"] {
        let token = signed_raw(&world.a, &format!(r#"{{"alg":"ES256","kid":"ka","typ":"{typ}"}}"#), &good().to_string());
        assert_eq!(world.verdict(&token), Ok(()), "{typ}");
    }
    assert_eq!(world.changed(&json!({ "typ": null })), Ok(()), "a provider that says no kind");
    assert_eq!(world.changed(&json!({ "nonce": "n" })), Ok(()), "Keycloak's older access tokens have a nonce, and say what they are");
}

#[test]
fn t_029_a_malformed_claim_is_not_an_absent_one_at_the_gateway() {
    let world = World::new();
    for (name, values) in [
        ("exp", &["null", "\"1900000000\"", "-1", "1e400", "true", "[]", "{}"][..]),
        ("nbf", &["null", "\"0\"", "-1", "1e400", "[]"]),
        ("iat", &["null", "\"0\"", "-1", "1e400", "[]"]),
        ("iss", &["null", "1", "[\"https://a.test\"]", "{}"]),
        ("aud", &["null", "1", "{}", "[1]", "[\"api\",null]", "[[\"api\"]]"]),
        ("sub", &["null", "1", "[]", "\"a\\u0000b\""]),
        ("typ", &["null", "1"]),
        ("azp", &["null", "1"]),
        ("scope", &["null", "[]"]),
    ] {
        for value in values {
            let rest = changed(&json!({ name: null })).to_string();
            let payload = format!("{},\"{name}\":{value}}}", rest.strip_suffix('}').expect("an object"));
            let token = signed_raw(&world.a, r#"{"alg":"ES256","kid":"ka"}"#, &payload);
            assert_eq!(world.verdict(&token), refused(Reason::MalformedClaims), "{payload}");
        }
        let whole = good().to_string();
        let payload = format!("{},\"{name}\":{}}}", whole.strip_suffix('}').expect("an object"), changed(&json!({}))[name]);
        if good().get(name).is_some() {
            let token = signed_raw(&world.a, r#"{"alg":"ES256","kid":"ka"}"#, &payload);
            assert_eq!(world.verdict(&token), refused(Reason::MalformedClaims), "twice: {payload}");
        }
    }
    for (name, reason) in
        [("exp", Reason::MissingClaim), ("sub", Reason::MissingClaim), ("aud", Reason::WrongAudience), ("iss", Reason::UnknownIssuer)]
    {
        assert_eq!(world.changed(&json!({ name: null })), refused(reason), "{name}");
    }
    assert_eq!(world.changed(&json!({ "nbf": null, "iat": null })), Ok(()));
    assert_eq!(World::with(|issuer| issuer.needs_subject = false).changed(&json!({ "sub": null })), Ok(()));
}

#[test]
fn times_are_kept_to_the_second_with_the_skew() {
    let world = World::new();
    for (change, outcome) in [
        (json!({ "exp": NOW_S - 4 }), Ok(())),
        (json!({ "exp": NOW_S - 5 }), refused(Reason::Expired)),
        (json!({ "nbf": NOW_S + 5 }), Ok(())),
        (json!({ "nbf": NOW_S + 6 }), refused(Reason::NotYetValid)),
        (json!({ "iat": NOW_S + 6 }), refused(Reason::NotYetValid)),
        (json!({ "exp": 0 }), refused(Reason::Expired)),
    ] {
        assert_eq!(world.changed(&change), outcome, "{change}");
    }
}

#[test]
fn t_076_no_issuer_speaks_for_another_and_names_match_exactly() {
    let world = World::new();
    assert_eq!(world.verdict(&sign(&world.b, &good())), refused(Reason::IssuerMismatch), "A's claims under B's key");
    let same_id = key("ka");
    let mut both = World::new();
    both.keys[1] = Some(Arc::new(set_of(&[&same_id], &[Algorithm::Es256])));
    assert_eq!(both.verdict(&sign(&same_id, &good())), refused(Reason::BadSignature), "two issuers with the same id of a key");
    assert_eq!(both.verdict(&sign(&same_id, &changed(&json!({ "iss": "https://b.test" })))), Ok(()));
    assert_eq!(both.verdict(&sign(&both.a, &changed(&json!({ "iss": "https://b.test" })))), refused(Reason::BadSignature));
    for iss in ["https://a.test/", "HTTPS://a.test", "https://A.test", "https://a.test:443", " https://a.test", "https://a.tes", ""] {
        assert_eq!(world.changed(&json!({ "iss": iss })), refused(Reason::IssuerMismatch), "{iss}");
    }
    for aud in [json!("API"), json!("api "), json!("apis"), json!("ap"), json!([]), json!(["other"]), json!("https://api"), json!("")] {
        assert_eq!(world.changed(&json!({ "aud": aud })), refused(Reason::WrongAudience), "{aud}");
    }
    let strict = World::with(|issuer| issuer.parties = vec!["app".to_owned()]);
    assert_eq!(strict.changed(&json!({})), Ok(()));
    assert_eq!(strict.changed(&json!({ "azp": "other" })), refused(Reason::WrongParty));
    assert_eq!(strict.changed(&json!({ "azp": null })), refused(Reason::WrongParty));
    assert_eq!(strict.changed(&json!({ "azp": null, "client_id": "app" })), Ok(()));
    assert_eq!(strict.changed(&json!({ "client_id": "other" })), refused(Reason::WrongParty));
    assert_eq!(strict.changed(&json!({ "client_id": 7 })), refused(Reason::MalformedClaims));
}

#[test]
fn t_099_without_keys_nothing_is_said_about_a_token() {
    let mut world = World::new();
    world.keys[0] = None;
    assert_eq!(world.changed(&json!({})), refused(Reason::KeysUnavailable));
    assert_eq!(world.changed(&json!({ "iss": "https://nobody.test" })), refused(Reason::UnknownIssuer));
}

#[test]
fn a_token_without_a_key_id_is_verified_when_there_is_one_key_only() {
    let mut world = World::new();
    let token = signed_raw(&world.a, r#"{"alg":"ES256"}"#, &good().to_string());
    assert_eq!(world.verdict(&token), Ok(()));
    world.keys[0] = Some(Arc::new(set_of(&[&world.a, &key("k2")], &[Algorithm::Es256])));
    assert_ne!(world.verdict(&token), Ok(()), "which of two keys it is cannot be guessed");
}

#[test]
fn the_cache_is_bounded_and_keeps_what_is_used() {
    let world = World::new();
    let token = Arc::new(verify(&world.policy, &world.keys, &sign(&world.a, &good()), NOW_S).expect("verified"));
    let cache = TokenCache::new(320);
    let name = |text: &str| cache.name(text.as_bytes()).expect("a name");
    let used = name("used");
    cache.put(used, Arc::clone(&token));
    for number in 0..5_000 {
        cache.put(name(&number.to_string()), Arc::clone(&token));
        assert!(cache.get(used).is_some());
        assert!(cache.len() <= 320);
    }
    cache.remove(used);
    assert!(cache.get(used).is_none());
    assert!(TokenCache::new(0).is_empty());
}
