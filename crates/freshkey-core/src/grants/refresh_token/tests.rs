#![allow(clippy::type_complexity, reason = "tables of changes and what they lead to")]

use super::*;
use crate::client::Allowed;
use crate::fixture::{DAY, START, World};
use crate::realm::RotationSettings;
use crate::tokens::mint;
use freshkey_protocol::Claims;
use freshkey_protocol::jose::CompactJws;

const NOW: EpochSeconds = START + 100;

fn rotating(grace_s: i64, reuse_max: i64) -> World {
    let mut world = World::new();
    world.realm.settings.rotation = RotationSettings { default: Rotation::On, reuse_max, grace_s, reuse_ends: ReuseEnds::Grant };
    world
}

fn decide_at<'w>(
    world: &'w World,
    token: &VerifiedRefreshToken,
    grant: &Grant,
    scope: Option<&str>,
    now: EpochSeconds,
) -> Outcome<TokenPlan<'w>> {
    decide(world.setting(now), world.client("ua-grant"), token, scope, world.context(grant))
}

fn refusal(outcome: &Outcome<TokenPlan<'_>>) -> Refusal {
    outcome.answer.as_ref().err().cloned().expect("a refusal")
}

/// The refresh token in the response body.
fn minted_refresh_token(world: &World, outcome: Outcome<TokenPlan<'_>>) -> String {
    let set = mint(&outcome.answer.unwrap(), &world.entropy).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&set.body).unwrap();
    body["refresh_token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Claims {
    Claims::parse(&CompactJws::parse(token.as_bytes()).unwrap().unverified_payload().unwrap()).unwrap()
}

/// One world, one change to it, the refusal that Keycloak gives.
#[test]
fn every_row_of_the_list_refuses_for_its_own_reason() {
    type Change = fn(&mut World, &mut Grant, &mut VerifiedRefreshToken);
    let online: &[(Change, Refusal)] = &[
        (|_, grant, _| grant.last_used_at = START - 8 * DAY, Refusal::SessionNotActive),
        (|_, grant, _| grant.session_started_at = START - 31 * DAY, Refusal::SessionNotActive),
        (|_, _, token| token.subject = Some("somebody else".into()), Refusal::RefreshUserUnknown),
        (|_, grant, _| grant.user = crate::ids::UserKey::of("somebody else"), Refusal::RefreshUserUnknown),
        (|_, grant, _| grant.realm = crate::ids::RealmKey(2), Refusal::RefreshUserUnknown),
        (|world, _, _| world.user.enabled = false, Refusal::UserDisabled),
        (|_, _, token| token.issued_at = START - 1, Refusal::IssuedBeforeSession),
        (|_, _, token| token.family = crate::ids::Family(9), Refusal::ClientNotInSession),
        (
            |world, grant, _| {
                world.realm.settings.lifetimes.client_session_idle_s = 50;
                grant.last_used_at = START - 20;
            },
            Refusal::ClientSessionExpired,
        ),
        (|_, grant, _| grant.started_at = START + 1, Refusal::IssuedBeforeClientSession),
        (|world, _, _| world.user.not_before = START + 1, Refusal::StaleNotBefore),
        (|world, _, _| world.realm.settings.not_before = START + 1, Refusal::StaleNotBefore),
        (|world, _, _| world.change_client("ua-grant", |client| client.not_before = START + 1), Refusal::StaleNotBefore),
        (|world, _, _| world.change_client("ua-grant", |client| client.consent_required = true), Refusal::ConsentWithdrawn),
        (|_, _, token| token.generation = 1, Refusal::DatabaseRegressed),
    ];
    for (number, (change, expected)) in online.iter().enumerate() {
        let mut world = World::new();
        let mut grant = world.grant(SessionKind::Online);
        let mut token = world.token(&grant);
        change(&mut world, &mut grant, &mut token);
        let outcome = decide_at(&world, &token, &grant, None, NOW);
        assert_eq!(refusal(&outcome), *expected, "row {number}");
        assert_eq!(outcome.event.reason.as_ref(), Some(expected));
    }
}

