//! What an application is told about the caller, and what a caller may not tell it.

mod descriptions;
mod names;
mod values;

pub use descriptions::{is_foreign_description, is_override, strip_descriptions};
pub use names::{ASSERTION_HEADER, IDENTITY_PREFIX, IdentityNames, strip_hop_by_hop};
pub use values::encode;

use crate::answer::{REQUEST_ID, RequestId};
use crate::assertion::AssertionSigner;
use crate::policy::{Application, Policy};
use crate::reason::Reason;
use crate::token::VerifiedToken;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// The headers about a caller for one application. Made once for a token and used again for its next requests.
#[derive(Debug)]
pub struct Identity {
    application: usize,
    /// The headers, and a place for the id of a request: no header about a caller can have that name.
    answer: HeaderMap,
    fresh_until_s: i64,
}

impl Identity {
    /// The headers, one by one.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.answer.iter().filter(|(name, _)| **name != REQUEST_ID)
    }

    /// The headers of an answer: these, and the id of the request. A copy of a map hashes no name anew, and this one need not grow for the id.
    #[must_use]
    pub fn as_answer(&self, id: RequestId) -> HeaderMap {
        let mut headers = self.answer.clone();
        headers.insert(REQUEST_ID, id.into());
        headers
    }

    /// The headers for a caller with this token. What is made here depends on the token, the policy and the time, and on nothing of the request.
    pub fn of(
        policy: &Policy,
        place: usize,
        token: &VerifiedToken,
        signer: Option<&AssertionSigner>,
        now_s: i64,
    ) -> Result<Arc<Self>, Reason> {
        if let Some(known) = token.identity.load_full().filter(|known| known.application == place && now_s < known.fresh_until_s) {
            return Ok(known);
        }
        let application = policy.applications.get(place).ok_or(Reason::Failed)?;
        let mut answer = claims_as_headers(application, token)?;
        let mut fresh_until_s = i64::MAX;
        if let (Some(signer), Some(audience)) = (signer, &application.assertion_audience) {
            let issuer = policy.issuers.get(token.issuer).map_or("", |issuer| issuer.name.as_str());
            let assertion = signer.sign(audience, issuer, application, token, now_s).map_err(|_| Reason::Failed)?;
            answer.insert(ASSERTION_HEADER, assertion.value);
            fresh_until_s = assertion.fresh_until_s;
        }
        answer.insert(REQUEST_ID, HeaderValue::from_static(""));
        // A copy has no room to spare, of which a map that has grown keeps half as much again.
        let answer = answer.clone();
        let made = Arc::new(Self { application: place, answer, fresh_until_s });
        token.identity.store(Some(Arc::clone(&made)));
        Ok(made)
    }
}

fn claims_as_headers(application: &Application, token: &VerifiedToken) -> Result<HeaderMap, Reason> {
    let mut headers = HeaderMap::with_capacity(application.identity.len() + 2);
    for header in &application.identity {
        if let Some(text) = encode(header.fact.of(&token.facts), header.encoding) {
            let value = HeaderValue::try_from(text).map_err(|_| Reason::IdentityTooLarge)?;
            if value.len() > crate::limits::IDENTITY_VALUE_BYTES_MAX {
                return Err(Reason::IdentityTooLarge);
            }
            headers.insert(header.name.clone(), value);
        }
    }
    Ok(headers)
}
