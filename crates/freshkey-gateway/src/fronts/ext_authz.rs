//! The endpoint that Envoy asks: `envoy.service.auth.v3.Authorization/Check` over gRPC. Whatever is wrong with a question, the answer is a no.

mod messages;
#[cfg(test)]
mod tests;

pub use messages::{
    AttributeContext, AttributeRequest, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderEntry, HeaderList, HeaderOption,
    HttpRequest, HttpResponse, HttpStatus, OkHttpResponse, RpcStatus,
};

use super::report::{FrontName, Report};
use super::unchangeable::check_unchangeable;
use crate::answer::{AnswerBody, REQUEST_ID, RequestId, challenge, constant_body, empty};
use crate::gate::{Gate, Snapshot};
use crate::limits::EXT_AUTHZ_MESSAGE_BYTES_MAX;
use crate::listener::{Connection, Front};
use crate::reason::{Ambiguity, Reason};
use crate::request::{CanonicalRequest, Host};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use prost::Message as _;
use std::sync::Arc;

/// The endpoint.
pub struct ExtAuthz {
    gate: Arc<Gate>,
}

/// Codes of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GrpcCode {
    Ok = 0,
    InvalidArgument = 3,
    PermissionDenied = 7,
    Unimplemented = 12,
    Unauthenticated = 16,
}

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// One byte for compression, four for the length.
const FRAME_BYTES: usize = 5;

impl ExtAuthz {
    /// The endpoint with this gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    /// The verdict on what Envoy describes.
    pub async fn check(&self, question: &CheckRequest, connection: Connection) -> CheckResponse {
        let id = RequestId::next();
        let peer = connection.peer.ip();
        let snapshot = self.gate.snapshot();
        let report = Report { front: FrontName::ExtAuthz, request_id: id.as_str(), method: "", host: "", path: "", peer };
        let refuse = |reason: Reason| {
            report.refused(reason);
            denied(reason, &snapshot.realm, id)
        };
        if !snapshot.trusted_proxies.trusts(peer) {
            return refuse(Reason::UntrustedPeer);
        }
        let described =
            question.attributes.as_ref().and_then(|attributes| attributes.request.as_ref()).and_then(|request| request.http.as_ref());
        let Some(described) = described else { return refuse(Ambiguity::Incomplete.into()) };
        let (method, headers) = match parts(described) {
            Ok(parts) => parts,
            Err(ambiguity) => return refuse(ambiguity.into()),
        };
        let canonical = match canonical(&method, described, &headers, &snapshot) {
            Ok(canonical) => canonical,
            Err(ambiguity) => return refuse(ambiguity.into()),
        };
        let judgement = self.gate.judge(&snapshot, &canonical).await;
        Report { method: method.as_str(), host: canonical.host.name(), path: canonical.path.as_str(), ..report }.judged(&judgement);
        match &judgement.outcome {
            Err(reason) => denied(*reason, &snapshot.realm, id),
            Ok(pass) => {
                let identity = pass.identity.iter().flat_map(|identity| identity.headers());
                let mut headers: Vec<HeaderOption> = identity
                    .filter_map(|(name, value)| value.to_str().ok().map(|value| HeaderOption::overwriting(name.as_str(), value)))
                    .collect();
                headers.push(HeaderOption::overwriting(REQUEST_ID.as_str(), id.as_str()));
                let passes_token =
                    judgement.application.and_then(|place| snapshot.policy.applications.get(place)).is_some_and(|it| it.passes_token);
                let is_taken = pass.token.is_some() && !passes_token;
                let headers_to_remove = if is_taken { vec![header::AUTHORIZATION.as_str().to_owned()] } else { Vec::new() };
                answer(GrpcCode::Ok, HttpResponse::Ok(OkHttpResponse { headers, headers_to_remove }))
            }
        }
    }
}

