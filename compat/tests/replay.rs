//! Everything that was recorded of a real Keycloak, asked of Freshkey again, on both engines. No Keycloak is needed.
//!
//! A failure lists what differs and is not explained in `differences.json`. `cargo xtask reference diff` shows the same against a running Keycloak.

use freshkey_compat::compare::{Difference, compare};
use freshkey_compat::differences::{Verdict, judge, known};
use freshkey_compat::recording::Recording;
use freshkey_compat::run::run;
use freshkey_compat::scenarios;
use freshkey_compat::subject::{Engine, Freshkey, Subject};
use serde_json::{Value, json};

/// What Freshkey answers to all scenarios, beside the recordings.
async fn replayed(engine: Engine) -> Vec<(Recording, Recording)> {
    let mut subject = Subject::Freshkey(Freshkey::start(engine).await.expect("the server starts"));
    let mut all = Vec::new();
    for scenario in scenarios::all() {
        let recorded = Recording::read(scenario.name).expect("a recording");
        all.push((recorded, run(&scenario, &mut subject).await.expect("the scenario runs")));
    }
    all
}

fn verdict(pairs: &[(Recording, Recording)]) -> Verdict {
    let found = pairs.iter().flat_map(|(recorded, ours)| compare(recorded, ours)).collect();
    judge(found, &known().expect("the register of differences"), true)
}

fn assert_explained(verdict: &Verdict) {
    let lines: Vec<String> = verdict.unexplained.iter().map(Difference::line).collect();
    assert!(lines.is_empty(), "{} differences have no quirk:\n{}", lines.len(), lines.join("\n"));
    assert!(verdict.stale.is_empty(), "nothing differs any more at {:?}", verdict.stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_sqlite_finds_no_difference_without_a_quirk() {
    let pairs = replayed(Engine::Sqlite).await;
    let exchanges: usize = pairs.iter().map(|(recorded, _)| recorded.exchanges.len()).sum();
    assert!(exchanges >= 300, "{exchanges} exchanges are recorded");
    assert_explained(&verdict(&pairs));
    a_change_by_hand_is_noticed(&pairs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_on_postgres_finds_no_difference_without_a_quirk() {
    assert_explained(&verdict(&replayed(Engine::Postgres).await));
}

/// The proof that the comparison above can fail: one status, one error word and one claim's type, each changed in one recording.
fn a_change_by_hand_is_noticed(pairs: &[(Recording, Recording)]) {
    let changes: [(&str, &str, &str, Value); 3] = [
        ("password/refusals", "wrong password", "/status", json!(401)),
        ("refresh/refusals", "no token", "/body/error", json!("invalid_grant")),
        ("refresh/good", "refresh", "/body/access_token/claims/email_verified", json!("true")),
    ];
    for (scenario, exchange, at, value) in changes {
        let mut changed = pairs.to_vec();
        let (recorded, _) = changed.iter_mut().find(|(recorded, _)| recorded.scenario == scenario).expect("a scenario of this name");
        let exchange = recorded.exchanges.iter_mut().find(|recorded| recorded.name == exchange).expect("an exchange of this name");
        *exchange.answer.pointer_mut(at).expect("a recorded value") = value;
        let noticed: Vec<String> = verdict(&changed).unexplained.into_iter().map(|difference| difference.at).collect();
        assert_eq!(noticed, [at], "{scenario}");
    }
}
