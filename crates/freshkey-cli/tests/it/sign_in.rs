//! The ways to sign in, and what is said when they don't lead there.

use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use freshkey_testkit::provider::TestProvider;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

fn login<'a>(provider: &'a TestProvider, further: &[&'a str]) -> Vec<&'a str> {
    [&["login", "ua", "--issuer", provider.issuer(), "--client-id", "app"], further].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_whose_code_comes_back_to_this_process() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let mut child = home.freshkey(&login(&provider, &["--browser"])).stderr(Stdio::piped()).spawn().expect("started");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let url = said.find(|line| line.starts_with("http://")).expect("an address to open");
    let port = url.split("127.0.0.1%3A").nth(1).and_then(|rest| rest.split('%').next()).expect("a port of loopback").to_owned();
    let curl = |url: &str| {
        let output = home.command("curl").args(["--silent", "--location", "--max-time", "20", url]).output().expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Somebody who guesses is turned away, and the browser is still waited for.
    assert_eq!(curl(&format!("http://127.0.0.1:{port}/callback?code=guessed&state=guessed")), "There is nothing here.");
    assert!(curl(&url).starts_with("You are signed in."));
    assert!(child.wait().expect("it ends").success(), "{:?}", said.collect::<Vec<_>>());
    home.prints(&["token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_device() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let mut child = home.freshkey(&login(&provider, &["--device"])).stderr(Stdio::piped()).spawn().expect("started");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let line = said.find(|line| line.contains("enter the code")).expect("a code to enter");
    assert_eq!(line, format!("Open {}/activate and enter the code WDJB-MJHT", provider.issuer()));
    provider.asked("urn:ietf:params:oauth:grant-type:device_code", 1).await;
    provider.approve_device();
    assert!(child.wait().expect("it ends").success(), "{:?}", said.collect::<Vec<_>>());
    home.prints(&["token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_refresh_token_in_a_file_or_on_standard_input() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let file = home.path("refresh-token.txt");
    std::fs::write(&file, format!("{}\n", provider.issue_refresh_token())).expect("written");
    let path = file.display().to_string();
    home.prints(&login(&provider, &["--refresh-token-file", &path]));
    let given = home.run_with_input(&login(&provider, &["--refresh-token-file", "-"]), &provider.issue_refresh_token());
    assert_eq!(given.code, 0, "{}", given.stderr);
    for (content, code, expected) in
        [("", 2, "holds no token"), ("two words", 2, "holds no token"), ("unknown", 3, "does not accept this refresh token")]
    {
        std::fs::write(&file, content).expect("written");
        let refused = home.run(&login(&provider, &["--refresh-token-file", &path]));
        assert!(refused.code == code && refused.stderr.contains(expected), "{content:?}: {} {}", refused.code, refused.stderr);
    }
    home.prints(&["token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_the_client_itself() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    provider.require_secret("the client's secret");
    let file = home.path("secret");
    std::fs::write(&file, "the client's secret\n").expect("written");
    let path = file.display().to_string();
    let without = home.run(&login(&provider, &["--client-credentials"]));
    assert!(without.code == 2 && without.stderr.contains("--client-secret-file"), "{}", without.stderr);
    home.prints(&login(&provider, &["--client-credentials", "--client-secret-file", &path]));
    let first = home.prints(&["token"]);
    home.prints(&["refresh"]);
    assert_ne!(home.prints(&["token"]), first);
    assert_eq!(provider.count("client_credentials"), 2);
    // The secret is read anew at each use, so it can be rotated in place.
    provider.require_secret("another");
    let refused = home.run(&["refresh"]);
    assert!(refused.code == 5 && refused.stderr.contains("invalid_client"), "{} {}", refused.code, refused.stderr);
    std::fs::write(&file, "another").expect("written");
    home.prints(&["refresh"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_who_has_no_terminal() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    for further in [&[][..], &["--username", "ann"]] {
        let refused = home.run(&login(&provider, further));
        assert!(refused.code == 2 && refused.stderr.contains("no terminal"), "{further:?}: {} {}", refused.code, refused.stderr);
    }
    let wrong = home.run_with_input(&login(&provider, &["--username", "ann", "--password-stdin"]), "not the password\n");
    assert!(wrong.code == 3 && wrong.stderr.contains("did not accept the name and password"), "{}", wrong.stderr);
    assert_eq!(home.run(&["token"]).code, 7, "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_one_time_code_beside_the_password() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let with_code = ["--username", "ann", "--password-stdin", "--one-time-code"];
    provider.require_one_time_code("123456");
    let without = home.run_with_input(&login(&provider, &with_code[..3]), "the password\n");
    assert!(without.code == 3 && without.stderr.contains("--one-time-code"), "{}", without.stderr);
    let half = home.run_with_input(&login(&provider, &with_code), "the password\n");
    assert!(half.code == 2 && half.stderr.contains("no line 2"), "{}", half.stderr);
    let signed_in = home.run_with_input(&login(&provider, &with_code), "the password\n123456\n");
    assert_eq!(signed_in.code, 0, "{}", signed_in.stderr);
    home.prints(&["token"]);
}

#[test]
fn an_offline_token_that_was_asked_for_and_given_is_no_reason_for_a_warning() {
    let quickstart = Quickstart::start();
    let home = Home::new();
    let (issuer, ca_file) = (quickstart.issuer(), quickstart.ca_file().display().to_string());
    let arguments = ["login", "--issuer", &issuer, "--client-id", "ua-grant", "--ca", &ca_file, "--username", "demo", "--password-stdin"];
    let granted = home.run_with_input(&[&arguments[..], &["--scope", "openid offline_access"]].concat(), &quickstart.value("KC_PASSWORD"));
    assert!(granted.code == 0 && !granted.stderr.contains("warning"), "{}", granted.stderr);
    assert!(home.prints(&["--json", "status"]).contains("\"offline\": true"));
    home.prints(&["refresh"]);
    assert!(home.prints(&["--json", "status"]).contains("\"offline\": true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_067_a_provider_that_silently_leaves_offline_access_out_is_told_of() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let arguments = login(&provider, &["--username", "ann", "--password-stdin", "--scope", "openid offline_access"]);
    let ended = home.run_with_input(&arguments, "the password\n");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("warning: offline_access was asked for and not granted"), "{}", ended.stderr);
    assert!(home.prints(&["status"]).contains("offline_access was asked for and not granted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_refused_for_offline_access_says_so() {
    use freshkey_testkit::provider::Behaviour;
    let (home, provider) = (Home::new(), TestProvider::start().await);
    provider.behave_once(Behaviour::Says(
        400,
        r#"{"error":"not_allowed","error_description":"Offline tokens not allowed for the user or client"}"#.into(),
    ));
    let arguments = login(&provider, &["--username", "ann", "--password-stdin", "--scope", "openid offline_access"]);
    let refused = home.run_with_input(&arguments, "the password\n");
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("refused the sign-in with offline_access") && refused.stderr.contains("--scope openid"),
        "{}",
        refused.stderr
    );
}
