//! Tools that are supplied with tokens: each by `freshkey setup`, against the real tool and a server that writes down what it was sent.

mod aws;
mod docker;
mod git;
mod guides;
mod kubectl;
mod server;
mod shell;
mod tools;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;

/// Somebody who is signed in.
struct SignedIn {
    home: Home,
    _quickstart: Quickstart,
}

impl SignedIn {
    fn new() -> Self {
        let quickstart = Quickstart::start();
        let home = Home::new();
        home.sign_in(&quickstart);
        Self { home, _quickstart: quickstart }
    }

    /// The token that every tool should have sent.
    fn token(&self) -> String {
        self.home.prints(&["token"])
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }

    /// As a host sees it that takes the token as a password.
    fn basic(&self, username: &str) -> String {
        let credentials = format!("{username}:{}", self.token());
        format!("Basic {}", STANDARD.encode(credentials))
    }

    /// A file below the home; nothing when there is none.
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path(name)).unwrap_or_default()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.home.path(name);
        std::fs::create_dir_all(path.parent().expect("below the home")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// What `freshkey status` lists as supplied.
    fn supplied(&self) -> Vec<String> {
        let status = self.home.prints(&["status"]);
        status.lines().filter(|line| line.starts_with("supplied: ")).map(str::to_owned).collect()
    }
}
