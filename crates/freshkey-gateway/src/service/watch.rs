//! Files that change while the gateway runs. A configuration that can be used is taken over whole; one that cannot leaves everything as it is, and is
//! complained about once.

use super::snapshot;
use crate::config::{Loaded, Settings, load};
use crate::fronts::Upstreams;
use crate::gate::Gate;
use crate::limits::{FILES_POLL, NEW_KEYS_TIMEOUT};
use freshkey_service::FileState;
use freshkey_service::tls::ServedCertificate;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The files of a configuration, and how they were when they were read.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    files: Vec<PathBuf>,
    states: Vec<Option<FileState>>,
    settings: Settings,
}

impl Watched {
    /// The files from which a configuration was loaded.
    #[must_use]
    pub fn new(path: &Path, loaded: &Loaded) -> Self {
        let files = loaded.files.clone();
        Self { path: path.to_owned(), states: states(&files), files, settings: loaded.settings.clone() }
    }

    /// What the files say now, if they have changed and can be used.
    pub fn changed(&mut self) -> Option<Loaded> {
        let now = states(&self.files);
        if now == self.states {
            return None;
        }
        self.states = now;
        match load(&self.path) {
            Ok(loaded) => {
                if loaded.settings != self.settings {
                    tracing::warn!("listeners, log and cached_tokens were changed in the configuration: these count from the next start");
                }
                self.files.clone_from(&loaded.files);
                self.states = states(&self.files);
                Some(loaded)
            }
            Err(problems) => {
                tracing::error!(problems = %problems, "the new configuration cannot be used: the old one stays in force");
                metrics::counter!("freshkey_gateway_reloads_total", "outcome" => "refused").increment(1);
                None
            }
        }
    }
}

/// Looks at the files from time to time, for as long as it is polled.
pub async fn follow(mut watched: Watched, gate: Arc<Gate>, upstreams: Arc<Upstreams>, certificate: Option<Arc<ServedCertificate>>) {
    let mut ticks = interval(FILES_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(loaded) = watched.changed() {
            take_over(loaded, &gate, &upstreams).await;
        }
        match certificate.as_ref().map(|certificate| certificate.follow()) {
            None | Some(Ok(false)) => {}
            Some(Ok(true)) => tracing::info!("the new certificate is served"),
            Some(Err(error)) => tracing::error!(error = %error, "the new certificate cannot be used: the old one stays"),
        }
    }
}

/// Puts a configuration in force. An issuer whose keys come from elsewhere now gets some time to bring them: until then the old policy judges, and no
/// good token is refused.
pub(crate) async fn take_over(loaded: Loaded, gate: &Gate, upstreams: &Upstreams) {
    if let Err(error) = upstreams.take_over(&loaded.policy) {
        tracing::error!(error = %error, "the new configuration cannot be used: the old one stays in force");
        metrics::counter!("freshkey_gateway_reloads_total", "outcome" => "refused").increment(1);
        return;
    }
    let next = snapshot(loaded, Some(&gate.snapshot()));
    if timeout(NEW_KEYS_TIMEOUT, next.ready()).await.is_err() {
        tracing::warn!("an issuer of the new configuration has no keys yet: its tokens cannot be judged");
    }
    gate.replace(next);
    tracing::info!("the new configuration is in force");
    metrics::counter!("freshkey_gateway_reloads_total", "outcome" => "taken").increment(1);
}

fn states(files: &[PathBuf]) -> Vec<Option<FileState>> {
    files.iter().map(|path| FileState::of(path)).collect()
}
