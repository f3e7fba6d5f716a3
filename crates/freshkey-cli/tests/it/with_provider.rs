//! A user who is signed in to somebody else's provider.

use freshkey_client::directories::Directories;
use freshkey_client::vault::Vault;
use freshkey_client::vault::key::Seal;
use freshkey_protocol::Secret;
use freshkey_testkit::home::Home;
use freshkey_testkit::provider::TestProvider;

pub(crate) struct WithProvider {
    pub(crate) home: Home,
    pub(crate) provider: TestProvider,
}

impl WithProvider {
    /// As `ann`, under the name `ua`.
    pub(crate) async fn signed_in() -> Self {
        let user = Self { home: Home::new(), provider: TestProvider::start().await };
        user.sign_in("ua");
        user
    }

    /// Signs in to a profile of this name.
    pub(crate) fn sign_in(&self, name: &str) {
        sign_in(&self.home, &self.provider, name);
    }

    /// Makes the token that is kept an old one, as if an hour had gone by.
    pub(crate) fn let_the_token_end(&self) {
        let of = |name: &str| self.home.path(name);
        let directories = Directories { config: of(".config/freshkey"), state: of(".local/state/freshkey"), runtime: of("run/freshkey") };
        let seal = Seal::read(&directories).expect("readable").expect("there");
        // The home's credential is 32 bytes of 7; the key is made of it as the program makes it.
        let hashed = [b"freshkey key of a credential\0".as_slice(), &[7; 32]].concat();
        let key = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &hashed);
        let key = Secret::new(<[u8; 32]>::try_from(key.as_ref()).expect("32 bytes"));
        let vault = Vault::with_key(&directories, &key, seal.source).expect("opened");
        let mut record = vault.read("ua").expect("readable").expect("signed in");
        if let Some(access) = &mut record.access {
            access.life = freshkey_client::record::KeptLifetime::new(access.life.lifetime().obtained, 1);
        }
        vault.write("ua", &mut record).expect("written");
    }
}

/// Signs in to a provider as `ann`.
pub(crate) fn sign_in(home: &Home, provider: &TestProvider, name: &str) {
    let arguments = ["login", name, "--issuer", provider.issuer(), "--client-id", "app", "--username", "ann", "--password-stdin"];
    let ended = home.run_with_input(&arguments, "the password\n");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
