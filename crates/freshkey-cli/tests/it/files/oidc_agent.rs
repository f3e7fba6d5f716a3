//! oidc-agent's own Python client, talking to our socket.

use super::clients::{printed, python, wait_until};
use crate::with_provider::WithProvider;
use serde_json::{Value, json};

fn asking(user: &WithProvider, script: &str) -> std::process::Command {
    let mut command = python(&user.home, &format!("import json, liboidcagent as agent\n{script}"));
    command.env("OIDC_SOCK", user.home.path("run/freshkey/oidc-agent.sock"));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_oidc_agent_gets_tokens_by_account_and_by_issuer() {
    let user = WithProvider::signed_in().await;
    let told = user.home.run(&["setup", "oidc-agent"]);
    assert!(told.code == 0 && told.stderr.contains("export OIDC_SOCK="), "{}", told.stderr);
    let token = user.home.prints(&["token"]);
    let issuer = user.provider.issuer();
    let script = "print(agent.get_access_token('ua'))";
    assert_eq!(printed(asking(&user, script)), token);
    let script = format!("print(json.dumps(agent.get_token_response_by_issuer_url('{issuer}', 60, 'a test', 'openid')))");
    let answer: Value = serde_json::from_str(&printed(asking(&user, &script))).expect("JSON");
    let expires_at: i64 = user.home.prints(&["token", "--field", "expires_at"]).parse().expect("a number");
    assert_eq!(answer, json!([token, issuer, expires_at]));
    let script = "from liboidcagent import liboidcagent as whole\nprint(whole.get_configured_accounts())";
    assert_eq!(printed(asking(&user, script)), "['ua']");
    // One that the client has to read in parts.
    let long = "x".repeat(16 * 1024);
    user.provider.say_in_replies(json!({ "access_token": long }));
    user.home.prints(&["refresh"]);
    assert_eq!(printed(asking(&user, "print(agent.get_access_token('ua'))")), long);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_oidc_agent_is_told_what_is_wrong() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["setup", "oidc-agent"]);
    for (call, expected) in [
        ("get_access_token('nobody')", "No account configured with that short name\nrun `freshkey setup oidc-agent --profile NAME`"),
        ("get_access_token('ua', scope='admin')", "the token of ua was not granted the scope admin"),
        ("get_access_token_by_issuer_url('https://other.example')", "No account configured for that issuer"),
        ("get_mytoken('ua')", "freshkey has no answer to the request mytoken"),
    ] {
        let script = format!("try:\n    agent.{call}\nexcept agent.OidcAgentError as error:\n    print(error)");
        assert!(printed(asking(&user, &script)).starts_with(expected), "{call}");
    }
    user.home.prints(&["unset", "oidc-agent"]);
    wait_until("its end", || !user.home.path("run/freshkey/oidc-agent.sock").exists());
    let script = "try:\n    agent.get_access_token('ua')\nexcept agent.OidcAgentConnectError as error:\n    print('no agent')";
    assert_eq!(printed(asking(&user, script)), "no agent");
}
