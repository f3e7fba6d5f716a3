//! The session at the provider: alive, over and why, and what was given of what was asked for. A token that is fresh is shown to the provider's own
//! endpoint about its bearer, which costs nothing; only one that is due, or that the provider does not take any more, is renewed, and by the keeper.

use super::agent::Found;
use super::client::Way;
use super::discovery::Provider;
use super::key::{Kept, Keys};
use super::{Case, Check, Cure, Patient, Report, shell_path};
use crate::agent::ask::{Unanswered, ask};
use crate::agent::frame::{Answer, Request, TokenForm, TokenWish};
use crate::agent::serve::Call;
use crate::failure::{Failure, FailureKind, shown};
use crate::keeper::Need;
use crate::record::{Offline, Record, claims_of};
use freshkey_protocol::jose::CompactJws;
use std::path::Path;

/// Seconds by which clocks may differ without anybody noticing.
const SKEW_S: i64 = 60;

pub(super) async fn examine(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, provider: &Provider, kept: &Kept, way: Way) {
    let record = match kept {
        Kept::Nothing => return nobody(report, patient, way),
        Kept::Blocked => return,
        Kept::Hidden => return with_agent(report, case, patient),
        Kept::Record(record) if let Some(why) = &record.ended => return ended(report, patient, record.subject.as_deref(), why),
        Kept::Record(record) => &**record,
    };
    // What the profile names and what was signed in to differ, as was said before.
    if record.issuer != provider.metadata.issuer {
        return;
    }
    if lives(case, provider, record).await {
        let left_s = record.access.as_ref().map_or(0, |access| access.life.lifetime().remaining_s(case.clock.now()));
        report.ok(Check::SignIn, format!("the token has {left_s} s left"));
        return granted(report, case, patient, provider, record);
    }
    match renewed(case, patient, record).await {
        Some(Ok(())) => {
            report.ok(Check::SignIn, "renewed");
            let Keys::Opened(keeper) = patient.keys else { return };
            if let Ok(Some(record)) = keeper.vault().read(patient.name) {
                granted(report, case, patient, provider, &record);
            }
        }
        Some(Err(failure)) if failure.kind == FailureKind::SignIn => {
            ended(report, patient, record.subject.as_deref(), &failure.message);
        }
        Some(Err(failure)) => not_renewed(report, patient, &failure),
        None => {}
    }
}

/// What can be said of the account when the provider can't be asked.
pub(super) fn without_provider(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, kept: &Kept) {
    match kept {
        Kept::Record(record) if let Some(why) = &record.ended => ended(report, patient, record.subject.as_deref(), why),
        Kept::Record(record) => {
            let left_s = record.access.as_ref().map_or(0, |access| access.life.lifetime().remaining_s(case.clock.now()));
            report.ok(Check::SignIn, format!("kept; the token has {left_s} s left"));
        }
        Kept::Nothing | Kept::Hidden | Kept::Blocked => {}
    }
}

/// Where the agent alone has the key, it alone can say how things are. It renews what is due, as for any caller.
fn with_agent(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>) {
    if *patient.agent != Found::Running {
        return;
    }
    let wish = TokenWish { profile: Some(patient.name.to_owned()), min_ttl_s: None, form: TokenForm::Field("expires_in".to_owned()) };
    match ask(case.directories, &Request::Token(wish)) {
        Ok(Answer::Done { data, .. }) => {
            report.ok(Check::SignIn, format!("the token has {} s left", String::from_utf8_lossy(&data).trim_end()));
        }
        Ok(Answer::Failed(failure)) | Err(Unanswered::Failed(failure)) => report.failure(Check::SignIn, &failure),
        Err(Unanswered::NoAgent) => {}
    }
}

