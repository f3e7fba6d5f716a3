//! `freshkey exec --watch-file`: the file lives as long as the program, and the program does not notice that it is not alone.

use super::clients::{printed, wait_until};
use crate::with_provider::WithProvider;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

fn watching(user: &WithProvider, command: &[&str]) -> Command {
    user.home.freshkey(&[&["exec", "--watch-file", "job.token", "--"], command].concat())
}

/// A program that runs until it is told to end, by a signal or by the end of its input.
struct Waiting(Child);

impl Waiting {
    fn start(user: &WithProvider) -> Self {
        // A signal interrupts `read`; so does the end of the input, which is not to be waited for without end.
        let script = "trap 'echo got TERM > signal; exit 7' TERM; trap 'echo got USR1 > signal' USR1; echo > started; count=0\n\
                      while ! read -r line; do count=$((count + 1)); test $count -lt 100 || exit 6; done; exit 5";
        let mut command = watching(user, &["sh", "-c", script]);
        let waiting = Self(command.stdin(Stdio::piped()).spawn().expect("started"));
        wait_until("the program", || user.home.path("started").exists());
        waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // A test that has failed leaves nobody behind. A program that has ended wants no input.
        let _ = self.0.stdin.take().map(|mut input| input.write_all(b"end\n"));
        let _ = self.0.wait();
    }
}

fn content(user: &WithProvider) -> String {
    fs::read_to_string(user.home.path("job.token")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_there_while_the_program_runs_and_gone_with_it() {
    let user = WithProvider::signed_in().await;
    let script = "cat \"$FRESHKEY_TOKEN_FILE\"; test \"$(cat job.token)\" = \"$AUTH_TOKEN\" || exit 1; stat -c ' %a' job.token";
    let printed = printed(watching(&user, &["sh", "-c", script]));
    assert_eq!(printed, format!("{} 600", user.home.prints(&["token"])));
    assert!(!user.home.path("job.token").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_068_the_file_is_renewed_with_or_without_the_agent() {
    for agent in [&[][..], &["--no-agent"]] {
        let user = WithProvider::signed_in().await;
        // A fifth of five seconds before its end, and looked at once a second.
        user.provider.set_life_s(5);
        user.home.prints(&["refresh"]);
        let arguments = [agent, &["exec", "--watch-file", "job.token", "--", "sh", "-c", "echo > started; read -r line"]].concat();
        let mut child = user.home.freshkey(&arguments).stdin(Stdio::piped()).spawn().expect("started");
        wait_until("the program", || user.home.path("started").exists());
        let first = content(&user);
        assert!(!first.is_empty());
        wait_until("the next token", || !content(&user).is_empty() && content(&user) != first);
        let second = content(&user);
        wait_until("the one after it", || !content(&user).is_empty() && content(&user) != second);
        assert_eq!(fs::metadata(user.home.path("job.token")).expect("there").mode() & 0o777, 0o600);
        child.stdin.take().expect("piped").write_all(b"end\n").expect("told");
        assert!(child.wait().expect("it ends").success());
        assert!(!user.home.path("job.token").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_pass_through() {
    let user = WithProvider::signed_in().await;
    for (command, expected) in [
        (&["sh", "-c", "exit 0"][..], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "kill -KILL $$"], 128 + 9),
        (&["no-such-program"], 127),
        (&["/etc/passwd"], 126),
    ] {
        let status = watching(&user, command).stderr(Stdio::null()).status().expect("started");
        assert_eq!(status.code(), Some(expected), "{command:?}");
        assert!(!user.home.path("job.token").exists(), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_pass_through() {
    let user = WithProvider::signed_in().await;
    let mut waiting = Waiting::start(&user);
    let kill = |signal: &str| {
        let status = user.home.command("kill").args([signal, &waiting.0.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    };
    let got = |what: &str| fs::read_to_string(user.home.path("signal")).is_ok_and(|text| text.contains(what));
    kill("-USR1");
    wait_until("the first signal", || got("USR1"));
    assert!(!content(&user).is_empty(), "it goes on");
    kill("-TERM");
    wait_until("the second signal", || got("TERM"));
    assert_eq!(waiting.0.wait().expect("it ends").code(), Some(7), "as the program chose");
    assert!(!user.home.path("job.token").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_already_is_left_alone() {
    let user = WithProvider::signed_in().await;
    fs::write(user.home.path("job.token"), "my own").expect("written");
    let refused = user.home.run(&["exec", "--watch-file", "job.token", "--", "true"]);
    assert!(refused.code == 2 && refused.stderr.contains("is there already"), "{}", refused.stderr);
    assert_eq!(content(&user), "my own");
}
