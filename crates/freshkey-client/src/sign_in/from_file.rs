//! A token that somebody else keeps fresh in a file, as the analytics platform does for its notebooks. It is read again whenever it is needed, and
//! never renewed by us: there is no refresh token, and nobody is asked.

use crate::clock::Moment;
use crate::failure::{Failure, FailureKind, shown};
use crate::files;
use crate::limits::TOKEN_FILE_BYTES_MAX;
use crate::profile::{DEFAULT_SCOPE, Profile};
use crate::record::{Offline, Record, Renewal, claims_of};
use freshkey_protocol::{Claims, Secret, TokenReply};
use std::path::Path;

/// What is in the file.
struct Found {
    token: Secret<String>,
    claims: Claims,
    /// When it was issued, as its claims say.
    issued: Moment,
    life_s: u32,
}

/// The profile and the account that a token in a file stands for. Issuer and client are those that the token names.
pub fn sign_in(path: &Path, now: Moment) -> Result<(Profile, Record), Failure> {
    let found = read(path, now)?;
    let unnamed = |what: &str| strange(path, &format!("a token that names no {what}"));
    let issuer = found.claims.iss.clone().ok_or_else(|| unnamed("issuer (iss)"))?;
    let of_claim = |name: &str| found.claims.other.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let client_id = found.claims.azp.clone().or_else(|| of_claim("client_id")).ok_or_else(|| unnamed("client (azp)"))?;
    let profile = Profile {
        issuer: issuer.clone(),
        discovery_url: None,
        client_id: client_id.clone(),
        client_secret_file: None,
        scope: DEFAULT_SCOPE.to_owned(),
        ca_file: None,
        access_token_file: Some(path.to_owned()),
        deliveries: Vec::new(),
    };
    let mut record = Record {
        version: 0,
        issuer,
        token_endpoint: String::new(),
        revocation_endpoint: None,
        authentication_methods: None,
        client_id,
        renewal: Renewal::File,
        subject: None,
        signed_in_at: now.wall_s(),
        refresh_token: None,
        refresh_life: None,
        offline: Offline::NotAsked,
        access: None,
        intent: None,
        failed: None,
        ended: None,
    };
    take(&mut record, found);
    Ok((profile, record))
}

/// Takes over what is in the file now. The answer tells whether it is another token than before.
pub(crate) fn read_again(record: &mut Record, path: &Path, now: Moment) -> Result<bool, Failure> {
    let found = read(path, now)?;
    if found.claims.iss.as_ref() != Some(&record.issuer) {
        let what = format!("{} holds a token of {} now", path.display(), shown(found.claims.iss.as_deref().unwrap_or("nobody")));
        return Err(
            Failure::new(FailureKind::Untrusted, what).with_hint(format!("run `freshkey login NAME --from-token-file {}`", path.display()))
        );
    }
    if record.access.as_ref().is_some_and(|access| found.token.equals(access.token().as_bytes())) {
        return Ok(false);
    }
    take(record, found);
    Ok(true)
}

/// Why the token in a file is not good enough, if it is not: its keeper has to renew it.
pub(crate) fn check(record: &Record, path: &Path, now: Moment, min_ttl_s: Option<u32>) -> Result<(), Failure> {
    let lifetime = record.access.as_ref().map(|access| access.life.lifetime());
    if lifetime.is_some_and(|lifetime| lifetime.suffices(now, min_ttl_s)) {
        return Ok(());
    }
    let shown = path.display();
    let what = match lifetime.map_or(0, |lifetime| lifetime.remaining_s(now)) {
        0 => format!("the token in {shown} has ended, and whoever keeps that file has not renewed it"),
        left_s => format!("the token in {shown} has only {left_s} s left, and whoever keeps that file has not renewed it"),
    };
    Err(Failure::new(FailureKind::Unavailable, what).with_hint("look after what keeps the file, or sign in yourself with `freshkey login`"))
}

fn take(record: &mut Record, found: Found) {
    let reply = TokenReply {
        access_token: found.token,
        refresh_token: None,
        id_token: None,
        expires_in_s: Some(found.life_s),
        refresh_expires_in_s: None,
        scope: found.claims.scope,
    };
    record.take(reply, found.issued);
}

