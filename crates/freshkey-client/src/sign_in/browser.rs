//! A sign-in in a browser on this machine: the code comes back to a port of ours on loopback (RFC 8252 §7.3), tied to this process by PKCE (RFC 7636),
//! a state and the issuer (RFC 9207).

use super::SignIn;
use crate::clock::random;
use crate::failure::{Failure, FailureKind, shown};
use crate::record::{Record, Renewal};
use freshkey_protocol::form::encode_pairs;
use freshkey_protocol::pkce::Verifier;
use freshkey_protocol::{Form, base64url};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Bytes of a request that a browser may send.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// How long a browser may take to send it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const PATH: &str = "/callback";

/// A sign-in that waits for its browser.
pub struct Waiting {
    listener: TcpListener,
    redirect_uri: String,
    state: String,
    verifier: Verifier,
    /// What the browser is to open.
    pub url: String,
}

impl SignIn<'_> {
    /// Starts it: the answer has the address to open. `port` is 0 for any that is free.
    pub async fn start_in_browser(&self, port: u16) -> Result<Waiting, Failure> {
        let endpoint = self.metadata.authorization_endpoint.as_deref().ok_or_else(|| {
            Failure::new(FailureKind::Refused, format!("{} offers no sign-in in a browser", self.profile.issuer))
                .with_hint("try --device, or a name and password")
        })?;
        let mut url = crate::profile::secure_url(endpoint).map_err(|why| {
            Failure::new(FailureKind::Untrusted, format!("{} sends browsers to {}: {why}", self.profile.issuer, shown(endpoint)))
        })?;
        let failed =
            |error: std::io::Error| Failure::new(FailureKind::Failed, format!("no port of this machine can be listened on: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let redirect_uri = format!("http://127.0.0.1:{}{PATH}", listener.local_addr().map_err(failed)?.port());
        let state = base64url::encode(&random::<16>());
        let verifier = Verifier::of(&random());
        let pairs = encode_pairs([
            ("response_type", "code"),
            ("client_id", &self.profile.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &self.profile.scope),
            ("state", &state),
            ("code_challenge", &verifier.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        let query = url.query().map_or_else(|| pairs.clone(), |query| format!("{query}&{pairs}"));
        url.set_query(Some(&query));
        Ok(Waiting { listener, redirect_uri, state, verifier, url: url.into() })
    }

    /// Waits until the browser comes back, and redeems its code.
    pub async fn finish_in_browser(&self, waiting: Waiting) -> Result<Record, Failure> {
        let code = timeout(PATIENCE, self.code(&waiting)).await.unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::SignIn, "nobody has signed in in the browser in time").with_hint("start again"))
        })?;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &waiting.redirect_uri),
            ("code_verifier", waiting.verifier.expose()),
        ];
        let (reply, asked) = self.ask_told(&pairs).await?;
        self.record(reply, asked, Renewal::RefreshToken)
    }

    /// Others may knock at the port: a browser for its icon, a page that guesses. Only who knows the state is answered with an end.
    async fn code(&self, waiting: &Waiting) -> Result<String, Failure> {
        loop {
            let Ok((mut stream, _)) = waiting.listener.accept().await else { continue };
            let Ok(Some(target)) = timeout(REQUEST_TIMEOUT, read_target(&mut stream)).await else { continue };
            let outcome = self.outcome(&target, waiting);
            let (status, text) = match &outcome {
                None => ("404 Not Found", "There is nothing here."),
                Some(Ok(_)) => ("200 OK", "You are signed in. You can close this page."),
                Some(Err(_)) => ("200 OK", "You are not signed in. The terminal says why; you can close this page."),
            };
            let page = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
                 Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            // The code is here, whether the browser reads its page or not.
            let _ = timeout(REQUEST_TIMEOUT, stream.write_all(page.as_bytes())).await;
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// `None` when the request is not the provider's answer to us.
    fn outcome(&self, target: &str, waiting: &Waiting) -> Option<Result<String, Failure>> {
        let (path, query) = target.split_once('?')?;
        let form = Form::parse(query.as_bytes()).ok().filter(|form| path == PATH && form.duplicates().is_empty())?;
        if form.get("state")? != waiting.state {
            return None;
        }
        // RFC 9207 §2.4: an answer of another issuer is none.
        if form.get("iss").is_some_and(|issuer| issuer != self.metadata.issuer) {
            return None;
        }
        Some(match (form.get("code"), form.get("error")) {
            (Some(code), None) => Ok(code.to_owned()),
            (_, Some(error)) => {
                let description = form.get("error_description").unwrap_or("no reason given");
                Err(Failure::new(
                    FailureKind::SignIn,
                    format!("{} refused the sign-in: {} ({})", self.profile.issuer, shown(error), shown(description)),
                ))
            }
            (None, None) => return None,
        })
    }
}

async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        if bytes.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut words = text.lines().next()?.split(' ');
    (words.next()? == "GET").then_some(())?;
    words.next().map(str::to_owned)
}
