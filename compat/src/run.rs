//! Runs a scenario against a server and writes down what came back.

use crate::normal::Normaliser;
use crate::realm::{self, LONG_SECRET};
use crate::recording::{Recorded, Recording};
use crate::script::{Body, Damage, Exchange, Made, Request, Scenario, Signer, Step};
use crate::subject::Subject;
use crate::wire::{Answer, Wire};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use freshkey_protocol::form::encode_pairs;
use freshkey_protocol::jose::{Algorithm, HeaderType, Jwk, JwkSet, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The key pair that the client `jwt` has registered.
static REGISTERED: LazyLock<SigningKey> = LazyLock::new(rsa_key);

/// One that nobody has.
static STRANGER: LazyLock<SigningKey> = LazyLock::new(rsa_key);

/// Loads the scenario's realm and runs its steps. An error is a fault of the scenario or the server's end, not a difference.
pub async fn run(scenario: &Scenario, subject: &mut Subject) -> Result<Recording, String> {
    let mut file = realm::realm(&registered_keys());
    (scenario.realm)(&mut file);
    subject.load(&file).await.map_err(|error| format!("{}: {error}", scenario.name))?;
    let mut run = Run::new(subject);
    let mut recording = Recording { scenario: scenario.name.to_owned(), exchanges: Vec::new() };
    for step in &scenario.steps {
        let done = run.step(subject, step).await;
        recording.exchanges.extend(done.map_err(|error| format!("{}: {error}", scenario.name))?);
    }
    Ok(recording)
}

struct Run {
    wire: Wire,
    kept: BTreeMap<&'static str, String>,
    normaliser: Normaliser,
}

impl Run {
    fn new(subject: &Subject) -> Self {
        let base = subject.base_url();
        let kept = BTreeMap::from([("issuer", format!("{base}/realms/{}", realm::REALM)), ("base", base.to_owned())]);
        Self { wire: Wire::new(), kept, normaliser: Normaliser::new(base) }
    }

    async fn step(&mut self, subject: &mut Subject, step: &Step) -> Result<Option<Recorded>, String> {
        match step {
            Step::Send(exchange) => return self.exchange(subject, exchange).await.map(Some),
            Step::Wait(seconds) => subject.wait(*seconds).await?,
            Step::Arrange(change) => {
                if let Some(secret) = subject.arrange(change).await? {
                    self.kept.insert("secret", secret);
                }
            }
            Step::Make(name, made) => {
                let value = self.make(made, subject.now())?;
                self.kept.insert(name, value);
            }
        }
        Ok(None)
    }

    async fn exchange(&mut self, subject: &Subject, exchange: &Exchange) -> Result<Recorded, String> {
        let answer = self.send(subject, &exchange.request).await?;
        let body = answer.json().unwrap_or_default();
        for (name, pointer) in &exchange.keeps {
            let value = body.pointer(pointer).and_then(Value::as_str);
            let value = value.ok_or_else(|| format!("{}: no {pointer} in {} {}", exchange.name, answer.status, answer.text()))?;
            self.kept.insert(name, value.to_owned());
        }
        if body.get("access_token").is_some() {
            self.learn_keys(subject).await?;
        }
        let normal =
            self.normaliser.answer(&exchange.name, &answer, subject.now()).map_err(|error| format!("{}: {error}", exchange.name))?;
        Ok(Recorded { name: exchange.name.clone(), request: shown(&exchange.request), answer: normal })
    }

    async fn send(&self, subject: &Subject, request: &Request) -> Result<Answer, String> {
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            let value = self.filled(value)?;
            headers.push((*name, value.strip_prefix("basic:").map_or_else(|| value.clone(), basic)));
        }
        let body = match &request.body {
            Body::Empty => Vec::new(),
            Body::Raw(bytes) => bytes.clone(),
            Body::Form(form) => {
                headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
                let pairs = form.iter().map(|(name, value)| Ok((*name, self.filled(value)?))).collect::<Result<Vec<_>, String>>()?;
                encode_pairs(pairs.iter().map(|(name, value)| (*name, value.as_str()))).into_bytes()
            }
        };
        let url = format!("{}{}", subject.base_url(), self.filled(&request.path)?);
        self.wire.send(request.method, &url, &headers, body).await
    }

    /// Puts kept values in place of their names in braces. A brace that names nothing stands for itself.
    fn filled(&self, text: &str) -> Result<String, String> {
        let filled = self.kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        if filled.contains('{') { Err(format!("no value is kept under the name in {text}")) } else { Ok(filled) }
    }

    /// Signatures are checked with what the server publishes at this moment.
    async fn learn_keys(&mut self, subject: &Subject) -> Result<(), String> {
        let answer = self.send(subject, &crate::script::endpoint("GET", "certs")).await?;
        if let Ok(keys) = JwkSet::parse(&answer.body) {
            self.normaliser.know_keys(keys);
        }
        Ok(())
    }

    fn make(&self, made: &Made, now: i64) -> Result<String, String> {
        match made {
            Made::Assertion(assertion) => self.assertion(assertion.signer, &assertion.claims, now),
            Made::Code(periods) => Ok(realm::code(now.div_euclid(30) + periods)),
            Made::Damaged(token, damage) => damaged(self.kept(token)?, *damage),
            Made::Claim(token, claim) => {
                let claims = decoded(self.kept(token)?, 1)?;
                claims[*claim].as_str().map(str::to_owned).ok_or_else(|| format!("the token {token} has no text claim {claim}"))
            }
        }
    }

    fn kept(&self, name: &str) -> Result<&str, String> {
        self.kept.get(name).map(String::as_str).ok_or_else(|| format!("nothing is kept under {name}"))
    }

    fn assertion(&self, signer: Signer, changes: &Value, now: i64) -> Result<String, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = format!("assertion-{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = if matches!(signer, Signer::Registered | Signer::Stranger) { "jwt" } else { "secret-jwt" };
        let mut claims = json!({ "iss": client, "sub": client, "aud": self.kept("issuer")?, "jti": id, "iat": now, "exp": now + 60 });
        for (name, value) in changes.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(claims.as_object_mut().and_then(|claims| claims.remove(name))),
                Value::Number(offset) => claims[name] = json!(now + offset.as_i64().unwrap_or_default()),
                Value::String(text) => claims[name] = json!(self.filled(text)?),
                other => claims[name] = other.clone(),
            }
        }
        let secret = |secret: &str| {
            let id = KeyId::parse("client-secret").map_err(|error| format!("{error:?}"))?;
            SigningKey::from_hmac_secret(id, Algorithm::Hs256, secret.as_bytes()).map_err(|error| format!("{error:?}"))
        };
        let signed = match signer {
            Signer::Registered => sign_compact(&REGISTERED, HeaderType::Jwt, claims.to_string().as_bytes()),
            Signer::Stranger => sign_compact(&STRANGER, HeaderType::Jwt, claims.to_string().as_bytes()),
            Signer::Secret => sign_compact(&secret(LONG_SECRET)?, HeaderType::Jwt, claims.to_string().as_bytes()),
            Signer::WrongSecret => sign_compact(&secret(&LONG_SECRET.replace('0', "1"))?, HeaderType::Jwt, claims.to_string().as_bytes()),
        };
        signed.map_err(|error| format!("an assertion cannot be signed: {error:?}"))
    }
}

