use super::*;
use crate::agent::fixture::{Fixture, NAME, delivery};
use freshkey_testkit::provider::Behaviour;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Listening {
    fixture: Fixture,
    port: u16,
    secret: String,
}

impl Listening {
    async fn start() -> Self {
        let fixture = Fixture::with_tokens_of(1800).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        fixture.set_deliveries(NAME, vec![delivery("http", Some(&url(port)), None)]);
        fixture.agent.sinks.settle(&fixture.agent).await;
        let told = fixture.agent.sinks.told(crate::clock::Clock::now(&*fixture.clock)).await;
        assert!(told.iter().all(|supply| supply.failure.is_none()), "{told:?}");
        let secret = std::fs::read_to_string(secret_file(&fixture.directories, NAME)).expect("a secret");
        Self { fixture, port, secret }
    }

    /// Sends this, and reads until the end: status and content.
    async fn say(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        assert!(!text.to_ascii_lowercase().contains("access-control"), "{text}");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, text.split_once("\r\n\r\n").map(|(_, content)| content.to_owned()).unwrap_or_default())
    }

    fn request(&self, line: &str, host: &str, more: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n{more}\r\n", self.secret)
    }
}

#[tokio::test]
async fn who_shows_the_secret_gets_a_token() {
    let listening = Listening::start().await;
    let port = listening.port;
    for host in [format!("127.0.0.1:{port}"), format!("LocalHost:{port}"), format!("[::1]:{port}")] {
        let answer = listening.say(&listening.request("GET /token", &host, "")).await;
        assert_eq!(answer, (200, listening.fixture.kept_token(NAME)), "{host}");
    }
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(secret_file(&listening.fixture.directories, NAME)).expect("there"));
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(listening.secret.len(), 43, "32 bytes that nobody guesses");
}

#[tokio::test]
async fn nobody_else_gets_one() {
    let listening = Listening::start().await;
    let port = listening.port;
    let host = format!("127.0.0.1:{port}");
    let with = |line: &str, host: &str, more: &str| listening.request(line, host, more);
    let bare = |more: &str| format!("GET /token HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
    for (request, expected) in [
        (bare(""), 401),
        (bare("Authorization: Bearer \r\n"), 401),
        (bare("Authorization: Bearer guessed\r\n"), 401),
        (bare(&format!("Authorization: Basic {}\r\n", listening.secret)), 401),
        (bare(&format!("Authorization: Bearer {}x\r\n", listening.secret)), 401),
        (bare(&format!("Authorization: Bearer {0}\r\nAuthorization: Bearer {0}\r\n", listening.secret)), 401),
        // A page of somebody else's whose name was given this address.
        (with("GET /token", &format!("evil.example:{port}"), ""), 421),
        (with("GET /token", &format!("127.0.0.1.evil.example:{port}"), ""), 421),
        (with("GET /token", "127.0.0.1", ""), 421),
        (with("GET /token", &format!("127.0.0.1:{}", port.wrapping_add(1)), ""), 421),
        (with("GET /token", &host, &format!("Host: {host}\r\n")), 421),
        (with(&format!("GET http://{host}/token"), &host, ""), 421),
        (with("GET /token", &host, "Origin: http://localhost\r\n"), 403),
        (with("GET /token", &host, "Sec-Fetch-Site: same-origin\r\n"), 403),
        (with("OPTIONS /token", &host, "Origin: null\r\n"), 403),
        (with("POST /token", &host, "Content-Length: 0\r\n"), 405),
        (with("GET /", &host, ""), 404),
        (with("GET /token?x", &host, ""), 404),
        (with("GET /token/../token", &host, ""), 404),
        ("GET /token\r\n\r\n".to_owned(), 400),
        (with("GET /token", &host, &"X-A: b\r\n".repeat(HELPER_HEADERS_MAX)), 431),
        (with("GET /token", &host, &format!("X-A: {}\r\n", "b".repeat(HELPER_REQUEST_BYTES_MAX))), 431),
    ] {
        let (status, content) = listening.say(&request).await;
        assert_eq!(status, expected, "{request}");
        assert!(!content.contains("token-of"), "{content}");
    }
    assert_eq!(listening.fixture.provider.count("refresh_token"), 0);
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be() {
    let listening = Listening::start().await;
    listening.fixture.clock.advance_s(1800);
    listening.fixture.provider.behave(Behaviour::Says(503, String::new()));
    let host = format!("localhost:{}", listening.port);
    let (status, content) = listening.say(&listening.request("GET /token", &host, "")).await;
    assert_eq!(status, 503);
    assert!(content.contains("cannot be reached"), "{content}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_of_and_the_secret_goes_with_the_helper() {
    let listening = Listening::start().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address").port();
    let sinks = &listening.fixture.agent.sinks;
    listening.fixture.set_deliveries(NAME, vec![delivery("http", Some(&url(taken)), None)]);
    sinks.settle(&listening.fixture.agent).await;
    let told = sinks.told(crate::clock::Clock::now(&*listening.fixture.clock)).await;
    assert!(told[0].failure.as_ref().is_some_and(|failure| failure.message.contains(&taken.to_string())), "{told:?}");
    assert!(TcpStream::connect(("127.0.0.1", listening.port)).await.is_err(), "the one before has ended");
    listening.fixture.set_deliveries(NAME, Vec::new());
    sinks.settle(&listening.fixture.agent).await;
    assert!(!secret_file(&listening.fixture.directories, NAME).exists());
}

#[tokio::test]
async fn callers_who_say_nothing_hold_up_nobody_for_long() {
    let listening = Listening::start().await;
    let mut silent = Vec::new();
    for _ in 0..HELPER_CALLERS_MAX {
        let mut stream = TcpStream::connect(("127.0.0.1", listening.port)).await.expect("connected");
        stream.write_all(b"GET /token HTTP/1.1\r\nHost: ").await.expect("sent");
        silent.push(stream);
    }
    // All places are taken: the next one waits until the first of them is hung up on.
    let request = listening.request("GET /token", &format!("127.0.0.1:{}", listening.port), "");
    let answer = timeout(4 * AGENT_REQUEST_TIMEOUT, listening.say(&request)).await.expect("an answer");
    assert_eq!(answer, (200, listening.fixture.kept_token(NAME)));
    let mut said = String::new();
    timeout(AGENT_REQUEST_TIMEOUT, silent[0].read_to_string(&mut said)).await.expect("hung up on").expect("readable");
    assert!(!said.contains("200"), "{said}");
}

#[test]
fn an_address_tells_its_port() {
    assert_eq!(port(&url(8912)), Some(8912));
    for text in [
        "",
        "http://127.0.0.1:0/token",
        "http://127.0.0.1/token",
        "http://localhost:1/token",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:99999/token",
    ] {
        assert_eq!(port(text), None, "{text}");
    }
}
