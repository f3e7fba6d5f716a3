//! An agent in a directory of its own, for the tests of what it supplies: signed in to a provider that does as it is told, with a clock moved by hand.

use super::serve::Agent;
use crate::clock::FixedClock;
use crate::directories::{self, Directories};
use crate::keeper::Keeper;
use crate::profile::file::Profiles;
use crate::profile::{Delivery, Profile};
use crate::sign_in::SignIn;
use crate::vault::Vault;
use crate::vault::key::Source;
use freshkey_protocol::Secret;
use freshkey_testkit::provider::TestProvider;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The profile that is signed in.
pub(super) const NAME: &str = "ua";

pub(super) struct Fixture {
    place: TempDir,
    pub(super) directories: Directories,
    pub(super) provider: TestProvider,
    pub(super) clock: Arc<FixedClock>,
    pub(super) agent: Arc<Agent>,
}

impl Fixture {
    /// With tokens that live so long.
    pub(super) async fn with_tokens_of(life_s: u32) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let of = |name: &str| place.path().join(name);
        let directories = Directories { config: of("config"), state: of("state"), runtime: of("runtime") };
        directories::private(&directories.runtime).expect("made");
        let clock = Arc::new(FixedClock::at(1_800_000_000));
        let vault = Vault::with_key(&directories, &Secret::new([7; 32]), Source::SystemdCredential).expect("opened");
        let keeper = Arc::new(Keeper::new(directories.clone(), vault, clock.clone()));
        let fixture = Self { directories, provider: TestProvider::start().await, clock, agent: Agent::new(keeper), place };
        fixture.provider.set_life_s(life_s);
        fixture.sign_in(NAME).await;
        fixture
    }

    /// Signs in to a profile of this name.
    pub(super) async fn sign_in(&self, name: &str) {
        let text = format!("issuer = \"{}\"\nclient_id = \"app\"", self.provider.issuer());
        let profile: Profile = toml::from_str(&text).expect("a profile");
        Profiles::change(&self.directories, |profiles| Ok(profiles.profiles.insert(name.to_owned(), profile.clone()))).expect("written");
        let sign_in = SignIn::begin(name, &profile, &*self.clock).await.expect("looked up");
        let record = sign_in.with_password("ann", &Secret::new("the password".to_owned()), None).await.expect("signed in");
        self.agent.keeper.keep(name, record).await.expect("kept");
    }

    /// Changes what a profile has to be supplied.
    pub(super) fn set_deliveries(&self, name: &str, deliveries: Vec<Delivery>) {
        Profiles::change(&self.directories, |profiles| {
            profiles.profiles.get_mut(name).expect("there").deliveries = deliveries;
            Ok(())
        })
        .expect("written");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The token that is kept of a profile.
    pub(super) fn kept_token(&self, name: &str) -> String {
        let record = self.agent.keeper.vault().read(name).expect("readable").expect("signed in");
        record.access.expect("a token").token().to_owned()
    }
}

/// Something to be supplied by this tool.
pub(super) fn delivery(tool: &str, url: Option<&str>, token_file: Option<&Path>) -> Delivery {
    let url = url.map(|url| format!("url = \"{url}\"\n")).unwrap_or_default();
    let token_file = token_file.map(|path| format!("token_file = \"{}\"\n", path.display())).unwrap_or_default();
    toml::from_str(&format!("tool = \"{tool}\"\n{url}{token_file}")).expect("a delivery")
}

/// Waits for something that others bring about.
pub(super) async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{what} did not come about"));
}
