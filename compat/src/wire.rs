//! One HTTP/1.1 request and its whole answer. Plain HTTP only: both servers are on loopback.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// How long an answer may take: a JVM that is still warming up needs some seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends requests.
#[derive(Clone)]
pub struct Wire(Client<HttpConnector, Full<Bytes>>);

/// What came back.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Wire {
    /// A client with kept-alive connections.
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends one request. An error says what did not work, and where.
    pub async fn send(&self, method: &str, url: &str, headers: &[(&str, String)], body: Vec<u8>) -> Result<Answer, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{method} {url}: {error}");
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| failed(&error))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
            Ok(Answer { status: parts.status.as_u16(), headers, body })
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| failed(&"no answer in time"))?
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// The body, where it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, whatever it is.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
