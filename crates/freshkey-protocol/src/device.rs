//! A sign-in on another device (RFC 8628 §3.2): what the server answered to its start.

use crate::json::parse_value;
use crate::limits::{PROVIDER_TEXT_BYTES_MAX, PROVIDER_URL_BYTES_MAX};
use crate::secret::Secret;
use serde_json::Value;

/// The name of the grant at the token endpoint (RFC 8628 §3.4).
pub const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Seconds between two polls when the server names none (RFC 8628 §3.5).
const INTERVAL_S: u32 = 5;

/// What a person is told, and what is polled with.
pub struct DeviceAuthorization {
    /// For the token endpoint.
    pub device_code: Secret<String>,
    /// For the person to type.
    pub user_code: String,
    /// Where to type it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// Seconds until the codes end.
    pub expires_in_s: u32,
    /// Seconds between two polls.
    pub interval_s: u32,
}

impl DeviceAuthorization {
    /// Reads the body of a reply with status 200. `None` when a member is missing or of the wrong type.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(members)) = parse_value(body) else { return None };
        let text = |name: &str, bytes_max: usize| {
            members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty() && text.len() <= bytes_max).map(str::to_owned)
        };
        let seconds = |name: &str| members.get(name).and_then(Value::as_u64).and_then(|seconds| u32::try_from(seconds).ok());
        let interval_s = match members.get("interval") {
            None | Some(Value::Null) => INTERVAL_S,
            Some(_) => seconds("interval")?.clamp(1, 60),
        };
        Some(Self {
            device_code: Secret::new(text("device_code", PROVIDER_TEXT_BYTES_MAX)?),
            user_code: text("user_code", 64)?,
            verification_uri: text("verification_uri", PROVIDER_URL_BYTES_MAX)?,
            verification_uri_complete: text("verification_uri_complete", PROVIDER_URL_BYTES_MAX),
            expires_in_s: seconds("expires_in")?,
            interval_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_and_a_lack_is_none() {
        let body = br#"{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://sso.example/device","expires_in":600}"#;
        let start = DeviceAuthorization::parse(body).expect("a start");
        assert_eq!((start.user_code.as_str(), start.interval_s, start.expires_in_s), ("WDJB-MJHT", 5, 600));
        assert!(DeviceAuthorization::parse(br#"{"device_code":"d"}"#).is_none());
        assert!(DeviceAuthorization::parse(b"<html>").is_none());
        let hurried = br#"{"device_code":"d","user_code":"u","verification_uri":"v","expires_in":600,"interval":0}"#;
        assert_eq!(DeviceAuthorization::parse(hurried).expect("a start").interval_s, 1);
    }
}
