use super::file::KeptFile;
use super::*;
use crate::agent::account::Account;
use crate::agent::fixture::{Fixture, NAME, delivery, wait_until};
use crate::clock::Clock as _;
use crate::token_file::LEFT_S;
use freshkey_testkit::provider::{Behaviour, Rotation};
use std::fs;
use std::path::Path;

/// A file that is looked at by hand, and not by the clock of the runtime.
struct Looked {
    fixture: Fixture,
    kept: Arc<KeptFile>,
    account: Arc<Account>,
}

impl Looked {
    async fn with_tokens_of(life_s: u32) -> Self {
        let fixture = Fixture::with_tokens_of(life_s).await;
        let file = TokenFile::at(&fixture.path("token")).expect("fit");
        let kept = KeptFile::new(NAME, file, &fixture.agent);
        let account = fixture.agent.account(NAME);
        Self { fixture, kept, account }
    }

    async fn look(&self) -> Duration {
        self.kept.look(&self.account, &*self.fixture.clock).await
    }

    fn content(&self) -> Option<String> {
        fs::read_to_string(self.fixture.path("token")).ok()
    }
}

#[tokio::test]
async fn t_068_a_token_in_a_file_has_ten_minutes_left_or_a_fifth_of_its_life() {
    // Within a second, since a second is what life times are told in.
    for (life_s, least_s, hours) in [(3600, LEFT_S, 3), (1800, LEFT_S, 2), (900, LEFT_S, 1), (600, 119, 1), (300, 59, 1), (60, 11, 1)] {
        let looked = Looked::with_tokens_of(life_s).await;
        let clock = &looked.fixture.clock;
        let (mut content, mut since_s, end_s) = (None, clock.now().wall_s(), clock.now().wall_s() + hours * 3600);
        while clock.now().wall_s() < end_s {
            let pause_s = u32::try_from(looked.look().await.as_secs()).expect("short");
            assert!((1..=15).contains(&pause_s), "{pause_s}");
            if looked.content() != content {
                (content, since_s) = (looked.content(), clock.now().wall_s());
            }
            clock.advance_s(pause_s);
            // Just before the next look it is as old as it gets. The sign-in itself took no time on this clock.
            let age_s = u32::try_from(clock.now().wall_s() - since_s).expect("short");
            let left_s = life_s.saturating_sub(age_s);
            assert!(left_s >= least_s, "life {life_s}: {left_s} s left, {:?}", looked.kept.told(clock.now()));
        }
        // Ahead of time by the minute that a provider may need, and by a look; never at each look.
        let refreshes = looked.fixture.provider.count("refresh_token");
        let period_s = life_s - least_s - if least_s == LEFT_S { 75 } else { 15 };
        let usual = usize::try_from(hours * 3600 / i64::from(period_s)).expect("few");
        assert!((1..=usual + 1).contains(&refreshes), "life {life_s}: {refreshes} refreshes, {usual} would do");
        assert_eq!(content, Some(looked.fixture.kept_token(NAME)));
    }
}

#[tokio::test]
async fn t_057_without_its_provider_a_file_stays_until_its_token_ends_and_comes_back_with_it() {
    let looked = Looked::with_tokens_of(1800).await;
    looked.look().await;
    let before = looked.content();
    assert!(before.is_some());
    looked.fixture.provider.behave(Behaviour::Says(503, String::new()));
    looked.fixture.clock.advance_s(1500);
    assert!(looked.look().await >= Duration::from_secs(1), "it does not spin");
    assert_eq!(looked.content(), before, "it has five minutes left");
    let (remaining_s, failure) = looked.kept.told(looked.fixture.clock.now());
    assert_eq!((remaining_s, failure.map(|failure| failure.kind)), (Some(300), Some(FailureKind::Unavailable)));
    looked.fixture.clock.advance_s(301);
    looked.look().await;
    assert_eq!(looked.content(), None, "a dead token helps nobody");
    looked.fixture.provider.behave(Behaviour::Answers);
    looked.fixture.clock.advance_s(700);
    looked.look().await;
    assert_eq!(looked.content(), Some(looked.fixture.kept_token(NAME)));
    assert_eq!(looked.kept.told(looked.fixture.clock.now()), (Some(1800), None));
}

#[tokio::test]
async fn t_062_a_provider_that_hangs_leaves_no_dead_token_in_the_file() {
    let looked = Looked::with_tokens_of(60).await;
    looked.look().await;
    assert!(looked.content().is_some());
    looked.fixture.clock.advance_s(60);
    looked.fixture.provider.behave(Behaviour::Hangs);
    let looking = tokio::time::timeout(Duration::from_secs(20), looked.look());
    assert!(looking.await.is_ok(), "the provider is not waited for");
    assert_eq!(looked.content(), None);
    looked.fixture.provider.behave(Behaviour::Answers);
    looked.look().await;
    assert_eq!(looked.content(), Some(looked.fixture.kept_token(NAME)));
}

