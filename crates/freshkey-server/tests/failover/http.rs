//! As much of HTTP/1.1 as this test speaks: one kept connection, a form in, JSON out. Sending and receiving are apart, so that two nodes can be
//! asked the same thing at the same moment.

use freshkey_protocol::form::encode_pairs;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any request of a server may take: one that is given up here could still be carried out there, and then look like theft.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// A frozen member accepts connections and never answers.
const STATUS_PATIENCE: Duration = Duration::from_secs(1);

pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: SocketAddr) -> Option<Self> {
        Self::with_patience(address, ANSWER_PATIENCE)
    }

    fn with_patience(address: SocketAddr, patience: Duration) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(patience)).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    pub fn send_form(&mut self, path: &str, form: &[(&str, &str)]) -> Option<()> {
        let body = encode_pairs(form.iter().copied());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: id.example\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.get_mut().write_all((head + &body).as_bytes()).ok()
    }

    /// Status and body. `None` when the connection ends before they are here.
    pub fn receive(&mut self) -> Option<(u16, Value)> {
        let mut status = None;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok(),
                Some(_) => {}
                None => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()),
            }
        }
        let mut body = Vec::new();
        match (length, status?) {
            (Some(length), _) => {
                body.resize(length, 0);
                self.0.read_exact(&mut body).ok()?;
            }
            // Nothing follows a 204; whoever else gives no length closes the connection.
            (None, 204) => {}
            (None, _) => drop(self.0.read_to_end(&mut body).ok()?),
        }
        Some((status?, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

/// A document, from whoever answers within a second.
pub fn get_json(address: SocketAddr, path: &str) -> Option<Value> {
    let mut connection = Connection::with_patience(address, STATUS_PATIENCE)?;
    connection.0.get_mut().write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    connection.receive().map(|(_, body)| body)
}
