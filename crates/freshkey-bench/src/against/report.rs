//! The tables of the comparison.

use super::load::Loaded;
use super::{Order, Outcome, SHARE_OF_SATURATION, WARM_UP_OURS_S};
use crate::document::{self, Section, table};
use crate::machine;
use crate::output::count;
use crate::statistics::Spread;

/// Rounds of a warm server differ by less.
const DRIFT_MAX: f64 = 1.05;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Prints the tables, and writes them into the document if the order names one.
pub(super) fn report(order: &Order, begun: &str, keycloak: &Outcome, freshkey: &Outcome) -> Result<(), String> {
    let loads = table(&loads(keycloak, freshkey));
    let text = format!("{}\n{loads}\n{}", facts(order, begun, keycloak, freshkey), table(&process(keycloak, freshkey)));
    document::report(&Section { mark: "against", head: &section() }, &text, order.write.as_deref())
}

fn facts(order: &Order, begun: &str, keycloak: &Outcome, freshkey: &Outcome) -> String {
    let mut lines = vec![format!("Date: {begun}, at the end {}", machine::load())];
    lines.extend(machine::facts());
    let cores = match order.cores {
        Some(cores) => format!("server on core {}, driver and PostgreSQL on core {}", cores.server, cores.driver),
        None => "only one core: server, driver and database share it, so latencies and rates mean little".to_owned(),
    };
    lines.push(format!("Cores: {cores}"));
    let warm_up = format!("{} s of warm-up before each load, {} s for Freshkey", order.warm_up_s, order.warm_up_s.min(WARM_UP_OURS_S));
    lines.push(format!("Keycloak {} on Java {}; {warm_up}", order.keycloak.version, order.keycloak.java));
    let loops = format!("{} rounds of {} s of each loop, {} connections", order.rounds, order.seconds, order.connections);
    let users = format!("{} users with an offline and an online session each", count(order.users));
    lines.push(format!("Load: {loops}, {users}; command: `{}`", order.command));
    lines.extend(still_warming_up(keycloak));
    lines.push(difference(&keycloak.claims, &freshkey.claims));
    lines.iter().fold(String::new(), |text, line| text + "- " + line + "\n")
}

/// A virtual machine that still compiles makes the other server look better than it is.
fn still_warming_up(keycloak: &Outcome) -> Option<String> {
    let rising = keycloak.loads.iter().filter(|loaded| loaded.drift > DRIFT_MAX);
    let rising: Vec<String> = rising.map(|loaded| format!("{} by {:.0} %", loaded.load.as_str(), (loaded.drift - 1.0) * 100.0)).collect();
    let hint = "**Keycloak was not warm yet, so these ratios favour Freshkey**: its requests per CPU second rose from the first rounds to the last ones";
    (!rising.is_empty()).then(|| format!("{hint}: {}; `--warm-up` takes longer", rising.join(", ")))
}

