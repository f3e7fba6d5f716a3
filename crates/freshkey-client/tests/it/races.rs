//! Many programs of one user at the same time.

use crate::support::{Fixture, NAME, kind};
use freshkey_client::FailureKind;
use freshkey_client::keeper::Need;
use freshkey_testkit::provider::{Behaviour, Rotation};
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn t_058_a_hundred_waiters_of_a_slow_provider_make_one_request() {
    let fixture = Arc::new(Fixture::signed_in().await);
    fixture.provider.set_rotation(Rotation::Strict);
    fixture.let_it_expire();
    fixture.provider.behave(Behaviour::Hangs);
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let fixture = Arc::clone(&fixture);
        callers.spawn(async move { fixture.token().await });
    }
    fixture.provider.asked("refresh_token", 1).await;
    fixture.provider.behave(Behaviour::Answers);
    let tokens = callers.join_all().await;
    let first = tokens[0].clone().expect("a token");
    assert!(tokens.iter().all(|token| token.as_ref() == Ok(&first)), "{tokens:?}");
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_056_the_loser_of_a_race_takes_the_winners_token_instead_of_deleting_it() {
    for user in 0..10 {
        race_a_hundred_times(user).await;
    }
}

/// Another program, which knows nothing of the lock, signs in while a refresh is under way: the old token is dead, the new one is kept.
async fn race_a_hundred_times(user: usize) {
    let fixture = Arc::new(Fixture::signed_in().await);
    for race in 0..100 {
        fixture.let_it_expire();
        fixture.provider.behave(Behaviour::Hangs);
        let asked = fixture.refreshes();
        let caller = tokio::spawn({
            let fixture = Arc::clone(&fixture);
            async move { fixture.token().await }
        });
        fixture.provider.asked("refresh_token", asked + 1).await;
        let keeper = fixture.keeper();
        let mut newer = fixture.stored().expect("signed in");
        fixture.provider.end_sessions();
        newer.refresh_token = Some(freshkey_protocol::Secret::new(fixture.provider.issue_refresh_token()));
        keeper.vault().write(NAME, &mut newer).expect("written");
        fixture.provider.behave(Behaviour::Answers);
        let token = caller.await.expect("no panic");
        assert!(token.is_ok(), "race {race} of user {user}: {token:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_059_no_refresh_brings_back_what_was_signed_out() {
    let fixture = Arc::new(Fixture::signed_in().await);
    for trial in 0..1000 {
        if trial > 0 {
            fixture.sign_in().await;
        }
        let version = fixture.stored().expect("signed in").version;
        let refresh = tokio::spawn({
            let fixture = Arc::clone(&fixture);
            async move { fixture.token_with(Need::Newer { version }).await }
        });
        if trial % 2 == 0 {
            tokio::task::yield_now().await;
        }
        fixture.keeper().forget(NAME).await.expect("forgotten").expect("revoked");
        assert!(fixture.stored().is_none(), "trial {trial}: gone when the sign-out returned");
        match refresh.await.expect("no panic") {
            Ok(_) => {}
            Err(failure) => assert_eq!(failure.kind, FailureKind::SignIn, "trial {trial}: {failure}"),
        }
        assert!(fixture.stored().is_none(), "trial {trial}: it came back");
        assert_eq!(fixture.provider.live_tokens(), 0, "trial {trial}: a token lives on at the provider");
        assert_eq!(kind(fixture.token().await), Some(FailureKind::SignIn));
    }
}
