//! Requests that read like prose, and answers that are easy to look into.

use super::Node;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{self, HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_protocol::form::encode_pairs;
use freshkey_server::caller::Scheme;
use freshkey_server::routes::Connection;
use serde_json::Value;
use std::net::SocketAddr;
use tower::ServiceExt as _;

pub struct Request<'r> {
    router: &'r Router,
    node: Option<&'r Node>,
    builder: http::request::Builder,
    body: Body,
    connection: Connection,
}

impl<'r> Request<'r> {
    pub fn new(router: &'r Router, method: &str, path: &str) -> Self {
        let builder = http::Request::builder().method(method).uri(path);
        let connection = Connection { peer: SocketAddr::from(([192, 0, 2, 1], 40_000)), scheme: Scheme::Https };
        Self { router, node: None, builder, body: Body::empty(), connection }
    }

    /// A request to a node, which looks for changes of the configuration just before.
    pub fn to(node: &'r Node, method: &str, path: &str) -> Self {
        Self { node: Some(node), ..Self::new(&node.router, method, path) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Id and secret as RFC 6749 §2.3.1 wants them: each form-urlencoded, then base64.
    pub fn basic(self, client_id: &str, secret: &str) -> Self {
        let pair = encode_pairs([(client_id, secret)]).replacen('=', ":", 1);
        self.header("authorization", &format!("Basic {}", STANDARD.encode(pair)))
    }

    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.raw_form(encode_pairs(pairs.iter().copied()).into_bytes())
    }

    /// The fields that have a value: an empty scope is refused, and none is not.
    pub fn filled_form(self, pairs: &[(&str, &str)]) -> Self {
        let filled: Vec<_> = pairs.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        self.form(&filled)
    }

    pub fn raw_form(self, body: impl Into<Bytes>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::from(body.into());
        self
    }

    pub fn peer(mut self, address: [u8; 4]) -> Self {
        self.connection.peer = SocketAddr::from((address, 40_000));
        self
    }

    pub fn in_clear(mut self) -> Self {
        self.connection.scheme = Scheme::Http;
        self
    }

    pub async fn send(self) -> Answer {
        let mut request = self.builder.body(self.body).unwrap();
        request.extensions_mut().insert(self.connection);
        if let Some(node) = self.node {
            node.poll().await;
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON, not {:?}", self.text()))
    }

    /// The body, where it is JSON.
    pub fn json_if_any(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A text field of the body.
    pub fn field(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.text())).to_owned()
    }

    pub fn access_token(&self) -> String {
        self.field("access_token")
    }

    pub fn refresh_token(&self) -> String {
        self.field("refresh_token")
    }

    /// `400 invalid_grant: Stale token`
    pub fn refusal(&self) -> String {
        let body = self.json();
        let description = body["error_description"].as_str().map(|text| format!(": {text}")).unwrap_or_default();
        format!("{} {}{description}", self.status, body["error"].as_str().unwrap_or("?"))
    }

    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok())
    }
}
