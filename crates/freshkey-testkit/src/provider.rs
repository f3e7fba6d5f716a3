//! An OpenID Connect provider of somebody else's, for the client's tests: it answers as told, counts what it is asked, and misbehaves on request. It
//! keeps its tokens in memory, signs nothing, and knows one user.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// How a refresh treats the token that is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// It stays.
    #[default]
    Off,
    /// It is replaced, and dead at once.
    Strict,
    /// It is replaced, and gives the same successor again while that was not used.
    Grace,
}

/// What the token endpoint does to a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// What it should.
    #[default]
    Answers,
    /// Does what it should, and drops the connection instead of answering.
    LosesReply,
    /// Waits until it is told otherwise.
    Hangs,
    /// Answers this, and does nothing.
    Says(u16, String),
    /// Sends the caller there, with method and content (307), and does nothing.
    Redirects(String),
}

/// A provider that listens on loopback, in clear, until it is dropped.
pub struct TestProvider {
    state: Arc<Shared>,
    issuer: String,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
    asked: Notify,
}

#[derive(Default)]
struct Inner {
    issuer: String,
    rotation: Rotation,
    /// One for each of the next requests; then it answers.
    behaviours: std::collections::VecDeque<Behaviour>,
    standing: Behaviour,
    life_s: u32,
    counts: BTreeMap<String, usize>,
    number: u64,
    live: HashSet<String>,
    given: Vec<String>,
    /// The last token before each successor, under grace.
    predecessors: BTreeMap<String, String>,
    user_code_approved: bool,
    /// The challenge of each code that was given to a browser, and where it was sent.
    codes: BTreeMap<String, (String, String)>,
    extra: Value,
    secret: Option<String>,
    one_time_code: Option<String>,
}

