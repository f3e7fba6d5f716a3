//! A caller that sends bytes and reads what comes back, for as long as something comes.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take. Only a front that is broken takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing may come, once something has.
const QUIET: Duration = Duration::from_millis(40);
/// How long nothing may come where it is likely that nothing comes: the request has no end.
const SHORT_PATIENCE: Duration = Duration::from_millis(400);

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    text: String,
}

/// Whether the bytes are a whole request, to any reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    Open,
}

impl Answers {
    /// One that came in another way, in the words of HTTP/1.1.
    pub(crate) fn of(text: String) -> Self {
        Self { text }
    }

    /// The status of each answer.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let status = |line: &str| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok();
        self.text.split('\n').filter_map(|line| status(&line[line.find("HTTP/1.").unwrap_or(0)..])).collect()
    }

    /// How many of them are the application's.
    pub(crate) fn of_application(&self) -> usize {
        self.text.to_ascii_lowercase().matches(super::application::SIGN).count()
    }

    /// Whether a header line of the first answer begins so.
    pub(crate) fn has_line(&self, start: &str) -> bool {
        self.text.split("\r\n\r\n").next().unwrap_or_default().lines().any(|line| line.to_ascii_lowercase().starts_with(start))
    }
}

/// Sends bytes on a connection of their own.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8], ending: Ending) -> Answers {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // A front that has seen enough closes while we write.
    let _ = stream.write_all(bytes).await;
    let mut received = Vec::new();
    let mut part = vec![0; 16 * 1024];
    let mut patience = if ending == Ending::Whole { PATIENCE } else { SHORT_PATIENCE };
    while let Ok(Ok(size @ 1..)) = timeout(patience, stream.read(&mut part)).await {
        received.extend_from_slice(&part[..size]);
        if received.starts_with(b"HTTP/1.1 1") && !received.windows(10).any(|window| window == b"HTTP/1.1 2") {
            continue;
        }
        patience = QUIET;
    }
    Answers { text: String::from_utf8_lossy(&received).into_owned() }
}
