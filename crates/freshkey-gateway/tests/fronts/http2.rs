//! The rows of the table that can be said in HTTP/2, said so: there a path is a pseudo header, and what a proxy makes of it on the way to HTTP/1.1 is one more
//! place to disagree.

use super::caller::Answers;
use super::case::{Case, Expected, HOST};
use super::cases;
use super::join_all;
use super::stage::{Front, Stage};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;

type Sender = SendRequest<Empty<Bytes>>;

/// Fewer rows mean that some have been lost.
const ROWS_MIN: usize = 400;

/// The request of a case, if HTTP/2 has words for it: no body, no headers about the connection, nothing twice that may not be.
fn translated(case: &Case) -> Option<Request<Empty<Bytes>>> {
    let text = std::str::from_utf8(&case.bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if !body.is_empty() || !target.starts_with('/') || target.contains('#') || words.next() != Some("HTTP/1.1") || words.next().is_some() {
        return None;
    }
    let mut request = Request::builder().method(method).uri(format!("http://{HOST}{target}"));
    let mut hosts = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "connection" if value.trim() == "close" => {}
            "host" if value.trim() == HOST => hosts += 1,
            "connection" | "host" | "content-length" | "te" | "expect" | "upgrade" => return None,
            _ => request = request.header(name, value.trim()),
        }
    }
    request.body(Empty::new()).ok().filter(|_| hosts == 1)
}

async fn connect(address: SocketAddr) -> Sender {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

/// The answer; none where the front breaks the connection or the stream.
async fn send(sender: &mut Sender, request: Request<Empty<Bytes>>) -> Option<Answers> {
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let lines: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    let text = format!("HTTP/1.1 {}\r\n{}\r\n\r\n{}", head.status.as_u16(), lines.join("\r\n"), String::from_utf8_lossy(&body));
    Some(Answers::of(text))
}

async fn play_at(front: Front) -> Vec<String> {
    let stage = Stage::in_http2(front).await;
    let cases: Vec<Case> = cases::all(&stage.provider).into_iter().filter(|case| translated(case).is_some()).collect();
    assert!(cases.len() >= ROWS_MIN, "{} rows", cases.len());
    let mut sender = connect(stage.address).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let (Some(request), Some(again)) = (translated(case), translated(case)) else { continue };
        let mut answer = send(&mut sender, request).await;
        if answer.is_none() && case.expected == Expected::Passed {
            // The front has closed the connection after the one before.
            sender = connect(stage.address).await;
            answer = send(&mut sender, again).await;
        }
        if answer.is_none() || !sender.is_ready() {
            sender = connect(stage.address).await;
        }
        // No answer is a no.
        let case = Case {
            expected: if answer.is_none() && case.expected != Expected::Passed { Expected::Unreached } else { case.expected },
            ..case.clone()
        };
        wrong.extend(stage.judge(&case, &answer.unwrap_or_default()).err());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_069_nothing_gets_past_in_http2_behind_any_front() {
    let wrong = join_all(Front::ALL.map(play_at)).await.concat();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
