//! What was asked and answered, and the one judge of it. It knows nothing of servers: a history in, findings out.

use std::collections::BTreeMap;
use std::time::Duration;

/// One request and its answer. Times count from the beginning of the run.
#[derive(Debug, Clone)]
pub struct Entry {
    pub session: usize,
    pub act: Act,
    /// The generation of the token that was presented.
    pub presented: u64,
    pub sent: Duration,
    pub answered: Duration,
    pub outcome: Outcome,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A refresh with the newest token that its holder has.
    Refresh,
    /// A refresh with a token that is dead, as a thief would try it. It may end the grant.
    Replay,
    /// The end of the session.
    LogOut,
    /// A refresh after that.
    UseAfterLogOut,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new token: its generation, and a fingerprint of its text.
    Successor(u64, u64),
    /// The session has ended.
    LoggedOut,
    /// `invalid_grant`.
    Refused(String),
    /// 503: ask again.
    Unavailable,
    /// Anything else.
    Strange(String),
}

/// Everything that breaks the promise, in words. Empty is good.
pub fn findings(history: &[Entry]) -> Vec<String> {
    let mut sessions: BTreeMap<usize, Vec<&Entry>> = BTreeMap::new();
    for entry in history {
        sessions.entry(entry.session).or_default().push(entry);
    }
    sessions.values().flat_map(|entries| findings_of_session(entries)).collect()
}

fn findings_of_session(entries: &[&Entry]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut finding = |entry: &Entry, what: &str| findings.push(format!("{what}: {entry:?}"));
    // From when on somebody has tried to end this session: what is refused afterwards is refused with reason.
    let is_attack = |entry: &&&Entry| entry.act != Act::Refresh;
    let ended_from = entries.iter().filter(is_attack).map(|entry| entry.sent).min().unwrap_or(Duration::MAX);
    let logged_out = entries.iter().filter(|entry| entry.outcome == Outcome::LoggedOut).map(|entry| entry.answered).min();
    let mut first_uses: BTreeMap<u64, Duration> = BTreeMap::new();
    let mut winners: BTreeMap<u64, u64> = BTreeMap::new();
    for entry in entries {
        if let Outcome::Successor(..) = entry.outcome {
            let first = first_uses.entry(entry.presented).or_insert(entry.answered);
            *first = entry.answered.min(*first);
        }
    }
    for entry in entries {
        match &entry.outcome {
            Outcome::Successor(generation, fingerprint) => {
                if *generation != entry.presented + 1 {
                    finding(entry, "the chain did not advance by one");
                }
                if *winners.entry(entry.presented).or_insert(*fingerprint) != *fingerprint {
                    finding(entry, "two successors of one token");
                }
                if first_uses.get(&(entry.presented + 1)).is_some_and(|used| *used < entry.sent) {
                    finding(entry, "a stale success: the successor had been used");
                }
                if logged_out.is_some_and(|ended| ended < entry.sent) {
                    finding(entry, "a stale success: the session had ended");
                }
            }
            Outcome::Refused(_) if entry.answered < ended_from => finding(entry, "a live session was refused"),
            Outcome::Strange(_) => finding(entry, "neither 200, 503 nor invalid_grant"),
            Outcome::Refused(_) | Outcome::Unavailable | Outcome::LoggedOut => {}
        }
    }
    findings
}

/// The longest time that one of the first `count` sessions went without a new token between `from` and `to`.
pub fn longest_outage(history: &[Entry], count: usize, from: Duration, to: Duration) -> Duration {
    let mut sessions: BTreeMap<usize, Vec<Duration>> = BTreeMap::new();
    for entry in history.iter().filter(|entry| entry.session < count && (from..=to).contains(&entry.answered)) {
        let successes = sessions.entry(entry.session).or_default();
        if matches!(entry.outcome, Outcome::Successor(..)) {
            successes.push(entry.answered);
        }
    }
    sessions.values().map(|successes| longest_gap(successes, from, to)).max().unwrap_or(to - from)
}

