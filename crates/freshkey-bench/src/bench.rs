//! The run: for each engine and number of sessions a database is filled, the server started, every case measured, and all of it stopped.

use crate::budgets;
use crate::case::{Case, Tokens, cases};
use crate::commits::{self, Commits};
use crate::database::Database;
use crate::http::{self, Connection};
use crate::load::{Idle, Load, Worker, drive, first_refresh};
use crate::output::{self, Row};
use crate::plan::{Engine, Plan};
use crate::process::{self, CpuTime};
use crate::raw::RawSignatures;
use crate::seed::{self, CLIENT, PASSWORD, USERNAME};
use crate::server::{HOST, Server, TOKEN_PATH};
use crate::sessions::{Minter, Sessions};
use crate::statistics::{Spread, Waits};
use freshkey_core::keycloak::edit::set_realm;
use freshkey_core::realm::Realm;
use freshkey_testkit::databases::TestPostgres;
use serde_json::Value;
use std::fs::{self, File};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Events are written within a moment after their request; the round waits for them, so that they are counted.
const EVENTS_SETTLE: Duration = Duration::from_millis(300);
/// How long the server may take to act upon a changed configuration.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(5);
/// How long the server is left alone before its memory counts as that of an idle one.
const IDLE_TIME: Duration = Duration::from_secs(2);
const STARTS: usize = 5;

/// What one case came to in one database.
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) cpu_us: Spread,
    /// CPU of a refresh over that of its raw signatures, round by round.
    pub(crate) ratio: Spread,
    pub(crate) raw_us: f64,
    pub(crate) per_second: f64,
    pub(crate) loaded: Waits,
    pub(crate) alone: Waits,
}

/// What one database came to.
pub(crate) struct Visit {
    pub(crate) engine: Engine,
    pub(crate) sessions: usize,
    pub(crate) cases: Vec<Measured>,
    pub(crate) idle_bytes: u64,
    pub(crate) loaded_bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) first_token_ms: Spread,
    pub(crate) bytes_per_session: f64,
    pub(crate) commits: Commits,
}

/// Runs the plan until it is through.
pub(crate) async fn run(plan: &Plan) -> Result<(), String> {
    let begun = format!("{}; load average at the start {}", crate::machine::date(), crate::machine::load());
    let _alone = alone(plan)?;
    if plan.directory.exists() {
        fs::remove_dir_all(&plan.directory).map_err(|error| format!("the former databases cannot be removed: {error}"))?;
    }
    let mut visits = Vec::new();
    for &engine in &plan.engines {
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(start_postgres().await?),
        };
        for &sessions in &plan.sessions {
            eprintln!("{} with {sessions} sessions: filling the database", engine.as_str());
            let database = Database::seeded(plan, engine, sessions, postgres.as_ref()).await?;
            visits.push(visit(plan, &database).await?);
            fs::remove_dir_all(&database.directory).map_err(|error| error.to_string())?;
        }
    }
    let rows: Vec<Row> = budgets::rows(&visits);
    output::report(plan, &begun, &rows)
}

/// Two runs would take each other's cores and databases. The kernel gives the lock back when this process ends.
fn alone(plan: &Plan) -> Result<File, String> {
    let path = plan.directory.with_extension("lock");
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.try_lock().map_err(|_| "another run is under way".to_owned())?;
    Ok(file)
}

async fn start_postgres() -> Result<TestPostgres, String> {
    eprintln!("starting PostgreSQL");
    let hint = "hint: `cargo xtask test --quick nothing` unpacks PostgreSQL, `--only sqlite` goes without";
    tokio::spawn(TestPostgres::start()).await.map_err(|_| format!("PostgreSQL cannot be started\n{hint}"))
}

