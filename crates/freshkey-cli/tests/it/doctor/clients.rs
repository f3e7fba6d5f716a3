//! The client as the provider knows it, and its secret; all of it against our own server.

use super::{Person, examine, examine_until};
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;

struct Signed {
    home: Home,
    quickstart: Quickstart,
    demo: Person,
}

impl Signed {
    fn in_() -> Self {
        let (quickstart, home) = (Quickstart::start(), Home::new());
        home.sign_in(&quickstart);
        let demo = Person { username: "demo".into(), password: quickstart.value("KC_PASSWORD"), ..Person::ann() };
        Self { home, quickstart, demo }
    }

    /// Makes the client confidential; the answer is its secret.
    fn confidential(&self) -> String {
        self.quickstart.admin(&["client", "set", "ua-grant", "--realm", "UA", "--confidential"]).trim().to_owned()
    }

    fn with_secret(&self, secret: &str) -> Person {
        Person { secret: secret.to_owned(), ..self.demo.clone() }
    }
}

#[test]
fn a_client_that_became_confidential_is_named_and_its_secret_cures_it() {
    let user = Signed::in_();
    examine(&user.home, &["ua"]).is_well("client");
    let secret = user.confidential();
    let cure = examine_until(&user.home, 5).names("client", 5, &["ua-grant is confidential now", "no secret"]);
    assert!(!cure.command.contains(&secret));
    cure.apply(&user.home, &user.with_secret(&secret));
    examine(&user.home, &["ua"]).is_well("client");
    // From here on there is a file with a secret: it can be wrong, empty, gone, or open to others.
    let file = user.home.path(".config/freshkey/ua.secret");
    let renewed = user.confidential();
    let cure = examine_until(&user.home, 5).names("client", 5, &["the client's secret in", "ua.secret is wrong"]);
    cure.apply(&user.home, &user.with_secret(&renewed));
    examine(&user.home, &["ua"]).is_well("client");
    std::fs::remove_file(&file).expect("removed");
    let cure = examine(&user.home, &["ua"]).names("settings", 7, &["ua.secret, is not there"]);
    cure.apply(&user.home, &user.with_secret(&renewed));
    examine(&user.home, &["ua"]).is_well("settings");
    std::fs::write(&file, "\n").expect("written");
    let cure = examine(&user.home, &["ua"]).names("settings", 7, &["ua.secret, is empty"]);
    cure.apply(&user.home, &user.with_secret(&renewed));
    examine(&user.home, &["ua"]).is_well("settings");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("changed");
    let cure = examine(&user.home, &["ua"]).warns("settings", &["others can read the client's secret", "(mode 644)"]);
    cure.apply(&user.home, &user.demo);
    examine(&user.home, &["ua"]).is_well("settings");
}

#[test]
fn a_client_that_nobody_knows_is_named() {
    let (quickstart, home) = (Quickstart::start(), Home::new());
    let (issuer, ca_file) = (quickstart.issuer(), quickstart.ca_file().display().to_string());
    let cure = examine(&home, &["--issuer", &issuer, "--client-id", "ua-grnat", "--ca", &ca_file]).names(
        "client",
        5,
        &["does not know the client ua-grnat"],
    );
    assert!(cure.advice.contains("--client-id ID"), "{}", cure.advice);
    let cure =
        examine(&home, &["--issuer", &issuer, "--client-id", "ua-grant", "--ca", &ca_file]).names("sign-in", 3, &["nobody is signed in"]);
    let demo = Person { username: "demo".into(), password: quickstart.value("KC_PASSWORD"), ..Person::ann() };
    cure.apply(&home, &demo);
    examine(&home, &["ua"]).is_well("client");
}

#[test]
fn direct_grants_that_are_off_are_named_where_there_is_no_other_way_in() {
    let user = Signed::in_();
    let set = |value: &str| user.quickstart.admin(&["client", "set", "ua-grant", "--realm", "UA", "--set", value]);
    set("directAccessGrantsEnabled=false");
    examine(&user.home, &["ua"]).is_well("client");
    user.home.prints(&["logout"]);
    let cure = examine_until(&user.home, 5).names("client", 5, &["may not sign anybody in with a name and password"]);
    assert!(cure.advice.contains("\"direct access grants\" switched on"), "{}", cure.advice);
    set("directAccessGrantsEnabled=true");
    examine_until(&user.home, 3).names("sign-in", 3, &["nobody is signed in"]).apply(&user.home, &user.demo);
    examine(&user.home, &["ua"]).is_well("sign-in");
}
