//! The store as core and server see it: an open database, the sealing key, and what the other modules of this crate add to [`Store`].

use crate::db::{Db, DbOptions, EngineName, Expect, StoreError, Transaction, Value};
use crate::migrate::{MIGRATIONS, Migration};
use crate::sealing::{Place, SealingKey};
use freshkey_core::Entropy;
use freshkey_core::Now;
use freshkey_core::entropy::random_bytes;
use freshkey_core::ids::RealmKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What a store is opened with.
pub struct StoreOptions {
    /// The database.
    pub db: DbOptions,
    /// The key of what is sealed.
    pub sealing_key: SealingKey,
    /// Where the store begins to number its events.
    pub entropy: Arc<dyn Entropy>,
}

/// Everything that is remembered. Clones share everything.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) sealing_key: Arc<SealingKey>,
    next_event_nonce: Arc<AtomicI64>,
}

const FIND_PROOF: &str = "SELECT proof FROM sealing_check WHERE singleton = 1";
const ADD_PROOF: &str = "INSERT INTO sealing_check (singleton, proof) VALUES (1, $1) ON CONFLICT (singleton) DO NOTHING";

pub(crate) const STATEMENTS: &[&str] = &[FIND_PROOF, ADD_PROOF];

const PROOF: Place<'static> = Place { table: "sealing_check", realm: RealmKey(0), row: &[] };
const PROOF_TEXT: &str = "freshkey";

impl Store {
    /// Opens the database and changes nothing in it. [`Store::migrate`] or [`Store::check`] comes next.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let db = Db::open(&options.db).await?;
        let first_nonce = i64::from_be_bytes(random_bytes(&*options.entropy));
        Ok(Self { db, sealing_key: Arc::new(options.sealing_key), next_event_nonce: Arc::new(AtomicI64::new(first_nonce)) })
    }

    /// The migrations that [`Store::migrate`] would run.
    pub async fn plan(&self) -> Result<Vec<&'static Migration>, StoreError> {
        MIGRATIONS.plan(&self.db).await
    }

    /// Brings the schema up to date, answers what was done, and makes sure that the sealing key is the one of this database.
    pub async fn migrate(&self, now: Now) -> Result<Vec<&'static Migration>, StoreError> {
        let applied = MIGRATIONS.run(&self.db, now.milliseconds()).await?;
        self.check_sealing_key().await?;
        Ok(applied)
    }

    /// Refuses a schema other than this release's, and a sealing key other than this database's.
    pub async fn check(&self) -> Result<(), StoreError> {
        MIGRATIONS.check(&self.db).await?;
        self.check_sealing_key().await
    }

    /// Which engine this is: for messages and tests.
    pub fn engine(&self) -> EngineName {
        self.db.engine()
    }

    /// How many events had to wait for a write of their own because too many were buffered.
    pub fn events_delayed_total(&self) -> u64 {
        self.db.append_refused_total()
    }

    /// Waits until every event recorded before this call is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().await
    }

    /// Flushes and closes. Other clones answer `Unavailable` from then on.
    pub async fn close(self) -> Result<(), StoreError> {
        self.db.close().await
    }

    /// Tells events of one millisecond apart: a random beginning for each process, then one by one.
    pub(crate) fn event_nonce(&self) -> i64 {
        self.next_event_nonce.fetch_add(1, Ordering::Relaxed)
    }

    async fn check_sealing_key(&self) -> Result<(), StoreError> {
        if self.db.read_one(FIND_PROOF, &[]).await?.is_none() {
            let proof = self.sealing_key.seal(&PROOF, PROOF_TEXT)?;
            // Of two nodes that begin at once the first one's key is the key.
            let _ = self.db.write(Transaction::new().then(ADD_PROOF, vec![Value::from(proof)], Expect::Any)).await?;
        }
        match self.db.read_one(FIND_PROOF, &[]).await? {
            Some(row) => self.sealing_key.open(&PROOF, row.bytes(0)?).map(drop),
            None => Err(StoreError::inconsistent("the proof of the sealing key is gone")),
        }
    }
}
