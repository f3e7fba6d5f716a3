//! curl, and whatever else a shell starts: the token goes through a pipe, where nobody sees it.

use super::SignedIn;
use super::server::{Reply, TestServer};
use super::tools::{prints, tool};

/// The command lines of all processes that can be seen.
fn command_lines() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("there").filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

#[test]
fn t_066_curl_sends_the_token_and_no_command_line_has_it() {
    let user = SignedIn::new();
    let token = user.token();
    let canary = token.clone();
    // While curl waits for the answer, every process that took part is still there or has been.
    let server = TestServer::start(move |_| {
        let seen = command_lines();
        let is_curl_there = seen.iter().any(|line| line.contains("curl") && line.contains("--cacert"));
        let leaks = seen.iter().filter(|line| line.contains(&canary)).count();
        Reply::ok("text/plain", format!("curl is there: {is_curl_there}, leaks: {leaks}\n"))
    });
    for command in [
        "freshkey token --header | curl --silent --show-error --header @- --cacert \"$CA\" \"$URL\"",
        "curl --silent --show-error --header @<(freshkey token --header) --cacert \"$CA\" \"$URL\"",
    ] {
        let mut shell = tool(&user.home, "bash");
        shell.args(["-c", command]).env("CA", server.ca_file()).env("URL", server.url());
        assert_eq!(prints(&mut shell), "curl is there: true, leaks: 0\n", "{command}");
        assert_eq!(server.last_authorization(), format!("Bearer {token}"));
    }
}

#[test]
fn t_066_no_example_of_ours_puts_a_token_on_a_command_line() {
    let user = SignedIn::new();
    for arguments in [&["--help"][..], &["token", "--help"], &["exec", "--help"]] {
        let help = user.home.prints(arguments);
        assert!(!help.contains("$(freshkey token") && !help.contains("Bearer $"), "{help}");
    }
}