async fn visit(plan: &Plan, database: &Database) -> Result<Visit, String> {
    let sessions = Arc::new(Sessions::read(&database.sessions_file())?);
    let realm = {
        let store = seed::open(&database.url, &database.sealing_key()).await?;
        let (_, realm) = seed::load(&store).await?;
        store.close().await.map_err(seed::told("the database cannot be closed"))?;
        Arc::new(realm)
    };
    let mut server = Server::start(plan, database)?;
    let mut connection = server.connect().await?;
    sleep(IDLE_TIME).await;
    let idle_bytes = process::memory_bytes(server.pid(), "VmRSS")?;

    let minters = Minters::signed_in(&mut connection, database, &realm).await?;
    let mut bench = Bench { plan, database, pid: server.pid(), raw: RawSignatures::start(plan, &database.directory)?, workers: Vec::new() };
    for number in 0..plan.connections {
        let connection = Connection::open(server.address).await?;
        bench.workers.push(Worker::new(connection, Arc::clone(&sessions), number, plan.connections));
    }
    let mut measured = Vec::new();
    for case in cases(plan) {
        measured.push(bench.measure(Load { case, minter: minters.of(case.tokens) }).await?);
    }
    let loaded_bytes = process::memory_bytes(server.pid(), "VmRSS")?;
    let peak_bytes = process::memory_bytes(server.pid(), "VmHWM")?;
    // Ended before the server, so that it needn't wait for open connections.
    drop((bench, connection));
    server.stop().await?;

    let first_token_ms = first_tokens(plan, database, &sessions, &minters.access).await?;
    eprintln!("  commits");
    let order = commits::Order {
        url: database.url.clone(),
        sealing_key: database.sealing_key(),
        sessions: database.sessions_file(),
        seconds: plan.seconds * 2.0,
        callers: plan.connections,
    };
    let printed = process::job("commits", plan.server_core().map(|core| core.to_string()), &order).await?;
    let commits = serde_json::from_str(&printed).map_err(|error| format!("commits: {error}"))?;
    Ok(Visit {
        engine: database.engine,
        sessions: database.sessions,
        cases: measured,
        idle_bytes,
        loaded_bytes,
        peak_bytes,
        first_token_ms,
        bytes_per_session: database.bytes_per_session,
        commits,
    })
}

/// Refresh tokens with and without `openid` in their scope.
struct Minters {
    access: Arc<Minter>,
    access_and_id: Arc<Minter>,
}

impl Minters {
    /// Signs in once for each, so that what is minted later has the very shape of what the server hands out.
    async fn signed_in(connection: &mut Connection, database: &Database, realm: &Arc<Realm>) -> Result<Self, String> {
        let mut minters = Vec::new();
        for tokens in [Tokens::Access, Tokens::AccessAndId] {
            let form = [
                ("grant_type", "password"),
                ("client_id", CLIENT),
                ("username", USERNAME),
                ("password", PASSWORD),
                ("scope", tokens.scope()),
            ];
            let answer = connection.send(&http::form(HOST, TOKEN_PATH, &form)).await?;
            if answer.status != 200 {
                return Err(format!("the sign-in was refused: {}", answer.shown()));
            }
            let body: Value = answer.json()?;
            let token = body.get("refresh_token").and_then(Value::as_str).ok_or("the sign-in brought no refresh token")?;
            minters.push(Arc::new(Minter::like(token, database.seeded_at, Arc::clone(realm))?));
        }
        match <[Arc<Minter>; 2]>::try_from(minters) {
            Ok([access, access_and_id]) => Ok(Self { access, access_and_id }),
            Err(_) => Err("two sign-ins were expected".to_owned()),
        }
    }

    fn of(&self, tokens: Tokens) -> Arc<Minter> {
        Arc::clone(match tokens {
            Tokens::Access => &self.access,
            Tokens::AccessAndId => &self.access_and_id,
        })
    }
}

/// A running server under load.
struct Bench<'a> {
    plan: &'a Plan,
    database: &'a Database,
    pid: u32,
    raw: RawSignatures,
    workers: Vec<Worker>,
}

struct Round {
    cpu_us: f64,
    per_second: f64,
    waits: Vec<u32>,
}

