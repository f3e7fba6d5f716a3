//! `freshkey trust`: nothing is trusted that was not compared, and nothing but the profile trusts it (T-065).

use crate::doctor::{Authority, Front};
use freshkey_testkit::home::Home;
use freshkey_testkit::provider::TestProvider;
use std::fs;
use std::path::PathBuf;

struct Place {
    home: Home,
    front: Front,
    authority: Authority,
    _provider: TestProvider,
}

impl Place {
    async fn new() -> Self {
        let (home, provider, authority) = (Home::new(), TestProvider::start().await, Authority::new("Root\u{1b}[2J of tests"));
        let front = Front::start(&provider, Some(&authority.certifies(&["localhost"], (2020, 2090), &[&authority]))).await;
        let place = Self { home, front, authority, _provider: provider };
        let settings = format!("[profiles.ua]\nissuer = \"https://{}\"\nclient_id = \"app\"\n", place.front.host("localhost"));
        place.make_directory(".config/freshkey");
        fs::write(place.home.path(".config/freshkey/profiles.toml"), settings).expect("written");
        place
    }

    fn make_directory(&self, name: &str) {
        fs::create_dir_all(self.home.path(name)).expect("made");
        fs::set_permissions(self.home.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("changed");
    }

    /// Everything of the user's, by name and content.
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut places = vec![self.home.path("")];
        let mut files = Vec::new();
        while let Some(place) = places.pop() {
            for entry in fs::read_dir(place).expect("readable") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { places.push(path) } else { files.push((path.clone(), fs::read(path).unwrap_or_default())) }
            }
        }
        files.sort();
        files
    }

    fn ca_files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.home.path(".config/freshkey/authorities"))
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
            .unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_065_without_its_fingerprint_nothing_is_trusted_and_nothing_changes() {
    let place = Place::new().await;
    let host = place.front.host("localhost");
    let before = place.all();
    let other = Authority::new("Another").fingerprint();
    for (arguments, words) in [
        (vec!["trust", &host], "was not confirmed"),
        (vec!["trust", &host, "--fingerprint", &other], "and not that one"),
        (vec!["trust", &host, "--fingerprint", "yes"], "that is not a fingerprint"),
        (vec!["trust", &host, "--fingerprint", ""], "that is not a fingerprint"),
        (vec!["trust", &host, "--fingerprint", &place.authority.fingerprint()[..50]], "that is not a fingerprint"),
    ] {
        let ended = place.home.run(&arguments);
        assert_eq!(ended.code, 9, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("nothing was changed") && ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
        assert_eq!(place.all(), before, "{arguments:?}");
        let fingerprint = place.authority.fingerprint().to_uppercase();
        assert!(ended.stdout.contains(&fingerprint), "it is shown first: {}", ended.stdout);
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{}", ended.stdout);
    }
    // A yes on standard input is no terminal, and no fingerprint either.
    assert_eq!(place.home.run_with_input(&["trust", &host], "yes\n").code, 9);
    assert_eq!(place.all(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_065_what_was_confirmed_is_trusted_for_the_profile_alone_until_it_is_removed() {
    let place = Place::new().await;
    let (host, fingerprint) = (place.front.host("localhost"), place.authority.fingerprint());
    let trusted = place.home.run(&["trust", &host, "--fingerprint", &fingerprint]);
    assert_eq!(trusted.code, 0, "{}", trusted.stderr);
    let files = place.ca_files();
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read_to_string(&files[0]).expect("readable").replace("\r\n", "\n"), place.authority.pem().replace("\r\n", "\n"));
    let login = ["login", "ua", "--username", "ann", "--password-stdin"];
    assert_eq!(place.home.run_with_input(&login, "the password").code, 0);
    // A second profile at the same host trusts nothing of it.
    let issuer = format!("https://{host}");
    let second = ["login", "second", "--issuer", &issuer, "--client-id", "app", "--username", "ann", "--password-stdin"];
    let untrusting = place.home.run_with_input(&second, "the password");
    assert_eq!(untrusting.code, 9, "{}", untrusting.stderr);
    // Confirmed again, it is the same file.
    assert_eq!(place.home.run(&["trust", &host, "--profile", "ua", "--fingerprint", &fingerprint]).code, 0);
    assert_eq!(place.ca_files(), files);
    assert_eq!(place.home.run(&["trust", "--remove", "--profile", "ua"]).code, 0);
    assert!(place.ca_files().is_empty());
    let refreshed = place.home.run(&["refresh", "ua"]);
    assert_eq!(refreshed.code, 9, "{}", refreshed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_takes_the_place_of_the_one_before_also_in_an_agent_that_runs() {
    let place = Place::new().await;
    let host = place.front.host("localhost");
    assert_eq!(place.home.run(&["trust", &host, "--fingerprint", &place.authority.fingerprint()]).code, 0);
    assert_eq!(place.home.run_with_input(&["login", "ua", "--username", "ann", "--password-stdin"], "the password").code, 0);
    assert_eq!(place.home.run(&["refresh", "ua"]).code, 0);
    let anew = Authority::new("Root anew");
    place.front.shows(&anew.certifies(&["localhost"], (2020, 2090), &[&anew]));
    let trusted = place.home.run(&["--json", "trust", &host, "--fingerprint", &anew.fingerprint()]);
    assert_eq!(trusted.code, 0, "{}", trusted.stderr);
    let told: serde_json::Value = serde_json::from_str(&trusted.stdout).expect("JSON");
    assert_eq!(told["sha256"].as_str().map(str::to_lowercase), Some(anew.fingerprint()));
    assert_eq!(place.ca_files().len(), 1);
    let agent = place.home.prints(&["--json", "agent", "status"]);
    assert!(agent.contains("\"running\": true"), "{agent}");
    let refreshed = place.home.run(&["refresh", "ua"]);
    assert_eq!(refreshed.code, 0, "{}", refreshed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_help_is_not_trusted() {
    let place = Place::new().await;
    let host = place.front.host("localhost");
    let before = place.all();
    // The host shows its own certificate alone: there is nothing to trust in.
    place.front.shows(&place.authority.certifies(&["localhost"], (2020, 2090), &[]));
    let ended = place.home.run(&["trust", &host, "--fingerprint", &place.authority.fingerprint()]);
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert!(ended.stderr.contains("shows its own certificate alone"), "{}", ended.stderr);
    place.front.shows(&place.authority.certifies(&["elsewhere.example"], (2020, 2090), &[&place.authority]));
    let ended = place.home.run(&["trust", &host, "--fingerprint", &place.authority.fingerprint()]);
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert!(ended.stderr.contains("the certificate is for elsewhere.example"), "{}", ended.stderr);
    place.front.shows(&place.authority.certifies(&["localhost"], (2020, 2021), &[&place.authority]));
    let ended = place.home.run(&["trust", &host, "--fingerprint", &place.authority.fingerprint()]);
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert!(ended.stderr.contains("ended on 2021-01-01"), "{}", ended.stderr);
    assert_eq!(place.all(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_the_profiles_is_refused() {
    let place = Place::new().await;
    let (port, fingerprint) = (place.front.port(), place.authority.fingerprint());
    let address = format!("127.0.0.1:{port}");
    for arguments in [
        ["trust", &address, "--profile", "ua", "--fingerprint", &fingerprint],
        ["trust", "localhost", "--profile", "ua", "--fingerprint", &fingerprint],
    ] {
        let ended = place.home.run(&arguments);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("the profile ua is that of"), "{}", ended.stderr);
    }
    assert!(place.ca_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_sign_in_the_authority_is_kept_for_it() {
    let place = Place::new().await;
    fs::remove_file(place.home.path(".config/freshkey/profiles.toml")).expect("removed");
    let host = place.front.host("localhost");
    let ended = place.home.run(&["trust", &host, "--profile", "new", "--fingerprint", &place.authority.fingerprint()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let file = place.ca_files().pop().expect("kept").display().to_string();
    assert!(ended.stderr.contains(&format!("--ca {file}")), "{}", ended.stderr);
    let issuer = format!("https://{host}");
    let login = ["login", "new", "--issuer", &issuer, "--client-id", "app", "--ca", &file, "--username", "ann", "--password-stdin"];
    assert_eq!(place.home.run_with_input(&login, "the password").code, 0);
}
