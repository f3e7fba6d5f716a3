//! What the server says of its own health.

use crate::support::{START, TestServer};
use freshkey_core::Now;
use freshkey_server::management::{Health, Readiness};
use std::sync::Arc;

async fn readiness(server: &TestServer) -> Readiness {
    let health = Health::default();
    health.started(Arc::clone(&server.nodes[0].app));
    health.readiness().await
}

#[tokio::test(flavor = "multi_thread")]
async fn t_092_a_node_whose_clock_is_off_turns_unready_and_ready_again() {
    let server = TestServer::cluster(1).await;
    let theirs = server.store().database_now().await.unwrap();
    for (off_by_s, expected) in
        [(0, Readiness::Ready), (3, Readiness::Ready), (6, Readiness::ClockOff), (-6, Readiness::ClockOff), (0, Readiness::Ready)]
    {
        server.clock.set(Now::from_milliseconds(theirs.milliseconds() + off_by_s * 1000));
        server.advance_s(0).await;
        assert_eq!(readiness(&server).await, expected, "{off_by_s} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_010_a_node_that_could_not_check_its_configuration_is_not_ready() {
    let server = TestServer::start().await;
    server.clock.set(Now::from_seconds(START + 6));
    assert_eq!(readiness(&server).await, Readiness::ConfigurationStale);
    server.advance_s(0).await;
    assert_ne!(readiness(&server).await, Readiness::ConfigurationStale);
}
