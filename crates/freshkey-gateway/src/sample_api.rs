//! A small API to put behind a gateway: it says who it was told the caller is, and every header that it got. It believes the signed assertion alone, as an
//! application should that cannot be sure who reaches it; what the headers say beside it is only shown.

use crate::answer::{AnswerBody, text};
use crate::clock::{Clock, SystemClock};
use crate::gate::IssuerState;
use crate::identity::ASSERTION_HEADER;
use crate::issuer::{Issuer, KeyAddress, KeySource};
use crate::listener::{Connection, Front};
use crate::policy::{FactTable, Policy};
use crate::reason::Reason;
use crate::token::{Stop, check};
use freshkey_protocol::Claims;
use freshkey_protocol::jose::Algorithm;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};

/// The one path that it answers.
pub const PATH: &str = "/api/whoami";

/// Seconds between two looks at the gateway's keys. A new key is asked for at once when an assertion names it.
const KEYS_REFRESH_S: u32 = 30;
const KEYS_KEPT_S: u32 = 3600;
/// Gateway and API run on the same machine.
const SKEW_S: i64 = 1;

/// The API.
pub struct SampleApi {
    policy: Policy,
    keys: OnceLock<Arc<IssuerState>>,
}

impl SampleApi {
    /// An API that believes assertions of this issuer, made for this audience, whose keys are at this URL.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, keys_url: &str) -> Self {
        let issuer = Issuer {
            name: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: vec![Algorithm::Es256],
            parties: Vec::new(),
            skew_s: SKEW_S,
            needs_subject: false,
            keys: KeySource {
                address: KeyAddress::Url(keys_url.to_owned()),
                ca_file: None,
                refresh_s: KEYS_REFRESH_S,
                kept_s: KEYS_KEPT_S,
            },
            introspection: None,
        };
        let policy = Policy { generation: 0, issuers: vec![Arc::new(issuer)], applications: Vec::new(), facts: FactTable::default() };
        Self { policy, keys: OnceLock::new() }
    }

    /// What an assertion says, once it is proven.
    async fn caller(&self, headers: &HeaderMap) -> Result<Claims, Reason> {
        let mut values = headers.get_all(ASSERTION_HEADER).iter();
        let (Some(assertion), None) = (values.next(), values.next()) else { return Err(Reason::NoCredential) };
        let assertion = assertion.to_str().map_err(|_| Reason::MalformedToken)?;
        // The keys are first looked for when somebody comes: until then the gateway need not be there.
        let issuer = self.keys.get_or_init(|| IssuerState::start(&self.policy.issuers[0]));
        if !issuer.keys.is_ready() {
            issuer.keys.wait_for(|_| true).await;
        }
        let mut outcome = self.check(issuer, assertion);
        if matches!(outcome, Err(Stop::NeedsKey(_))) {
            issuer.keys.wait_for(|_| !matches!(self.check(issuer, assertion), Err(Stop::NeedsKey(_)))).await;
            outcome = self.check(issuer, assertion);
        }
        outcome.map_err(|stop| match stop {
            Stop::Refused(reason) => reason,
            Stop::NeedsKey(_) => Reason::UnknownKey,
        })
    }

    fn check(&self, issuer: &IssuerState, assertion: &str) -> Result<Claims, Stop> {
        let now_s = SystemClock.now_ms().div_euclid(1000);
        check(&self.policy, &[issuer.keys.current().clone()], assertion, now_s).map(|checked| checked.claims)
    }
}

impl Front for SampleApi {
    async fn answer(&self, request: Request<Incoming>, _connection: Connection) -> Response<AnswerBody> {
        if request.uri().path() != PATH {
            return said(StatusCode::NOT_FOUND, &json!({ "error": format!("this sample has {PATH} and nothing else") }));
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return said(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "GET is what it answers" }));
        }
        match self.caller(request.headers()).await {
            Ok(claims) => said(StatusCode::OK, &json!({ "caller": caller(&claims), "headers": listed(request.headers()) })),
            Err(reason) => {
                let error = format!("no assertion of the gateway says who calls ({})", reason.as_str());
                said(StatusCode::UNAUTHORIZED, &json!({ "error": error }))
            }
        }
    }
}

fn caller(claims: &Claims) -> Value {
    json!({
        "issuer": claims.other.get("token_iss"),
        "subject": claims.sub,
        "identity": claims.other.get("identity"),
    })
}

/// A header that came once as a text, and one that came more often as a list.
fn listed(headers: &HeaderMap) -> Map<String, Value> {
    let values = |name| headers.get_all(name).iter().map(|value| Value::from(String::from_utf8_lossy(value.as_bytes())));
    let entry = |name| {
        let mut values: Vec<Value> = values(name).collect();
        if values.len() == 1 { values.remove(0) } else { Value::from(values) }
    };
    headers.keys().map(|name| (name.as_str().to_owned(), entry(name))).collect()
}

fn said(status: StatusCode, value: &Value) -> Response<AnswerBody> {
    text(status, "application/json", format!("{value:#}\n"))
}