fn canonical<'r>(
    method: &'r Method,
    described: &'r HttpRequest,
    headers: &'r HeaderMap,
    snapshot: &Snapshot,
) -> Result<CanonicalRequest<'r>, Ambiguity> {
    let host = Host::parse(&described.host)?;
    let request = CanonicalRequest::of_parts(method, host, &described.path, headers)?;
    check_unchangeable(request, snapshot, &[])
}

/// Method and headers. Names that begin with a colon are Envoy's own, and say the same as the other fields.
fn parts(described: &HttpRequest) -> Result<(Method, HeaderMap), Ambiguity> {
    let method = Method::from_bytes(described.method.as_bytes()).map_err(|_| Ambiguity::Method)?;
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        if name.starts_with(':') {
            return Ok(());
        }
        let name = HeaderName::try_from(name).map_err(|_| Ambiguity::Incomplete)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Ambiguity::Incomplete)?;
        headers.try_append(name, value).map(|_| ()).map_err(|_| Ambiguity::Incomplete)
    };
    for (name, value) in &described.headers {
        add(name, value.as_bytes())?;
    }
    for entry in described.header_map.iter().flat_map(|list| &list.headers) {
        add(&entry.key, if entry.raw_value.is_empty() { entry.value.as_bytes() } else { &entry.raw_value })?;
    }
    Ok((method, headers))
}

fn answer(code: GrpcCode, response: HttpResponse) -> CheckResponse {
    CheckResponse { status: Some(RpcStatus { code: code as i32 }), http_response: Some(response) }
}

fn denied(reason: Reason, realm: &str, id: RequestId) -> CheckResponse {
    let status = reason.status();
    let code = if status == StatusCode::UNAUTHORIZED { GrpcCode::Unauthenticated } else { GrpcCode::PermissionDenied };
    let mut headers = vec![
        HeaderOption::overwriting(REQUEST_ID.as_str(), id.as_str()),
        HeaderOption::overwriting(header::CONTENT_TYPE.as_str(), "application/json"),
        HeaderOption::overwriting(header::CACHE_CONTROL.as_str(), "no-store"),
    ];
    if let Some(challenge) = challenge(reason, realm).as_ref().and_then(|challenge| challenge.to_str().ok()) {
        headers.push(HeaderOption::overwriting(header::WWW_AUTHENTICATE.as_str(), challenge));
    }
    let status_code = HttpStatus { code: i32::from(status.as_u16()) };
    answer(code, HttpResponse::Denied(DeniedHttpResponse { status: Some(status_code), headers, body: constant_body(status).to_owned() }))
}

impl Front for ExtAuthz {
    async fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<AnswerBody> {
        if request.uri().path() != CHECK || request.method() != Method::POST {
            return failed(GrpcCode::Unimplemented);
        }
        let body = match Limited::new(request.into_body(), EXT_AUTHZ_MESSAGE_BYTES_MAX + FRAME_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return failed(GrpcCode::InvalidArgument),
        };
        match message(&body).and_then(|message| CheckRequest::decode(message).ok()) {
            Some(question) => framed(&self.check(&question, connection).await),
            None => failed(GrpcCode::InvalidArgument),
        }
    }
}

/// The one message of a body: not compressed, and nothing behind it.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (frame, message) = body.split_first_chunk::<FRAME_BYTES>()?;
    let [0, length @ ..] = frame else { return None };
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (message.len() == length).then_some(message)
}

fn framed(message: &CheckResponse) -> Response<AnswerBody> {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(FRAME_BYTES + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    let body = match message.encode(&mut bytes) {
        Ok(()) => bytes.freeze(),
        Err(_) => Bytes::new(),
    };
    let mut response = Response::new(AnswerBody::with_trailers(body, grpc_status(GrpcCode::Ok)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A failure without a message: Envoy refuses the request then, unless it was told to let it pass.
fn failed(code: GrpcCode) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::OK);
    *response.headers_mut() = grpc_status(code);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn grpc_status(code: GrpcCode) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from(code as i32));
    headers
}
