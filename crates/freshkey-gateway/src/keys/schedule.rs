//! When keys are fetched: one at a time, from time to time, earlier when somebody waits, and never more often than the limit.

use super::{FetchError, FetchKeys, IssuerKeys, KeySet, KeySetError, Replaced};
use crate::issuer::Issuer;
use crate::limits::{FIRST_KEYS_INTERVAL, KEY_FETCH_INTERVAL, KEY_FETCH_TIMEOUT};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Fetches the keys of an issuer for as long as it is polled. It never ends.
pub async fn run(keys: &IssuerKeys, issuer: &Issuer, mut source: impl FetchKeys) {
    let mut loaded_at = None;
    let mut is_failing = false;
    loop {
        let began_at = Instant::now();
        keys.progress.send_modify(|progress| progress.begun += 1);
        let outcome = match timeout(KEY_FETCH_TIMEOUT, source.fetch()).await {
            Ok(Ok(json)) => KeySet::parse(&json, &issuer.algorithms).map_err(FetchError::Garbage),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(FetchError::TooSlow),
        };
        match outcome {
            Ok(set) => {
                let ids: Vec<String> = set.key_ids().map(str::to_owned).collect();
                if keys.replace(set) == Replaced::New {
                    tracing::info!(issuer = issuer.name, key.ids = ids.join(" "), "the keys of an issuer were loaded");
                }
                loaded_at = Some(Instant::now());
                is_failing = false;
            }
            Err(error) => {
                let outcome = if keys.is_ready() { "the known keys go on" } else { "its tokens cannot be judged" };
                if is_failing {
                    tracing::debug!(issuer = issuer.name, error = %error, "the keys of an issuer could still not be loaded");
                } else {
                    tracing::warn!(issuer = issuer.name, error = %error, outcome, "the keys of an issuer could not be loaded");
                }
                metrics::counter!("freshkey_gateway_key_fetch_failures_total", "issuer" => issuer.name.clone()).increment(1);
                is_failing = true;
            }
        }
        keys.progress.send_modify(|progress| progress.ended = progress.begun);
        forget_if_too_old(keys, issuer, loaded_at);
        wait(keys, issuer, began_at, is_failing).await;
    }
}

fn forget_if_too_old(keys: &IssuerKeys, issuer: &Issuer, loaded_at: Option<Instant>) {
    let kept = Duration::from_secs(u64::from(issuer.keys.kept_s));
    if keys.is_ready() && loaded_at.is_some_and(|at| at.elapsed() > kept) {
        tracing::error!(
            issuer = issuer.name,
            kept_s = issuer.keys.kept_s,
            "the keys of an issuer were too long not confirmed: its tokens are refused"
        );
        keys.forget();
    }
}

async fn wait(keys: &IssuerKeys, issuer: &Issuer, began_at: Instant, is_failing: bool) {
    if !keys.is_ready() {
        sleep_until(began_at + FIRST_KEYS_INTERVAL).await;
        return;
    }
    let usual = Duration::from_secs(u64::from(issuer.keys.refresh_s));
    let due = if is_failing { usual.min(KEY_FETCH_INTERVAL) } else { usual };
    tokio::select! {
        () = sleep_until(began_at + due.max(KEY_FETCH_INTERVAL)) => {}
        () = keys.demand.notified() => sleep_until(began_at + KEY_FETCH_INTERVAL).await,
    }
}

impl std::fmt::Display for KeySetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotASet(error) => write!(f, "the answer is not a set of keys ({error:?})"),
            Self::NoUsableKey => f.write_str("no key of the set is for an algorithm that `algorithms` allows"),
        }
    }
}