#[test]
fn an_absent_session_is_named_by_its_kind() {
    let world = World::new();
    for (kind, expected) in [(SessionKind::Online, Refusal::SessionNotActive), (SessionKind::Offline, Refusal::OfflineSessionNotFound)] {
        let token = world.token(&world.grant(kind));
        let outcome = decide(world.setting(NOW), world.client("ua-grant"), &token, None, RefreshContext::default());
        assert_eq!(refusal(&outcome), expected);
        assert!(outcome.changes.is_empty());
    }
}

#[test]
fn a_dead_session_is_removed_by_the_refusal() {
    let world = World::new();
    let grant = Grant { last_used_at: START - 32 * DAY, session_started_at: START - 90 * DAY, ..world.grant(SessionKind::Offline) };
    let outcome = decide_at(&world, &world.token(&grant), &grant, None, NOW);
    assert_eq!(refusal(&outcome), Refusal::OfflineSessionExpired);
    assert!(matches!(outcome.changes[..], [Change::EndSession { kind: SessionKind::Offline, .. }]));
}

#[test]
fn t_011_a_token_is_stale_exactly_before_the_latest_of_three_cut_offs() {
    for (realm, client, user) in
        [(0, 0, 0), (START, 0, 0), (0, START, 5), (START - 5, START, START - 9), (START + 1, 0, 0), (0, START + 1, 0), (3, 2, START + 1)]
    {
        let mut world = World::new();
        world.realm.settings.not_before = realm;
        world.user.not_before = user;
        world.change_client("ua-grant", |own| own.not_before = client);
        let grant = world.grant(SessionKind::Online);
        let outcome = decide_at(&world, &world.token(&grant), &grant, None, NOW);
        let expected = realm.max(client).max(user) > START;
        assert_eq!(outcome.answer.is_err(), expected, "{realm} {client} {user}");
    }
}

#[test]
fn t_014_a_token_works_until_each_limit_and_not_after() {
    let mut world = World::new();
    world.realm.settings.lifetimes.session_idle_s = 3600;
    world.realm.settings.lifetimes.session_max_s = 36_000;
    let fresh = world.grant(SessionKind::Online);
    let used_late = Grant { last_used_at: START + 35_000, ..fresh.clone() };
    let offline = world.grant(SessionKind::Offline);
    let offline_idle = 30 * DAY + DAY;
    for (grant, limit) in [(&fresh, START + 3600 + 60), (&used_late, START + 36_000), (&offline, START + offline_idle)] {
        let token = world.token(grant);
        assert!(decide_at(&world, &token, grant, None, limit - 1).answer.is_ok(), "1 s before {limit}");
        assert!(decide_at(&world, &token, grant, None, limit + 1).answer.is_err(), "1 s after {limit}");
    }
    // With rotation "last used" is exact, and so is the limit.
    world.realm.settings.rotation.default = Rotation::On;
    let token = world.token(&fresh);
    assert!(decide_at(&world, &token, &fresh, None, START + 3599).answer.is_ok());
    assert!(decide_at(&world, &token, &fresh, None, START + 3601).answer.is_err());
}

#[test]
fn without_rotation_a_refresh_writes_nothing_until_last_used_is_due() {
    let world = World::new();
    let grant = world.grant(SessionKind::Offline);
    let token = world.token(&grant);
    assert!(decide_at(&world, &token, &grant, None, START + DAY - 1).changes.is_empty());
    let due = decide_at(&world, &token, &grant, None, START + DAY);
    assert!(matches!(due.changes[..], [Change::Touch { at, .. }] if at == START + DAY), "{:?}", due.changes);
}

