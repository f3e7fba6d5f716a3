//! The gateway behind the proxies of its guides, and alone: real programs, configured as the guides print it, and everything that we know of how such gates
//! were passed. Each row of the table goes to each front.

mod application;
mod broken;
mod caller;
mod case;
mod cases;
mod failures;
mod guide;
mod http2;
mod judged;
mod process;
mod provider;
mod stage;

use caller::Ending;
use case::{Case, Expected, bearer, request};
use stage::{Front, Stage};
use tokio::task::JoinSet;

/// Runs them at the same time.
async fn join_all<T: Send + 'static>(all: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    all.into_iter().collect::<JoinSet<T>>().join_all().await
}

/// Plays the rows of a threat at every front, and tells of everything that went wrong.
async fn play(threat: &'static str, rows_min: usize) {
    let wrong = join_all(Front::ALL.map(|front| play_at(front, threat, rows_min))).await.concat();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

async fn play_at(front: Front, threat: &'static str, rows_min: usize) -> Vec<String> {
    let stage = Stage::build(front).await;
    let cases: Vec<Case> = cases::all(&stage.provider).into_iter().filter(|case| case.threat == threat).collect();
    // Fewer mean that some have been lost.
    assert!(cases.len() >= rows_min, "{} rows", cases.len());
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        wrong.extend(stage.play(case).await.err());
        if case.ending == Ending::Open {
            let next = stage.still_serves(number).await;
            wrong.extend(next.err().map(|what| format!("after {} {} at {front:?}: {what}", case.threat, case.name)));
        }
    }
    let good = Case::new(threat, "a good request at the end", request("GET", "/api/end", &[&bearer(&stage.provider)]), Expected::Passed);
    wrong.extend(stage.play(&good).await.err());
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_069_no_path_is_read_differently_behind_any_front() {
    play("T-069", 120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_070_no_description_of_a_caller_is_believed_behind_any_front() {
    play("T-070", 180).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_071_no_identity_of_a_caller_reaches_the_application_behind_any_front() {
    play("T-071", 120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_072_no_magic_value_opens_behind_any_front() {
    play("T-072", 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_074_no_yes_is_remembered_for_another_question_behind_any_front() {
    play("T-074", 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_076_no_other_issuer_or_audience_opens_behind_any_front() {
    play("T-076", 9).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_077_no_hidden_request_arrives_behind_any_front() {
    play("T-077", 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_078_no_token_opens_from_another_place_behind_any_front() {
    play("T-078", 55).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_079_no_connection_becomes_another_behind_any_front() {
    play("T-079", 14).await;
}
