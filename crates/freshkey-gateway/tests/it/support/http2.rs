//! A client of HTTP/2 in clear, as Envoy and gRPC speak it.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;

pub(crate) struct Http2(SendRequest<Full<Bytes>>);

pub(crate) struct Http2Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    pub(crate) grpc_status: String,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn post(&mut self, path: &str, authority: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Http2Answer {
        let mut request = Request::post(format!("http://{authority}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.send_request(request.body(Full::new(Bytes::from(body))).expect("a request")).await.expect("answered");
        let (status, headers) = (response.status(), response.headers().clone());
        let collected = response.into_body().collect().await.expect("whole");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let grpc_status = trailers.get("grpc-status").or_else(|| headers.get("grpc-status"));
        let grpc_status = grpc_status.map_or_else(String::new, |value| value.to_str().expect("a text").to_owned());
        Http2Answer { status, body: collected.to_bytes().to_vec(), grpc_status }
    }
}
