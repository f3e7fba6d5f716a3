//! Connections that become something else, such as a WebSocket. They are judged like any request, before; and they end with their token.

use crate::answer::{AnswerBody, Deadline, empty};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep_until;

/// What a caller wants to speak from now on; `None` when it wants nothing, or something that is never passed on.
pub(super) fn wanted(parts: &Parts) -> Option<HeaderValue> {
    if parts.version != Version::HTTP_11 {
        return None;
    }
    let mut values = parts.headers.get_all(header::UPGRADE).iter();
    let protocol = values.next()?;
    let names = parts.headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let is_named = names.into_iter().any(|name| name.trim().eq_ignore_ascii_case("upgrade"));
    // HTTP/2 in clear by way of an upgrade would carry requests that nobody judges.
    let is_plain = protocol.as_bytes().eq_ignore_ascii_case(b"websocket");
    (is_named && is_plain && values.next().is_none()).then(|| protocol.clone())
}

/// Joins both connections once both have been handed over. `None` when nobody had asked for it.
pub(super) fn join(
    wanted: Option<HeaderValue>,
    parts: &Parts,
    response: &mut Response<Incoming>,
    deadline: Option<Deadline>,
    place: OwnedSemaphorePermit,
) -> Option<Response<AnswerBody>> {
    let protocol = wanted?;
    let is_same = response.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(protocol.as_bytes()));
    if !is_same {
        return None;
    }
    let caller = parts.extensions.get::<OnUpgrade>()?.clone();
    let application = hyper::upgrade::on(&mut *response);
    tokio::spawn(async move {
        let _place = place;
        let (Ok(caller), Ok(application)) = (caller.await, application.await) else { return };
        let (mut caller, mut application) = (TokioIo::new(caller), TokioIo::new(application));
        let conversation = copy_bidirectional(&mut caller, &mut application);
        match deadline {
            None => drop(conversation.await),
            Some(deadline) => {
                tokio::select! {
                    _ = conversation => {}
                    () = sleep_until(deadline.at()) => tracing::debug!("a connection was closed, because its token has ended"),
                }
            }
        }
    });
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    for (name, value) in response.headers() {
        if name != header::CONNECTION && name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    Some(answer)
}
