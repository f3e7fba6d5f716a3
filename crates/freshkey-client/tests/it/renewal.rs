//! One refresh, its journal, and what becomes of a lost reply.

use crate::support::{Fixture, NAME, kind};
use freshkey_client::FailureKind;
use freshkey_client::keeper::Need;
use freshkey_client::record::Intent;
use freshkey_testkit::provider::{Behaviour, Rotation};
use serde_json::json;

#[tokio::test]
async fn a_token_is_kept_until_it_is_no_longer_fresh_and_renewed_once() {
    let fixture = Fixture::signed_in().await;
    let first = fixture.token().await.expect("a token");
    fixture.clock.advance_s(3600 - 121);
    assert_eq!(fixture.token().await.as_ref(), Ok(&first), "121 s are left");
    fixture.clock.advance_s(2);
    let second = fixture.token().await.expect("a token");
    assert_ne!(second, first, "119 s are not enough");
    assert_eq!(fixture.token().await, Ok(second));
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn tokens_of_a_minute_cost_one_refresh_a_lifetime_whatever_is_wished_for() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_life_s(60);
    fixture.let_it_expire();
    for _ in 0..180 {
        fixture.token_with(Need::Ttl(Some(120))).await.expect("a token");
        fixture.clock.advance_s(1);
    }
    assert_eq!(fixture.refreshes(), 4, "one to begin with, and one each 49 s");
}

#[tokio::test]
async fn t_091_a_reply_that_was_lost_is_asked_for_again_at_once() {
    for rotation in [Rotation::Off, Rotation::Grace] {
        let fixture = Fixture::signed_in().await;
        fixture.provider.set_rotation(rotation);
        fixture.let_it_expire();
        fixture.provider.behave_once(Behaviour::LosesReply);
        fixture.token().await.expect("a token");
        assert_eq!((fixture.refreshes(), fixture.provider.live_tokens()), (2, 1), "{rotation:?}");
        fixture.let_it_expire();
        fixture.token().await.expect("the chain goes on");
    }
}

#[tokio::test]
async fn t_091_with_a_strict_provider_a_lost_reply_is_one_clear_sign_in_again() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_rotation(Rotation::Strict);
    fixture.let_it_expire();
    fixture.provider.behave_once(Behaviour::LosesReply);
    let failure = fixture.token().await.expect_err("the session is lost");
    assert_eq!(failure.kind, FailureKind::SignIn);
    assert_eq!(failure.hint.as_deref(), Some("run `freshkey login ua`"));
    for _ in 0..10 {
        assert_eq!(kind(fixture.token().await), Some(FailureKind::SignIn));
    }
    assert_eq!(fixture.refreshes(), 2, "nobody is asked again about a session that is over");
    fixture.sign_in().await;
    fixture.token().await.expect("signed in again");
}

#[tokio::test]
async fn t_091_a_refresh_that_was_interrupted_is_made_once_more_although_the_token_is_fresh() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_rotation(Rotation::Grace);
    // As it is left by a process that was killed after its request: the provider has rotated, the reply was read by nobody.
    let before = fixture.stored_refresh_token().expect("a refresh token");
    let keeper = fixture.keeper();
    let mut record = fixture.stored().expect("signed in");
    record.intent = Some(Intent { begun_at: 1_800_000_000, was_replayed: false });
    keeper.vault().write(NAME, &mut record).expect("written");
    let successor = {
        let reply = fixture.token_with(Need::Ttl(None)).await;
        reply.expect("a token");
        fixture.stored_refresh_token().expect("a refresh token")
    };
    assert_ne!(successor, before);
    assert_eq!(fixture.refreshes(), 1);
    assert!(fixture.stored().expect("signed in").intent.is_none());
    fixture.token().await.expect("a token");
    assert_eq!(fixture.refreshes(), 1, "once");
}

#[tokio::test]
async fn t_067_a_strange_reply_changes_nothing_that_is_kept() {
    let fixture = Fixture::signed_in().await;
    fixture.let_it_expire();
    let before = fixture.stored_refresh_token();
    for strange in [
        json!({ "expires_in": -5 }),
        json!({ "expires_in": 1_000_000_000_000_u64 }),
        json!({ "expires_in": "soon" }),
        json!({ "access_token": null }),
        json!({ "access_token": "two words" }),
        json!({ "token_type": "MAC" }),
    ] {
        fixture.provider.say_in_replies(strange.clone());
        assert_eq!(kind(fixture.token().await), Some(FailureKind::Strange), "{strange}");
        assert_eq!(fixture.stored_refresh_token(), before, "{strange}");
        fixture.clock.advance_s(120);
    }
    fixture.provider.say_in_replies(json!({}));
    fixture.token().await.expect("and then it works again");
}

#[tokio::test]
async fn t_064_the_tokens_of_one_issuer_go_to_no_other() {
    let fixture = Fixture::signed_in().await;
    let other = freshkey_testkit::provider::TestProvider::start().await;
    fixture.let_it_expire();
    let moved = |issuer: &str| {
        freshkey_client::profile::file::Profiles::change(&fixture.directories, |profiles| {
            profiles.profiles.get_mut(NAME).expect("there").issuer = issuer.to_owned();
            Ok(())
        })
    };
    moved(other.issuer()).expect("changed");
    assert_eq!(kind(fixture.token().await), Some(FailureKind::Untrusted));
    assert_eq!((other.count("refresh_token"), fixture.refreshes()), (0, 0));
    moved(fixture.provider.issuer()).expect("changed");
    fixture.token().await.expect("a token");
}

#[tokio::test]
async fn t_064_no_redirect_is_followed_with_a_secret() {
    let fixture = Fixture::signed_in().await;
    fixture.let_it_expire();
    fixture.provider.behave_once(Behaviour::Redirects(format!("{}/canary", fixture.provider.issuer())));
    assert_eq!(kind(fixture.token().await), Some(FailureKind::Strange));
    assert_eq!(fixture.provider.count("canary"), 0);
}

#[tokio::test]
async fn t_091_a_full_disk_loses_nothing_since_its_room_is_taken_before_anybody_is_asked() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_rotation(Rotation::Strict);
    fixture.let_it_expire();
    let accounts = fixture.directories.state.join("accounts");
    // A directory in the place of the file that is about to be written stops any user, root included.
    let blocked = accounts.join(".ua.sealed.new");
    std::fs::create_dir(&blocked).expect("made");
    assert_eq!(kind(fixture.token().await), Some(FailureKind::Failed));
    assert_eq!(fixture.refreshes(), 0, "no refresh token is used up that could not be replaced");
    std::fs::remove_dir(&blocked).expect("removed");
    fixture.token().await.expect("a token");
}
