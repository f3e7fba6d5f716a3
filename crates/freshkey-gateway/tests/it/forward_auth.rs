//! The endpoint that other proxies ask.

use crate::support::{Application, Gateway, Provider, ask};

const FRONT: &str = "[forward_auth]\nlisten = \"127.0.0.1:0\"\nheaders = \"x-original\"\n[management]";

#[tokio::test]
async fn a_proxy_is_told_whether_and_who() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let configuration =
        crate::proxy::CONFIGURATION.replace("[management]", FRONT).replace("trusted_proxies = []", "trusted_proxies = [\"127.0.0.1\"]");
    let gateway = Gateway::start(&configuration, &provider, &application).await;
    let address = gateway.service.addresses.forward_auth.expect("an endpoint");
    let bearer = format!("Bearer {}", provider.token());
    let described = [("X-Original-Method", "GET"), ("X-Original-Host", "api.test"), ("X-Original-URI", "/api/whoami")];
    let mut good = described.to_vec();
    good.push(("Authorization", bearer.as_str()));
    let answer = ask(address, "GET", "/", "gateway", &good).await;
    assert_eq!((answer.status, answer.header("x-freshkey-subject")), (200, Some("u1")), "{answer:?}");
    let answer = ask(address, "GET", "/", "gateway", &described).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}
