//! The endpoint that other proxies ask: nginx (`auth_request`), Traefik (`forwardAuth`), Caddy (`forward_auth`), HAProxy. The proxy describes the
//! request in headers, which are believed from listed proxies only.
//!
//! The proxy, not we, passes the request on. So a request that would have to be changed to be safe is refused here.

use super::report::{FrontName, Report};
use super::unchangeable::check_unchangeable;
use crate::answer::{AnswerBody, REQUEST_ID, RequestId, empty, refusal};
use crate::config::ForwardAuthHeaders;
use crate::gate::Gate;
use crate::listener::{Connection, Front};
use crate::reason::{Ambiguity, Reason};
use crate::request::{CanonicalRequest, Host};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;

/// The endpoint.
pub struct ForwardAuth {
    gate: Arc<Gate>,
    headers: ForwardAuthHeaders,
}

impl ForwardAuth {
    /// The endpoint for proxies that describe requests in this way.
    #[must_use]
    pub fn new(gate: Arc<Gate>, headers: ForwardAuthHeaders) -> Self {
        Self { gate, headers }
    }

    /// The names of the headers for method, host and target.
    fn names(&self) -> &'static [HeaderName; 3] {
        static ORIGINAL: [HeaderName; 3] = [
            HeaderName::from_static("x-original-method"),
            HeaderName::from_static("x-original-host"),
            HeaderName::from_static("x-original-uri"),
        ];
        static FORWARDED: [HeaderName; 3] = [
            HeaderName::from_static("x-forwarded-method"),
            HeaderName::from_static("x-forwarded-host"),
            HeaderName::from_static("x-forwarded-uri"),
        ];
        match self.headers {
            ForwardAuthHeaders::Original => &ORIGINAL,
            ForwardAuthHeaders::Forwarded => &FORWARDED,
        }
    }

    async fn verdict(&self, headers: &HeaderMap, connection: Connection, id: RequestId) -> Response<AnswerBody> {
        let peer = connection.peer.ip();
        let snapshot = self.gate.snapshot();
        let report = Report { front: FrontName::ForwardAuth, request_id: id.as_str(), method: "", host: "", path: "", peer };
        let refuse = |reason: Reason| self.refuse(reason, &snapshot.realm, id);
        if !snapshot.trusted_proxies.trusts(peer) {
            report.refused(Reason::UntrustedPeer);
            return refuse(Reason::UntrustedPeer);
        }
        let (method, canonical);
        match self.described(headers) {
            Ok((said, host, target)) => {
                method = said;
                match CanonicalRequest::of_parts(&method, host, target, headers)
                    .and_then(|request| check_unchangeable(request, &snapshot, self.names()))
                {
                    Ok(request) => canonical = request,
                    Err(ambiguity) => {
                        report.refused(ambiguity.into());
                        return refuse(ambiguity.into());
                    }
                }
            }
            Err(ambiguity) => {
                report.refused(ambiguity.into());
                return refuse(ambiguity.into());
            }
        }
        let judgement = self.gate.judge(&snapshot, &canonical).await;
        Report { method: method.as_str(), host: canonical.host.name(), path: canonical.path.as_str(), ..report }.judged(&judgement);
        match &judgement.outcome {
            Err(reason) => refuse(*reason),
            Ok(pass) => {
                let mut response = empty(StatusCode::OK);
                match &pass.identity {
                    Some(identity) => *response.headers_mut() = identity.as_answer(id),
                    None => drop(response.headers_mut().insert(REQUEST_ID, id.into())),
                }
                response
            }
        }
    }

    /// nginx takes every status but 401 and 403 for a failure of ours; a request that is refused for its form is forbidden there.
    fn refuse(&self, reason: Reason, realm: &str, id: RequestId) -> Response<AnswerBody> {
        let mut response = refusal(reason, realm, id);
        if self.headers == ForwardAuthHeaders::Original && response.status() == StatusCode::BAD_REQUEST {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response
    }

    fn described<'h>(&self, headers: &'h HeaderMap) -> Result<(Method, Host<'h>, &'h str), Ambiguity> {
        let [method, host, target] = self.names();
        let method = Method::from_bytes(only(headers, method)?.as_bytes()).map_err(|_| Ambiguity::Method)?;
        Ok((method, Host::parse(only(headers, host)?)?, only(headers, target)?))
    }
}

impl Front for ForwardAuth {
    async fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<AnswerBody> {
        self.verdict(request.headers(), connection, RequestId::next()).await
    }
}

/// The one value of a header. None, and two, are what a proxy that is configured otherwise sends.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Ambiguity> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Ambiguity::Incomplete)?;
    if values.next().is_some() {
        return Err(Ambiguity::DuplicateHeader);
    }
    value.to_str().map_err(|_| Ambiguity::Incomplete)
}
