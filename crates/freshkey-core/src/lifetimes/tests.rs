use super::*;
use crate::fixture::{DAY, START, World};

const REALM: RealmLifetimes = RealmLifetimes {
    access_token_lifespan_s: 300,
    session_idle_s: 1800,
    session_max_s: 36_000,
    client_session_idle_s: 0,
    client_session_max_s: 0,
    offline_session_idle_s: 30 * DAY,
    offline_session_max_s: None,
    client_offline_session_idle_s: 0,
    client_offline_session_max_s: 0,
};

fn lifetimes(kind: SessionKind, realm: impl FnOnce(&mut RealmLifetimes), client: impl std::borrow::Borrow<ClientLifetimes>) -> Lifetimes {
    let mut settings = REALM;
    realm(&mut settings);
    Lifetimes::resolve(kind, &settings, client.borrow())
}

/// What a client sets, else what the realm sets for client sessions, else what it sets for sessions (KEYCLOAK §5.2).
#[test]
fn the_most_particular_setting_wins() {
    let world = World::new();
    let grant = world.grant(SessionKind::Online);
    let none = ClientLifetimes::default;
    let exp = |lifetimes: Lifetimes| lifetimes.refresh_token_expiry(&grant, START);
    assert_eq!(exp(lifetimes(SessionKind::Online, |_| {}, none())), Some(START + 1800));
    assert_eq!(exp(lifetimes(SessionKind::Online, |realm| realm.client_session_idle_s = 900, none())), Some(START + 900));
    let own = || ClientLifetimes { session_idle_s: Some(60), ..none() };
    assert_eq!(exp(lifetimes(SessionKind::Online, |realm| realm.client_session_idle_s = 900, own())), Some(START + 60));
    let max = ClientLifetimes { session_max_s: Some(1000), ..none() };
    assert_eq!(exp(lifetimes(SessionKind::Online, |_| {}, max)), Some(START + 1000));
    assert_eq!(exp(lifetimes(SessionKind::Online, |realm| realm.client_session_max_s = 1200, none())), Some(START + 1200));
}

#[test]
fn a_client_session_never_outlives_its_user_session() {
    let world = World::new();
    let grant = Grant { session_started_at: START - 35_000, ..world.grant(SessionKind::Online) };
    let online = lifetimes(SessionKind::Online, |_| {}, ClientLifetimes { session_max_s: Some(30_000), ..ClientLifetimes::default() });
    assert_eq!(online.client_session_end(&grant), Some(START + 1000));
    assert_eq!(online.access_token_expiry(&grant, START + 900), START + 1000, "nor does an access token");
}

#[test]
fn an_offline_token_has_an_end_of_its_own_only_when_the_realm_limits_offline_sessions() {
    let world = World::new();
    let grant = world.grant(SessionKind::Offline);
    let unlimited = lifetimes(SessionKind::Offline, |_| {}, ClientLifetimes::default());
    assert_eq!((unlimited.refresh_token_expiry(&grant, START), unlimited.client_session_end(&grant)), (None, None));
    // KC-011: a client's maximum ends the session, but does not show in the token.
    let by_client =
        lifetimes(SessionKind::Offline, |_| {}, ClientLifetimes { offline_session_max_s: Some(100), ..ClientLifetimes::default() });
    assert_eq!((by_client.refresh_token_expiry(&grant, START), by_client.client_session_end(&grant)), (None, Some(START + 100)));
    let by_realm = lifetimes(SessionKind::Offline, |realm| realm.offline_session_max_s = Some(60 * DAY), ClientLifetimes::default());
    assert_eq!(by_realm.refresh_token_expiry(&grant, START), Some(START + 30 * DAY));
    assert_eq!(by_realm.refresh_token_expiry(&grant, START + 50 * DAY), Some(START + 60 * DAY));
}

#[test]
fn an_access_token_may_live_as_long_as_the_session() {
    let world = World::new();
    let own = ClientLifetimes { access_token: Some(AccessTokenLifespan::SessionMaximum), ..ClientLifetimes::default() };
    let online = lifetimes(SessionKind::Online, |_| {}, own);
    assert_eq!(online.access_token_expiry(&world.grant(SessionKind::Online), START + 5), START + 36_000);
    assert_eq!(online.sessionless_access_token_expiry(START), START + 36_000);
}

#[test]
fn last_used_is_as_coarse_as_a_thirtieth_of_the_idle_time_and_no_coarser_than_its_limit() {
    let online =
        |idle| lifetimes(SessionKind::Online, |realm| realm.session_idle_s = idle, ClientLifetimes::default()).last_used_granularity_s();
    let offline = |idle| {
        lifetimes(SessionKind::Offline, |realm| realm.offline_session_idle_s = idle, ClientLifetimes::default()).last_used_granularity_s()
    };
    assert_eq!([online(60), online(1800), online(DAY)], [2, 60, 60]);
    assert_eq!([offline(30 * 60), offline(30 * DAY), offline(365 * DAY)], [60, DAY, DAY]);
}