/// The request as it is written in the scenario, so that a recording can be read.
fn shown(request: &Request) -> Value {
    let mut shown = Map::new();
    shown.insert("method".to_owned(), json!(request.method));
    shown.insert("path".to_owned(), json!(request.path));
    if !request.headers.is_empty() {
        shown.insert("headers".to_owned(), json!(request.headers));
    }
    match &request.body {
        Body::Empty => {}
        Body::Form(form) => drop(shown.insert("form".to_owned(), json!(form))),
        Body::Raw(bytes) if bytes.len() <= 200 => drop(shown.insert("body".to_owned(), json!(String::from_utf8_lossy(bytes)))),
        Body::Raw(bytes) => drop(shown.insert("body".to_owned(), json!(format!("{} bytes", bytes.len())))),
    }
    for value in shown.values_mut() {
        shorten(value);
    }
    Value::Object(shown)
}

/// A recording is for reading: nobody reads a value of a megabyte.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(values) if values.len() > 40 => *value = json!(format!("{} entries", values.len())),
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::String(text) if text.len() > 200 => *text = format!("{} bytes", text.len()),
        _ => {}
    }
}

/// `basic:id:secret` as RFC 6749 §2.3.1 wants it: each part form-urlencoded, then base64.
fn basic(pair: &str) -> String {
    let (id, secret) = pair.split_once(':').unwrap_or((pair, ""));
    format!("Basic {}", STANDARD.encode(encode_pairs([(id, secret)]).replacen('=', ":", 1)))
}

fn decoded(token: &str, part: usize) -> Result<Value, String> {
    let part = token.split('.').nth(part).ok_or("a token has fewer parts")?;
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn damaged(token: &str, damage: Damage) -> Result<String, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return Err("a token to be damaged has three parts".to_owned()) };
    let with_header = |change: &dyn Fn(&mut Value)| -> Result<String, String> {
        let mut header = decoded(token, 0)?;
        change(&mut header);
        Ok(URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    Ok(match damage {
        Damage::Payload => format!("{header}.{}.{signature}", other_letter(payload, 10)),
        Damage::Signature => format!("{header}.{payload}.{}", other_letter(signature, 10)),
        Damage::NoSignature => format!("{header}.{payload}"),
        Damage::AlgorithmNone => format!("{}.{payload}.", with_header(&|header| header["alg"] = json!("none"))?),
        Damage::ForeignKey => {
            format!("{}.{payload}.{signature}", with_header(&|header| header["kid"] = json!("00000000-0000-4000-8000-000000000000"))?)
        }
    })
}

/// The text with another letter so many places before its end.
fn other_letter(text: &str, from_end: usize) -> String {
    let position = text.len().saturating_sub(from_end);
    let letter = if text.as_bytes().get(position) == Some(&b'A') { "B" } else { "A" };
    let mut changed = text.to_owned();
    changed.replace_range(position..=position, letter);
    changed
}

fn rsa_key() -> SigningKey {
    let der = generate_private_key(KeyKind::Rsa2048).expect("a key is made");
    SigningKey::from_private_key_der(Algorithm::Rs256, der.expose()).expect("the key just made is usable")
}

fn registered_keys() -> String {
    let key = REGISTERED.verifying_key().ok().and_then(|key| Jwk::of_verifying_key(&key, Vec::new()));
    json!(JwkSet { keys: key.into_iter().collect(), ignored: 0 }).to_string()
}
