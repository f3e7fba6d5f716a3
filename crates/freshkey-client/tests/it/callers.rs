//! A program that asks for its own tokens, without an agent.

use crate::support::{Fixture, NAME, kind};
use freshkey_client::FailureKind;
use freshkey_client::caller::{Agent, Caller};
use freshkey_testkit::provider::{Behaviour, Rotation};
use std::sync::Arc;

fn caller(fixture: &Fixture) -> Arc<Caller> {
    Arc::new(Caller::with_keeper(Arc::new(fixture.keeper()), fixture.clock.clone(), Agent::Never))
}

#[tokio::test]
async fn t_084_a_day_on_tokens_of_five_minutes_fails_not_once() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_rotation(Rotation::Strict);
    fixture.provider.set_life_s(300);
    fixture.let_it_expire();
    let caller = caller(&fixture);
    let mut passed_s = 0;
    while passed_s < 24 * 3600 {
        let asked = caller.token(None, None).await.expect("a token");
        assert!(asked.expires_in_s >= 60, "{passed_s}: {} s", asked.expires_in_s);
        let published = caller.token_to_publish(Some(NAME)).await.expect("a token");
        assert!(published.expires_in_s >= 150, "{passed_s}: {} s", published.expires_in_s);
        let pause_s = published.looks_again_in_s();
        fixture.clock.advance_s(pause_s);
        passed_s += pause_s;
    }
    assert!(fixture.refreshes() <= 24 * 3600 / 150 + 1, "{} refreshes", fixture.refreshes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_were_refused_with_one_token_are_one_refresh() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.set_rotation(Rotation::Strict);
    let first = caller(&fixture).token(None, None).await.expect("a token").token.expose().clone();
    // Ten programs, with a hundred tasks each.
    let callers: Vec<_> = (0..10).map(|_| caller(&fixture)).collect();
    let tasks: Vec<_> = (0..1000)
        .map(|number| {
            let (caller, rejected) = (Arc::clone(&callers[number % 10]), first.clone());
            tokio::spawn(async move { caller.renewed(None, Some(&rejected)).await.map(|handed| handed.token.expose().clone()) })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic").expect("renewed"));
    }
    assert!(answers.iter().all(|token| *token == answers[0] && *token != first));
    assert_eq!(fixture.refreshes(), 1);
    // Whoever names none wants another one.
    assert_ne!(caller(&fixture).renewed(None, None).await.expect("renewed").token.expose(), &answers[0]);
}

#[tokio::test]
async fn those_who_were_refused_leave_a_provider_that_is_away_alone() {
    let fixture = Fixture::signed_in().await;
    let caller = caller(&fixture);
    let first = caller.token(None, None).await.expect("a token").token.expose().clone();
    fixture.provider.behave(Behaviour::Says(503, String::new()));
    for _ in 0..20 {
        assert_eq!(kind(caller.renewed(None, Some(&first)).await), Some(FailureKind::Unavailable));
    }
    assert_eq!(fixture.refreshes(), 1);
    // What there is, is better than nothing, where it is published.
    fixture.clock.advance_s(3000);
    let published = caller.token_to_publish(None).await.expect("the token that there is");
    assert_eq!((published.token.expose(), published.expires_in_s), (&first, 600));
}
