//! HTTP/2 and gRPC through the reverse proxy.

use crate::proxy::{CONFIGURATION, values};
use crate::support::{Application, Gateway, Http2, Provider};

#[tokio::test]
async fn a_call_of_grpc_passes_with_its_trailers() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let configuration = CONFIGURATION.replace("url = \"http://{application}\"", "url = \"http://{application}\", protocol = \"http2\"");
    let gateway = Gateway::start(&configuration, &provider, &application).await;
    let bearer = format!("Bearer {}", provider.token());
    let mut client = Http2::connect(gateway.proxy()).await;
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/grpc"), ("te", "trailers"), ("x-freshkey-subject", "root")];
    let answer = client.post("/api/grpc", "api.test", &headers, b"message".to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.grpc_status.as_str()), (200, "0"));
    let seen = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(values(&seen, "te"), ["trailers"]);
    assert_eq!((seen["authority"].as_str(), values(&seen, "host")), (Some("api.test"), vec!["api.test".to_owned()]), "one host");
    assert_eq!(values(&seen, "x-freshkey-subject"), ["u1"]);
    assert_eq!((seen["version"].as_str(), seen["body"].as_str()), (Some("HTTP/2.0"), Some("message")));
    let answer = client.post("/api/grpc", "api.test", &headers[1..], Vec::new()).await;
    assert_eq!(answer.status.as_u16(), 401);
}

#[tokio::test]
async fn t_069_the_authority_and_a_host_of_http2_must_agree() {
    let (provider, application) = (Provider::start().await, Application::start().await);
    let gateway = Gateway::start(CONFIGURATION, &provider, &application).await;
    let mut client = Http2::connect(gateway.proxy()).await;
    let answer = client.post("/health", "api.test", &[("host", "other.test")], Vec::new()).await;
    assert_eq!(answer.status.as_u16(), 400);
    let answer = client.post("/health", "api.test", &[("host", "api.test")], Vec::new()).await;
    assert_eq!(answer.status.as_u16(), 200);
    let answer = client.post("/health/%2e%2e/api", "api.test", &[], Vec::new()).await;
    assert_eq!(answer.status.as_u16(), 400);
}
