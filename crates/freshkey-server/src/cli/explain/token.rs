//! A token: whether it is ours, what it says, and what would happen if it were used now. The rules of the token endpoint are asked, not repeated.

use super::reasons::explained;
use super::story::{Story, Subject, TokenFacts, Verdict};
use super::{Arguments, realms};
use crate::cli::admin::{Desk, OpenRealm, not_found};
use crate::cli::{Failure, store_failure};
use freshkey_core::grant::GrantId;
use freshkey_core::grants::{Setting, refresh_token};
use freshkey_core::ids::{SessionId, UserKey};
use freshkey_core::keys::KeyStatus;
use freshkey_core::refusal::Refusal;
use freshkey_core::token_status::judge_access_token;
use freshkey_core::tokens::{Expiry, verify_access_token, verify_refresh_token};
use freshkey_protocol::Claims;
use freshkey_protocol::jose::{CompactJws, JwsHeader};
use freshkey_store::GrantFilter;

/// Two dots, and nothing that a name or id has.
pub(super) fn looks_like_one(text: &str) -> bool {
    let is_token_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    // Shorter texts with dots in them are names of users.
    text.len() > 100 && text.bytes().filter(|byte| *byte == b'.').count() == 2 && text.bytes().all(is_token_letter)
}

/// Whether the realm signed a token.
enum Origin {
    /// It did; here is what the token says.
    Ours(Box<Claims>),
    /// It did not, or no longer stands by it; why.
    NotOurs(&'static str),
}

pub(super) async fn explain(desk: &Desk, arguments: &Arguments, text: &str) -> Result<Story, Failure> {
    let Ok(jws) = CompactJws::parse(text.as_bytes()) else {
        return Err(not_found("token of ours: the text is no JWT, or only a part of one")
            .with_hint("it may have been cut off, or have a line break in it"));
    };
    let realms = realms(desk, arguments).await?;
    let mut why = "there is no realm";
    for open in &realms {
        match origin(open, &jws) {
            Origin::Ours(claims) => return of_ours(desk, open, arguments, text, jws.header(), &claims).await,
            // What a realm says of a key that it knows is worth more than that another doesn't know it.
            Origin::NotOurs(reason) if why == "there is no realm" || reason != FOREIGN => why = reason,
            Origin::NotOurs(_) => {}
        }
    }
    let names: Vec<&str> = realms.iter().map(|open| open.documents.name.as_str()).collect();
    Err(not_found(&format!("token of ours: {why}")).with_hint(format!("asked were the keys of: {}", names.join(", "))))
}

const FOREIGN: &str = "no key here has signed it";

fn origin(open: &OpenRealm, jws: &CompactJws<'_>) -> Origin {
    let header = jws.header();
    let keys = &open.realm.keys;
    let Some(key) = keys.verifier(header.key_id.as_ref(), header.algorithm) else {
        let is_disabled =
            keys.iter().any(|entry| entry.status == KeyStatus::Disabled && Some(entry.signing.key_id()) == header.key_id.as_ref());
        return Origin::NotOurs(if is_disabled {
            "the key that has signed it is disabled, and everything it signed is dead"
        } else {
            FOREIGN
        });
    };
    match jws.verify(key).ok().and_then(|payload| payload.claims().ok()) {
        Some(claims) => Origin::Ours(Box::new(claims)),
        None => Origin::NotOurs("it names a key of ours, but the signature is wrong: it was changed or made up"),
    }
}

async fn of_ours(
    desk: &Desk,
    open: &OpenRealm,
    arguments: &Arguments,
    text: &str,
    header: &JwsHeader,
    claims: &Claims,
) -> Result<Story, Failure> {
    let mut story = Story::new(open, Subject::Token);
    story.token = Some(facts(header, claims));
    let sid = claims.sid.as_deref().or(claims.session_state.as_deref()).and_then(SessionId::of);
    if let Some(sid) = sid {
        story.sid = Some(sid.to_string());
        story.add_grants(desk, open, &GrantFilter::session(open.realm.key, sid)).await?;
        story.add_session_events(desk, open, sid, arguments.events).await?;
    }
    if let Some(subject) = &claims.sub {
        story.add_user_with(desk, open, UserKey::of(subject)).await?;
    }
    story.verdict = Some(match claims.typ.as_deref() {
        _ if !open.realm.settings.enabled => refused(&Refusal::RealmDisabled),
        Some("Refresh" | "Offline") => judge_refresh(desk, open, text, claims, &mut story).await?,
        Some(typ) if typ.eq_ignore_ascii_case("Bearer") => judge_access(desk, open, text, claims, sid).await?,
        _ => Verdict {
            usable: false,
            reason: None,
            words: "it is neither an access token nor a refresh token; an ID token is for the application that asked for it".to_owned(),
            advice: None,
        },
    });
    Ok(story)
}

fn facts(header: &JwsHeader, claims: &Claims) -> TokenFacts {
    TokenFacts {
        kind: claims.typ.clone().unwrap_or_default(),
        algorithm: header.algorithm.as_str().to_owned(),
        key_id: header.key_id.as_ref().map(|kid| kid.as_str().to_owned()),
        issuer: claims.iss.clone(),
        client_id: claims.azp.clone(),
        issued_at: claims.iat,
        expires_at: claims.exp,
        scope: claims.scope.clone(),
        ..TokenFacts::default()
    }
}

/// The issuer is taken from the token: which name this realm is reached by is a matter of the server's configuration.
fn setting<'a>(desk: &Desk, open: &'a OpenRealm, claims: &'a Claims) -> Setting<'a> {
    Setting { realm: &open.realm, issuer: claims.iss.as_deref().unwrap_or_default(), now: desk.now }
}

async fn judge_refresh(desk: &Desk, open: &OpenRealm, text: &str, claims: &Claims, story: &mut Story) -> Result<Verdict, Failure> {
    let Some(client) = claims.azp.as_ref().and_then(|client_id| open.realm.clients.get(client_id)) else {
        return Ok(refused(&Refusal::UnknownClient));
    };
    let setting = setting(desk, open, claims);
    let token = match verify_refresh_token(setting, client, text, Expiry::Ignored) {
        Ok(token) => token,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    let context = desk.store.refresh_context(open.realm.key, token.sid, token.kind).await.map_err(|error| store_failure(&error))?;
    let id = GrantId { sid: token.sid, kind: token.kind, client: client.key, family: token.family };
    if let Some(facts) = &mut story.token {
        facts.generation = Some(token.generation);
        facts.newest_generation = context.grant(&id).map(|grant| grant.generation);
    }
    if !client.enabled {
        return Ok(refused(&Refusal::ClientDisabled));
    }
    if let Err(refusal) = verify_refresh_token(setting, client, text, Expiry::Checked) {
        return Ok(refused(&refusal));
    }
    // The decision is a value: taking it changes nothing.
    Ok(match refresh_token::decide(setting, client, &token, None, context).answer {
        Ok(_) => usable("a refresh with it would be granted now"),
        Err(refusal) => refused(&refusal),
    })
}

async fn judge_access(desk: &Desk, open: &OpenRealm, text: &str, claims: &Claims, sid: Option<SessionId>) -> Result<Verdict, Failure> {
    let setting = setting(desk, open, claims);
    let token = match verify_access_token(setting, text) {
        Ok(token) => token,
        Err(fault) => return Ok(refused(&Refusal::InvalidAccessToken(fault))),
    };
    let user = claims.sub.as_deref().map(UserKey::of);
    let context = desk.store.access_token_context(open.realm.key, sid, user, &token.id).await.map_err(|error| store_failure(&error))?;
    Ok(match judge_access_token(setting, &token, context) {
        Ok(_) => usable("it is alive; applications that check it without asking the server accept it until it expires"),
        Err(fault) => refused(&Refusal::InvalidAccessToken(fault)),
    })
}

fn usable(words: &str) -> Verdict {
    Verdict { usable: true, reason: None, words: words.to_owned(), advice: None }
}

fn refused(refusal: &Refusal) -> Verdict {
    let name = refusal.name();
    let said = explained(&name);
    Verdict { usable: false, reason: Some(name), words: said.words.to_owned(), advice: said.advice.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_with_two_dots_are_tokens() {
        let part = "eyJhbGciOiJIUzUxMiJ9eyJhbGciOiJIUzUxMiJ9eyJhbGciOiJIUzUxMiJ9";
        assert!(looks_like_one(&format!("{part}.{part}.{part}")));
        for text in [
            "a.b.c",
            "ada.lovelace@example.org",
            "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071",
            "",
            &format!("{part}.{part}"),
            &format!("{part}.{part}.{part} x"),
        ] {
            assert!(!looks_like_one(text), "{text}");
        }
    }
}
