//! What is in the log of the program, at its most talkative.

use crate::support::{Application, Provider, ask, claims};
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn t_054_no_token_is_in_the_log_of_the_gateway_at_trace() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("gateway.toml");
    let configuration = crate::proxy::CONFIGURATION
        .replace("{provider}", &provider.address.to_string())
        .replace("{application}", &application.address.to_string())
        .replace("allow = \"authenticated\"", "allow = \"authenticated\"\ns3_credentials = true");
    std::fs::write(&path, configuration.replace("name = \"api\"", "name = \"api\"\npass_token = true")).expect("written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_freshkey-gateway"));
    program.args(["serve", "--log-level", "trace", "--log-format", "json", "--config"]).arg(&path).stderr(Stdio::piped());
    let mut program = program.spawn().expect("run");
    let mut log = BufReader::new(program.stderr.take().expect("a log"));
    let mut said = String::new();
    let proxy: SocketAddr = loop {
        let mut line = String::new();
        let read = log.read_line(&mut line).expect("readable");
        assert!(read > 0, "{said}");
        said.push_str(&line);
        let record: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        if let Some(address) = record["proxy"].as_str() {
            break address.parse().expect("an address");
        }
    };
    let reading = std::thread::spawn(move || {
        let mut rest = String::new();
        log.read_to_string(&mut rest).expect("readable");
        rest
    });
    let mut all = claims(&provider);
    all["exp"] = json!(9_000_000_000_i64);
    all["iat"] = json!(1);
    let good = provider.sign(&all);
    let expired = {
        all["exp"] = json!(5);
        provider.sign(&all)
    };
    let bad = format!("{}x{}", &good[..good.len() - 20], &good[good.len() - 19..]);
    let tokens = [good.clone(), expired, bad];
    for token in &tokens {
        let bearer = format!("Bearer {token}");
        ask(proxy, "GET", "/api/whoami", "api.test", &[("Authorization", &bearer)]).await;
        ask(proxy, "GET", &format!("/api/whoami?access_token={token}"), "api.test", &[("Authorization", &bearer)]).await;
        ask(proxy, "GET", &format!("/nowhere/{token}"), "api.test", &[]).await;
        let s3 = format!("AWS4-HMAC-SHA256 Credential={token}/20260101/eu/s3/aws4_request, SignedHeaders=host, Signature=00");
        ask(proxy, "GET", "/api/bucket", "api.test", &[("Authorization", &s3)]).await;
        ask(proxy, "GET", "/api/bucket", "api.test", &[("Authorization", &format!("Basic {token}"))]).await;
        ask(proxy, "GET", "/api/x%0aINFO%20forged", "api.test", &[("X-Forwarded-For", "forged\x1b[31m")]).await;
    }
    program.kill().expect("ended");
    program.wait().expect("ended");
    said.push_str(&reading.join().expect("read"));
    assert!(said.contains("\"refused\"") && said.contains("\"reason\":\"expired\"") && said.contains("\"allowed\""), "{said}");
    for token in &tokens {
        // The header is the same in every token, and says nothing.
        let secret = &token[token.find('.').expect("a token")..];
        for slice in secret.as_bytes().chunks(12).filter(|slice| slice.len() == 12) {
            let slice = std::str::from_utf8(slice).expect("ASCII");
            let line = said.lines().find(|line| line.contains(slice));
            assert_eq!(line, None, "{slice}");
        }
    }
    for line in said.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "one record a line: {line}");
    }
}
