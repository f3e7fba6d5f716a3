//! Realms moved from the database of a Keycloak. What is loaded was recorded from a real one (`fixtures/keycloak-26.7.3`): two realms, and tokens that it
//! issued, which are refreshed here at the moment of the recording.

pub(crate) mod recorded;
mod refusals;
mod resuming;
mod tables;

use crate::support::claims;
use recorded::{Keycloak, Ours, Recording};

/// How far in the future a refresh token of this realm and client expires.
fn lifespan_s(refresh_token: &str) -> Option<i64> {
    let claims = claims(refresh_token);
    claims.exp.map(|exp| exp - claims.iat.unwrap())
}

#[tokio::test]
async fn sessions_go_on_with_their_ids_and_lifetimes_at_clients_of_every_kind() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["shop"], recording.taken_at).await;
    let server = ours.serve(recording.taken_at).await;
    let mut refreshed = 0;
    for token in recording.tokens.iter().filter(|token| token.realm == "shop") {
        let answer = server.refresh(&recording, token, &token.refresh_token).await;
        assert_eq!(answer.status, 200, "{}: {}", token.name, answer.text());
        let (before, after, access) = (claims(&token.refresh_token), claims(&answer.refresh_token()), claims(&answer.access_token()));
        assert_eq!((&after.sid, &access.sid), (&before.sid, &before.sid), "{}", token.name);
        assert_eq!(answer.field("session_state"), before.sid.clone().unwrap());
        assert_eq!((&after.sub, &after.scope), (&before.sub, &before.scope), "{}", token.name);
        let expected = match (token.is_offline(), token.client.as_str()) {
            (true, _) => None,
            (false, "secret-b") => Some(900),
            (false, _) => Some(1800),
        };
        assert_eq!(lifespan_s(&answer.refresh_token()), expected, "{}", token.name);
        assert_eq!(access.exp.unwrap() - access.iat.unwrap(), if token.client == "public-b" { 120 } else { 240 }, "{}", token.name);
        refreshed += 1;
    }
    assert_eq!(refreshed, 18, "two tokens of each of eight clients, and one before and after a refresh");
}

#[tokio::test]
async fn what_is_no_token_of_the_realm_is_refused() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["shop", "till"], recording.taken_at).await;
    let server = ours.serve(recording.taken_at).await;
    let token = recording.token("public-a offline");
    let (start, signature) = token.refresh_token.rsplit_once('.').unwrap();
    let swapped: String = signature.chars().rev().collect();
    let wrong = server.refresh(&recording, token, &format!("{start}.{swapped}")).await;
    assert_eq!(wrong.refusal(), "400 invalid_grant: Invalid refresh token");
    let of_another_realm = &recording.token("offline never used").refresh_token;
    assert_eq!(server.refresh(&recording, token, of_another_realm).await.status, 400);
    let of_another_client = &recording.token("public-b offline").refresh_token;
    assert_eq!(server.refresh(&recording, token, of_another_client).await.status, 400);
    // A month after the last use.
    let late = ours.serve(recording.taken_at + 32 * 86_400).await;
    assert_eq!(late.refresh(&recording, token, &token.refresh_token).await.status, 400);
}

#[tokio::test]
async fn access_tokens_from_before_the_move_are_good_until_they_expire() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["shop"], recording.taken_at).await;
    let token = recording.token("public-a online");
    let answer = ours.serve(recording.taken_at).await.userinfo("shop", &token.access_token).await;
    assert_eq!((answer.status, answer.field("preferred_username").as_str()), (200, "ann"), "{}", answer.text());
    assert_eq!(ours.serve(recording.taken_at + 300).await.userinfo("shop", &token.access_token).await.status, 401);
}

#[tokio::test]
async fn with_rotation_the_current_tokens_go_on_and_older_ones_are_refused_as_keycloak_does() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    // Beyond the grace window of whatever was last done there.
    let server = ours.serve(recording.taken_at + 60).await;
    for name in ["online never used", "offline never used", "tab one current", "tab two never used"] {
        let token = recording.token(name);
        let first = server.refresh(&recording, token, &token.refresh_token).await;
        assert_eq!(first.status, 200, "{name}: {}", first.text());
        let second = server.refresh(&recording, token, &first.refresh_token()).await;
        assert_eq!(second.status, 200, "{name}: {}", second.text());
        let expected = if token.is_offline() { 2_592_000 } else { 604_800 };
        assert_eq!(lifespan_s(&second.refresh_token()), Some(expected), "{name}");
    }
    let refusals = [
        ("replayed last used", "400 invalid_grant: Maximum allowed refresh token reuse exceeded"),
        ("replayed oldest", "400 invalid_grant: Stale token"),
        ("online oldest", "400 invalid_grant: Stale token"),
        // The reuse just before has ended it.
        ("online current", "400 invalid_grant: Session not active"),
    ];
    for (name, refusal) in refusals {
        let token = recording.token(name);
        assert_eq!(server.refresh(&recording, token, &token.refresh_token).await.refusal(), refusal, "{name}");
    }
}

#[tokio::test]
async fn a_chain_that_began_with_us_and_was_stolen_does_not_begin_again() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    let token = recording.token("offline never used");
    let first = ours.serve(recording.taken_at).await.refresh(&recording, token, &token.refresh_token).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let late = ours.serve(recording.taken_at + 60).await;
    let stolen = late.refresh(&recording, token, &token.refresh_token).await;
    assert_eq!(stolen.refusal(), "400 invalid_grant: Maximum allowed refresh token reuse exceeded");
    for dead in [&token.refresh_token, &first.refresh_token()] {
        assert_eq!(late.refresh(&recording, token, dead).await.refusal(), "400 invalid_grant: Offline user session not found");
    }
}

#[tokio::test]
async fn two_that_begin_one_chain_at_once_get_one_successor() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["till"], recording.taken_at).await;
    let server = ours.serve(recording.taken_at).await;
    let token = recording.token("offline never used");
    let answers = crate::support::join_all((0..8).map(|_| server.refresh(&recording, token, &token.refresh_token))).await;
    let mut successors: Vec<String> = answers.iter().map(|answer| answer.refresh_token()).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn passwords_of_every_family_of_hashes_are_good() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    ours.take_over(&keycloak, &["shop", "till"], recording.taken_at).await;
    let server = ours.serve(recording.taken_at).await;
    // argon2id, PBKDF2 with SHA-256, PBKDF2 with SHA-512.
    for (realm, username, password) in [("shop", "ann", "ann-password"), ("shop", "bob", "bob-password"), ("till", "bob", "bob-password")] {
        assert_eq!(server.sign_in(realm, username, password).await.status, 200, "{username} of {realm}");
        let refusal = server.sign_in(realm, username, "wrong").await.refusal();
        assert!(refusal.ends_with("invalid_grant: Invalid user credentials"), "{refusal}");
    }
}
