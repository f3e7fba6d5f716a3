//! Many processes of one user at the same time, and processes that are killed.

use crate::with_provider::WithProvider;
use freshkey_testkit::provider::{Behaviour, Rotation};
use std::process::Stdio;
use tokio::sync::Mutex;

/// Held by a test that takes the whole machine, and by one whose facts are true only where an agent gets its turn in time.
pub(crate) static WHOLE_MACHINE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn t_055_a_thousand_processes_on_an_expired_token_make_one_request_and_none_fails() {
    let _alone = WHOLE_MACHINE.lock().await;
    let user = WithProvider::signed_in().await;
    user.provider.set_rotation(Rotation::Strict);
    user.provider.set_life_s(3600);
    user.let_the_token_end();
    let before = user.provider.count("refresh_token");
    let mut processes = Vec::new();
    for _ in 0..1000 {
        let mut command = user.home.freshkey(&["token"]);
        processes.push(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started"));
    }
    let ended: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().expect("it ends")).collect();
    let failed = ended.iter().find(|output| !output.status.success());
    assert!(failed.is_none(), "{:?}", failed.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()));
    assert!(ended.iter().all(|output| output.stdout == ended[0].stdout), "they have different tokens");
    assert_eq!(user.provider.count("refresh_token") - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_058_a_killed_holder_of_the_lock_is_replaced() {
    let user = WithProvider::signed_in().await;
    user.provider.set_rotation(Rotation::Grace);
    user.let_the_token_end();
    user.provider.behave(Behaviour::Hangs);
    let before = user.provider.count("refresh_token");
    let mut holder = user.home.freshkey(&["--no-agent", "token"]).spawn().expect("started");
    user.provider.asked("refresh_token", before + 1).await;
    let waiter = user.home.freshkey(&["--no-agent", "token"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    holder.kill().expect("killed");
    holder.wait().expect("ended");
    // The waiter asks as soon as the kernel has given the lock back; nothing else wakes it.
    user.provider.asked("refresh_token", before + 2).await;
    user.provider.behave(Behaviour::Answers);
    let output = waiter.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_091_no_session_is_lost_by_a_thousand_rotations_with_kill_9_at_random_points() {
    let user = WithProvider::signed_in().await;
    user.provider.set_rotation(Rotation::Grace);
    // From nothing to longer than a whole refresh takes, which this machine knows alone: who is killed leaves more time to those who come
    // later, and who is not leaves less.
    let (mut killed, mut longest_ms) = (0, 50.0_f64);
    for round in 0..1000_u64 {
        let moment_ms = longest_ms * f64::from(u32::try_from((round * 7919) % 100 + 1).expect("small")) / 100.0;
        let mut command = user.home.command("timeout");
        command.args(["--signal=KILL", &format!("{:.4}", moment_ms / 1000.0), "freshkey", "--no-agent", "refresh"]);
        let output = command.output().expect("timeout is installed");
        let code = output.status.code();
        assert!(code == Some(0) || code.is_none() || code == Some(137), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        killed += usize::from(code != Some(0));
        longest_ms = if code == Some(0) { (longest_ms * 0.97).max(5.0) } else { (longest_ms * 1.02).min(5000.0) };
    }
    assert!((50..=950).contains(&killed), "{killed} of 1000 were killed: the moments must fall before and after the end");
    let after = user.home.run(&["--no-agent", "refresh"]);
    assert_eq!(after.code, 0, "{}", after.stderr);
    assert_eq!(user.provider.live_tokens(), 1);
    let mut left: Vec<_> = std::fs::read_dir(user.home.path(".local/state/freshkey/accounts"))
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["ua.lock", "ua.sealed"], "nothing is left of those that were killed");
}
