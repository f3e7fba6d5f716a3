//! What it takes to make a rotation durable, without the web and the signatures: the store's own calls, many at once, on the server's core.

use crate::process::{self, CpuTime};
use crate::seed::{self, CLIENT, told};
use crate::sessions::Sessions;
use crate::statistics::{Waits, microseconds};
use freshkey_core::change::{Applied, Change};
use freshkey_core::event::{Event, EventKind};
use freshkey_core::grant::{GrantId, SessionKind};
use freshkey_core::ids::{ClientKey, Family, RealmKey, SessionId, uuid_text};
use freshkey_store::{AuditRecord, Store};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) sealing_key: PathBuf,
    pub(crate) sessions: PathBuf,
    pub(crate) seconds: f64,
    pub(crate) callers: usize,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Commits {
    pub(crate) cpu_us: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

pub(crate) fn main() -> Result<(), String> {
    let order: Order = process::order()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    let commits = runtime.block_on(measure(&order))?;
    crate::output::line(&serde_json::to_string(&commits).map_err(|error| error.to_string())?)
}

async fn measure(order: &Order) -> Result<Commits, String> {
    let store = seed::open(&order.url, &order.sealing_key).await?;
    let (documents, realm) = seed::load(&store).await?;
    let client = realm.clients.get(CLIENT).ok_or("the realm lacks its client")?.key;
    let sessions = Arc::new(Sessions::read(&order.sessions)?);
    let share = sessions.kept() / order.callers;
    if share == 0 {
        return Err("there are fewer sessions than callers".to_owned());
    }
    let (begun, before) = (Instant::now(), CpuTime::of(std::process::id())?);
    let until = begun + Duration::from_secs_f64(order.seconds);
    let mut callers = JoinSet::new();
    for number in 0..order.callers {
        let caller = Caller {
            store: store.clone(),
            sessions: Arc::clone(&sessions),
            realm: documents.key,
            client,
            first: number * share,
            generations: vec![0; share],
        };
        callers.spawn(caller.rotate_until(until, number as u64));
    }
    let mut waits = Vec::new();
    while let Some(ended) = callers.join_next().await {
        waits.extend(ended.map_err(|error| error.to_string())??);
    }
    let elapsed = begun.elapsed();
    store.flush().await.map_err(told("the events cannot be written"))?;
    let cpu_ns = CpuTime::of(std::process::id())?.since(&before);
    let count = waits.len() as f64;
    let waits = Waits::of(waits);
    store.close().await.map_err(told("the database cannot be closed"))?;
    Ok(Commits {
        cpu_us: cpu_ns as f64 / 1e3 / count,
        per_second: count / elapsed.as_secs_f64(),
        p50_ms: waits.percentile_ms(50.0),
        p99_ms: waits.percentile_ms(99.0),
    })
}

/// One of those who call at the same time. The sessions of its share are nobody else's.
struct Caller {
    store: Store,
    sessions: Arc<Sessions>,
    realm: RealmKey,
    client: ClientKey,
    first: usize,
    generations: Vec<i64>,
}

impl Caller {
    async fn rotate_until(mut self, until: Instant, seed: u64) -> Result<Vec<u32>, String> {
        let (mut waits, mut random) = (Vec::new(), crate::load::Random(seed));
        while Instant::now() < until {
            let nth = random.below(self.generations.len());
            let sid = SessionId(self.sessions.sid(Sessions::nth_kept(self.first + nth)));
            let grant = GrantId { sid, kind: SessionKind::Offline, client: self.client, family: Family::FIRST };
            let now = seed::now();
            let change = Change::Rotate { grant, presented: self.generations[nth], at: now.seconds() };
            let audit = self.audit(sid, now.milliseconds());
            let begun = Instant::now();
            let recorded = self.store.record(&[change], &audit).await;
            waits.push(microseconds(begun.elapsed()));
            if recorded != Ok(Applied::Yes) {
                return Err(format!("a rotation was not recorded: {recorded:?}"));
            }
            self.generations[nth] += 1;
        }
        Ok(waits)
    }

    /// An event with what that of a refresh has.
    fn audit(&self, sid: SessionId, at_ms: i64) -> AuditRecord {
        let mut event = Event::new(at_ms, self.realm, EventKind::RefreshToken);
        event.client_id = Some(CLIENT.to_owned());
        event.user_id = Some(uuid_text(&[7; 16]));
        event.sid = Some(sid);
        for name in ["refresh_token_id", "token_id", "updated_refresh_token_id"] {
            event.details.push((name, uuid_text(&[9; 16])));
        }
        event.details.push(("refresh_token_type", "Offline".to_owned()));
        event.details.push(("access_token_expiration_time", at_ms.to_string()));
        event.details.push(("scope", "profile email offline_access".to_owned()));
        event.details.push(("client_auth_method", "none".to_owned()));
        AuditRecord { event, reason: None, address: Some("127.0.0.1".to_owned()), correlation_id: uuid_text(&[6; 16]) }
    }
}
