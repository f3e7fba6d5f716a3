//! Other processes and other programs of the machine: the agent, whoever holds a lock, the settings of tools.

use super::{Person, examine};
use crate::agent::{agent_pid, signal};
use crate::with_provider::WithProvider;
use freshkey_client::profile::Delivery;
use freshkey_testkit::programs::{built, install};
use freshkey_testkit::provider::Behaviour;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_stopped_is_named_and_goes_on() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["agent", "start"]);
    signal("-STOP", &agent_pid(&user.home));
    let cure = examine(&user.home, &["ua"]).names("agent", 8, &["was stopped, and does not answer"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_an_agent_has_left_behind_is_named_and_replaced() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["agent", "start"]);
    signal("-KILL", &agent_pid(&user.home));
    let cure = examine(&user.home, &["ua"]).warns("agent", &["ended without taking its socket away"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("agent");
}

/// The child of the next test: what an agent of another release is to this one.
#[test]
#[ignore = "the child of an_agent_of_another_release_is_named_and_ended"]
fn agent_of_another_release() {
    let Some(path) = std::env::var_os("FRESHKEY_TEST_SOCKET") else { return };
    let listener = UnixListener::bind(path).expect("listened on");
    println!("listening");
    for stream in listener.incoming() {
        let mut stream = stream.expect("a caller");
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("a length");
        let mut body = vec![0; usize::try_from(u32::from_le_bytes(length)).expect("a length")];
        stream.read_exact(&mut body).expect("a request");
        let status =
            serde_json::json!({ "pid": 1, "release": "0.0.1", "protocol": 1, "key_source": "passphrase", "accounts": [], "supplies": [] });
        let answer = freshkey_client::agent::frame::Answer::Done { data: status.to_string().into_bytes(), warning: None };
        stream.write_all(&answer.encode()).expect("answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_release_is_named_and_ended() {
    let user = WithProvider::signed_in().await;
    let place = user.home.path("run/freshkey");
    fs::create_dir_all(&place).expect("made");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).expect("changed");
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "--nocapture", "doctor::machine::agent_of_another_release"])
        .env("FRESHKEY_TEST_SOCKET", place.join("agent.sock"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("listening")));
    let cure = examine(&user.home, &["ua"]).names("agent", 8, &["is of the release 0.0.1"]);
    assert_eq!(cure.command, format!("kill {}", child.id()));
    cure.apply(&user.home, &Person::ann());
    child.wait().expect("ended");
    examine(&user.home, &["ua"]).warns("agent", &["ended without taking its socket away"]).apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_program_was_replaced_is_named_and_ended() {
    let user = WithProvider::signed_in().await;
    let own = user.home.path("freshkey");
    let program = fs::read(built("freshkey")).expect("readable");
    install(&program, &own);
    let mut start = user.home.command(&own);
    assert!(start.args(["agent", "start"]).status().expect("started").success());
    // An upgrade puts another file under the name.
    install(&program, &user.home.path("upgraded"));
    fs::rename(user.home.path("upgraded"), &own).expect("replaced");
    let mut look = user.home.command(&own);
    look.args(["--json", "doctor", "ua"]);
    let cure = super::examined(look).warns("agent", &["runs a program that was replaced"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("agent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_stopped_with_the_lock_in_its_hand_is_named_and_goes_on() {
    let user = WithProvider::signed_in().await;
    user.let_the_token_end();
    user.provider.behave(Behaviour::Hangs);
    let before = user.provider.count("refresh_token");
    let mut holder = user.home.freshkey(&["--no-agent", "token"]).stdout(Stdio::null()).spawn().expect("started");
    user.provider.asked("refresh_token", before + 1).await;
    signal("-STOP", &holder.id().to_string());
    user.provider.behave(Behaviour::Answers);
    let cure = examine(&user.home, &["ua"]).names("account", 1, &["holds the lock of the account, and was stopped"]);
    assert_eq!(cure.command, format!("kill -CONT {}", holder.id()));
    cure.apply(&user.home, &Person::ann());
    assert!(holder.wait().expect("ended").success());
    examine(&user.home, &["ua"]).is_well("account");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_git_that_name_a_profile_which_is_gone_are_named_and_removed() {
    let user = WithProvider::signed_in().await;
    let settings =
        "[user]\n\tname = ann\n[credential \"https://git.example\"]\n\thelper = \n\thelper = !freshkey credential git --profile gone\n";
    fs::write(user.home.path(".gitconfig"), settings).expect("written");
    let cure = examine(&user.home, &["ua"]).names("tools", 7, &["git asks for the tokens of the profile gone"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("tools");
    assert!(fs::read_to_string(user.home.path(".gitconfig")).expect("there").contains("name = ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_068_a_token_file_that_is_open_to_others_or_stale_is_named() {
    let user = WithProvider::signed_in().await;
    let file = user.home.path("run/token");
    fs::write(&file, "a token").expect("written");
    let settings = user.home.path(".config/freshkey/profiles.toml");
    let delivery = Delivery { tool: "token-file".to_owned(), token_file: Some(file.clone()), ..Delivery::default() };
    let text = fs::read_to_string(&settings).expect("there");
    let text = format!("{text}\n[[profiles.ua.deliveries]]\ntool = \"{}\"\ntoken_file = \"{}\"\n", delivery.tool, file.display());
    fs::write(&settings, text).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("changed");
    let cure = examine(&user.home, &["ua"]).names("deliveries", 9, &["others can read the token in", "(mode 644)"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("deliveries");
    let touched = Command::new("touch").args(["-d", "2 days ago"]).arg(&file).status().expect("touch runs");
    assert!(touched.success());
    examine(&user.home, &["ua"]).names("deliveries", 8, &["the token in", "is over"]).apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("deliveries");
    user.home.prints(&["agent", "stop"]);
    let cure = examine(&user.home, &["ua"]).names("deliveries", 8, &["is not there"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("deliveries");
}