/// Whether the tokens of both say the same, so that nobody does less.
fn difference(theirs: &[String], ours: &[String]) -> String {
    let only = |these: &[String], those: &[String]| {
        let names: Vec<String> = these.iter().filter(|name| !those.contains(name)).map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    if theirs == ours {
        format!("Access tokens of both have the same {} claims", ours.len())
    } else {
        format!("Claims that only Keycloak's access tokens have: {}; only Freshkey's: {}", only(theirs, ours), only(ours, theirs))
    }
}

fn loads(keycloak: &Outcome, freshkey: &Outcome) -> Vec<Vec<String>> {
    let head = ["load", "server", "requests per CPU second", "per second", "p50 ms", "p99 ms", "fixed rate", "p50 ms then", "p99 ms then"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (theirs, ours) in keycloak.loads.iter().zip(&freshkey.loads) {
        rows.push(loaded("Keycloak", theirs));
        rows.push(loaded("Freshkey", ours));
        let ratio = |of: fn(&Loaded) -> &Spread| ratio(of(ours), of(theirs));
        rows.push(vec![
            ours.load.as_str().to_owned(),
            "**Freshkey / Keycloak**".to_owned(),
            format!("**{}**", ratio(|loaded| &loaded.per_cpu_second)),
            ratio(|loaded| &loaded.per_second),
            ratio(|loaded| &loaded.closed.p50_ms),
            ratio(|loaded| &loaded.closed.p99_ms),
            String::new(),
            ratio(|loaded| &loaded.open.p50_ms),
            ratio(|loaded| &loaded.open.p99_ms),
        ]);
    }
    rows
}

fn loaded(server: &str, loaded: &Loaded) -> Vec<String> {
    let whole = |spread: &Spread| format!("{:.0} ({:.0} to {:.0})", spread.median, spread.least, spread.most);
    let fine = |spread: &Spread| format!("{:.2} ({:.2} to {:.2})", spread.median, spread.least, spread.most);
    vec![
        loaded.load.as_str().to_owned(),
        server.to_owned(),
        whole(&loaded.per_cpu_second),
        whole(&loaded.per_second),
        fine(&loaded.closed.p50_ms),
        fine(&loaded.closed.p99_ms),
        format!("{:.0}/s", loaded.rate),
        fine(&loaded.open.p50_ms),
        fine(&loaded.open.p99_ms),
    ]
}

fn process(keycloak: &Outcome, freshkey: &Outcome) -> Vec<Vec<String>> {
    let memory = |outcome: &Outcome| outcome.loaded_bytes as f64 / MEBIBYTE;
    let start = |outcome: &Outcome| {
        let Spread { median, least, most } = outcome.first_token_ms;
        format!("{median:.0} ms ({least:.0} to {most:.0})")
    };
    let quotient = |ours: f64, theirs: f64| ratio(&Spread::of([ours]), &Spread::of([theirs]));
    let rows = [
        ["", "Keycloak", "Freshkey", "Freshkey / Keycloak"].map(str::to_owned),
        [
            "resident memory after the load".to_owned(),
            format!("{:.0} MiB", memory(keycloak)),
            format!("{:.0} MiB", memory(freshkey)),
            quotient(memory(freshkey), memory(keycloak)),
        ],
        [
            "start of the process to the first token".to_owned(),
            start(keycloak),
            start(freshkey),
            quotient(freshkey.first_token_ms.median, keycloak.first_token_ms.median),
        ],
    ];
    rows.map(|row| row.to_vec()).to_vec()
}

/// Ours over theirs, with as many digits as a reader needs.
fn ratio(ours: &Spread, theirs: &Spread) -> String {
    let ratio = ours.median / theirs.median;
    if !ratio.is_finite() {
        return "-".to_owned();
    }
    let digits = if ratio >= 10.0 {
        0
    } else if ratio >= 1.0 {
        1
    } else if ratio >= 0.1 {
        2
    } else {
        4
    };
    format!("{ratio:.digits$}×")
}

fn section() -> String {
    let share = SHARE_OF_SATURATION * 100.0;
    format!(
        "\
## Beside Keycloak

How it was measured, with `cargo xtask bench --against keycloak`:

- One server at a time, on a core of its own; the driver and PostgreSQL share the other one. Both get the same PostgreSQL server, with `fsync` and `synchronous_commit` on,
  and an empty database in it. Plain HTTP on loopback. Keycloak is its own distribution, built and started for production with local caches (`build`, then
  `start --optimized`), a pool of 20 connections and a heap of 512 MiB to 2 GiB; Freshkey is the release build with its defaults.
- The realm is the same file for both: RS256 with keys of 2,048 bits, a public and a confidential client, the default client scopes, and users with three realm roles, two
  client roles, two groups and three attributes, which mappers put into the tokens. Refresh tokens do not rotate. Nothing else of the two
  servers' own defaults was changed: Freshkey stores its audit events, Keycloak stores none unless it is told to.
- A refresh brings an access token, an ID token and a refresh token: two RSA signatures. A client credentials grant brings one, the other loads none. Every answer is
  looked at: status 200, and the tokens, or `\"active\":true`, or the document; another answer ends the run. No two connections use one session at the same time.
- *Requests per CPU second* divides the answers by the user and system time of the server's process and its children, collection of garbage and compilation while
  running included, from the first request of a round until 300 ms after its last. PostgreSQL's time is not counted. It is the figure that holds on a shared machine,
  while requests per second are bounded by the driver's core, too, as soon as a server answers faster than the driver and PostgreSQL together can go on.
- The first group of latencies is that of the closed loop: each connection sends its next request when the last one is answered. The second is that of the open loop:
  requests are sent at a fixed rate, {share} % of what Keycloak reaches in the closed loop, to either server, and a latency counts from the moment at which the request
  was to be sent.
- Numbers are medians of the rounds; the least and the most are in parentheses. Ratios are those of the medians. The start is that on a filled database, and is
  asked for every 5 ms.

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_ours_over_theirs() {
        let spread = |value| Spread::of([value]);
        assert_eq!(ratio(&spread(2000.0), &spread(100.0)), "20×");
        assert_eq!(ratio(&spread(150.0), &spread(100.0)), "1.5×");
        assert_eq!(ratio(&spread(1.0), &spread(80.0)), "0.0125×");
        assert_eq!(ratio(&spread(1.0), &spread(0.0)), "-");
    }

    #[test]
    fn a_claim_that_one_of_them_lacks_is_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(difference(&names(&["a", "b"]), &names(&["a", "b"])), "Access tokens of both have the same 2 claims");
        let text = difference(&names(&["a", "b"]), &names(&["a"]));
        assert!(text.contains("only Keycloak's access tokens have: `b`; only Freshkey's: none"), "{text}");
    }
}
