//! Which server leads when two say that they do. After a failover the former leader may come back and take writes for a moment: it was frozen and does
//! not know yet. What it shows is old, so whoever has seen a later timeline of the cluster has nothing to do with it. This is no election.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A cluster has another timeline after each promotion. Clusters are told apart, since a database that moves to a new one begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    pub(super) cluster: i64,
    pub(super) number: i64,
}

/// When a connection came about, counted in changes of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era(u64);

/// What all connections to a database together know of its leader.
#[derive(Default)]
pub(super) struct Leaders {
    newest: Mutex<Option<Timeline>>,
    era: AtomicU64,
}

impl Leaders {
    /// Takes note of a server that takes writes. `None` for a former leader. A server that has no timelines is believed.
    pub(super) fn admit(&self, seen: Option<Timeline>) -> Option<Era> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = seen else { return Some(self.era()) };
        match *newest {
            Some(known) if known == seen => {}
            Some(known) if known.cluster == seen.cluster && seen.number < known.number => return None,
            known => {
                *newest = Some(seen);
                // The first leader replaces nobody.
                self.era.fetch_add(u64::from(known.is_some()), Ordering::Relaxed);
            }
        }
        Some(self.era())
    }

    /// Whether the leader of that time still leads, as far as is known.
    pub(super) fn is_current(&self, era: Era) -> bool {
        era == self.era()
    }

    fn era(&self) -> Era {
        Era(self.era.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cluster: i64, number: i64) -> Option<Timeline> {
        Some(Timeline { cluster, number })
    }

    #[test]
    fn t_094_a_former_leader_is_turned_away_and_its_connections_are_of_no_use() {
        let leaders = Leaders::default();
        let first = leaders.admit(of(7, 1)).expect("the first one is believed");
        assert_eq!(leaders.admit(of(7, 1)), Some(first));
        assert!(leaders.is_current(first));
        let second = leaders.admit(of(7, 2)).expect("a promoted one is believed");
        assert!(leaders.is_current(second) && !leaders.is_current(first));
        assert_eq!(leaders.admit(of(7, 1)), None);
        assert!(leaders.is_current(second), "one that is turned away changes nothing");
    }

    #[test]
    fn another_cluster_begins_anew() {
        let leaders = Leaders::default();
        let old = leaders.admit(of(7, 5)).expect("believed");
        let new = leaders.admit(of(8, 1)).expect("believed");
        assert!(leaders.is_current(new) && !leaders.is_current(old));
    }

    #[test]
    fn a_server_without_timelines_is_believed() {
        let leaders = Leaders::default();
        let one = leaders.admit(None).expect("believed");
        assert_eq!(leaders.admit(None), Some(one));
        assert!(leaders.is_current(one));
    }
}
