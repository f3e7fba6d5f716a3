//! `freshkey-gateway explain`: which rule a request meets, what a token says, and why the answer is what it is. Nothing is passed on.

use super::{ExitStatus, Failure, check, output};
use crate::clock::{Clock as _, SystemClock};
use crate::keys::{FetchKeys as _, HttpSource, KeySet};
use crate::limits::{KEY_FETCH_TIMEOUT, STANDARD_INPUT_BYTES_MAX};
use crate::policy::{Access, Policy, Quantifier, Requirement};
use crate::request::{CanonicalRequest, Credential, credential};
use crate::token::{Stop, VerifiedToken, verify};
use crate::verdict::{Question, authorise, question};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::time::timeout;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  freshkey token ua | freshkey-gateway explain --config gateway.toml --token-file - GET https://api.example.org/api/whoami
  freshkey-gateway explain --config gateway.toml POST https://api.example.org/api/things

The keys of the issuers are fetched; the issuer is not asked whether a token has been revoked, and no application is asked anything.
Exit code 0: the request would pass. 9: it would be refused.")]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "FRESHKEY_GATEWAY_CONFIG")]
    config: PathBuf,
    /// The file with the token, or - for standard input. A token is not for the command line, where others can read it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The method.
    #[arg(value_name = "METHOD")]
    method: String,
    /// The URL.
    #[arg(value_name = "URL")]
    url: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let loaded = check::loaded(&arguments.config)?;
    let usage = |message: &str| Failure::new(ExitStatus::Usage, message);
    let method = Method::from_bytes(arguments.method.as_bytes()).map_err(|_| usage("METHOD is not a method, such as GET"))?;
    let uri: Uri = arguments.url.parse().map_err(|_| usage("URL is not a URL, such as https://api.example.org/api/whoami"))?;
    let authority = uri.authority().map(|authority| authority.as_str()).ok_or_else(|| usage("URL has no host"))?;
    let mut headers = HeaderMap::new();
    if let Some(path) = &arguments.token_file {
        let token = read_token(path)?;
        let value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| usage("the token has characters that no token has"))?;
        headers.insert(header::AUTHORIZATION, value);
    }
    // As it was typed: the type of a URL drops a fragment.
    let target = arguments.url.split_once("://").map_or("", |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let mut story = Story::default();
    let outcome = match CanonicalRequest::parse(&method, Some(authority), target, &headers) {
        Err(ambiguity) => {
            story.line("request", "has no single meaning, and is refused before anything else is looked at");
            Err(ambiguity.as_str())
        }
        Ok(request) => tell(&loaded.policy, &request, &mut story)?,
    };
    match outcome {
        Ok(()) => story.line("verdict", "allowed"),
        Err(reason) => story.line("verdict", &format!("refused: {reason}")),
    }
    output::print(story.0.as_bytes())?;
    match outcome {
        Ok(()) => Ok(()),
        Err(reason) => Err(Failure::new(ExitStatus::Refused, format!("the request would be refused ({reason})"))),
    }
}

type Outcome = Result<(), &'static str>;

fn tell(policy: &Policy, request: &CanonicalRequest<'_>, story: &mut Story) -> Result<Outcome, Failure> {
    story.line("request", &format!("{} {} at host {}", request.method, request.path.as_str(), request.host.name()));
    let place = match question(policy, request) {
        Err(refused) => {
            if let Some(application) = refused.application.and_then(|place| policy.applications.get(place)) {
                story.line("application", &application.name);
                story.line("rule", refused.rule.and_then(|place| application.rules.get(place)).map_or("none fits", |rule| &rule.name));
            }
            return Ok(Err(refused.reason.as_str()));
        }
        Ok(Question::Public(place) | Question::Token(place, _)) => place,
    };
    let rule = policy.rule(place);
    story.line("application", &policy.application(place).name);
    let paths: Vec<String> = rule.paths.iter().map(ToString::to_string).collect();
    story.line("rule", &format!("{} ({})", rule.name, paths.join(", ")));
    let Access::Token(requirements) = &rule.access else {
        story.line("asks for", "nothing: it is public");
        return Ok(Ok(()));
    };
    let text = match credential(request, rule.credential_form).and_then(Credential::token) {
        Ok(text) => text,
        Err(reason) => return Ok(Err(reason.as_str())),
    };
    let now_s = SystemClock.now_ms().div_euclid(1000);
    let keys = fetch_keys(policy, story)?;
    let token = match verify(policy, &keys, text, now_s) {
        Ok(token) => token,
        Err(Stop::Refused(reason)) => return Ok(Err(reason.as_str())),
        Err(Stop::NeedsKey(_)) => return Ok(Err(crate::reason::Reason::UnknownKey.as_str())),
    };
    story.line("token", &format!("of {}, valid for {} s", policy.issuers[token.issuer].name, token.ends_at_s - now_s));
    if requirements.is_empty() {
        story.line("asks for", "any valid token");
    }
    for requirement in requirements {
        story.line("asks for", &told(policy, requirement, &token));
    }
    Ok(authorise(policy, rule, &token, now_s).map_err(crate::reason::Reason::as_str))
}

fn told(policy: &Policy, requirement: &Requirement, token: &VerifiedToken) -> String {
    let how_many = match requirement.quantifier {
        Quantifier::Any => "any of",
        Quantifier::All => "all of",
    };
    let places: Vec<String> = requirement.facts.iter().map(|fact| policy.facts.name(*fact)).collect();
    let said: Vec<&str> = requirement.facts.iter().flat_map(|fact| fact.of(&token.facts).iter()).collect();
    let said = if said.is_empty() { "nothing".to_owned() } else { said.join(", ") };
    let outcome = if requirement.is_met(&token.facts) { "satisfied" } else { "NOT satisfied" };
    format!(
        "{} {how_many} {} in {}: {outcome}, it says {said}",
        requirement.need.as_str(),
        requirement.values.join(", "),
        places.join(" and ")
    )
}

/// The keys of all issuers, each fetched once.
fn fetch_keys(policy: &Policy, story: &mut Story) -> Result<Vec<Option<Arc<KeySet>>>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(ExitStatus::Failed, error.to_string()))?;
    let mut sets = Vec::new();
    for issuer in &policy.issuers {
        let mut source = HttpSource::new(issuer);
        let fetched = runtime.block_on(async { timeout(KEY_FETCH_TIMEOUT, source.fetch()).await });
        let set = match fetched {
            Err(_) => Err("it took too long".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(json)) => KeySet::parse(&json, &issuer.algorithms).map_err(|error| error.to_string()),
        };
        if let Err(error) = &set {
            story.line("keys", &format!("of {} could not be loaded: {error}", issuer.name));
        }
        sets.push(set.ok().map(Arc::new));
    }
    Ok(sets)
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(ExitStatus::Material, format!("{}: the token cannot be read: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(STANDARD_INPUT_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(STANDARD_INPUT_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text.trim().to_owned())
}

/// What is printed: a line for each thing that was found out. Values of claims are from outside, and stay on their line.
#[derive(Default)]
struct Story(String);

impl Story {
    fn line(&mut self, what: &str, text: &str) {
        let text: String = text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect();
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{what:<12} {text}");
    }
}