/// The longest time in which no session at all got a new token.
pub fn longest_silence(history: &[Entry], from: Duration, to: Duration) -> Duration {
    let is_success = |entry: &&Entry| matches!(entry.outcome, Outcome::Successor(..)) && (from..=to).contains(&entry.answered);
    let mut successes: Vec<Duration> = history.iter().filter(is_success).map(|entry| entry.answered).collect();
    successes.sort_unstable();
    longest_gap(&successes, from, to)
}

fn longest_gap(successes: &[Duration], from: Duration, to: Duration) -> Duration {
    let bounds = [&[from], successes, &[to]].concat();
    bounds.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default()
}

mod tests {
    use super::*;

    const fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    /// Asked at this second, answered half a second later.
    fn asked(at: u64, act: Act, presented: u64, outcome: Outcome) -> Entry {
        let sent = second(at);
        Entry { session: 1, act, presented, sent, answered: sent + Duration::from_millis(500), outcome }
    }

    fn refreshed(at: u64, presented: u64) -> Entry {
        asked(at, Act::Refresh, presented, Outcome::Successor(presented + 1, 7 * presented))
    }

    fn refused() -> Outcome {
        Outcome::Refused("invalid_grant".to_owned())
    }

    #[test]
    fn a_chain_with_a_retry_and_an_outage_is_fine() {
        let outage = asked(2, Act::Refresh, 1, Outcome::Unavailable);
        let history = [refreshed(0, 0), refreshed(1, 0), outage, refreshed(3, 1), refreshed(4, 2)];
        assert_eq!(findings(&history), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_one_finding() {
        let cases = [
            ("a lost acknowledgement", vec![refreshed(0, 0), refreshed(1, 1), asked(2, Act::Refresh, 2, Outcome::Successor(1, 0))]),
            ("two winners", vec![refreshed(0, 0), asked(1, Act::Refresh, 0, Outcome::Successor(1, 99))]),
            ("a stale success", vec![refreshed(0, 0), refreshed(1, 1), refreshed(3, 0)]),
            ("the same by a thief", vec![refreshed(0, 0), refreshed(1, 1), asked(3, Act::Replay, 0, Outcome::Successor(1, 0))]),
            (
                "a success after the end",
                vec![asked(0, Act::LogOut, 0, Outcome::LoggedOut), asked(1, Act::UseAfterLogOut, 0, Outcome::Successor(1, 0))],
            ),
            ("a refusal of a live session", vec![refreshed(0, 0), asked(1, Act::Refresh, 1, refused())]),
            ("an internal error", vec![asked(0, Act::Refresh, 0, Outcome::Strange("500".to_owned()))]),
        ];
        for (name, history) in cases {
            assert_eq!(findings(&history).len(), 1, "{name}: {:?}", findings(&history));
        }
    }

    #[test]
    fn whoever_was_attacked_may_be_refused() {
        let attacked = [refreshed(0, 0), refreshed(1, 1), asked(2, Act::Replay, 0, refused()), asked(3, Act::Refresh, 2, refused())];
        assert_eq!(findings(&attacked), Vec::<String>::new());
        let logged_out = [asked(0, Act::LogOut, 0, Outcome::LoggedOut), asked(1, Act::UseAfterLogOut, 0, refused())];
        assert_eq!(findings(&logged_out), Vec::<String>::new());
    }

    #[test]
    fn an_outage_is_counted_from_success_to_success_and_to_the_ends() {
        let of_other = |entry: Entry| Entry { session: 2, ..entry };
        let history = [refreshed(0, 0), refreshed(4, 1), of_other(refreshed(1, 0)), of_other(refreshed(9, 1))];
        assert_eq!(longest_outage(&history, 3, second(0), second(10)), second(8));
        assert_eq!(longest_outage(&history, 2, second(0), second(10)), Duration::from_millis(5500));
        assert_eq!(longest_silence(&history, second(0), second(10)), second(5));
        assert_eq!(longest_outage(&history, 3, second(20), second(27)), second(7));
    }
}
