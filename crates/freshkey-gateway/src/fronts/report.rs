//! What is told of a verdict: a line in the log for each refusal, and a number in the metrics for each of both.

use crate::gate::Judgement;
use crate::reason::Reason;
use metrics::Counter;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;

/// A front, in logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontName {
    /// The reverse proxy.
    Proxy,
    /// The endpoint for other proxies.
    ForwardAuth,
    /// The endpoint for Envoy.
    ExtAuthz,
    /// A layer of a Rust service.
    Layer,
}

impl FrontName {
    /// The word in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::ForwardAuth => "forward_auth",
            Self::ExtAuthz => "ext_authz",
            Self::Layer => "layer",
        }
    }
}

/// What is known of a request when its verdict is told. Nothing in it is a token: the query, where one may be, is left out.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The front.
    pub front: FrontName,
    /// The id that the answer has, too.
    pub request_id: &'r str,
    /// The method.
    pub method: &'r str,
    /// The host, as far as it is known.
    pub host: &'r str,
    /// The path, as far as it is known.
    pub path: &'r str,
    /// Who asks.
    pub peer: IpAddr,
}

impl Report<'_> {
    /// The path without what is long enough to be a credential: some APIs take theirs in the path.
    fn shown_path(&self) -> Cow<'_, str> {
        const SEGMENT_BYTES_MAX: usize = 80;
        if self.path.len() <= SEGMENT_BYTES_MAX {
            return Cow::Borrowed(self.path);
        }
        let segments = self.path.split('/').map(|segment| if segment.len() > SEGMENT_BYTES_MAX { "…" } else { segment });
        Cow::Owned(segments.collect::<Vec<_>>().join("/"))
    }

    /// Tells of a request that was refused before it was judged.
    pub fn refused(&self, reason: Reason) {
        count_refused(self.front, reason);
        let Self { front, request_id, method, host, peer, .. } = self;
        let path = self.shown_path();
        tracing::info!(front = front.as_str(), request.id = request_id, method, host, %path, peer = %peer, reason = reason.as_str(), "refused");
    }

    /// Tells of a request that may pass, and did not get through.
    pub fn failed(&self, reason: Reason) {
        metrics::counter!("freshkey_gateway_failures_total", "front" => self.front.as_str(), "reason" => reason.as_str()).increment(1);
        let Self { front, request_id, method, host, peer, .. } = self;
        let path = self.shown_path();
        tracing::warn!(front = front.as_str(), request.id = request_id, method, host, %path, peer = %peer, reason = reason.as_str(), "failed");
    }

    /// Tells of a verdict.
    pub fn judged(&self, judgement: &Judgement<'_>) {
        let policy = &judgement.snapshot.policy;
        let application = judgement.application.and_then(|place| policy.applications.get(place));
        let rule = application.zip(judgement.rule).and_then(|(application, place)| application.rules.get(place));
        let application = application.map_or("", |application| application.name.as_str());
        let rule = rule.map_or("", |rule| rule.name.as_str());
        let Self { front, request_id, method, host, peer, .. } = self;
        let path = self.shown_path();
        match &judgement.outcome {
            Ok(pass) => {
                count_allowed(self.front);
                if tracing::enabled!(tracing::Level::DEBUG) {
                    let subject = pass.token.as_ref().and_then(|token| token.subject.as_deref()).unwrap_or("");
                    tracing::debug!(
                        front = front.as_str(), request.id = request_id, method, host, %path, peer = %peer, application, rule, subject, "allowed"
                    );
                }
            }
            Err(reason) => {
                count_refused(self.front, *reason);
                tracing::info!(
                    front = front.as_str(), request.id = request_id, method, host, %path, peer = %peer, application, rule,
                    reason = reason.as_str(), "refused"
                );
            }
        }
    }
}

/// Looked up once: counting is then an addition.
fn count_allowed(front: FrontName) {
    static COUNTERS: [OnceLock<Counter>; 4] = [const { OnceLock::new() }; 4];
    let counter = COUNTERS[front as usize].get_or_init(
        || metrics::counter!("freshkey_gateway_decisions_total", "front" => front.as_str(), "decision" => "allow", "reason" => ""),
    );
    counter.increment(1);
}

fn count_refused(front: FrontName, reason: Reason) {
    metrics::counter!("freshkey_gateway_decisions_total", "front" => front.as_str(), "decision" => "deny", "reason" => reason.as_str())
        .increment(1);
}
