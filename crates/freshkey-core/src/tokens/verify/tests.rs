#![allow(clippy::type_complexity, reason = "tables of changes and what they lead to")]

use super::*;
use crate::fixture::{DAY, ISSUER, START, World};
use crate::grants::refresh_token::decide;
use crate::tokens::mint;
use freshkey_protocol::jose::{Algorithm, HeaderType, sign_compact};
use serde_json::json;

/// Tokens of a real refresh: (access, refresh, id).
fn tokens(world: &World, kind: SessionKind) -> (String, String, String) {
    let grant = world.grant(kind);
    let outcome = decide(world.setting(START), world.client("ua-grant"), &world.token(&grant), None, world.context(&grant));
    let set = mint(&outcome.answer.unwrap(), &world.entropy).unwrap();
    let body: Value = serde_json::from_slice(&set.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"), text("id_token"))
}

fn forge(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let grant = world.grant(SessionKind::Online);
    let mut claims = json!({
        "exp": START + 600, "iat": START, "jti": "x", "iss": ISSUER, "aud": ISSUER, "sub": world.user.id, "typ": "Refresh",
        "azp": "ua-grant", "sid": grant.id.sid.to_string(), "scope": "openid",
    });
    change(&mut claims);
    sign_compact(world.realm.keys.signer(Algorithm::Hs512).unwrap(), HeaderType::Jwt, claims.to_string().as_bytes()).unwrap()
}

fn verify(world: &World, text: &str, now: EpochSeconds) -> Result<VerifiedRefreshToken, Refusal> {
    verify_refresh_token(world.setting(now), world.client("ua-grant"), text, Expiry::Checked)
}

#[test]
fn what_is_minted_reads_back() {
    let world = World::new();
    for kind in [SessionKind::Online, SessionKind::Offline] {
        let (access, refresh, _) = tokens(&world, kind);
        let token = verify(&world, &refresh, START).unwrap();
        assert_eq!((token.kind, token.generation, token.family, token.sid), (kind, 0, Family::FIRST, world.grant(kind).id.sid));
        assert_eq!(token.expires_at, (kind == SessionKind::Online).then_some(START + 7 * DAY));
        let token = verify_access_token(world.setting(START), &access).unwrap();
        assert_eq!(
            (token.subject.as_deref(), token.client_id.as_str(), token.expires_at),
            (Some(world.user.id.as_str()), "ua-grant", START + 3600)
        );
    }
}

#[test]
fn t_028_one_kind_of_token_is_not_taken_for_another() {
    let world = World::new();
    let (access, refresh, id) = tokens(&world, SessionKind::Online);
    for wrong in [&access, &id] {
        assert!(matches!(verify(&world, wrong, START), Err(Refusal::InvalidRefreshToken(_))));
    }
    for wrong in [&refresh, &id] {
        assert!(matches!(verify_access_token(world.setting(START), wrong), Err(AccessTokenFault::Type)));
    }
}

#[test]
fn t_016_every_changed_bit_of_a_refresh_token_is_refused() {
    let world = World::new();
    let (_, refresh, _) = tokens(&world, SessionKind::Online);
    let bytes = refresh.as_bytes();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.to_vec();
            changed[position] ^= 1 << bit;
            let Ok(text) = std::str::from_utf8(&changed) else { continue };
            assert!(verify(&world, text, START).is_err(), "bit {bit} of byte {position}");
        }
        assert!(verify(&world, &refresh[..position], START).is_err(), "cut at {position}");
    }
}

#[test]
fn t_046_a_token_of_another_realm_is_refused_even_with_the_same_keys() {
    let world = World::new();
    let (access, refresh, _) = tokens(&world, SessionKind::Online);
    let other = Setting { issuer: "https://id.example/realms/B", ..world.setting(START) };
    let refused = verify_refresh_token(other, world.client("ua-grant"), &refresh, Expiry::Checked);
    assert_eq!(refused, Err(Refusal::WrongIssuer { expected: "https://id.example/realms/B".into() }));
    assert_eq!(verify_access_token(other, &access), Err(AccessTokenFault::Issuer));
}

#[test]
fn rows_3_to_8_refuse_in_keycloaks_order() {
    let mut world = World::new();
    world.realm.settings.not_before = START - 10;
    let ids = Refusal::InvalidRefreshToken(RefreshTokenFault::Ids);
    let claims = Refusal::InvalidRefreshToken(RefreshTokenFault::Claims);
    let cases: &[(fn(&mut Value), Refusal)] = &[
        (|claims| claims["typ"] = json!("Bearer"), Refusal::InvalidRefreshToken(RefreshTokenFault::Type)),
        (|claims| claims["iss"] = json!("https://evil.example"), Refusal::WrongIssuer { expected: ISSUER.into() }),
        (|claims| claims["iat"] = json!(START - 11), Refusal::StaleNotBefore),
        (|claims| claims["exp"] = json!(START - 1), Refusal::RefreshTokenExpired),
        (|claims| claims["iat"] = json!(START + 11), Refusal::RefreshTokenExpired),
        (|claims| claims["azp"] = json!("ua"), Refusal::WrongClient),
        (|claims| drop(claims.as_object_mut().unwrap().remove("sid")), ids.clone()),
        (|claims| claims["generation"] = json!(-1), ids.clone()),
        (|claims| claims["generation"] = json!("1"), ids.clone()),
        (|claims| drop(claims.as_object_mut().unwrap().remove("exp")), ids.clone()),
        (|value| value["exp"] = json!("soon"), claims.clone()),
        (|value| value["exp"] = Value::Null, claims.clone()),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        assert_eq!(verify(&world, &forge(&world, change), START), Err(expected.clone()), "case {number}");
    }
    assert!(verify(&world, &forge(&world, |_| {}), START + 600).is_ok(), "at its last second");
    assert_eq!(verify(&world, "not.a.token", START), Err(Refusal::InvalidRefreshToken(RefreshTokenFault::Malformed)));
}

#[test]
fn t_027_a_refresh_token_signed_with_a_public_kind_of_key_is_refused() {
    let world = World::new();
    let claims = json!({ "exp": START + 600, "iat": START, "jti": "x", "iss": ISSUER, "sub": world.user.id, "typ": "Refresh", "azp": "ua-grant", "sid": world.grant(SessionKind::Online).id.sid.to_string() });
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let text = sign_compact(world.realm.keys.signer(algorithm).unwrap(), HeaderType::Jwt, claims.to_string().as_bytes()).unwrap();
        assert_eq!(verify(&world, &text, START), Err(Refusal::InvalidRefreshToken(RefreshTokenFault::UnknownKey)));
    }
}
