//! A sign-in on another device (RFC 8628): for a terminal without a browser beside it.

use super::SignIn;
use crate::failure::{Failure, FailureKind, shown};
use crate::profile::secure_url;
use crate::provider::TokenFailure;
use crate::record::{Record, Renewal};
use freshkey_protocol::device::DEVICE_CODE_GRANT;
use freshkey_protocol::{DeviceAuthorization, ErrorReply};
use std::time::Duration;

/// Seconds added to the interval when the server says that it is asked too often (RFC 8628 §3.5).
const SLOWER_S: u64 = 5;

impl SignIn<'_> {
    /// Starts it. The answer is for the person to read.
    pub async fn start_on_device(&self) -> Result<DeviceAuthorization, Failure> {
        let endpoint = self.metadata.device_authorization_endpoint.as_deref().ok_or_else(|| {
            Failure::new(FailureKind::Refused, format!("{} offers no sign-in on another device", self.profile.issuer))
                .with_hint("try --browser, or a name and password")
        })?;
        let told = |failure: TokenFailure| failure.told(self.name, &self.profile.issuer);
        let reply = self.provider().post(endpoint, &[("scope", self.profile.scope.as_str())]).await.map_err(told)?;
        if reply.status != 200 {
            let error = ErrorReply::parse(&reply.body);
            let (code, description) = error.map_or_else(
                || (reply.status.to_string(), "no reason given".to_owned()),
                |error| (shown(&error.code), shown(error.description.as_deref().unwrap_or("no reason given"))),
            );
            return Err(told(TokenFailure::Refused { code, description }));
        }
        let start = DeviceAuthorization::parse(&reply.body)
            .ok_or_else(|| told(TokenFailure::Strange("something else than the start of a sign-in".to_owned())))?;
        let is_safe = secure_url(&start.verification_uri).is_ok();
        if is_safe {
            Ok(start)
        } else {
            Err(told(TokenFailure::Untrusted(format!("it sends people to {}", shown(&start.verification_uri)))))
        }
    }

    /// Waits until the person has done it on the other device, or said no, or let the code end.
    pub async fn finish_on_device(&self, start: &DeviceAuthorization) -> Result<Record, Failure> {
        let pairs = [("grant_type", DEVICE_CODE_GRANT), ("device_code", start.device_code.expose().as_str())];
        let began = self.clock.now();
        let mut interval_s = u64::from(start.interval_s);
        loop {
            tokio::time::sleep(Duration::from_secs(interval_s)).await;
            match self.ask(&pairs).await {
                Ok((reply, asked)) => return self.record(reply, asked, Renewal::RefreshToken),
                Err(TokenFailure::Refused { code, .. }) if code == "authorization_pending" => {}
                Err(TokenFailure::Unavailable { why, .. }) if why.contains("slow_down") => interval_s += SLOWER_S,
                // The provider is away for a moment; the person may be done by the time it is back.
                Err(TokenFailure::Unavailable { .. }) => interval_s += SLOWER_S,
                Err(TokenFailure::Refused { code, .. }) if code == "access_denied" => {
                    return Err(Failure::new(FailureKind::SignIn, "the sign-in was refused on the other device"));
                }
                Err(TokenFailure::Refused { code, .. }) if code == "expired_token" => return Err(too_late()),
                Err(other) => return Err(other.told(self.name, &self.profile.issuer)),
            }
            if self.clock.now().since(began).is_none_or(|passed_ms| passed_ms > u64::from(start.expires_in_s) * 1000) {
                return Err(too_late());
            }
        }
    }
}

fn too_late() -> Failure {
    Failure::new(FailureKind::SignIn, "nobody has signed in on the other device in time").with_hint("start again")
}