/// A token that somebody else keeps in a file.
pub(super) async fn from_file(report: &mut Report<'_>, patient: &Patient<'_>, kept: &Kept, path: &Path) {
    let signs_in = || format!("freshkey login {} --from-token-file {}", patient.name, shell_path(path));
    let Keys::Opened(keeper) = patient.keys else {
        if matches!(kept, Kept::Nothing) {
            let says = format!("nobody is signed in to {}", patient.name);
            report.problem(Check::SignIn, FailureKind::SignIn, says, Cure::command(signs_in()));
        }
        return;
    };
    if matches!(kept, Kept::Blocked) {
        return;
    }
    match keeper.fresh(patient.name, Need::Ttl(None)).await {
        Ok(_) => report.ok(Check::SignIn, format!("{} holds a fresh token", path.display())),
        Err(failure) => {
            let cure = Cure::both("have whoever keeps that file renew its token, or name another file", signs_in());
            report.problem(Check::SignIn, failure.kind, failure.message, cure);
        }
    }
}

fn nobody(report: &mut Report<'_>, patient: &Patient<'_>, way: Way) {
    // Why nobody can is said already.
    if way != Way::None {
        let signs_in = format!("{}{}", patient.signs_in(), way.option());
        report.problem(Check::SignIn, FailureKind::SignIn, format!("nobody is signed in to {}", patient.name), Cure::command(signs_in));
    }
}

/// Whether the token is fresh, and its provider still takes it as far as can be asked.
async fn lives(case: &Case<'_>, provider: &Provider, record: &Record) -> bool {
    let Some(access) = record.access.as_ref().filter(|_| record.intent.is_none() && record.failed.is_none()) else { return false };
    if !access.life.lifetime().suffices(case.clock.now(), None) {
        return false;
    }
    // Without the scope openid the endpoint refuses a good token, too (OpenID Connect Core §5.3.1).
    let has_openid = access.scope.as_deref().is_some_and(|scope| scope.split(' ').any(|name| name == "openid"));
    match &provider.metadata.userinfo_endpoint {
        Some(url) if has_openid => !matches!(provider.transport.get_as_bearer(url, access.token()).await, Ok(reply) if reply.status == 401),
        _ => true,
    }
}

/// One renewal as `freshkey refresh` makes it. `None` when the account can't be got at, which was said before.
async fn renewed(case: &Case<'_>, patient: &Patient<'_>, record: &Record) -> Option<Result<(), Failure>> {
    if let Found::Running = patient.agent {
        let call = Call::Refresh { profile: Some(patient.name.to_owned()), rejected: None };
        let request = Request::Call(serde_json::to_vec(&call).unwrap_or_default());
        return match ask(case.directories, &request) {
            Ok(Answer::Done { .. }) => Some(Ok(())),
            Ok(Answer::Failed(failure)) | Err(Unanswered::Failed(failure)) => Some(Err(failure)),
            Err(Unanswered::NoAgent) => None,
        };
    }
    let Keys::Opened(keeper) = patient.keys else { return None };
    Some(keeper.fresh(patient.name, Need::Newer { version: record.version }).await.map(drop))
}

/// This process has just reached the provider and found the client to be right. What else stops the agent is what it was started with.
fn not_renewed(report: &mut Report<'_>, patient: &Patient<'_>, failure: &Failure) {
    let is_of_the_agent = [FailureKind::Unavailable, FailureKind::Untrusted].contains(&failure.kind);
    if matches!(patient.agent, Found::Running) && is_of_the_agent {
        let says =
            format!("the agent cannot do what this process can; its proxy or its authorities are those of its start: {}", failure.message);
        return report.problem(Check::Agent, FailureKind::Agent, says, Cure::command("freshkey agent stop"));
    }
    let cure = Cure::both("look again in a while; what is signed in stays so", patient.examines());
    report.problem(Check::SignIn, failure.kind, failure.message.clone(), cure);
}