impl TestProvider {
    /// Starts one whose access tokens live for an hour.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Inner { issuer: issuer.clone(), life_s: 3600, extra: json!({}), ..Inner::default() };
        let state = Arc::new(Shared { inner: Mutex::new(inner), changed: Notify::new(), asked: Notify::new() });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/device", post(device))
            .route("/authorize", get(authorize))
            .route("/canary", post(canary))
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { state, issuer, server }
    }

    /// Who it is.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How refresh tokens are treated from now on.
    pub fn set_rotation(&self, rotation: Rotation) {
        self.change(|inner| inner.rotation = rotation);
    }

    /// How long access tokens live from now on.
    pub fn set_life_s(&self, life_s: u32) {
        self.change(|inner| inner.life_s = life_s);
    }

    /// What it does to every request at the token endpoint from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.change(|inner| inner.standing = behaviour);
    }

    /// What it does to the next request at the token endpoint, once.
    pub fn behave_once(&self, behaviour: Behaviour) {
        self.change(|inner| inner.behaviours.push_back(behaviour));
    }

    /// Members that replace those of token replies from now on; `null` takes one away.
    pub fn say_in_replies(&self, extra: Value) {
        self.change(|inner| inner.extra = extra);
    }

    /// The secret that its client must show from now on.
    pub fn require_secret(&self, secret: &str) {
        self.change(|inner| inner.secret = Some(secret.to_owned()));
    }

    /// The one-time code that must come with the password from now on.
    pub fn require_one_time_code(&self, code: &str) {
        self.change(|inner| inner.one_time_code = Some(code.to_owned()));
    }

    /// The person on the other device says yes.
    pub fn approve_device(&self) {
        self.change(|inner| inner.user_code_approved = true);
    }

    /// Every refresh token is dead, as after a log-out elsewhere.
    pub fn end_sessions(&self) {
        self.change(|inner| {
            inner.live.clear();
            inner.predecessors.clear();
        });
    }

    /// How often a grant, or `revoke`, was asked for.
    pub fn count(&self, what: &str) -> usize {
        self.locked().counts.get(what).copied().unwrap_or(0)
    }

    /// Waits until a grant was asked for so many times.
    pub async fn asked(&self, what: &str, times: usize) {
        loop {
            let asked = self.state.asked.notified();
            tokio::pin!(asked);
            // From here on no request is missed.
            asked.as_mut().enable();
            if self.count(what) >= times {
                return;
            }
            asked.await;
        }
    }

    /// How many refresh tokens are alive.
    pub fn live_tokens(&self) -> usize {
        self.locked().live.len()
    }

    /// Every refresh token that it has ever given.
    pub fn every_refresh_token(&self) -> Vec<String> {
        self.locked().given.clone()
    }

    /// A refresh token, as if somebody had signed in elsewhere.
    pub fn issue_refresh_token(&self) -> String {
        self.locked().new_refresh_token()
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.locked());
        self.state.changed.notify_waiters();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.state.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TestProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Inner {
    fn new_refresh_token(&mut self) -> String {
        self.number += 1;
        let token = unlike_any_word("r", self.number);
        self.live.insert(token.clone());
        self.given.push(token.clone());
        token
    }

    fn reply(&mut self, refresh_token: Option<&str>) -> Response {
        self.number += 1;
        let mut body = json!({
            "access_token": unlike_any_word("a", self.number),
            "token_type": "Bearer",
            "expires_in": self.life_s,
            "refresh_token": refresh_token,
            "scope": "openid",
        });
        if let (Some(members), Some(extra)) = (body.as_object_mut(), self.extra.as_object()) {
            members.extend(extra.clone());
        }
        answer(200, &body)
    }

    /// The refresh token that follows the one presented, or `None` when that one is dead.
    fn rotated(&mut self, presented: &str) -> Option<String> {
        if self.live.contains(presented) {
            return Some(match self.rotation {
                Rotation::Off => presented.to_owned(),
                Rotation::Strict | Rotation::Grace => {
                    self.live.remove(presented);
                    let successor = self.new_refresh_token();
                    self.predecessors.retain(|_, of| of.as_str() != presented);
                    self.predecessors.insert(presented.to_owned(), successor.clone());
                    successor
                }
            });
        }
        let successor = self.predecessors.get(presented)?.clone();
        (self.rotation == Rotation::Grace && self.live.contains(&successor)).then_some(successor)
    }

    fn granted(&mut self, grant: &str, form: &BTreeMap<String, String>) -> Response {
        let of_form = |name: &str| form.get(name).cloned().unwrap_or_default();
        match grant {
            "password" if self.one_time_code.as_ref().is_some_and(|code| *code != of_form("totp")) => refusal(401, "invalid_grant"),
            "password" if of_form("password") == "the password" => {
                let token = self.new_refresh_token();
                self.reply(Some(&token))
            }
            "client_credentials" => self.reply(None),
            "refresh_token" => match self.rotated(&of_form("refresh_token")) {
                Some(token) => self.reply(Some(&token)),
                None => refusal(400, "invalid_grant"),
            },
            // A code counts once, for the address that it was sent to, and with the secret that its challenge was made of (RFC 7636 §4.6).
            "authorization_code" => match self.codes.remove(&of_form("code")) {
                Some((challenge, redirect_uri))
                    if challenge == challenge_of(&of_form("code_verifier")) && redirect_uri == of_form("redirect_uri") =>
                {
                    let token = self.new_refresh_token();
                    self.reply(Some(&token))
                }
                _ => refusal(400, "invalid_grant"),
            },
            "urn:ietf:params:oauth:grant-type:device_code" if !self.user_code_approved => refusal(400, "authorization_pending"),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                let token = self.new_refresh_token();
                self.reply(Some(&token))
            }
            _ => refusal(400, "invalid_grant"),
        }
    }
}

/// A token none of whose parts turns up by chance: a scanner must not take a word of ours for a secret.
fn unlike_any_word(kind: &str, number: u64) -> String {
    let mut state = number;
    let mut token = String::from(kind);
    for _ in 0..4 {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        token.push_str(&format!("{:016x}", mixed ^ (mixed >> 31)));
    }
    token
}

