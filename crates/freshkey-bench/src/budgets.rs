//! The budgets, and what was measured beside them: the rows of the table.

use crate::bench::{Measured, Visit};
use crate::case::Tokens;
use crate::output::{Row, count};
use crate::plan::{Engine, Rotation, Signature};

/// Where the growth of a refresh's cost is measured from.
const FEW_SESSIONS: usize = 10_000;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

const GROWTH_MAX: f64 = 1.15;
const CHEAP_SIGNATURES_US_MAX: f64 = 75.0;
const COMMIT_US_MAX: f64 = 20.0;
const COMMIT_P99_MS_MAX: f64 = 5.0;
const BATCHED_ROTATION_US_MAX: f64 = 5.0;
const FIRST_TOKEN_MS_MAX: f64 = 100.0;
const IDLE_MIB_MAX: f64 = 30.0;
const LOADED_MIB_MAX: f64 = 80.0;
const SESSION_BYTES_MAX: f64 = 300.0;

/// Everything that was measured, in the order of the databases.
pub(crate) fn rows(visits: &[Visit]) -> Vec<Row> {
    let mut rows = Vec::new();
    for visit in visits {
        rows.extend(visit.cases.iter().map(|measured| refresh(visit, measured)));
        rows.extend(growth(visit, visits));
        rows.extend(commits(visit));
        rows.extend(footprint(visit));
    }
    rows
}

/// The most that a refresh may cost, as a ratio to its raw signatures. The design sets it for SQLite only.
fn ratio_max(engine: Engine, measured: &Measured) -> Option<f64> {
    let case = measured.case;
    match (engine, case.signature, case.tokens, case.rotation) {
        (Engine::Sqlite, Signature::Rs256, Tokens::Access, Rotation::Off) => Some(1.20),
        (Engine::Sqlite, Signature::Rs256, Tokens::Access, Rotation::On) => Some(1.25),
        (Engine::Sqlite, Signature::Rs256, Tokens::AccessAndId, Rotation::Off) => Some(1.10),
        (Engine::Sqlite, Signature::Rs256, Tokens::AccessAndId, Rotation::On) => Some(1.12),
        _ => None,
    }
}

fn refresh(visit: &Visit, measured: &Measured) -> Row {
    let case = measured.case;
    let row = Row::new(visit, case.to_string(), format!("{:.1} µs", measured.cpu_us.median));
    let row = Row {
        raw: format!("{} × {:.1} µs", case.tokens.signatures(), measured.raw_us),
        ratio: format!("{:.3} ({:.3} to {:.3})", measured.ratio.median, measured.ratio.least, measured.ratio.most),
        per_second: format!("{:.0}", measured.per_second),
        loaded: latency(measured.loaded.percentile_ms(50.0), measured.loaded.percentile_ms(99.0)),
        alone: latency(measured.alone.percentile_ms(50.0), measured.alone.percentile_ms(99.0)),
        ..row
    };
    let is_cheap = case.signature != Signature::Rs256;
    match ratio_max(visit.engine, measured) {
        Some(most) => row.held_against(format!("ratio ≤ {most:.2}"), measured.ratio.median <= most),
        None if is_cheap && visit.engine == Engine::Sqlite => {
            row.held_against(format!("≤ {CHEAP_SIGNATURES_US_MAX:.0} µs"), measured.cpu_us.median <= CHEAP_SIGNATURES_US_MAX)
        }
        None => row,
    }
}

/// The case that grew the most between few sessions and these. Ratios are compared, since minutes lie between the two.
fn growth(visit: &Visit, visits: &[Visit]) -> Option<Row> {
    let few =
        visits.iter().find(|other| other.engine == visit.engine && other.sessions == FEW_SESSIONS && visit.sessions > FEW_SESSIONS)?;
    let pairs = visit.cases.iter().filter_map(|many| Some((many, few.cases.iter().find(|one| one.case == many.case)?)));
    let (growth, worst) = pairs.map(|(many, one)| (many.ratio.median / one.ratio.median, many.case)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let row = Row::new(visit, format!("growth of that since {} sessions, worst: {worst}", count(FEW_SESSIONS)), format!("× {growth:.3}"));
    Some(row.held_against(format!("≤ × {GROWTH_MAX:.2}"), growth <= GROWTH_MAX))
}

fn commits(visit: &Visit) -> [Row; 2] {
    let commits = visit.commits;
    let cost = Row::new(visit, "a rotation and its event made durable, store alone".to_owned(), format!("{:.1} µs", commits.cpu_us));
    let cost_max = match visit.engine {
        Engine::Sqlite => COMMIT_US_MAX,
        Engine::Postgres => BATCHED_ROTATION_US_MAX,
    };
    let cost = Row { per_second: format!("{:.0}", commits.per_second), ..cost };
    let wait = Row::new(visit, "the wait for that".to_owned(), format!("p99 {:.2} ms", commits.p99_ms));
    let wait = Row { loaded: latency(commits.p50_ms, commits.p99_ms), ..wait };
    [
        cost.held_against(format!("≤ {cost_max:.0} µs"), commits.cpu_us <= cost_max),
        wait.held_against(format!("p99 ≤ {COMMIT_P99_MS_MAX:.0} ms"), commits.p99_ms <= COMMIT_P99_MS_MAX),
    ]
}

fn footprint(visit: &Visit) -> [Row; 4] {
    let mebibytes = |bytes: u64| bytes as f64 / MEBIBYTE;
    let (idle, loaded) = (mebibytes(visit.idle_bytes), mebibytes(visit.loaded_bytes));
    let first = visit.first_token_ms;
    let bytes = visit.bytes_per_session;
    [
        Row::new(visit, "memory of the idle server".to_owned(), format!("{idle:.1} MiB"))
            .held_against(format!("≤ {IDLE_MIB_MAX:.0} MiB"), idle <= IDLE_MIB_MAX),
        Row::new(visit, "memory after the load (peak)".to_owned(), format!("{loaded:.1} MiB ({:.1})", mebibytes(visit.peak_bytes)))
            .held_against(format!("≤ {LOADED_MIB_MAX:.0} MiB"), loaded <= LOADED_MIB_MAX),
        Row::new(
            visit,
            "start of the process to the first refresh".to_owned(),
            format!("{:.0} ms ({:.0} to {:.0})", first.median, first.least, first.most),
        )
        .held_against(format!("≤ {FIRST_TOKEN_MS_MAX:.0} ms"), first.median <= FIRST_TOKEN_MS_MAX),
        Row::new(visit, "disk per offline session, indexes included".to_owned(), format!("{bytes:.0} bytes"))
            .held_against(format!("≤ {SESSION_BYTES_MAX:.0} bytes"), bytes <= SESSION_BYTES_MAX),
    ]
}

fn latency(p50_ms: f64, p99_ms: f64) -> String {
    format!("{p50_ms:.2} / {p99_ms:.2}")
}
