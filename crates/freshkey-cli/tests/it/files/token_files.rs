//! Token files that the agent keeps fresh.

use super::clients::{printed, python, wait_until};
use crate::many::WHOLE_MACHINE;
use crate::with_provider::WithProvider;
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

fn deliveries(home: &Home) -> Value {
    let status: Value = serde_json::from_str(&home.prints(&["--json", "status"])).expect("JSON");
    status["deliveries"].clone()
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn t_068_a_file_is_there_when_setup_returns_and_gone_when_unset_returns() {
    let user = WithProvider::signed_in().await;
    let path = user.home.path("run/freshkey/ua.token");
    let dry = user.home.run(&["setup", "token-file", "--dry-run"]);
    assert_eq!((dry.code, path.exists()), (0, false), "{}", dry.stderr);
    let told = user.home.run(&["setup", "token-file"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stdout.starts_with(&format!("keep a token in {}, mode 600", path.display())), "{}", told.stdout);
    assert_eq!(content(&path), user.home.prints(&["token"]));
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    let listed = deliveries(&user.home);
    assert_eq!((&listed[0]["token_file"], &listed[0]["problem"]), (&json!(path), &Value::Null), "{listed}");
    assert!(user.home.prints(&["status"]).contains(&format!("supplied: token-file for {} (ua)", path.display())));

    let again = user.home.run(&["setup", "token-file"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, "everything is as it should be already\n"), "{}", again.stderr);
    assert_eq!(deliveries(&user.home).as_array().map(Vec::len), Some(1));
    // A new token is in the file as soon as anybody has it.
    user.home.prints(&["refresh"]);
    let token = user.home.prints(&["token"]);
    wait_until("the new token", || content(&path) == token);

    user.home.prints(&["unset", "token-file"]);
    assert!(!path.exists());
    assert_eq!(deliveries(&user.home), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_059_no_file_has_a_token_after_the_sign_out_and_a_new_sign_in_brings_it_back() {
    let user = WithProvider::signed_in().await;
    let path = user.home.path("token");
    user.home.prints(&["setup", "token-file", "token"]);
    assert_eq!(content(&path), user.home.prints(&["token"]));
    user.home.prints(&["logout"]);
    assert!(!path.exists());
    user.sign_in("ua");
    wait_until("the file", || path.exists());
    assert_eq!(content(&path), user.home.prints(&["token"]));
    // A sign-out without the agent's help is seen by it all the same.
    user.home.prints(&["--no-agent", "logout"]);
    wait_until("its end", || !path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_no_file_outlives_its_agent_and_status_says_when_one_is_stale() {
    let user = WithProvider::signed_in().await;
    let path = user.home.path("token");
    user.home.prints(&["setup", "token-file", &path.display().to_string()]);
    user.home.prints(&["agent", "stop"]);
    assert!(!path.exists());
    assert!(user.home.prints(&["status"]).contains("stale: the agent does not run; start it with `freshkey agent start`"));
    user.home.prints(&["agent", "start"]);
    wait_until("the file", || path.exists());
    // As a service manager ends it.
    let status: Value = serde_json::from_str(&user.home.prints(&["--json", "agent", "status"])).expect("JSON");
    let pid = status["status"]["pid"].to_string();
    assert!(user.home.command("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    wait_until("its end", || !path.exists());
    // What a killed one has left behind goes with the sign-in, or with `unset`.
    for command in [&["logout"][..], &["unset", "token-file"], &["unset", "aws"]] {
        user.sign_in("ua");
        // A tool of another kind, whose file is kept in the same way.
        let path = if command == ["unset", "aws"] {
            user.home.prints(&["setup", "aws", "https://minio.example", "--role-arn", "arn:minio:iam:::role/a", "--aws-profile", "minio"]);
            user.home.path("run/freshkey/aws-minio.token")
        } else {
            path.clone()
        };
        user.home.prints(&["agent", "start"]);
        wait_until("the file", || path.exists());
        let status: Value = serde_json::from_str(&user.home.prints(&["--json", "agent", "status"])).expect("JSON");
        assert!(user.home.command("kill").args(["-KILL", &status["status"]["pid"].to_string()]).status().expect("kill runs").success());
        assert!(path.exists());
        user.home.prints(command);
        assert!(!path.exists(), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_somebody_elses_is_not_taken_over() {
    let user = WithProvider::signed_in().await;
    user.sign_in("lab");
    let path = user.home.path("mine");
    fs::write(&path, "my own").expect("written");
    for (arguments, expected) in [
        (&["setup", "token-file", "mine"][..], "not one of ours"),
        (&["setup", "token-file", "nowhere/token"], "mkdir -p -m 700"),
        (&["--no-agent", "setup", "token-file"], "leave out `--no-agent`"),
    ] {
        let refused = user.home.run(&[arguments, &["--profile", "ua"]].concat());
        assert!(refused.code == 2 && refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
    }
    assert_eq!(content(&path), "my own");
    user.home.prints(&["setup", "token-file", "shared", "--profile", "ua"]);
    let refused = user.home.run(&["setup", "token-file", "shared", "--profile", "lab"]);
    assert!(refused.code == 2 && refused.stderr.contains("another profile"), "{}", refused.stderr);
    assert_eq!(content(&user.home.path("shared")), user.home.prints(&["token", "ua"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_the_platform_find_their_file() {
    let user = WithProvider::signed_in().await;
    fs::create_dir(user.home.path("secrets")).expect("made");
    user.home.prints(&["setup", "platform", "--path", "secrets/.auth_token"]);
    // As the notebooks of the platform read it.
    let script = "import os; print(open(os.environ['HOME'] + '/secrets/.auth_token').read())";
    assert_eq!(printed(python(&user.home, script)), user.home.prints(&["token"]));
    user.home.prints(&["unset", "platform"]);
    assert!(!user.home.path("secrets/.auth_token").exists());
}

#[test]
fn a_client_of_the_grid_finds_its_token_and_verifies_it() {
    let quickstart = Quickstart::start();
    let home = Home::new();
    home.sign_in(&quickstart);
    home.prints(&["setup", "bearer-discovery"]);
    let path = home.path(&format!("run/bt_u{}", rustix::process::geteuid().as_raw()));
    assert_eq!(content(&path), home.prints(&["token"]));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--cacert"]).arg(quickstart.ca_file()).arg(quickstart.issuer());
    let realm: Value = serde_json::from_str(&printed(curl)).expect("JSON");
    let script = format!(
        "import scitokens\npem = '-----BEGIN PUBLIC KEY-----\\n{}\\n-----END PUBLIC KEY-----'.encode()\n\
         token = scitokens.SciToken.discover(audience='account', insecure=True, public_key=pem)\nprint(token['preferred_username'])",
        realm["public_key"].as_str().expect("a key")
    );
    assert_eq!(printed(python(&home, &script)), "demo");
    // And where the variable says.
    home.prints(&["unset", "bearer-discovery"]);
    let elsewhere = home.path("elsewhere");
    let mut setup = home.freshkey(&["setup", "bearer-discovery"]);
    printed({
        setup.env("BEARER_TOKEN_FILE", &elsewhere);
        setup
    });
    let mut discovering = python(&home, &script);
    discovering.env("BEARER_TOKEN_FILE", &elsewhere);
    assert_eq!(printed(discovering), "demo");
    assert!(!path.exists());
}

#[test]
fn t_068_a_reader_of_short_lived_tokens_never_meets_one_that_has_ended() {
    // A token is renewed four seconds before its end at the latest: an agent that gets no turn for longer than that can't do it.
    let _alone = WHOLE_MACHINE.blocking_lock();
    let quickstart = Quickstart::start();
    quickstart.admin(&["realm", "set", "UA", "--set", "accessTokenLifespan=20"]);
    let home = Home::new();
    home.sign_in(&quickstart);
    // A setting is followed within a second.
    let asked = Cell::new(0);
    wait_until("a token of twenty seconds", || {
        home.prints(&["refresh"]);
        asked.set(asked.get() + 1);
        home.prints(&["token", "--field", "expires_in"]).parse::<u32>().is_ok_and(|seconds| seconds <= 20)
    });
    home.prints(&["setup", "token-file", "token"]);
    // An event is written down a moment after its answer.
    wait_until("the events of all that was asked", || quickstart.refreshes() >= asked.get());
    let before = quickstart.refreshes();
    // Two renewals, read without a pause: each read is one whole JWT whose end is still to come, to the second that `exp` is cut to.
    let script = "import base64, json, time\nseen, start = set(), time.time()\nwhile time.time() < start + 36:\n\
                  \x20   token = open('token').read()\n    claims = token.split('.')[1]\n\
                  \x20   claims = json.loads(base64.urlsafe_b64decode(claims + '=' * (-len(claims) % 4)))\n\
                  \x20   assert claims['exp'] + 1 > time.time(), claims\n    seen.add(claims['jti'])\nprint(len(seen))";
    let seen: usize = printed(python(&home, script)).parse().expect("a number");
    assert!((2..=5).contains(&seen), "{seen} tokens in 36 s");
    let refreshes = quickstart.refreshes() - before;
    assert!(refreshes <= seen, "one refresh for each of {seen} tokens: {refreshes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_right_after_the_end_of_an_agent_is_served_by_the_next() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["setup", "token-file", "token"]);
    for _ in 0..20 {
        user.home.prints(&["agent", "stop"]);
        assert!(!user.home.path("token").exists());
        user.home.prints(&["token"]);
    }
}