#[test]
fn with_rotation_the_newest_token_advances_the_chain() {
    let world = rotating(10, 0);
    let grant = Grant { generation: 3, rotated_at: START + 50, ..world.grant(SessionKind::Online) };
    let outcome = decide_at(&world, &world.token(&grant), &grant, None, NOW);
    assert!(matches!(outcome.changes[..], [Change::Rotate { presented: 3, at: NOW, .. }]), "{:?}", outcome.changes);
    let successor = claims(&minted_refresh_token(&world, outcome));
    assert_eq!(successor.other["generation"], 4);
    assert_eq!(successor.iat, Some(NOW));
    assert_eq!(successor.reuse_id.as_deref(), Some("0000000000000000"));
}

#[test]
fn t_003_the_last_predecessor_inside_grace_gets_the_identical_successor_and_writes_nothing() {
    let mut world = rotating(10, 0);
    let grant = world.grant(SessionKind::Online);
    let token = world.token(&grant);
    let first = minted_refresh_token(&world, decide_at(&world, &token, &grant, None, NOW));
    let rotated = Grant { generation: 1, predecessor_uses: 1, rotated_at: NOW, last_used_at: NOW, ..grant };
    let admin = world.role("admin");
    world.user.roles.push(admin);
    for late_by in [0, 5, 10] {
        let retry = decide_at(&world, &token, &rotated, None, NOW + late_by);
        assert!(retry.changes.is_empty());
        let set = mint(retry.answer.as_ref().unwrap(), &world.entropy).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&set.body).unwrap();
        let access = claims(body["access_token"].as_str().unwrap());
        assert!(access.other["realm_access"]["roles"].as_array().unwrap().contains(&"admin".into()), "current roles");
        assert_eq!(body["refresh_token"], first.as_str(), "{late_by} s later");
    }
}

#[test]
fn t_004_a_predecessor_after_grace_or_two_back_is_refused_and_ends_its_grant() {
    let world = rotating(10, 0);
    let rotated =
        |generation| Grant { generation, predecessor_uses: 1, rotated_at: NOW, last_used_at: NOW, ..world.grant(SessionKind::Online) };
    let stolen = world.token(&world.grant(SessionKind::Online));
    for (grant, now, expected) in [(rotated(1), NOW + 11, Refusal::ReusedTooOften), (rotated(2), NOW + 1, Refusal::ReusedAfterSuccessor)] {
        let outcome = decide_at(&world, &stolen, &grant, None, now);
        assert_eq!(refusal(&outcome), expected);
        assert!(matches!(&outcome.changes[..], [Change::EndGrant(id)] if *id == grant.id), "{:?}", outcome.changes);
        assert_eq!(outcome.event.kind, EventKind::RefreshTokenReuse);
    }
}

#[test]
fn a_setting_widens_reuse_to_the_client_session_as_keycloak_does() {
    let mut world = rotating(0, 0);
    world.realm.settings.rotation.reuse_ends = ReuseEnds::ClientSession;
    let grant = Grant { generation: 1, predecessor_uses: 1, rotated_at: NOW, ..world.grant(SessionKind::Online) };
    let outcome = decide_at(&world, &world.token(&world.grant(SessionKind::Online)), &grant, None, NOW);
    assert_eq!(refusal(&outcome), Refusal::ReusedTooOften, "grace 0 is Keycloak's behaviour: not even at once");
    assert!(matches!(outcome.changes[..], [Change::EndClientSession { .. }]));
}

#[test]
fn a_token_may_be_used_as_often_again_as_the_realm_allows() {
    let world = rotating(0, 2);
    let old = world.token(&world.grant(SessionKind::Online));
    let grant = |uses| Grant { generation: 1, predecessor_uses: uses, rotated_at: NOW, ..world.grant(SessionKind::Online) };
    for uses in [1, 2] {
        let outcome = decide_at(&world, &old, &grant(uses), None, NOW + 60);
        assert!(matches!(outcome.changes[..], [Change::CountReuse { seen, generation: 1, .. }] if seen == uses));
        assert_eq!(claims(&minted_refresh_token(&world, outcome)).other["generation"], 1, "still one chain");
    }
    assert_eq!(refusal(&decide_at(&world, &old, &grant(3), None, NOW + 60)), Refusal::ReusedTooOften);
}

