//! Fronts whose gateway is away, slow, set up otherwise, or has other keys than before.

use super::case::{Case, Expected, bearer, request};
use super::join_all;
use super::process::free_address;
use super::provider::Provider;
use super::stage::{Front, Stage};
use super::{broken, guide};
use freshkey_gateway::config::load;

/// Requests that none of these may let through.
fn attempts(threat: &'static str, expected: Expected, provider: &Provider) -> Vec<Case> {
    let good = bearer(provider);
    let descriptions = ["X-Original-Method: GET", "X-Original-Host: api.example.org", "X-Original-URI: /public/x"];
    let forwarded = ["X-Forwarded-Method: GET", "X-Forwarded-Host: api.example.org", "X-Forwarded-Uri: /public/x"];
    let refused = |name: &str, text: String| Case::new(threat, name, text, expected);
    vec![
        refused("a good token", request("GET", "/api/secret", &[&good])),
        refused("no token", request("GET", "/api/secret", &[])),
        refused("a public target", request("GET", "/public/x", &[])),
        refused("described", request("GET", "/api/secret", &descriptions)),
        refused("described in other words", request("GET", "/api/secret", &forwarded)),
    ]
}

async fn none_passes(threat: &'static str, expected: Expected, what: &str, stage: Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in attempts(threat, expected, &stage.provider) {
        wrong.extend(stage.play(&case).await.err().map(|told| format!("{what}: {told}")));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_072_no_answer_of_a_gateway_that_is_away_or_broken_is_a_yes() {
    let mut places = vec![("nobody", free_address())];
    for (what, answer) in broken::ANSWERS {
        places.push((what, broken::start(answer).await));
    }
    let pairs = Front::ASKING.into_iter().flat_map(|front| places.clone().into_iter().map(move |(what, place)| (front, what, place)));
    let wrong = join_all(
        pairs.map(async |(front, what, place)| none_passes("T-072", Expected::Unreached, what, Stage::before(front, place).await).await),
    )
    .await;
    assert!(wrong.concat().is_empty(), "{}", wrong.concat().join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_070_a_gateway_that_expects_other_words_or_another_proxy_lets_nothing_pass() {
    let words = [
        (Front::Nginx, "x-original", "x-forwarded"),
        (Front::Haproxy, "x-original", "x-forwarded"),
        (Front::Caddy, "x-forwarded", "x-original"),
    ];
    let other_words = words.map(async |(front, from, to)| {
        let stage = Stage::with(front, |text| guide::with(text, &[(from, to)])).await;
        none_passes("T-070", Expected::Refused, "other words", stage).await
    });
    let other_peer = Front::ASKING.map(async |front| {
        let stage = Stage::with(front, |text| guide::with(text, &[("[\"127.0.0.1\"]", "[\"10.0.0.1\"]")])).await;
        none_passes("T-070", Expected::Refused, "another proxy", stage).await
    });
    let wrong = [join_all(other_words).await.concat(), join_all(other_peer).await.concat()].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn t_073_no_line_that_keeps_a_guides_gateway_safe_can_be_left_out() {
    let nowhere = "127.0.0.1:9".parse().expect("an address");
    for front in Front::ALL {
        let good = front.configuration("http://127.0.0.1:9", nowhere);
        let mut lines = vec!["default", "trusted_proxies", "issuer", "audiences", "algorithms", "hosts", "paths", "allow"];
        if good.contains("headers = ") {
            lines.push("headers");
        }
        for name in lines {
            let start = format!("{name} = ");
            let kept: Vec<&str> = good.lines().filter(|line| !line.starts_with(&start)).collect();
            assert!(kept.len() < good.lines().count(), "{front:?} has no {name}");
            let problems = loaded(&kept.join("\n")).expect_err(name);
            assert!(problems.contains(name), "{front:?} without {name}: {problems}");
        }
        let everybody = good.replace("trusted_proxies = [", "trusted_proxies = [\"0.0.0.0/0\", ").replace(", ]", "]");
        let problems = loaded(&everybody).expect_err("everybody is trusted");
        assert!(problems.contains("trusted_proxies"), "{front:?}: {problems}");
        assert_eq!(loaded(&good), Ok(()));
    }
}

fn loaded(text: &str) -> Result<(), String> {
    let directory = super::stage::directory();
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, text).expect("written");
    load(&path).map(|_| ()).map_err(|problems| problems.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_074_the_end_of_a_token_is_its_end_behind_every_front() {
    let wrong = join_all(Front::ALL.map(async |front| {
        let stage = Stage::build(front).await;
        let good = request("GET", "/api/secret", &[&bearer(&stage.provider)]);
        let before = stage.play(&Case::new("T-074", "a good token", good.clone(), Expected::Passed)).await;
        stage.clock.advance_s(306);
        let after = stage.play(&Case::new("T-074", "the same, after its end", good, Expected::Refused)).await;
        [before.err(), after.err()].into_iter().flatten().collect::<Vec<_>>()
    }))
    .await;
    assert!(wrong.concat().is_empty(), "{}", wrong.concat().join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_075_a_new_key_passes_at_once_and_an_unknown_one_never_behind_every_front() {
    let wrong = join_all(Front::ALL.map(async |front| {
        let stage = Stage::build(front).await;
        let old = request("GET", "/api/secret", &[&bearer(&stage.provider)]);
        let stranger = format!("Authorization: Bearer {}", stage.provider.token_of_stranger("k9"));
        stage.provider.rotate("k2");
        let new = request("GET", "/api/secret", &[&bearer(&stage.provider)]);
        let mut wrong = Vec::new();
        for case in [
            Case::new("T-075", "a new key", new, Expected::Passed),
            Case::new("T-075", "the old one", old, Expected::Refused),
            Case::new("T-075", "one that nobody publishes", request("GET", "/api/secret", &[&stranger]), Expected::Refused),
        ] {
            wrong.extend(stage.play(&case).await.err());
        }
        wrong
    }))
    .await;
    assert!(wrong.concat().is_empty(), "{}", wrong.concat().join("\n"));
}
