//! What is printed: lines for other programs, and the table, which is Markdown and readable as it stands.

use crate::bench::Visit;
use crate::document::{self, Section, table};
use crate::machine;
use crate::plan::Plan;
use std::fmt::Write as _;
use std::io::Write as _;

/// One line of the table. Empty cells are for what does not apply.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) engine: String,
    pub(crate) sessions: String,
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) raw: String,
    pub(crate) ratio: String,
    pub(crate) budget: String,
    pub(crate) verdict: String,
    pub(crate) per_second: String,
    pub(crate) loaded: String,
    pub(crate) alone: String,
}

const HEAD: [&str; 11] = [
    "engine",
    "sessions",
    "what",
    "measured",
    "raw signatures",
    "ratio (rounds)",
    "budget",
    "",
    "per second",
    "p50 / p99 ms loaded",
    "p50 / p99 ms alone",
];

impl Row {
    pub(crate) fn new(visit: &Visit, what: String, measured: String) -> Self {
        Self { engine: visit.engine.as_str().to_owned(), sessions: count(visit.sessions), what, measured, ..Self::default() }
    }

    /// The same with its budget and whether it is kept.
    pub(crate) fn held_against(self, budget: String, is_kept: bool) -> Self {
        Self { budget, verdict: if is_kept { "ok" } else { "**over**" }.to_owned(), ..self }
    }

    fn cells(&self) -> [&str; 11] {
        let Self { engine, sessions, what, measured, raw, ratio, budget, verdict, per_second, loaded, alone } = self;
        [engine, sessions, what, measured, raw, ratio, budget, verdict, per_second, loaded, alone]
    }
}

/// A number with its thousands apart.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A line for the program that started this one.
pub(crate) fn line(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// Prints the table, and writes it into the document if the plan names one.
pub(crate) fn report(plan: &Plan, begun: &str, rows: &[Row]) -> Result<(), String> {
    let over = rows.iter().filter(|row| row.verdict == "**over**").count();
    let held = rows.iter().filter(|row| !row.verdict.is_empty()).count();
    let mut text = facts(plan, begun);
    let all: Vec<Vec<String>> =
        [HEAD].into_iter().chain(rows.iter().map(Row::cells)).map(|cells| cells.map(str::to_owned).to_vec()).collect();
    let _ = write!(text, "\n{}\n{held} budgets, {over} over.\n", table(&all));
    document::report(&Section { mark: "measured", head: PREAMBLE }, &text, plan.write.as_deref())
}

fn facts(plan: &Plan, begun: &str) -> String {
    let mut lines = vec![format!("Date: {begun}, at the end {}", machine::load())];
    lines.extend(machine::facts());
    let cores = match plan.cores {
        Some(cores) => format!("server on core {}, driver and PostgreSQL on core {}", cores.server, cores.driver),
        None => "only one core: server, driver and database share it, so latencies and rates mean little".to_owned(),
    };
    lines.push(format!("Cores: {cores}"));
    let load = format!("{} rounds of {} s each, {} connections, {} users", plan.rounds, plan.seconds, plan.connections, count(plan.users));
    lines.push(format!("Load: {load}; command: `{}`", plan.command));
    lines.iter().fold(String::new(), |text, line| text + "- " + line + "\n")
}

const PREAMBLE: &str = "\
# Performance

What a refresh costs, as the server process spends it: user and system time of all its threads, divided by the refreshes answered. The yardstick is the bare
signature of the same key by the same library on the same core in the same run, so that the ratio holds on other machines, too.

## Method

- `cargo xtask bench` builds the release profile, fills a fresh database through the store's own code, and starts `freshkey-server serve` with a configuration file.
  Plain HTTP on loopback; TLS on kept-alive connections adds about 1 µs.
- The realm is `UA` with all its default scopes and mappers. Each user has three realm roles, two client roles, two groups and three attributes; the sessions are
  offline sessions of the public client `ua-grant`. Refreshes go to random sessions, with refresh tokens of the form that a sign-in gave.
- Closed loop: each connection sends its next refresh when the last one is answered. Every answer must be a 200 with the expected tokens, or the run ends.
  With SQLite the driver spins while it waits, so that the server's core needn't wake it at each answer, which a client elsewhere never costs.
  A warm-up comes first and is not counted. A round is counted from its first request until its last audit event is written.
- Raw signatures are measured before and after each round. The ratio is taken round by round; the table has the median, and the least and the most in parentheses.
- \"Loaded\" latencies are those of all connections together, so they are mostly the waiting for one core; \"alone\" are those of one connection by itself.
- PostgreSQL runs with `fsync` and `synchronous_commit` on; its own CPU time is not the server's and is not counted. Budgets for a refresh are those of SQLite.
- \"Store alone\" is the store's code without web and signatures: as many callers as connections, each rotating grants of its own.
- Memory is the resident set. Start to first token counts from the start of the process, two helper programs that pin it included.

## Measured

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            ["999", "1,000", "1,000,000"],
            [count(999), count(1000), count(1_000_000)].map(|text| text).each_ref().map(String::as_str)
        );
    }
}
