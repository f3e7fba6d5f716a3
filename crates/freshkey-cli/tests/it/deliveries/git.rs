//! git, old and new.

use super::SignedIn;
use super::server::{Asked, Reply, TestServer};
use super::tools::{complains, freshkey, prints, tool};
use std::io::Write as _;
use std::process::{Command, Stdio};

const COMMIT: &str = "1234567890abcdef1234567890abcdef12345678";
/// A git that knows `authtype`: 2.46 or later.
const NEW: &str = "git-with-authtype";
/// Whatever the machine has.
const ANY: &str = "git";

/// A host with one repository, for those who show anything.
fn host(challenge: &'static str) -> TestServer {
    TestServer::start(answer(challenge))
}

pub(super) fn answer(challenge: &'static str) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| {
        if asked.header("authorization").is_empty() {
            return Reply::unauthorized(challenge);
        }
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let head = line(&format!("{COMMIT} refs/heads/main\0agent=test\n"));
        let body = format!("{}0000{head}0000", line("# service=git-upload-pack\n"));
        Reply::ok("application/x-git-upload-pack-advertisement", body)
    }
}

/// Lists the references of a host's repository. Nobody is there to be asked for a password.
fn ls_remote(user: &SignedIn, git: &str, host: &TestServer) -> Command {
    let mut command = tool(&user.home, git);
    command.args(["ls-remote", &format!("{}/team/data.git", host.url())]);
    command.env("GIT_SSL_CAINFO", host.ca_file()).env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

fn set_up(user: &SignedIn, host: &TestServer) -> String {
    prints(freshkey(&user.home, &["setup", "git", &host.url()]).env("GIT_CONFIG_NOSYSTEM", "1"))
}

#[test]
fn git_sends_the_token_in_the_way_that_it_and_its_host_know() {
    let user = SignedIn::new();
    let (bearer, basic) = (user.bearer(), user.basic("oauth2"));
    for (git, challenge, expected) in
        [(NEW, "Bearer realm=\"git\"", &bearer), (NEW, "Basic realm=\"GitLab\"", &basic), (ANY, "Basic realm=\"GitLab\"", &basic)]
    {
        let host = host(challenge);
        set_up(&user, &host);
        let listed = prints(&mut ls_remote(&user, git, &host));
        assert_eq!(listed, format!("{COMMIT}\trefs/heads/main\n"));
        assert_eq!(&host.last_authorization(), expected, "{git} {challenge}");
    }
}

#[test]
fn no_other_helper_of_git_ever_sees_the_token() {
    let user = SignedIn::new();
    let settings = "[credential]\n\thelper = store\n[user]\n\tname = Ann\n";
    for git in [NEW, ANY] {
        user.write(".gitconfig", settings);
        let host = host("Basic realm=\"git\"");
        set_up(&user, &host);
        prints(&mut ls_remote(&user, git, &host));
        assert!(!user.home.path(".git-credentials").exists(), "{}", user.file(".git-credentials"));
        prints(&mut freshkey(&user.home, &["unset", "git", &host.url()]));
        assert_eq!(user.file(".gitconfig"), settings);
    }
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn setting_up_shows_what_it_does_does_it_once_and_can_be_tried() {
    let user = SignedIn::new();
    user.write(".gitconfig", "[user]\n\tname = Ann\n");
    let arguments = ["setup", "git", "https://Git.example.org:443/"];
    let tried = prints(&mut freshkey(&user.home, &[&arguments[..], &["--dry-run"]].concat()));
    assert!(tried.contains("set credential.https://git.example.org.helper to !"), "{tried}");
    assert!(tried.ends_with("nothing was changed: this is a dry run\n"), "{tried}");
    assert_eq!((user.file(".gitconfig").as_str(), user.supplied().len()), ("[user]\n\tname = Ann\n", 0));
    let done = prints(&mut freshkey(&user.home, &arguments));
    assert_eq!(tried.lines().take(2).collect::<Vec<_>>(), done.lines().collect::<Vec<_>>());
    let settings = user.file(".gitconfig");
    assert!(settings.contains("\thelper = \n\thelper = !"), "{settings}");
    assert_eq!(prints(&mut freshkey(&user.home, &arguments)), "everything is as it should be already\n");
    assert_eq!(user.file(".gitconfig"), settings);
    assert_eq!(user.supplied(), ["supplied: git for https://git.example.org (ua)"]);
    prints(&mut freshkey(&user.home, &["unset", "git"]));
    assert_eq!((user.file(".gitconfig").as_str(), user.supplied().len()), ("[user]\n\tname = Ann\n", 0));
    let again = user.home.run(&["unset", "git"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
}

#[test]
fn a_helper_of_somebody_else_stays() {
    let user = SignedIn::new();
    let settings = "[credential \"https://git.example.org\"]\n\thelper = cache\n";
    user.write(".gitconfig", settings);
    let said = complains(&mut freshkey(&user.home, &["setup", "git", "https://git.example.org"]));
    assert!(said.contains("has a helper for https://git.example.org already: cache"), "{said}");
    assert_eq!((user.file(".gitconfig").as_str(), user.supplied().len()), (settings, 0));
}

#[test]
fn t_063_git_gets_nothing_for_another_host() {
    let user = SignedIn::new();
    let (ours, other) = (host("Basic realm=\"git\""), host("Basic realm=\"git\""));
    set_up(&user, &ours);
    // Even a git that is told to ask us for every host learns nothing.
    let helper = user.file(".gitconfig").lines().find_map(|line| line.split_once("helper = !").map(|(_, helper)| helper.to_owned()));
    let helper = format!("!{}", helper.expect("set up"));
    prints(tool(&user.home, ANY).args(["config", "--global", "credential.helper", &helper]));
    for git in [NEW, ANY] {
        prints(&mut ls_remote(&user, git, &ours));
        complains(&mut ls_remote(&user, git, &other));
        assert!(other.authorizations().iter().all(String::is_empty), "{:?}", other.authorizations());
    }
}

#[test]
fn t_063_the_helper_says_nothing_to_questions_that_are_not_exactly_right() {
    let user = SignedIn::new();
    prints(&mut freshkey(&user.home, &["setup", "git", "https://git.example.org:8443"]));
    let ask = |question: &str| {
        let mut command = user.home.freshkey(&["credential", "git", "--profile", "ua", "get"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        child.stdin.take().expect("piped").write_all(question.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), [output.stdout, output.stderr].concat())
    };
    let (code, answer) = ask("protocol=https\nhost=git.example.org:8443\n\n");
    assert!(code == Some(0) && answer.starts_with(b"username=oauth2\npassword=ey"), "the exact question has an answer");
    for question in [
        "protocol=https\nhost=git.example.org\n",
        "protocol=http\nhost=git.example.org:8443\n",
        "protocol=https\nhost=git.example.org:8444\n",
        "protocol=https\nhost=git.example.org:8443.evil.example\n",
        "protocol=https\nhost=evil.example:8443\n",
        "protocol=https\nhost=git.example.org:8443\r\n",
        "protocol=https\nhost=git.example.org:8443\0\n",
        "protocol=https\nhost=git.example.org:8443\0.evil.example\n",
        "protocol=https\nhost=evil.example\nhost=git.example.org:8443\n",
        "protocol=https\nhost=git.example.org:8443\nhost=evil.example\n",
        "protocol=https\nhost=ann@git.example.org:8443\n",
        "protocol=https\nhost=git%2eexample.org:8443\n",
        "protocol=https\nhost=git.example.org:08443\n",
        "",
    ] {
        assert_eq!(ask(question), (Some(0), Vec::new()), "{question:?}");
    }
}

#[test]
fn who_is_signed_out_is_told_so_and_not_asked_for_a_password() {
    let user = SignedIn::new();
    let host = host("Basic realm=\"git\"");
    set_up(&user, &host);
    user.home.prints(&["logout"]);
    for git in [NEW, ANY] {
        let said = complains(&mut ls_remote(&user, git, &host));
        assert!(said.contains("freshkey: nobody is signed in to the profile ua; run `freshkey login ua`"), "{said}");
        assert!(!said.contains("could not read Username"), "{said}");
    }
    assert!(host.authorizations().iter().all(String::is_empty));
}

#[test]
fn a_profile_goes_only_when_nothing_asks_for_its_tokens_any_more() {
    let user = SignedIn::new();
    prints(&mut freshkey(&user.home, &["setup", "git", "https://git.example.org"]));
    user.home.prints(&["logout"]);
    let refused = user.home.run(&["profiles", "remove", "ua"]);
    assert!(refused.code == 2 && refused.stderr.contains("run `freshkey unset git --profile ua` first"), "{}", refused.stderr);
    prints(&mut freshkey(&user.home, &["unset", "git", "--profile", "ua"]));
    user.home.prints(&["profiles", "remove", "ua"]);
}

#[test]
fn a_host_is_supplied_with_the_tokens_of_one_profile() {
    let user = SignedIn::new();
    let profiles = user.file(".config/freshkey/profiles.toml");
    user.write(
        ".config/freshkey/profiles.toml",
        &format!("{profiles}\n[profiles.lab]\nissuer = \"https://sso.example\"\nclient_id = \"lab\"\n"),
    );
    prints(&mut freshkey(&user.home, &["setup", "git", "https://git.example.org", "--profile", "ua"]));
    let before = user.file(".gitconfig");
    let said = complains(&mut freshkey(&user.home, &["setup", "git", "https://git.example.org", "--profile", "lab"]));
    assert!(said.contains("run `freshkey unset git --profile ua` first"), "{said}");
    assert_eq!(user.file(".gitconfig"), before);
}