#[tokio::test]
async fn a_file_that_somebody_has_removed_or_changed_is_put_right() {
    let looked = Looked::with_tokens_of(1800).await;
    looked.look().await;
    let before = looked.content();
    fs::remove_file(looked.fixture.path("token")).expect("removed");
    looked.look().await;
    assert_eq!(looked.content(), before);
    fs::write(looked.fixture.path("token"), "another's").expect("written");
    looked.look().await;
    assert_eq!(looked.content(), before);
}

#[tokio::test]
async fn t_059_no_token_is_in_a_file_after_the_sign_out_whatever_comes_second() {
    let looked = Looked::with_tokens_of(60).await;
    looked.fixture.provider.set_rotation(Rotation::Grace);
    for round in 0..100 {
        if round > 0 {
            looked.fixture.sign_in(NAME).await;
        }
        looked.look().await;
        assert!(looked.content().is_some(), "round {round}");
        // Time for a renewal, at the moment of the sign-out.
        looked.fixture.clock.advance_s(50);
        let sign_out = async {
            for _ in 0..round % 10 {
                tokio::task::yield_now().await;
            }
            // That the provider has heard of it does not matter here.
            let _ = looked.fixture.agent.keeper.forget(NAME).await.expect("forgotten");
            looked.kept.look_again(&looked.fixture.agent).await;
            assert_eq!(looked.content(), None, "round {round}");
        };
        let before = looked.account.load().expect("readable").expect("signed in");
        tokio::join!(sign_out, looked.look());
        assert_eq!(looked.content(), None, "round {round}");
        // A token that was had just before comes too late.
        looked.kept.put(before, None).await;
        assert_eq!(looked.content(), None, "round {round}");
    }
}

#[tokio::test]
async fn what_the_profiles_wish_for_is_supplied_and_nothing_else() {
    let fixture = Fixture::with_tokens_of(1800).await;
    fixture.sign_in("lab").await;
    let sinks = &fixture.agent.sinks;
    let (first, second) = (fixture.path("first"), fixture.path("second"));
    let is_there = |path: &Path, name: &str| fs::read_to_string(path).is_ok_and(|token| token == fixture.kept_token(name));

    sinks.settle(&fixture.agent).await;
    assert_eq!(sinks.told(fixture.clock.now()).await, []);
    // Both name the first: it has the token of one, always the same.
    fixture.set_deliveries("lab", vec![delivery("token-file", None, Some(&first))]);
    fixture.set_deliveries(NAME, vec![delivery("token-file", None, Some(&first)), delivery("aws", None, Some(&second))]);
    sinks.settle(&fixture.agent).await;
    wait_until("both files", || is_there(&first, "lab") && is_there(&second, NAME)).await;

    // A file of profiles that can't be read changes nothing.
    let profiles = fixture.directories.profiles_file();
    let text = fs::read_to_string(&profiles).expect("readable");
    fs::write(&profiles, "profiles = 7").expect("written");
    sinks.settle(&fixture.agent).await;
    assert!(is_there(&first, "lab") && is_there(&second, NAME));
    fs::write(&profiles, text).expect("written");

    fixture.set_deliveries("lab", Vec::new());
    sinks.settle(&fixture.agent).await;
    wait_until("the other's token", || is_there(&first, NAME)).await;
    fixture.set_deliveries(NAME, vec![delivery("token-file", None, Some(&first))]);
    sinks.settle(&fixture.agent).await;
    assert!(!second.exists(), "nobody keeps it fresh any more");

    sinks.end().await;
    assert!(!first.exists());
    sinks.settle(&fixture.agent).await;
    assert_eq!(sinks.told(fixture.clock.now()).await, []);
}

#[tokio::test]
async fn a_file_that_cannot_be_is_told_of_and_tried_again() {
    let fixture = Fixture::with_tokens_of(1800).await;
    let place = fixture.path("later/token");
    fixture.set_deliveries(NAME, vec![delivery("token-file", None, Some(&place))]);
    fixture.agent.sinks.settle(&fixture.agent).await;
    let told = fixture.agent.sinks.told(fixture.clock.now()).await;
    let failure = told[0].failure.as_ref().expect("it cannot be");
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("mkdir")), "{failure}");
    fs::create_dir(fixture.path("later")).expect("made");
    fixture.agent.sinks.settle(&fixture.agent).await;
    wait_until("the file", || place.exists()).await;
}

#[tokio::test]
async fn a_renewal_by_anybody_is_in_the_file_at_once() {
    let fixture = Fixture::with_tokens_of(1800).await;
    let place = fixture.path("token");
    fixture.set_deliveries(NAME, vec![delivery("token-file", None, Some(&place))]);
    fixture.agent.sinks.settle(&fixture.agent).await;
    let is_there = || fs::read_to_string(&place).is_ok_and(|token| token == fixture.kept_token(NAME));
    wait_until("the file", is_there).await;
    let version = fixture.agent.keeper.vault().read(NAME).expect("readable").expect("signed in").version;
    let before = fixture.kept_token(NAME);
    fixture.agent.account(NAME).fresh(crate::keeper::Need::Newer { version }).await.expect("renewed");
    assert_ne!(fixture.kept_token(NAME), before);
    // Long before the next look by the clock: that is at least 15 s away.
    let told = tokio::time::timeout(Duration::from_secs(10), wait_until("the new token", is_there)).await;
    assert!(told.is_ok());
}
