//! An application that trusts whoever speaks to it, as those behind a proxy do: it cuts requests out of the stream of bytes in the most generous way,
//! keeps every one of them as it came, and answers 200.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What no proxy says by itself: an answer with it comes from the application.
pub(crate) const SIGN: &str = "x-application: here";

#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Received>>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Received {
    /// The values of a header, whose name is written as given or in another case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::default();
        let application = Self { address, requests };
        let of_task = application.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let application = of_task.clone();
                tokio::spawn(async move { application.speak(stream).await });
            }
        });
        application
    }

    /// What came since the last question.
    pub(crate) fn taken(&self) -> Vec<Received> {
        std::mem::take(&mut self.requests.lock().expect("unharmed"))
    }

    async fn speak(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        loop {
            while let Some((request, size)) = cut(&bytes) {
                bytes.drain(..size);
                self.requests.lock().expect("unharmed").push(request);
                let answer = format!("HTTP/1.1 200 OK\r\n{SIGN}\r\nContent-Length: 5\r\n\r\nhere\n");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            let mut part = [0; 16 * 1024];
            match stream.read(&mut part).await {
                Ok(1..) if bytes.len() > 1 << 20 => return,
                Ok(size @ 1..) => bytes.extend_from_slice(&part[..size]),
                _ => return,
            }
        }
    }
}

/// The first request of the bytes and its size, when all of it is there.
fn cut(bytes: &[u8]) -> Option<(Received, usize)> {
    let text: String = bytes.iter().copied().map(char::from).collect();
    let (head, mut size) = text.find("\r\n\r\n").map(|at| (&text[..at], at + 4))?;
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let request = Received { method, target, headers: lines.filter_map(header).collect() };
    // One character is one byte: the text was made so.
    let start: usize = text[..size].chars().count();
    let is_chunked = request.values("transfer-encoding").iter().any(|value| value.to_ascii_lowercase().contains("chunked"));
    let length = request.values("content-length").first().and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    size = if is_chunked { start + chunks(&bytes[start..])? } else { start + length };
    (bytes.len() >= size).then_some((request, size))
}

/// How many bytes the chunks take, with the trailer.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = at + bytes[at..].windows(2).position(|pair| pair == b"\r\n")?;
        let digits: String = bytes[at..line].iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_hexdigit).collect();
        let length = usize::from_str_radix(&digits, 16).ok()?;
        if length == 0 {
            return Some(line + bytes[line..].windows(4).position(|four| four == b"\r\n\r\n")? + 4);
        }
        at = line + 2 + length + 2;
        if at > bytes.len() {
            return None;
        }
    }
}