fn read(path: &Path, now: Moment) -> Result<Found, Failure> {
    let text = files::read_text(path, TOKEN_FILE_BYTES_MAX)?.map(Secret::new).ok_or_else(|| {
        Failure::new(FailureKind::Unavailable, format!("the token file {} is not there", path.display()))
            .with_hint("look after what keeps the file, or sign in yourself with `freshkey login`")
    })?;
    let token = Secret::new(text.expose().trim().to_owned());
    let claims =
        claims_of(token.expose()).ok_or_else(|| strange(path, "something that is no JWT, so that nobody can tell when it ends"))?;
    let exp = claims.exp.ok_or_else(|| strange(path, "a token that does not say when it ends (exp)"))?;
    // Without a time of issue it counts as issued now.
    let iat = claims.iat.unwrap_or_else(|| now.wall_s()).min(now.wall_s());
    let age_ms = u64::try_from(now.wall_s().saturating_sub(iat)).unwrap_or(0).saturating_mul(1000);
    let issued = Moment { wall_ms: iat.saturating_mul(1000), boot_ms: now.boot_ms.saturating_sub(age_ms), boot: now.boot };
    let life_s = u32::try_from(exp.saturating_sub(iat)).unwrap_or(if exp > iat { u32::MAX } else { 0 });
    Ok(Found { token, claims, issued, life_s })
}

fn strange(path: &Path, what: &str) -> Failure {
    Failure::new(FailureKind::Strange, format!("{} holds {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshkey_protocol::base64url::encode;

    const NOW: Moment = Moment { wall_ms: 1_800_000_000_000, boot_ms: 3_600_000, boot: 1 };

    fn jwt(claims: &str) -> String {
        format!("{}.{}.{}", encode(br#"{"alg":"RS256"}"#), encode(claims.as_bytes()), encode(b"signature"))
    }

    fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join(".auth_token");
        std::fs::write(&path, text).expect("written");
        (place, path)
    }

    #[test]
    fn a_token_tells_whose_it_is_and_how_old() {
        let claims = r#"{"iss":"https://sso.example/realms/UA","azp":"ua","preferred_username":"ann","iat":1799999400,"exp":1800001200}"#;
        let (_place, path) = written(&format!("{}\n", jwt(claims)));
        let (profile, record) = sign_in(&path, NOW).expect("signed in");
        assert_eq!((profile.issuer.as_str(), profile.client_id.as_str()), ("https://sso.example/realms/UA", "ua"));
        assert_eq!((record.subject.as_deref(), record.renewal, profile.access_token_file), (Some("ann"), Renewal::File, Some(path)));
        let life = record.access.expect("a token").life;
        assert_eq!((life.lifetime().remaining_s(NOW), life.lifetime().life_s, life.ends_at()), (1200, 1800, 1_800_001_200));
    }

    #[test]
    fn what_tells_too_little_is_refused() {
        for (text, expected) in [
            (String::new(), "no JWT"),
            ("opaque".to_owned(), "no JWT"),
            (jwt(r#"{"iss":"https://sso.example","azp":"ua"}"#), "when it ends"),
            (jwt(r#"{"azp":"ua","exp":1800001200}"#), "no issuer"),
            (jwt(r#"{"iss":"https://sso.example","exp":1800001200}"#), "no client"),
        ] {
            let (_place, path) = written(&text);
            let failure = sign_in(&path, NOW).err().expect("refused");
            assert!(failure.message.contains(expected), "{failure}");
        }
    }

    #[test]
    fn t_064_a_token_of_another_issuer_is_not_taken_over() {
        let of = |issuer: &str, exp: i64| jwt(&format!(r#"{{"iss":"{issuer}","azp":"ua","iat":1799999400,"exp":{exp}}}"#));
        let (_place, path) = written(&of("https://sso.example", 1_800_001_200));
        let (_, mut record) = sign_in(&path, NOW).expect("signed in");
        assert_eq!(read_again(&mut record, &path, NOW), Ok(false));
        std::fs::write(&path, of("https://evil.example", 1_800_001_300)).expect("written");
        let before = record.clone();
        assert_eq!(read_again(&mut record, &path, NOW).expect_err("another's").kind, FailureKind::Untrusted);
        assert!(record == before);
        std::fs::write(&path, of("https://sso.example", 1_800_001_300)).expect("written");
        assert_eq!(read_again(&mut record, &path, NOW), Ok(true));
    }

    #[test]
    fn a_file_that_nobody_has_renewed_is_said_to_be_so() {
        let token = |exp: i64| jwt(&format!(r#"{{"iss":"https://sso.example","azp":"ua","iat":{},"exp":{exp}}}"#, exp - 1800));
        for (exp, min_ttl_s, expected) in [
            (1_800_000_600, None, None),
            (1_800_000_600, Some(600), None),
            (1_800_000_600, Some(601), Some("has only 600 s left")),
            (1_800_000_100, None, Some("has only 100 s left")),
            (1_799_999_000, None, Some("has ended")),
        ] {
            let (_place, path) = written(&token(exp));
            let (_, record) = sign_in(&path, NOW).expect("signed in");
            let checked = check(&record, &path, NOW, min_ttl_s).err().map(|failure| failure.message);
            assert!(
                match (&checked, expected) {
                    (None, None) => true,
                    (Some(message), Some(expected)) => message.contains(expected),
                    _ => false,
                },
                "{exp} {min_ttl_s:?}: {checked:?}"
            );
        }
    }
}
