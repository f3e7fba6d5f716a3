//! PostgreSQL fails over under load: its leader loses its power, stands still for 35 seconds and comes back, and is switched in good order, under
//! Patroni with synchronous replication and two nodes of ours. Takes minutes and needs programs of its own, so that only `cargo xtask test --long`
//! runs it; what judges the histories is tested always.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that meets the unexpected ends, and nobody else uses it")]
#![allow(clippy::disallowed_methods, reason = "a cluster of real processes fails over in real time")]

mod cluster;
mod driver;
mod history;
mod http;
mod nodes;

use cluster::Cluster;
use driver::Driver;
use nodes::Nodes;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOLDERS: usize = 16;
const TROUBLES: usize = 12;
const FREEZE: Duration = Duration::from_secs(35);
/// How long everybody is served before and after each fault.
const CALM: Duration = Duration::from_secs(3);
const OUTAGE_MAX: Duration = Duration::from_secs(30);
/// Patroni needs about three seconds for a switch; on a machine that does other things, more.
const PLANNED_OUTAGE_MAX: Duration = Duration::from_secs(10);

struct Run {
    cluster: Cluster,
    driver: Driver,
    logs: PathBuf,
}

#[test]
#[ignore = "the long mode runs it: minutes, and programs of its own"]
fn t_094_a_failover_loses_nothing_acknowledged_revives_nothing_and_refuses_no_live_session() {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failover");
    let _ = fs::remove_dir_all(&logs);
    fs::create_dir_all(&logs).unwrap();
    let cluster = Cluster::start(&logs);
    let leader = cluster.leader();
    // The one that stands still first is the first address that one node tries, and the last one of the other.
    let nodes = Nodes::start(&[cluster.url(leader), cluster.url(leader + 1)], &logs);
    let mut driver = Driver::new(&nodes.addresses);
    driver.start_holders(HOLDERS);
    driver.start_newcomers();
    let mut run = Run { cluster, driver, logs };

    let frozen = run.during("frozen", Duration::from_secs(4), |run| {
        let frozen = run.cluster.freeze(run.cluster.leader());
        std::thread::sleep(FREEZE);
        frozen.thaw();
    });
    let killed = run.during("killed", Duration::from_secs(2), |run| {
        let leader = run.cluster.leader();
        run.cluster.kill(leader);
        // Somebody else leads before the machine is back.
        std::thread::sleep(OUTAGE_MAX);
        run.cluster.start_member(leader, &run.logs);
    });
    let switched = run.during("switched", Duration::from_millis(200), |run| run.cluster.switch_over());

    let history = run.driver.finish();
    let findings = history::findings(&history);
    assert_eq!(findings, Vec::<String>::new());
    for session in 0..HOLDERS {
        let last = history.iter().rfind(|entry| entry.session == session).unwrap();
        assert!(matches!(last.outcome, history::Outcome::Successor(..)), "a chain did not come back: {last:?}");
    }
    assert_eq!(nodes.admin(&["--json", "recover", "list"]).trim(), "[]", "no node has seen a token that the database does not know");
    for (fault, outage, outage_max) in
        [("frozen", frozen, OUTAGE_MAX), ("killed", killed, OUTAGE_MAX), ("switched", switched, PLANNED_OUTAGE_MAX)]
    {
        assert!(outage <= outage_max, "{fault}: a session was without a token for {outage:?}");
    }
}

impl Run {
    /// Lets a fault happen among thieves and people who sign out, waits until the cluster is whole, and gives back the longest outage of a session.
    fn during(&mut self, fault: &str, pace: Duration, happens: impl FnOnce(&mut Self)) -> Duration {
        let troubles = self.driver.prepare_troubles(TROUBLES, pace);
        std::thread::sleep(CALM);
        let from = self.driver.now();
        let troubles = troubles();
        happens(self);
        self.cluster.wait_until_settled();
        troubles.into_iter().for_each(|trouble| trouble.join().unwrap());
        std::thread::sleep(CALM);
        let (to, history) = (self.driver.now(), self.driver.history());
        let (outage, silence) = (history::longest_outage(&history, HOLDERS, from, to), history::longest_silence(&history, from, to));
        let answers = |wanted: fn(&history::Outcome) -> bool| {
            history.iter().filter(|entry| (from..=to).contains(&entry.answered) && wanted(&entry.outcome)).count()
        };
        eprintln!(
            "{fault}: a session without a token for {:.1} s at most, all of them for {:.1} s; {} tokens, {} times 503, {} refused",
            outage.as_secs_f64(),
            silence.as_secs_f64(),
            answers(|outcome| matches!(outcome, history::Outcome::Successor(..))),
            answers(|outcome| *outcome == history::Outcome::Unavailable),
            answers(|outcome| matches!(outcome, history::Outcome::Refused(_))),
        );
        outage
    }
}
