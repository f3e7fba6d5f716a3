//! `explain`: which rule, which claim, why.

use crate::support::{Application, Gateway, Provider, claims};
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The program has the machine's clock, so tokens here are of today.
async fn explain(gateway: &Gateway, token: Option<&str>, method: &str, url: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshkey-gateway"));
    command.arg("explain").arg("--config").arg(gateway.configuration());
    if token.is_some() {
        command.args(["--token-file", "-"]);
    }
    command.args([method, url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("run");
    if let Some(token) = token {
        child.stdin.as_mut().expect("an input").write_all(token.as_bytes()).expect("written");
    }
    drop(child.stdin.take());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().expect("ended")).await.expect("joined");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_which_rule_which_claim_and_why() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(crate::proxy::CONFIGURATION, &provider, &application).await;
    let mut all = claims(&provider);
    all["exp"] = json!(9_000_000_000_i64);
    all["iat"] = json!(1);
    let token = provider.sign(&all);
    let said = explain(&gateway, Some(&token), "GET", "https://api.test/api/whoami?x").await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    for line in ["rule         everything else (/api/**)", "asks for     any valid token", "verdict      allowed"] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    let said = explain(&gateway, Some(&token), "POST", "https://api.test/api/write/x").await;
    assert_eq!(said.code, Some(9), "{}{}", said.out, said.err);
    assert!(said.out.contains("asks for     role any of writer in realm_access.roles: NOT satisfied, it says reader"), "{}", said.out);
    assert!(said.out.contains("verdict      refused: insufficient"), "{}", said.out);
    for (url, reason) in [
        ("https://api.test/api/whoami", "no_credential"),
        ("https://api.test/nowhere", "no_rule"),
        ("https://other.test/", "unknown_host"),
        ("https://api.test/api/../health", "ambiguous_dot_segment"),
        ("https://api.test/health?access_token=x", "token_in_query"),
    ] {
        let said = explain(&gateway, None, "GET", url).await;
        assert_eq!(said.code, Some(9), "{url}: {}", said.err);
        assert!(said.out.ends_with(&format!("verdict      refused: {reason}\n")), "{url}: {}", said.out);
    }
    let expired = {
        all["exp"] = json!(5);
        provider.sign(&all)
    };
    let said = explain(&gateway, Some(&expired), "GET", "https://api.test/api/whoami").await;
    assert!(said.out.contains("refused: expired") && !said.out.contains(&expired) && !said.err.contains(&expired), "{}", said.out);
    assert_eq!(explain(&gateway, None, "GET", "/api").await.code, Some(2));
}
