//! The reverse proxy: judges a request in its one form, and passes that form on.

mod body;
mod cookies;
mod forward;
mod upgrade;

use super::report::{FrontName, Report};
use super::upstreams::Upstreams;
use crate::answer::{AnswerBody, RequestId, refusal};
use crate::gate::Gate;
use crate::limits::JOINED_CONNECTIONS_MAX;
use crate::listener::{Connection, Front};
use crate::reason::Reason;
use crate::request::CanonicalRequest;
use http::{HeaderValue, Request, Response, Version, header};

pub(super) use body::RequestBody;
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The reverse proxy.
pub struct ReverseProxy {
    gate: Arc<Gate>,
    upstreams: Arc<Upstreams>,
    /// Places for connections that have become something else.
    joined: Arc<Semaphore>,
}

impl ReverseProxy {
    /// A proxy with this gate before these applications.
    #[must_use]
    pub fn new(gate: Arc<Gate>, upstreams: Arc<Upstreams>) -> Self {
        Self { gate, upstreams, joined: Arc::new(Semaphore::new(JOINED_CONNECTIONS_MAX)) }
    }
}

impl Front for ReverseProxy {
    async fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<AnswerBody> {
        let id = RequestId::next();
        let snapshot = self.gate.snapshot();
        let (parts, body) = request.into_parts();
        let report = Report {
            front: FrontName::Proxy,
            request_id: id.as_str(),
            method: parts.method.as_str(),
            host: "",
            path: "",
            peer: connection.peer.ip(),
        };
        let refuse = |reason: Reason| refusal(reason, &snapshot.realm, id);
        let canonical = match CanonicalRequest::of_http(&parts.method, parts.version, &parts.uri, &parts.headers) {
            Ok(canonical) => canonical,
            Err(ambiguity) => {
                report.refused(ambiguity.into());
                let mut response = refuse(ambiguity.into());
                // What follows from a caller who is misunderstood is not worth guessing at.
                if parts.version < Version::HTTP_2 {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                return response;
            }
        };
        let judgement = self.gate.judge(&snapshot, &canonical).await;
        let report = Report { host: canonical.host.name(), path: canonical.path.as_str(), ..report };
        report.judged(&judgement);
        match &judgement.outcome {
            Err(reason) => refuse(*reason),
            Ok(pass) => {
                let passage = forward::Passage { judgement: &judgement, pass, canonical: &canonical, connection, request_id: id };
                match forward::pass_on(&self.upstreams, &self.gate, &self.joined, passage, (&parts, body)).await {
                    Ok(response) => response,
                    Err(reason) => {
                        report.failed(reason);
                        refuse(reason)
                    }
                }
            }
        }
    }
}
