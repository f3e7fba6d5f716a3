//! `freshkey explain`: what a token says, and what is wrong with it. It is decoded, not verified: the keys that verify it are its provider's.

use super::token::token;
use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::agent::frame::{TokenForm, TokenWish};
use freshkey_client::failure::shown;
use freshkey_client::limits::TOKEN_FILE_BYTES_MAX;
use freshkey_client::{Failure, FailureKind, files};
use freshkey_protocol::jose::CompactJws;
use freshkey_protocol::{Claims, Secret};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file with the token, or `-` for standard input. By default the profile's own token.
    file: Option<PathBuf>,
    /// The profile.
    #[arg(long, env = "FRESHKEY_PROFILE", value_name = "NAME")]
    profile: Option<String>,
}

/// Seconds by which clocks may differ without anybody noticing.
const SKEW_S: i64 = 60;

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let text = given(environment, arguments)?;
    let token = text.expose().trim().trim_start_matches("Authorization:").trim().trim_start_matches("Bearer ").trim();
    let jws = CompactJws::parse(token.as_bytes()).map_err(|error| {
        Failure::new(FailureKind::Strange, format!("this is no JWT ({error:?}): an opaque token says nothing to anybody but its provider"))
    })?;
    let payload = jws.unverified_payload().map_err(|error| Failure::new(FailureKind::Strange, format!("this is no JWT: {error:?}")))?;
    let claims =
        Claims::parse(&payload).map_err(|error| Failure::new(FailureKind::Strange, format!("its claims cannot be read: {error:?}")))?;
    let shown_claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let now = environment.clock.now().wall_s();
    let problems = problems(&claims, now);
    let header = json!({ "alg": jws.header().algorithm.as_str(), "kid": jws.header().key_id.as_ref().map(|id| id.as_str()) });
    if output.json {
        return terminal::print_json(&json!({ "header": header, "claims": shown_claims, "problems": problems, "verified": false }));
    }
    let claims_text = serde_json::to_string_pretty(&shown_claims).unwrap_or_default();
    let mut text = format!("{header}\n{claims_text}\n", header = serde_json::to_string(&header).unwrap_or_default());
    if let (Some(exp), Some(iat)) = (claims.exp, claims.iat) {
        text.push_str(&format!("issued {} s ago, for {} s, ends in {} s\n", now - iat, exp - iat, exp - now));
    }
    for problem in &problems {
        text.push_str(&format!("problem: {}\n", shown(problem)));
    }
    text.push_str("decoded only: whether its signature is right, its provider's keys tell\n");
    terminal::print(text.as_bytes())
}

fn given(environment: &Environment, arguments: &Arguments) -> Result<Secret<String>, Failure> {
    match &arguments.file {
        Some(path) if path.as_os_str() == "-" => terminal::secret_from_standard_input(TOKEN_FILE_BYTES_MAX),
        Some(path) => files::read_text(path, TOKEN_FILE_BYTES_MAX)?
            .map(Secret::new)
            .ok_or_else(|| Failure::new(FailureKind::Usage, format!("there is no file {}", path.display()))),
        None => {
            let profile = arguments.profile.clone().filter(|name| !name.is_empty());
            let (data, _) = token(environment, TokenWish { profile, min_ttl_s: None, form: TokenForm::Plain })?;
            Ok(Secret::new(String::from_utf8_lossy(&data).trim_end().to_owned()))
        }
    }
}

fn problems(claims: &Claims, now: i64) -> Vec<String> {
    let mut found = Vec::new();
    match claims.exp {
        Some(exp) if exp <= now => found.push(format!("it ended {} s ago: get a new one with `freshkey token`", now - exp)),
        None if claims.typ.as_deref() != Some("Offline") => found.push("it has no end (exp)".to_owned()),
        _ => {}
    }
    if let Some(nbf) = claims.nbf.filter(|nbf| *nbf > now) {
        found.push(format!("it counts only in {} s (nbf): is this machine's clock slow?", nbf - now));
    }
    if let Some(iat) = claims.iat.filter(|iat| *iat > now + SKEW_S) {
        found.push(format!("it was issued {} s in the future: this machine's clock is slow, or its provider's fast", iat - now));
    }
    match claims.typ.as_deref() {
        Some("Refresh" | "Offline") => found.push("it is a refresh token: it goes to the token endpoint alone, never to an API".to_owned()),
        Some("ID") => found.push("it is an ID token: it tells the client who signed in, and APIs don't take it".to_owned()),
        _ => {}
    }
    if claims.aud.is_none() {
        found.push("it names no audience (aud): an API that checks it refuses it".to_owned());
    }
    found
}
