//! A provider that is away is not a log-out (T-057, T-099).

use crate::support::{Fixture, kind};
use freshkey_client::keeper::Need;
use freshkey_client::{FailureKind, handout};
use freshkey_testkit::provider::Behaviour;

#[tokio::test]
async fn t_057_no_answer_but_invalid_grant_costs_the_session() {
    let fixture = Fixture::signed_in().await;
    fixture.let_it_expire();
    let before = fixture.stored_refresh_token();
    for (status, text) in [
        (500, "oops"),
        (502, "<html>bad gateway</html>"),
        (503, r#"{"error":"invalid_grant"}"#),
        (429, r#"{"error":"slow_down"}"#),
        (200, "<html>sign in to the network</html>"),
        (200, "{"),
        (302, ""),
        (400, "<html>invalid_grant</html>"),
        (401, r#"{"error":"invalid_client"}"#),
        (400, r#"{"error":"invalid_scope"}"#),
        (404, ""),
    ] {
        fixture.provider.behave_once(Behaviour::Says(status, text.to_owned()));
        let failure = fixture.token().await.expect_err("no token");
        assert_ne!(failure.kind, FailureKind::SignIn, "{status} {text}: {failure}");
        assert_eq!(fixture.stored_refresh_token(), before, "{status} {text}");
        fixture.clock.advance_s(2);
    }
    fixture.token().await.expect("and then it works again");
    fixture.provider.end_sessions();
    fixture.let_it_expire();
    assert_eq!(kind(fixture.token().await), Some(FailureKind::SignIn));
    assert_eq!(fixture.stored_refresh_token(), None);
}

#[tokio::test]
async fn t_057_a_thousand_callers_of_a_provider_that_is_away_are_one_attempt_a_step() {
    let fixture = Fixture::signed_in().await;
    fixture.let_it_expire();
    fixture.provider.behave(Behaviour::Says(503, String::new()));
    for _ in 0..1000 {
        assert_eq!(kind(fixture.token().await), Some(FailureKind::Unavailable));
    }
    assert_eq!(fixture.refreshes(), 1);
    fixture.clock.advance_s(1);
    assert_eq!(kind(fixture.token().await), Some(FailureKind::Unavailable));
    assert_eq!(fixture.refreshes(), 2);
}

#[tokio::test]
async fn t_099_callers_are_served_within_two_seconds_of_the_providers_return() {
    let fixture = Fixture::signed_in().await;
    fixture.let_it_expire();
    fixture.provider.behave(Behaviour::Says(503, String::new()));
    fixture.clock.set_lot(u64::MAX);
    for _ in 0..20 {
        assert_eq!(kind(fixture.token().await), Some(FailureKind::Unavailable));
        fixture.clock.advance_s(60);
    }
    fixture.provider.behave(Behaviour::Answers);
    // It fails once more just before the return, and is back after that.
    fixture.provider.behave_once(Behaviour::Says(503, String::new()));
    assert_eq!(kind(fixture.token().await), Some(FailureKind::Unavailable));
    fixture.clock.advance_s(2);
    fixture.token().await.expect("a token");
}

#[tokio::test]
async fn a_token_is_handed_out_with_a_warning_while_its_provider_is_away() {
    let fixture = Fixture::signed_in().await;
    fixture.provider.behave(Behaviour::Says(503, String::new()));
    for (age_s, min_ttl_s, expected) in [(3500, None, true), (60, None, true), (20, None, false), (0, Some(10), false)] {
        fixture.clock.advance_s(age_s);
        let failure = fixture.token_with(Need::Ttl(min_ttl_s)).await.err();
        let record = fixture.stored().expect("signed in");
        let warning = failure.and_then(|failure| {
            use freshkey_client::clock::Clock as _;
            handout::warning_instead(&record, fixture.clock.now(), min_ttl_s, &failure)
        });
        assert_eq!(warning.is_some(), expected, "{age_s} s more, wish {min_ttl_s:?}: {warning:?}");
    }
}