async fn discovery(State(state): State<Arc<Shared>>) -> Response {
    let issuer = state.inner.lock().unwrap_or_else(PoisonError::into_inner).issuer.clone();
    answer(
        200,
        &json!({
            "issuer": issuer,
            "token_endpoint": format!("{issuer}/token"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "device_authorization_endpoint": format!("{issuer}/device"),
            "authorization_endpoint": format!("{issuer}/authorize"),
            "jwks_uri": format!("{issuer}/keys"),
        }),
    )
}

async fn token(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = form(&body);
    let grant = form.get("grant_type").cloned().unwrap_or_default();
    let behaviour = {
        let mut inner = state.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.counts.entry(grant.clone()).or_default() += 1;
        state.asked.notify_waiters();
        let once = inner.behaviours.pop_front();
        once.unwrap_or_else(|| inner.standing.clone())
    };
    match behaviour {
        Behaviour::Redirects(to) => return (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Behaviour::Says(status, text) => return (StatusCode::from_u16(status).expect("a status"), text).into_response(),
        Behaviour::Hangs => loop {
            let changed = state.changed.notified();
            if state.inner.lock().unwrap_or_else(PoisonError::into_inner).standing != Behaviour::Hangs {
                break;
            }
            changed.await;
        },
        Behaviour::Answers | Behaviour::LosesReply => {}
    }
    let reply = {
        let mut inner = state.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match &inner.secret {
            Some(secret) if !shows(&headers, &form, secret) => refusal(401, "invalid_client"),
            _ => inner.granted(&grant, &form),
        }
    };
    // A panic ends the connection without a word, which is what a lost reply looks like.
    if behaviour == Behaviour::LosesReply {
        std::panic::resume_unwind(Box::new("the reply is lost on purpose"));
    }
    reply
}

/// A browser comes by, and its person signs in at once.
async fn authorize(State(state): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let form = form(query.unwrap_or_default().as_bytes());
    let of_form = |name: &str| form.get(name).cloned().unwrap_or_default();
    let mut inner = state.inner.lock().unwrap_or_else(PoisonError::into_inner);
    if of_form("code_challenge_method") != "S256" || of_form("response_type") != "code" {
        return refusal(400, "invalid_request");
    }
    inner.number += 1;
    let code = unlike_any_word("c", inner.number);
    inner.codes.insert(code.clone(), (of_form("code_challenge"), of_form("redirect_uri")));
    let pairs = freshkey_protocol::form::encode_pairs([("code", code.as_str()), ("state", &of_form("state")), ("iss", &inner.issuer)]);
    (StatusCode::FOUND, [("location", format!("{}?{pairs}", of_form("redirect_uri")))]).into_response()
}

fn challenge_of(verifier: &str) -> String {
    freshkey_protocol::base64url::encode(&freshkey_protocol::jose::Algorithm::Rs256.hash(verifier.as_bytes()))
}

/// Where nothing may ever arrive.
async fn canary(State(state): State<Arc<Shared>>) -> Response {
    *state.inner.lock().unwrap_or_else(PoisonError::into_inner).counts.entry("canary".to_owned()).or_default() += 1;
    answer(200, &json!({}))
}

async fn revoke(State(state): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = form(&body);
    let mut inner = state.inner.lock().unwrap_or_else(PoisonError::into_inner);
    *inner.counts.entry("revoke".to_owned()).or_default() += 1;
    if let Some(token) = form.get("token") {
        inner.live.remove(token);
    }
    answer(200, &json!({}))
}

async fn device(State(state): State<Arc<Shared>>) -> Response {
    let issuer = state.inner.lock().unwrap_or_else(PoisonError::into_inner).issuer.clone();
    answer(
        200,
        &json!({
            "device_code": "the-device-code", "user_code": "WDJB-MJHT", "verification_uri": format!("{issuer}/activate"),
            "expires_in": 600, "interval": 1,
        }),
    )
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let parsed = freshkey_protocol::Form::parse(body).expect("a form");
    parsed.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn shows(headers: &HeaderMap, form: &BTreeMap<String, String>, secret: &str) -> bool {
    let basic = headers
        .get("authorization")
        .and_then(|header| freshkey_protocol::client_credentials::BasicCredentials::parse(header.as_bytes()).ok());
    basic.is_some_and(|basic| basic.client_secret.expose() == secret) || form.get("client_secret").is_some_and(|shown| shown == secret)
}

fn refusal(status: u16, code: &str) -> Response {
    answer(status, &json!({ "error": code, "error_description": "as the test wants it" }))
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json"), ("cache-control", "no-store")], body.to_string()).into_response()
}
