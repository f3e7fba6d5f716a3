use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Somebody on loopback who says the same to everyone, or nothing.
struct Stranger {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Stranger {
    async fn who_says(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    if let Some(answer) = answer {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    // Until the other end has enough.
                    let _ = stream.read(&mut [0; 1]).await;
                });
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn url(&self, scheme: &str, host: &str) -> FetchedUrl {
        FetchedUrl::parse(&format!("{scheme}://{host}:{}/keys?of=app", self.address.port())).expect("a URL")
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

fn allowing(hosts: &[&str]) -> Outgoing {
    let allowed_hosts = hosts.iter().map(|host| AllowedHost::parse(host).expect("a host")).collect();
    Outgoing::new(&OutgoingSettings { allowed_hosts, ca_file: None }).expect("no files")
}

#[tokio::test]
async fn a_listed_host_is_asked_once() {
    let stranger = Stranger::who_says(answer("200 OK", "", "{}")).await;
    for host in ["127.0.0.1", "localhost"] {
        let fetched = allowing(&["localhost", "127.0.0.1"]).fetch(&stranger.url("http", host)).await.expect("fetched");
        assert_eq!(fetched, "{}");
    }
    assert_eq!(stranger.calls(), 2);
}

#[tokio::test]
async fn t_051_nobody_inside_is_called_who_is_not_listed() {
    let stranger = Stranger::who_says(answer("200 OK", "", "{}")).await;
    let port = stranger.address.port();
    for allowed in [&[][..], &["other.example"], &["localhost:1", "127.0.0.1:1"]] {
        // A name whose address is inside is what a name that was bound anew looks like.
        for (scheme, host) in [
            ("https", "localhost"),
            ("https", "127.0.0.1"),
            ("https", "[::ffff:127.0.0.1]"),
            ("https", "127.1"),
            ("https", "2130706433"),
            ("http", "localhost"),
        ] {
            let outcome = allowing(allowed).fetch(&stranger.url(scheme, host)).await;
            assert!(matches!(outcome, Err(NotFetched::Forbidden(_) | NotFetched::Unreachable(_))), "{scheme} {host}: {outcome:?}");
        }
    }
    assert_eq!(stranger.calls(), 0);
    assert!(allowing(&[&format!("localhost:{port}")]).fetch(&stranger.url("http", "localhost")).await.is_ok());
}

#[tokio::test]
async fn t_051_a_redirect_is_not_followed() {
    let target = Stranger::who_says(answer("200 OK", "", "{}")).await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: http://127.0.0.1:{}/\r\n", target.address.port());
        let stranger = Stranger::who_says(answer(status, &location, "{}")).await;
        let outcome = allowing(&["127.0.0.1"]).fetch(&stranger.url("http", "127.0.0.1")).await;
        assert!(matches!(&outcome, Err(NotFetched::Answered(status)) if status.is_redirection()), "{outcome:?}");
    }
    assert_eq!(target.calls(), 0);
}

#[tokio::test]
async fn t_051_an_endless_answer_ends() {
    let endless = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(2);
    let large = answer("200 OK", "", &"x".repeat(FETCHED_BYTES_MAX + 1));
    for says in [Some(endless), large] {
        let stranger = Stranger::who_says(says).await;
        let outcome = allowing(&["127.0.0.1"]).fetch(&stranger.url("http", "127.0.0.1")).await;
        assert!(matches!(outcome, Err(NotFetched::TooLarge | NotFetched::Conversation(_))), "{outcome:?}");
    }
    let full = Stranger::who_says(answer("200 OK", "", &"x".repeat(FETCHED_BYTES_MAX))).await;
    assert!(allowing(&["127.0.0.1"]).fetch(&full.url("http", "127.0.0.1")).await.is_ok(), "the limit itself is allowed");
}

#[tokio::test(start_paused = true)]
async fn t_051_whoever_does_not_answer_is_left_in_time() {
    let silent = Stranger::who_says(None).await;
    let outcome = allowing(&["127.0.0.1"]).fetch(&silent.url("http", "127.0.0.1")).await;
    assert!(matches!(outcome, Err(NotFetched::TooSlow)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_answer_of_http_is_a_failed_conversation() {
    let stranger = Stranger::who_says(Some("SSH-2.0-x\r\n".into())).await;
    let outcome = allowing(&["127.0.0.1"]).fetch(&stranger.url("http", "127.0.0.1")).await;
    assert!(matches!(outcome, Err(NotFetched::Conversation(_))), "{outcome:?}");
    let gone = stranger.url("https", "localhost");
    let outcome = allowing(&["localhost"]).fetch(&gone).await;
    assert!(matches!(outcome, Err(NotFetched::Conversation(_))), "no certificate, no answer: {outcome:?}");
}
