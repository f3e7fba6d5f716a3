//! An application that says what it got: method, target, and every header line. Some of its paths stream.

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};

type Body = BoxBody<Bytes, hyper::Error>;

pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    events: broadcast::Sender<String>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let events = broadcast::Sender::new(16);
        let sender = events.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let (count, events) = (Arc::clone(&count), sender.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    count.fetch_add(1, Ordering::SeqCst);
                    let events = events.subscribe();
                    async move { Ok::<_, Infallible>(answer(request, events).await) }
                });
                tokio::spawn(async move {
                    auto::Builder::new(TokioExecutor::new()).serve_connection_with_upgrades(TokioIo::new(stream), service).await
                });
            }
        });
        Self { address, requests, events }
    }

    /// Sends something to everybody who listens to events.
    pub(crate) fn send(&self, event: &str) {
        self.events.send(event.to_owned()).expect("somebody listens");
    }
}

async fn answer(request: Request<Incoming>, events: broadcast::Receiver<String>) -> Response<Body> {
    match request.uri().path() {
        "/api/events" => Response::new(Events::of(events).boxed()),
        "/api/echo" => Response::new(request.into_body().boxed()),
        "/api/socket" => socket(request),
        "/api/grpc" => {
            let mut trailers = hyper::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().expect("a value"));
            let body = say(request).await.with_trailers(std::future::ready(Some(Ok(trailers))));
            Response::new(body.map_err(|never| match never {}).boxed())
        }
        _ => Response::new(say(request).await.map_err(|never| match never {}).boxed()),
    }
}

/// Takes the connection over, and says everything back.
fn socket(request: Request<Incoming>) -> Response<Body> {
    tokio::spawn(async move {
        let stream = hyper::upgrade::on(request).await.expect("upgraded");
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(stream));
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    let mut response = Response::new(Full::default().map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", "upgrade".parse().expect("a value"));
    response.headers_mut().insert("upgrade", "websocket".parse().expect("a value"));
    response
}

/// One event at once, and then those that are sent. It never ends.
struct Events(mpsc::UnboundedReceiver<String>);

impl Events {
    fn of(mut events: broadcast::Receiver<String>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send("data: 1\n\n".to_owned()).expect("open");
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                let _ = sender.send(event);
            }
        });
        Self(receiver)
    }
}

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(Bytes::from(event)))))
    }
}

async fn say(request: Request<Incoming>) -> Full<Bytes> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let lines = parts.headers.iter().map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
    let said = json!({
        "method": parts.method.as_str(), "target": parts.uri.path_and_query().map(|target| target.as_str()),
        "headers": lines.collect::<Value>(), "body": String::from_utf8_lossy(&body), "authority": parts.uri.authority().map(|authority| authority.as_str()), "version": format!("{:?}", parts.version),
    });
    Full::new(Bytes::from(said.to_string()))
}
