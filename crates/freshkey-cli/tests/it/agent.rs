//! The agent: whom it serves, whom it keeps waiting, and what it is after things have gone wrong around it.

use crate::files::clients::wait_until;
use crate::with_provider::{WithProvider, sign_in};
use freshkey_client::agent::frame::{Request, TokenWish};
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::{built, install};
use freshkey_testkit::provider::{Behaviour, TestProvider};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// The process of the agent, as it says.
pub(crate) fn agent_pid(home: &Home) -> String {
    let status: Value = serde_json::from_str(&home.prints(&["--json", "agent", "status"])).expect("JSON");
    status["status"]["pid"].to_string()
}

pub(crate) fn signal(name: &str, pid: &str) {
    let sent = Command::new("kill").args([name, pid]).status().expect("kill runs");
    assert!(sent.success());
}

/// A process that takes nothing from its sockets until it is killed, which it is at the latest when its test ends.
struct Frozen(String);

impl Frozen {
    fn freeze(pid: String) -> Self {
        signal("-STOP", &pid);
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // Where this fails it has ended already.
        let _ = Command::new("kill").args(["-KILL", &self.0]).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_062_one_slow_provider_and_a_thousand_silent_callers_delay_nobody_else() {
    let user = WithProvider::signed_in().await;
    let others = [TestProvider::start().await, TestProvider::start().await];
    sign_in(&user.home, &others[0], "cached");
    sign_in(&user.home, &others[1], "third");
    let cached = user.home.prints(&["token", "cached"]);

    user.let_the_token_end();
    user.provider.behave(Behaviour::Hangs);
    let before = user.provider.count("refresh_token");
    let waiting = user.home.freshkey(&["token", "ua"]).stdout(Stdio::piped()).spawn().expect("started");
    user.provider.asked("refresh_token", before + 1).await;
    let socket = user.home.path("run/freshkey/agent.sock");
    let silent: Vec<UnixStream> = (0..1000)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).expect("connected");
            stream.write_all(&[20, 0, 0, 0, 1, 1]).expect("half a request is sent");
            stream
        })
        .collect();

    assert_eq!(user.home.prints(&["token", "cached"]), cached);
    user.home.prints(&["refresh", "third"]);
    assert_eq!(others[1].count("refresh_token"), 1);
    drop(silent);
    user.provider.behave(Behaviour::Answers);
    assert!(waiting.wait_with_output().expect("it ends").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn t_061_a_peer_of_another_user_gets_nothing() {
    assert!(rustix::process::geteuid().is_root(), "only root can be another user for a moment: run this test as root");
    let user = WithProvider::signed_in().await;
    user.home.prints(&["token"]);
    // As if every directory on the way had been opened by mistake.
    let socket = user.home.path("run/freshkey/agent.sock");
    for (path, mode) in
        [(user.home.path(""), 0o755), (user.home.path("run"), 0o755), (user.home.path("run/freshkey"), 0o755), (socket.clone(), 0o777)]
    {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
    }
    // A request that the agent would answer with a token. (By curl it would be one more test of curl, which calls a connection that is closed at
    // once one that was not made.)
    let request: String = Request::Token(TokenWish::default()).encode().iter().map(|byte| format!("{byte:02x}")).collect();
    let script = "use IO::Socket::UNIX; my $agent = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die \"$!\"; alarm 20; $SIG{PIPE} = 'IGNORE'; \
                  syswrite($agent, pack('H*', $ARGV[1])); print 'got ', sysread($agent, my $answer, 100), $answer";
    let mut perl = Command::new("perl");
    let output = perl.args(["-e", script]).arg(&socket).arg(request).uid(65_534).gid(65_534).output().expect("perl is installed");
    let (got, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Nothing, or (as the moment has it) a connection that was reset: `sysread` then has no number.
    assert!(output.status.success() && matches!(&*got, "got 0" | "got "), "it was connected, and got nothing: {got} {said}");
    // And the client of the user itself sends nothing through a directory that others can enter.
    let refused = user.home.run(&["token"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (9, ""), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_061_a_socket_of_another_user_is_sent_nothing() {
    assert!(rustix::process::geteuid().is_root(), "only root can be another user for a moment: run this test as root");
    let user = WithProvider::signed_in().await;
    user.home.prints(&["token"]);
    user.home.prints(&["agent", "stop"]);
    // Somebody else has put a socket where ours was.
    let socket = user.home.path("run/freshkey/agent.sock");
    std::fs::set_permissions(user.home.path(""), std::fs::Permissions::from_mode(0o711)).expect("changed");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it ends");
        bytes
    });
    // The process behind this socket is root; the caller is not.
    std::os::unix::fs::chown(user.home.path("run/freshkey"), Some(65_534), Some(65_534)).expect("given away");
    std::os::unix::fs::chown(&socket, Some(65_534), Some(65_534)).expect("given away");
    std::fs::set_permissions(user.home.path("run"), std::fs::Permissions::from_mode(0o711)).expect("changed");
    let program = user.home.path("freshkey");
    install(&std::fs::read(built("freshkey")).expect("readable"), &program);
    let mut command = user.home.command(&program);
    let output = command.args(["agent", "status"]).uid(65_534).gid(65_534).output().expect("started");
    assert_eq!(output.status.code(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(heard.join().expect("no panic"), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_is_started_again_by_the_next_caller() {
    let user = WithProvider::signed_in().await;
    let token = user.home.prints(&["token"]);
    let first = agent_pid(&user.home);
    signal("-KILL", &first);
    assert_eq!(user.home.prints(&["token"]), token, "the token was kept");
    assert_ne!(agent_pid(&user.home), first);
    assert_eq!(user.provider.count("refresh_token"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_under_its_callers_fails_none_of_them() {
    for arguments in [&["token"][..], &["refresh"], &["status"], &["agent", "status"], &["agent", "stop"], &["logout"]] {
        let user = WithProvider::signed_in().await;
        user.home.prints(&["agent", "start"]);
        // So the caller waits at its socket when it is killed.
        let agent = Frozen::freeze(agent_pid(&user.home));
        let mut command = user.home.freshkey(arguments);
        let caller = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let directory = user.home.path("run/freshkey/").display().to_string();
        wait_until("the caller", || {
            let sockets = std::fs::read_to_string("/proc/net/unix").expect("readable");
            // The one that is listened on, and one that has connected.
            sockets.lines().filter(|line| line.contains(&directory)).count() == 2
        });
        drop(agent);
        let output = caller.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_has_changed_is_seen_at_once() {
    let user = WithProvider::signed_in().await;
    let token = user.home.prints(&["token"]);
    user.home.prints(&["--no-agent", "refresh"]);
    assert_ne!(user.home.prints(&["token"]), token);
    user.home.prints(&["--no-agent", "logout"]);
    assert_eq!(user.home.run(&["token"]).code, 3);
    user.sign_in("ua");
    user.home.prints(&["token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_066_the_agent_leaves_no_core_and_has_no_secret_in_its_arguments_or_environment() {
    let user = WithProvider::signed_in().await;
    let token = user.home.prints(&["token"]);
    let process = std::path::PathBuf::from("/proc").join(agent_pid(&user.home));
    let limits = std::fs::read_to_string(process.join("limits")).expect("readable");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    for name in ["cmdline", "environ"] {
        let text = std::fs::read(process.join(name)).expect("readable");
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains(&token) && !text.contains("the password"), "{name}");
    }
}

/// What listens in the agent's place and gives each caller the same answer, until a signal ends it.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stranger(home: &Home, answer: &str) -> Stranger {
    let script = "import os, socket, sys
path, answer = sys.argv[1], bytes.fromhex(sys.argv[2])
if os.path.exists(path): os.remove(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o600)
server.listen(8)
print('listening', flush=True)
while True:
    caller, _ = server.accept()
    caller.recv(4096)
    caller.sendall(answer)
    caller.close()
";
    let socket = home.path("run/freshkey/agent.sock");
    let mut python = home.command("python3");
    let mut stranger = python.args(["-c", script]).arg(&socket).arg(answer).stdout(Stdio::piped()).spawn().expect("python3 is installed");
    let mut line = [0; 9];
    stranger.stdout.as_mut().expect("piped").read_exact(&mut line).expect("it listens");
    Stranger(stranger)
}

#[tokio::test(flavor = "multi_thread")]
async fn t_100_an_agent_that_speaks_otherwise_is_ended_and_replaced() {
    let user = WithProvider::signed_in().await;
    let token = user.home.prints(&["token"]);
    user.home.prints(&["agent", "stop"]);
    // An agent of another release, for whom every request is of another form.
    let said = "the agent is of another release";
    let body: Vec<u8> = [&[8, u8::try_from(said.len()).expect("short"), 0], said.as_bytes(), &[0, 0]].concat();
    let frame: Vec<u8> = [&u32::try_from(body.len()).expect("short").to_le_bytes(), &*body].concat();
    let mut other = stranger(&user.home, &frame.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let refused = user.home.run(&["token"]);
    assert!(refused.code == 8 && refused.stderr.contains("another release"), "{}", refused.stderr);
    user.home.prints(&["agent", "stop"]);
    assert!(!other.0.wait().expect("it ended").success(), "by a signal");
    assert_eq!(user.home.prints(&["token"]), token);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_answers_nothing_is_ended_by_stop_and_replaced_by_the_next_caller() {
    let user = WithProvider::signed_in().await;
    let token = user.home.prints(&["token"]);
    user.home.prints(&["agent", "stop"]);
    let mut silent = stranger(&user.home, "");
    assert!(user.home.prints(&["--json", "agent", "stop"]).contains("true"));
    assert!(!silent.0.wait().expect("it ended").success(), "by a signal");
    let silent = stranger(&user.home, "");
    assert_eq!(user.home.prints(&["token"]), token);
    drop(silent);
    assert_eq!(user.home.prints(&["token"]), token);
}
