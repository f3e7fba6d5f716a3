use super::*;
use crate::change::Change;
use crate::fixture::{DAY, START, World};
use crate::grant::SessionKind;
use crate::grants::refresh_token::decide;
use crate::ids::SessionId;
use crate::realm::ReuseEnds;
use crate::refusal::Refusal;

const SID: &str = "tzy8C3YBNOLkaEdKUHA9hRG3";
const MOVED: EpochSeconds = START + 1000;

/// A world with rotation, without grace, to which sessions were moved.
fn world() -> World {
    let mut world = World::new();
    let rotation = &mut world.realm.settings.rotation;
    (rotation.default, rotation.grace_s, rotation.reuse_ends) = (crate::client::Rotation::On, 0, ReuseEnds::Grant);
    world
}

fn moved(world: &World, family: Family, last_use: Option<(&str, EpochSeconds)>) -> Grant {
    let grant = world.grant(SessionKind::Offline);
    let grant = Grant { id: GrantId { sid: SessionId::of(SID).unwrap(), family, ..grant.id }, ..grant };
    let last_use = last_use.map(|(token_id, at)| LastUse { token_id: token_id.into(), at, uses: 1 });
    inherit(grant, SID, MOVED, last_use.as_ref())
}

/// A token of the other server.
fn foreign(world: &World, grant: &Grant, id: &str, issued_at: EpochSeconds) -> VerifiedRefreshToken {
    VerifiedRefreshToken { id: id.into(), generation: 0, issued_at, ..world.token(grant) }
}

fn judge(world: &World, grants: &[Grant], token: &VerifiedRefreshToken) -> (Result<i64, Refusal>, Vec<Change>) {
    let context = RefreshContext { grants: grants.to_vec(), user: Some(world.user.clone()) };
    let outcome = decide(world.setting(MOVED + DAY), world.client("ua-grant"), token, None, context);
    (outcome.answer.map(|plan| plan.grant.expect("a session").generation), outcome.changes)
}

#[test]
fn the_session_goes_on_being_named_by_its_text() {
    let world = world();
    assert_eq!(sid_text(&moved(&world, Family::FIRST, None)), SID);
    let uuid = "0b7cfa6a-2f0c-4a57-9a59-1c1e3a3a2f10";
    let grant = world.grant(SessionKind::Online);
    let grant = Grant { id: GrantId { sid: SessionId::of(uuid).unwrap(), ..grant.id }, ..grant };
    let grant = inherit(grant, uuid, MOVED, None);
    assert_eq!((sid_text(&grant).as_ref(), grant.notes.contains_key(super::SID)), (uuid, false));
}

#[test]
fn of_a_moved_chain_the_newest_token_goes_on_and_older_ones_are_refused() {
    let world = world();
    let grant = moved(&world, Family(7), Some(("used", START + 100)));
    // (token, issued at, generation of the successor or the refusal)
    let cases = [
        ("newest", START + 100, Ok(3)),
        ("newest", START + 101, Ok(3)),
        ("used", START + 50, Err(Refusal::ReusedTooOften)),
        ("used", START + 100, Err(Refusal::ReusedTooOften)),
        ("oldest", START + 99, Err(Refusal::ReusedAfterSuccessor)),
    ];
    for (id, issued_at, expected) in cases {
        assert_eq!(judge(&world, std::slice::from_ref(&grant), &foreign(&world, &grant, id, issued_at)).0, expected, "{id} {issued_at}");
    }
}

#[test]
fn after_the_first_use_here_no_token_of_the_other_server_is_good() {
    let world = world();
    let grant = moved(&world, Family(7), Some(("used", START + 100)));
    let rotated = Grant { generation: 3, predecessor_uses: 1, rotated_at: MOVED + 10, last_used_at: MOVED + 10, ..grant.clone() };
    for id in ["newest", "used", "oldest"] {
        assert!(judge(&world, std::slice::from_ref(&rotated), &foreign(&world, &grant, id, START + 100)).0.is_err(), "{id}");
    }
    assert_eq!(judge(&world, std::slice::from_ref(&rotated), &world.token(&rotated)).0, Ok(4));
}

#[test]
fn a_chain_that_nothing_told_of_begins_with_its_first_use() {
    let world = world();
    let first = moved(&world, Family::FIRST, Some(("another chain's", START + 50)));
    let unknown = Grant { id: GrantId { family: Family(99), ..first.id }, ..first.clone() };
    let token = foreign(&world, &unknown, "never used", START + 100);
    let (generation, changes) = judge(&world, std::slice::from_ref(&first), &token);
    assert_eq!(generation, Ok(1));
    let [Change::BeginChain { grant, first: beside }] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((grant.id.family, *beside), (Family(99), first.id));
    // The same token again is a theft, and what was brought here ends whole, so that nothing is left to begin from.
    let (again, changes) = judge(&world, &[first.clone(), (**grant).clone()], &token);
    assert_eq!(again, Err(Refusal::ReusedTooOften));
    assert!(matches!(changes.as_slice(), [Change::EndClientSession { .. }]), "{changes:?}");
    // The successor goes on.
    assert_eq!(judge(&world, &[first, (**grant).clone()], &world.token(grant)).0, Ok(2));
}

#[test]
fn no_chain_begins_for_a_token_that_was_made_here_or_in_a_session_that_was() {
    let world = world();
    let first = moved(&world, Family::FIRST, None);
    let unknown = Grant { id: GrantId { family: Family(99), ..first.id }, ..first.clone() };
    let late = foreign(&world, &unknown, "late", MOVED + SKEW_S + 1);
    let ours = VerifiedRefreshToken { generation: 2, ..foreign(&world, &unknown, "ours", START) };
    for token in [late, ours] {
        assert_eq!(judge(&world, std::slice::from_ref(&first), &token).0, Err(Refusal::ClientNotInSession));
    }
    let own = Grant { notes: SessionNotes::new(), ..first };
    let token = foreign(&world, &unknown, "never used", START + 100);
    assert_eq!(judge(&world, &[own], &token).0, Err(Refusal::ClientNotInSession));
}

#[test]
fn without_rotation_a_token_of_any_chain_is_one_of_the_first() {
    let mut world = world();
    world.realm.settings.rotation.default = crate::client::Rotation::Off;
    let first = moved(&world, Family::FIRST, None);
    let unknown = Grant { id: GrantId { family: Family(99), ..first.id }, ..first.clone() };
    for _ in 0..2 {
        assert_eq!(judge(&world, std::slice::from_ref(&first), &foreign(&world, &unknown, "any", START + 100)).0, Ok(0));
    }
}