/// The provider's words sorted into what has happened.
fn ended(report: &mut Report<'_>, patient: &Patient<'_>, subject: Option<&str>, why: &str) {
    let words = why.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let who = subject.map_or_else(|| "the user".to_owned(), shown);
    let cause = if has(&["disabled"]) {
        let says = format!("the user {who} was disabled at the provider: {}", shown(why));
        let cure = Cure::both("have the user enabled again, then", patient.signs_in());
        return report.problem(Check::SignIn, FailureKind::SignIn, says, cure);
    } else if has(&["reuse", "stale token"]) {
        "the refresh token was used a second time: there is another copy of it, or a reply was lost, and the provider has ended the session"
    } else if has(&["no refresh token"]) {
        "the provider gives no refresh token, so the sign-in ended with its access token"
    } else if has(&["offline session not", "offline user session not"]) {
        "the offline session has ended: revoked, or unused for too long"
    } else if has(&["session not active", "session doesn't", "session does not", "user or client session"]) {
        "the session has ended elsewhere: by a sign-out, by an administrator, or since it was unused for too long"
    } else if has(&["not active", "expired"]) {
        "the refresh token is over"
    } else {
        "the provider does not take the refresh token any more"
    };
    let cure = Cure::command(patient.signs_in());
    report.problem(Check::SignIn, FailureKind::SignIn, format!("{cause}: {}", shown(why)), cure);
}

/// What was given of what was asked for, and what the token says.
fn granted(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, provider: &Provider, record: &Record) {
    let token = record.access.as_ref().map_or("", |access| access.token());
    let claims = claims_of(token);
    if record.offline == Offline::Denied {
        let roles = claims.as_ref().and_then(|claims| claims.other.get("realm_access")?.get("roles")?.as_array());
        let has_role = roles.map(|roles| roles.iter().any(|role| role.as_str() == Some("offline_access")));
        let is_offered = provider.metadata.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope == "offline_access"));
        let who = record.subject.as_deref().map_or_else(|| "the user".to_owned(), shown);
        let (lack, remedy) = match (is_offered, has_role) {
            (false, _) => ("the provider does not offer it".to_owned(), "ask who runs it; without it".to_owned()),
            (true, Some(false)) => {
                (format!("{who} lacks the role offline_access"), format!("have the role offline_access given to {who}, then"))
            }
            (true, _) => {
                let client = &record.client_id;
                (
                    format!("the client {client} lacks the scope offline_access"),
                    format!("have the scope offline_access given to the client {client}, then"),
                )
            }
        };
        let says =
            format!("offline_access was asked for and not granted, so this sign-in ends when it is unused, or with the session: {lack}");
        report.warning(Check::Offline, says, Cure::both(remedy, patient.signs_in()));
    } else if record.offline == Offline::Granted {
        report.ok(Check::Offline, "this sign-in has no end while it is used");
    }
    if let Some(claims) = claims {
        read(report, case, patient, provider, token, &claims);
    }
}

fn read(
    report: &mut Report<'_>,
    case: &Case<'_>,
    patient: &Patient<'_>,
    provider: &Provider,
    token: &str,
    claims: &freshkey_protocol::Claims,
) {
    let now_s = case.clock.now().wall_s();
    let refreshes = || Cure::command(format!("freshkey refresh {}", patient.name));
    let before = report.findings.len();
    if let Some(nbf) = claims.nbf.filter(|nbf| *nbf > now_s + SKEW_S) {
        let says = format!("the token counts only in {}: this machine's clock is slow", super::clock::span(nbf - now_s));
        report.warning(Check::Token, says, Cure::command(super::clock::SETS_CLOCK));
    } else if let Some(iat) = claims.iat.filter(|iat| *iat > now_s + SKEW_S) {
        let says = format!("the token was issued {} in the future: this machine's clock is slow", super::clock::span(iat - now_s));
        report.warning(Check::Token, says, Cure::command(super::clock::SETS_CLOCK));
    }
    if claims.aud.is_none() {
        let advice = format!(
            "have an audience for the API given to the client {}, then `freshkey refresh {}`",
            patient.profile.client_id, patient.name
        );
        report.warning(Check::Token, "the token names no audience: an API that checks it refuses it", Cure::advice(advice));
    }
    let key = CompactJws::parse(token.as_bytes()).ok().and_then(|jws| jws.header().key_id.as_ref().map(|id| id.as_str().to_owned()));
    if let (Some(key), Some(known)) = (key, &provider.key_ids)
        && !known.contains(&key)
    {
        report.warning(
            Check::Token,
            "the token is signed with a key that the provider does not publish any more: APIs refuse it",
            refreshes(),
        );
    }
    if report.findings.len() == before {
        report.ok(Check::Token, "nothing wrong with what it says");
    }
}
