//! The endpoint that Envoy asks.

use crate::support::{Application, Gateway, Http2, Provider};
use freshkey_gateway::fronts::ext_authz::{
    AttributeContext, AttributeRequest, CheckRequest, CheckResponse, HeaderEntry, HeaderList, HttpRequest, HttpResponse,
};
use prost::Message as _;
use std::collections::HashMap;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

async fn gateway(trusted: &str) -> (Gateway, Provider, Application) {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let front = "[ext_authz]\nlisten = \"127.0.0.1:0\"\n[management]";
    let configuration = crate::proxy::CONFIGURATION
        .replace("[management]", front)
        .replace("trusted_proxies = []", &format!("trusted_proxies = [{trusted}]"));
    let gateway = Gateway::start(&configuration, &provider, &application).await;
    (gateway, provider, application)
}

fn question(path: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let headers: HashMap<String, String> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = HttpRequest { method: "GET".to_owned(), path: path.to_owned(), host: "api.test".to_owned(), headers, header_map: None };
    CheckRequest { attributes: Some(AttributeContext { request: Some(AttributeRequest { http: Some(http) }) }) }
}

/// The answer, and the status of gRPC.
async fn check(gateway: &Gateway, question: &[u8]) -> (Option<CheckResponse>, String) {
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(question.len()).expect("short").to_be_bytes());
    body.extend_from_slice(question);
    let address = gateway.service.addresses.ext_authz.expect("an endpoint");
    let answer =
        Http2::connect(address).await.post(CHECK, "gateway", &[("content-type", "application/grpc"), ("te", "trailers")], body).await;
    let message = answer.body.get(5..).and_then(|message| CheckResponse::decode(message).ok()).filter(|_| answer.body.len() > 5);
    (message, answer.grpc_status)
}

async fn code(gateway: &Gateway, question: &CheckRequest) -> i32 {
    let (message, status) = check(gateway, &question.encode_to_vec()).await;
    assert_eq!(status, "0");
    message.and_then(|message| message.status).expect("a verdict").code
}

#[tokio::test]
async fn envoy_is_told_whether_and_who() {
    let (gateway, provider, _application) = gateway("\"127.0.0.1\"").await;
    let bearer = format!("Bearer {}", provider.token());
    let (message, status) =
        check(&gateway, &question("/api/whoami?a=b", &[("authorization", &bearer), (":path", "/x")]).encode_to_vec()).await;
    assert_eq!(status, "0");
    let message = message.expect("a message");
    assert_eq!(message.status.expect("a verdict").code, 0);
    let Some(HttpResponse::Ok(response)) = message.http_response else { panic!("no yes") };
    let header = |name: &str| {
        let found = response.headers.iter().filter_map(|option| option.header.as_ref().map(|header| (header, option.append_action)));
        found.filter(|(header, action)| header.key == name && *action == 2).map(|(header, _)| header.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(header("x-freshkey-subject"), ["u1"]);
    assert_eq!(header("x-freshkey-assertion").len(), 1);
    assert!(matches!(header("x-request-id").as_slice(), [id] if id.len() == 32));
    assert_eq!(response.headers_to_remove, ["authorization"]);
    let (message, _) = check(&gateway, &question("/api/whoami", &[]).encode_to_vec()).await;
    let message = message.expect("a message");
    assert_eq!(message.status.expect("a verdict").code, 16);
    let Some(HttpResponse::Denied(response)) = message.http_response else { panic!("no no") };
    assert_eq!((response.status.expect("a status").code, response.body.as_str()), (401, r#"{"error":"unauthorized"}"#));
    assert!(response.headers.iter().any(|option| option.header.as_ref().is_some_and(|header| header.key == "www-authenticate")));
    assert_eq!(code(&gateway, &question("/health", &[])).await, 0);
}

#[tokio::test]
async fn t_072_whatever_is_wrong_with_envoys_question_the_answer_is_no() {
    let (gateway, provider, _application) = gateway("\"127.0.0.1\"").await;
    let bearer = format!("Bearer {}", provider.token());
    let good = question("/api/whoami", &[("authorization", &bearer)]);
    assert_eq!(code(&gateway, &good).await, 0);
    let changed = |change: &dyn Fn(&mut HttpRequest)| {
        let mut question = good.clone();
        change(question.attributes.as_mut().and_then(|all| all.request.as_mut()).and_then(|request| request.http.as_mut()).expect("there"));
        question
    };
    let entry = |key: &str, value: &str| HeaderEntry { key: key.to_owned(), value: value.to_owned(), raw_value: Vec::new() };
    let cases = [
        CheckRequest::default(),
        CheckRequest { attributes: Some(AttributeContext::default()) },
        changed(&|http| http.path = String::new()),
        changed(&|http| http.path = "/health/../api".to_owned()),
        changed(&|http| http.path = "/%61pi/whoami".to_owned()),
        changed(&|http| http.path = "/api/whoami#x".to_owned()),
        changed(&|http| http.host = String::new()),
        changed(&|http| http.host = "other.test".to_owned()),
        changed(&|http| http.method = String::new()),
        changed(&|http| http.method = "get".to_owned()),
        changed(&|http| drop(http.headers.insert("x-freshkey-subject".to_owned(), "root".to_owned()))),
        changed(&|http| drop(http.headers.insert("x_freshkey_subject".to_owned(), "root".to_owned()))),
        changed(&|http| drop(http.headers.insert("x-http-method-override".to_owned(), "DELETE".to_owned()))),
        changed(&|http| drop(http.headers.insert("authorization".to_owned(), format!("{bearer},{bearer}")))),
        changed(&|http| drop(http.headers.insert("authorization".to_owned(), "Bearer x\r\ny".to_owned()))),
        changed(&|http| http.header_map = Some(HeaderList { headers: vec![entry("authorization", &bearer)] })),
    ];
    for question in cases {
        assert!([7, 16].contains(&code(&gateway, &question).await), "{question:?}");
    }
    let (message, status) = check(&gateway, b"\xff\xff\xff").await;
    assert_eq!((message, status.as_str()), (None, "3"));
}

#[tokio::test]
async fn t_070_an_envoy_that_is_not_listed_is_told_no() {
    let (gateway, provider, _application) = gateway("\"10.0.0.1\"").await;
    let bearer = format!("Bearer {}", provider.token());
    assert_eq!(code(&gateway, &question("/api/whoami", &[("authorization", &bearer)])).await, 7);
    assert_eq!(code(&gateway, &question("/health", &[])).await, 7);
}