impl Bench<'_> {
    async fn measure(&mut self, load: Load) -> Result<Measured, String> {
        let Case { signature, tokens, .. } = load.case;
        self.configure(load.case).await?;
        let signed_bytes = self.follow(&load).await?;
        self.round(&load, self.plan.warm_up_s(), self.plan.connections).await?;

        let (mut rounds, mut ratios, mut raws, mut waits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut raw_before = self.raw.cost_us(signature, signed_bytes)?;
        for _ in 0..self.plan.rounds {
            let mut round = self.round(&load, self.plan.seconds, self.plan.connections).await?;
            let raw_after = self.raw.cost_us(signature, signed_bytes)?;
            // Measured on both sides of the round, since a shared machine has faster and slower spells.
            let raw_us = f64::midpoint(raw_before, raw_after);
            raw_before = raw_after;
            ratios.push(round.cpu_us / raw_us / f64::from(tokens.signatures()));
            raws.push(raw_us);
            waits.append(&mut round.waits);
            rounds.push(round);
        }
        let alone = self.round(&load, self.plan.seconds.min(1.0), 1).await?;
        let measured = Measured {
            case: load.case,
            cpu_us: Spread::of(rounds.iter().map(|round| round.cpu_us)),
            ratio: Spread::of(ratios),
            raw_us: Spread::of(raws).median,
            per_second: Spread::of(rounds.iter().map(|round| round.per_second)).median,
            loaded: Waits::of(waits),
            alone: Waits::of(alone.waits),
        };
        eprintln!(
            "  {}: {:.1} µs, raw {:.1} µs, ratio {:.3} ({:.3} to {:.3}), {:.0}/s",
            load.case,
            measured.cpu_us.median,
            measured.raw_us,
            measured.ratio.median,
            measured.ratio.least,
            measured.ratio.most,
            measured.per_second
        );
        Ok(measured)
    }

    /// From the first request sent to the last event written; nothing of it is outside of what is counted.
    async fn round(&mut self, load: &Load, seconds: f64, connections: usize) -> Result<Round, String> {
        let resting = self.workers.split_off(connections.min(self.workers.len()));
        let (begun, before) = (Instant::now(), CpuTime::of(self.pid)?);
        let until = begun + Duration::from_secs_f64(seconds);
        let (workers, waits) = drive(std::mem::take(&mut self.workers), load, until, self.idle()).await?;
        let elapsed = begun.elapsed();
        self.workers = workers;
        self.workers.extend(resting);
        sleep(EVENTS_SETTLE).await;
        let cpu_ns = CpuTime::of(self.pid)?.since(&before);
        let count = waits.len() as f64;
        Ok(Round { cpu_us: cpu_ns as f64 / 1e3 / count, per_second: count / elapsed.as_secs_f64(), waits })
    }

    /// PostgreSQL shares the driver's core, and on a machine with one core everybody does.
    fn idle(&self) -> Idle {
        match (self.database.engine, self.plan.cores) {
            (Engine::Sqlite, Some(_)) => Idle::Spins,
            _ => Idle::Sleeps,
        }
    }

    /// Sets algorithm and rotation as an administrator would, on the same database, while the server runs.
    async fn configure(&self, case: Case) -> Result<(), String> {
        let store = seed::open(&self.database.url, &self.database.sealing_key()).await?;
        let (documents, _) = seed::load(&store).await?;
        let rotation = if case.rotation == crate::plan::Rotation::On { "true" } else { "false" };
        let assignments = [("defaultSignatureAlgorithm", case.signature.as_str()), ("revokeRefreshToken", rotation)];
        let edit = set_realm(&documents, &assignments).map_err(seed::told("the realm cannot be changed"))?;
        seed::change(&store, &documents, edit).await?;
        store.close().await.map_err(seed::told("the database cannot be closed"))
    }

    /// Waits until the server acts upon it; the bytes that a signature is over.
    async fn follow(&mut self, load: &Load) -> Result<usize, String> {
        let worker = self.workers.first_mut().ok_or("there are no connections")?;
        let until = Instant::now() + FOLLOW_PATIENCE;
        loop {
            let probed = worker.probe(load).await?;
            if probed.algorithm == load.case.signature.as_str() && probed.rotation == load.case.rotation {
                return Ok(probed.signed_bytes);
            }
            if Instant::now() >= until {
                return Err(format!(
                    "the server does not follow the configuration: {} with rotation {}",
                    probed.algorithm,
                    probed.rotation.as_str()
                ));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// From the start of the process to the first answered refresh.
async fn first_tokens(plan: &Plan, database: &Database, sessions: &Sessions, minter: &Minter) -> Result<Spread, String> {
    let mut times_ms = Vec::new();
    for nth in 0..STARTS {
        let mut server = Server::start(plan, database)?;
        let connection = server.connect().await?;
        let elapsed = first_refresh(connection, sessions, minter, server.started, nth).await?;
        times_ms.push(elapsed.as_secs_f64() * 1e3);
        server.stop().await?;
    }
    let times = Spread::of(times_ms);
    eprintln!("  start to first token: {:.0} ms ({:.0} to {:.0})", times.median, times.least, times.most);
    Ok(times)
}
