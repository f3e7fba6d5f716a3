//! The unit of the agent, as systemd itself reads it.

use super::clients::tool;
use crate::with_provider::WithProvider;
use freshkey_testkit::home::Home;

fn verified(home: &Home) -> String {
    let unit = home.path(".config/systemd/user/freshkey-agent.service");
    let mut command = home.command(tool("systemd-analyze"));
    let output = command.args(["--user", "--man=no", "verify"]).arg(&unit).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_has_nothing_to_say_against_the_unit() {
    let user = WithProvider::signed_in().await;
    let unit = user.home.path(".config/systemd/user/freshkey-agent.service");
    let told = user.home.run(&["setup", "systemd"]);
    assert!(told.code == 0 && told.stderr.contains("systemctl --user daemon-reload"), "{}", told.stderr);
    assert_eq!(verified(&user.home), "");
    let credential = user.home.path("freshkey 100%.cred").display().to_string();
    user.home.prints(&["setup", "systemd", "--credential", &credential]);
    assert_eq!(verified(&user.home), "");
    let text = std::fs::read_to_string(&unit).expect("there");
    assert!(text.contains(&format!("LoadCredentialEncrypted=freshkey:{}\n", credential.replace('%', "%%"))), "{text}");
    assert!(text.contains("agent serve\n"), "{text}");

    // What its unit says is what runs: the commands, one after the other, as systemd would.
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
    assert_eq!(commands.len(), 1, "{text}");
    user.home.prints(&["unset", "systemd"]);
    assert!(!unit.exists());

    std::fs::write(&unit, "[Service]\nExecStart=/bin/true\n").expect("written");
    let refused = user.home.run(&["setup", "systemd"]);
    assert!(refused.code == 2 && refused.stderr.contains("not one of ours"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_a_unit_would_be_seen() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["setup", "systemd"]);
    let unit = user.home.path(".config/systemd/user/freshkey-agent.service");
    let text = std::fs::read_to_string(&unit).expect("there").replace("RestartPreventExitStatus", "RestartPreventExitStatuses");
    std::fs::write(&unit, text).expect("written");
    assert!(verified(&user.home).contains("RestartPreventExitStatuses"));
}
