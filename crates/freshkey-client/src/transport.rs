//! HTTP towards a provider. Nothing is sent to an address that isn't https or this machine's own, nothing follows a redirect (T-064), every reply has
//! a limit and every request a deadline.

use crate::limits::{CONNECT_TIMEOUT, REPLY_BYTES_MAX, REQUEST_TIMEOUT};
use crate::profile::{is_loopback, secure_url};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Url};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::error::Error as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Sends requests to one provider.
#[derive(Clone)]
pub struct Transport {
    /// By the proxy that the environment names.
    outside: Client,
    /// For this machine's own addresses: never by a proxy.
    inside: Client,
}

/// What came back.
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// The content.
    pub body: Vec<u8>,
    /// Seconds to wait before another attempt, as the provider asks.
    pub retry_after_s: Option<u32>,
    /// The provider's time when it answered, in seconds since 1970 (header `Date`).
    pub date_s: Option<i64>,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// The address is not one that a secret may go to.
    Insecure(String),
    /// The name of the host has no address.
    NoAddress(String),
    /// Nobody answers there, or a proxy does not let us through.
    NoConnection(String),
    /// The certificate is not one to trust.
    Untrusted(String),
    /// It took too long. The request may have been carried out.
    TimedOut,
    /// The connection ended before the reply was complete. The request may have been carried out.
    Lost(String),
    /// The reply is longer than any.
    TooLong,
}

impl Transport {
    /// Trusts the authorities of `ca_file` (PEM), or else those of the machine.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let tls = tls_config(ca_file)?;
        let builder = || -> ClientBuilder {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(REQUEST_TIMEOUT)
                .user_agent(concat!("freshkey/", env!("CARGO_PKG_VERSION")))
        };
        let outside = builder().build().map_err(|error| error.to_string())?;
        let inside = builder().no_proxy().build().map_err(|error| error.to_string())?;
        Ok(Self { outside, inside })
    }

    /// Fetches a document.
    pub async fn get(&self, url: &str) -> Result<Reply, TransportError> {
        let url = secure_url(url).map_err(TransportError::Insecure)?;
        self.send(self.client_for(&url).get(url)).await
    }

    /// Fetches a document as the bearer of a token.
    pub async fn get_as_bearer(&self, url: &str, token: &str) -> Result<Reply, TransportError> {
        let url = secure_url(url).map_err(TransportError::Insecure)?;
        self.send(self.client_for(&url).get(url).bearer_auth(token)).await
    }

    /// Posts a form. `basic` is the content of an `Authorization` header.
    pub async fn post_form(&self, url: &str, form: String, basic: Option<&str>) -> Result<Reply, TransportError> {
        let url = secure_url(url).map_err(TransportError::Insecure)?;
        let request = self.client_for(&url).post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        self.send(match basic {
            Some(basic) => request.header("authorization", basic),
            None => request,
        })
        .await
    }

    fn client_for(&self, url: &Url) -> &Client {
        if is_loopback(url) { &self.inside } else { &self.outside }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, TransportError> {
        let mut response = request.header("accept", "application/json").send().await.map_err(|error| reason(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after_s = header("retry-after").and_then(|text| text.parse().ok());
        let date_s = header("date").and_then(imf_date);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + chunk.len() > REPLY_BYTES_MAX {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body, retry_after_s, date_s })
    }
}

/// TLS as every connection of ours speaks it.
pub fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots(ca_file)?).with_no_client_auth())
}

/// The authorities of `ca_file`, or else those of the machine.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let unusable = |why: String| format!("the CA file {} cannot be used: {why}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("it holds no certificate".to_owned()));
            }
        }
        None => roots.extend(machine_roots().roots.iter().cloned()),
    }
    Ok(roots)
}

/// The authorities of the machine, read once. Some of its files may be broken; the rest serves. With none at all a certificate is unknown, and that is
/// then said.
fn machine_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

fn reason(error: &reqwest::Error) -> TransportError {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    let mut is_certificate = false;
    while let Some(cause) = source {
        causes.push(cause.to_string());
        is_certificate |= is_of_certificate(cause);
        source = cause.source();
    }
    let last = causes.last().cloned().unwrap_or_default();
    if is_certificate {
        TransportError::Untrusted(last)
    } else if error.is_timeout() && !error.is_connect() {
        TransportError::TimedOut
    } else if error.is_connect() {
        let of_names = |cause: &String| cause.contains("dns error") || cause.contains("lookup address");
        if causes.iter().any(of_names) { TransportError::NoAddress(last) } else { TransportError::NoConnection(last) }
    } else {
        TransportError::Lost(last)
    }
}

/// An error of the system can hold another one, which it does not name as its source; and that one a third.
fn is_of_certificate(cause: &(dyn std::error::Error + 'static)) -> bool {
    let mut tls = cause.downcast_ref::<rustls::Error>();
    let mut inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    while let (None, Some(held)) = (tls, inner) {
        tls = held.downcast_ref::<rustls::Error>();
        inner = held.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    }
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

/// Seconds since 1970 of a date in HTTP's preferred form (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn imf_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_in_range = (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second < 61;
    if words.next()? != "GMT" || !is_in_range {
        return None;
    }
    // Days from civil: years begin in March, so that a leap day comes last.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read() {
        assert_eq!(imf_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(imf_date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(imf_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        for text in ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT"] {
            assert_eq!(imf_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_ca_file_that_holds_none_is_named() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("ca.pem");
        std::fs::write(&path, "nothing").expect("written");
        assert!(Transport::new(Some(&path)).err().expect("unusable").contains("ca.pem"));
    }

    #[tokio::test]
    async fn t_064_nothing_goes_to_an_address_in_clear() {
        let transport = Transport::new(None).expect("made");
        let answer = transport.post_form("http://sso.example/token", "refresh_token=r".to_owned(), None).await;
        assert!(matches!(answer.err(), Some(TransportError::Insecure(_))));
    }
}
