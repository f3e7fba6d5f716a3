//! Accounts in a directory of their own, and the programs of one user that share them.

use freshkey_client::clock::FixedClock;
use freshkey_client::directories::Directories;
use freshkey_client::keeper::{Keeper, Need};
use freshkey_client::profile::Profile;
use freshkey_client::profile::file::Profiles;
use freshkey_client::record::Record;
use freshkey_client::sign_in::SignIn;
use freshkey_client::vault::Vault;
use freshkey_client::vault::key::Source;
use freshkey_client::{Failure, FailureKind};
use freshkey_protocol::Secret;
use freshkey_testkit::provider::TestProvider;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const NAME: &str = "ua";

/// One user, and one provider.
pub(crate) struct Fixture {
    _place: TempDir,
    pub(crate) directories: Directories,
    pub(crate) provider: TestProvider,
    pub(crate) clock: Arc<FixedClock>,
}

impl Fixture {
    /// With a user who is signed in, and whose token lives for an hour.
    pub(crate) async fn signed_in() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let of = |name: &str| place.path().join(name);
        let directories = Directories { config: of("config"), state: of("state"), runtime: of("runtime") };
        let fixture =
            Self { directories, provider: TestProvider::start().await, clock: Arc::new(FixedClock::at(1_800_000_000)), _place: place };
        fixture.sign_in().await;
        fixture
    }

    /// Signs in, again perhaps.
    pub(crate) async fn sign_in(&self) {
        let profile = Profile {
            issuer: self.provider.issuer().to_owned(),
            discovery_url: None,
            client_id: "app".to_owned(),
            client_secret_file: None,
            scope: "openid".to_owned(),
            ca_file: None,
            access_token_file: None,
            deliveries: Vec::new(),
        };
        Profiles::change(&self.directories, |profiles| Ok(profiles.profiles.insert(NAME.to_owned(), profile.clone()))).expect("written");
        let sign_in = SignIn::begin(NAME, &profile, &*self.clock).await.expect("looked up");
        let record = sign_in.with_password("ann", &Secret::new("the password".to_owned()), None).await.expect("signed in");
        self.keeper().keep(NAME, record).await.expect("kept");
    }

    /// A program of the user, as if it had just been started.
    pub(crate) fn keeper(&self) -> Keeper {
        let vault = Vault::with_key(&self.directories, &Secret::new([7; 32]), Source::SystemdCredential).expect("opened");
        Keeper::new(self.directories.clone(), vault, self.clock.clone())
    }

    /// A token as `freshkey token` wants it, by a program of its own.
    pub(crate) async fn token(&self) -> Result<String, Failure> {
        self.token_with(Need::Ttl(None)).await
    }

    pub(crate) async fn token_with(&self, need: Need) -> Result<String, Failure> {
        let kept = self.keeper().fresh(NAME, need).await?;
        Ok(kept.record.access.expect("a token").token().to_owned())
    }

    /// What is kept.
    pub(crate) fn stored(&self) -> Option<Record> {
        self.keeper().vault().read(NAME).expect("readable")
    }

    /// The refresh token that is kept.
    pub(crate) fn stored_refresh_token(&self) -> Option<String> {
        self.stored()?.refresh_token.map(|token| token.expose().clone())
    }

    /// Until the token that is kept has to be renewed.
    pub(crate) fn let_it_expire(&self) {
        self.clock.advance_s(3600);
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.provider.count("refresh_token")
    }
}

/// The kind of a failure.
pub(crate) fn kind<T>(result: Result<T, Failure>) -> Option<FailureKind> {
    result.err().map(|failure| failure.kind)
}