#[test]
fn switching_rotation_off_revives_no_replaced_token() {
    let world = World::new();
    let grant = Grant { generation: 2, rotated_at: NOW, ..world.grant(SessionKind::Online) };
    let old = VerifiedRefreshToken { generation: 1, ..world.token(&grant) };
    let outcome = decide_at(&world, &old, &grant, None, NOW + 60);
    assert_eq!(refusal(&outcome), Refusal::ReusedAfterSuccessor);
    assert!(outcome.changes.is_empty());
    assert!(decide_at(&world, &world.token(&grant), &grant, None, NOW + 60).answer.is_ok());
}

#[test]
fn t_013_only_switch_scope_and_role_together_make_an_offline_token() {
    let cases: [(fn(&mut World), SessionKind); 4] = [
        (|_| {}, SessionKind::Offline),
        (|world| world.change_client("ua-grant", |client| client.offline_upgrade_on_refresh = Allowed::No), SessionKind::Online),
        (|world| world.user.roles.clear(), SessionKind::Online),
        (
            |world| world.change_client("ua-grant", |client| client.optional_scopes.retain(|scope| scope != OFFLINE_ACCESS)),
            SessionKind::Online,
        ),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        change(&mut world);
        let grant = world.grant(SessionKind::Online);
        let outcome = decide_at(&world, &world.token(&grant), &grant, Some(OFFLINE_ACCESS), NOW);
        let upgraded = outcome.event.kind == EventKind::OfflineUpgrade;
        let plan = outcome.answer.as_ref().unwrap();
        assert_eq!(plan.grant.as_ref().unwrap().id.kind, expected, "case {number}");
        assert_eq!(upgraded, expected == SessionKind::Offline);
        assert_eq!(outcome.changes.iter().any(|change| matches!(change, Change::BeginGrant { .. })), upgraded);
        let token = claims(&minted_refresh_token(&world, outcome));
        assert_eq!(
            (token.typ.as_deref(), token.exp),
            if upgraded { (Some("Offline"), None) } else { (Some("Refresh"), Some(NOW + 7 * DAY)) }
        );
    }
}

#[test]
fn t_009_an_offline_token_dies_with_the_right_to_it() {
    let cases: [fn(&mut World); 2] = [
        |world| world.user.roles.clear(),
        |world| world.change_client("ua-grant", |client| client.optional_scopes.retain(|scope| scope != OFFLINE_ACCESS)),
    ];
    for change in cases {
        let mut world = World::new();
        change(&mut world);
        let grant = world.grant(SessionKind::Offline);
        let outcome = decide_at(&world, &world.token(&grant), &grant, None, NOW);
        assert_eq!(refusal(&outcome), Refusal::OfflineNoLongerAllowed);
        assert!(outcome.changes.is_empty());
    }
}

#[test]
fn t_012_scope_narrows_and_comes_back_but_never_grows() {
    let world = World::new();
    let grant = world.grant(SessionKind::Online);
    let token = VerifiedRefreshToken { scope: "openid basic profile email roles phone".into(), ..world.token(&grant) };
    let shown = |scope: Option<&str>| {
        let outcome = decide_at(&world, &token, &grant, scope, NOW);
        let refresh = outcome.answer.as_ref().unwrap().refresh_token.as_ref().unwrap().scope.clone();
        assert_eq!(refresh, token.scope, "the refresh token's own scope never changes");
        let mut names: Vec<_> = scopes::names(&outcome.answer.unwrap().response_scope).map(str::to_owned).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(shown(None), "email openid phone profile");
    assert_eq!(shown(Some("openid phone")), "email openid phone profile");
    assert_eq!(shown(Some("openid")), "email openid profile");
    assert_eq!(shown(Some("openid address")), "email openid profile", "known, but not granted at first");
    assert_eq!(
        scopes::check_requested(world.client("ua-grant"), Some("openid nonsense")),
        Err(Refusal::InvalidScope { requested: "openid nonsense".into() })
    );
}
