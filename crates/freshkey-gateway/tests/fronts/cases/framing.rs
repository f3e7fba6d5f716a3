//! T-077 and T-079: requests hidden in others, and connections that would become something else. The outer request has a good token, so that nothing but
//! the framing stands between the hidden one and the application.

use crate::case::{Case, Expected, HIDDEN, HOST, bearer};
use crate::provider::Provider;

/// Lines of heads that say something odd about their body; the hidden request is the body.
const LENGTHS: &[(&str, &str)] = &[
    ("length and chunks", "Content-Length: {all}\r\nTransfer-Encoding: chunked"),
    ("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: {all}"),
    ("no length and chunks", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
    ("a short length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
    ("two lengths, short first", "Content-Length: 0\r\nContent-Length: {all}"),
    ("two lengths, long first", "Content-Length: {all}\r\nContent-Length: 0"),
    ("the same length twice", "Content-Length: {all}\r\nContent-Length: {all}"),
    ("lengths with a comma", "Content-Length: 0, {all}"),
    ("a length with a sign", "Content-Length: +{all}"),
    ("a negative length", "Content-Length: -1"),
    ("a length in octal", "Content-Length: 0o0"),
    ("a length in hexadecimal", "Content-Length: 0x0"),
    ("a length with a space in it", "Content-Length: 0 0"),
    ("a length with an underscore", "Content_Length: {all}"),
    ("a length in another name's line", "X: x\nContent-Length: {all}"),
    ("a length after a tab", "Content-Length:\t{all}"),
    ("a space before the colon of the length", "Content-Length : {all}"),
    ("a folded length", "Content-Length:\r\n {all}"),
    ("chunks behind a space", "Transfer-Encoding : chunked\r\nContent-Length: {all}"),
    ("chunks in a folded line", "Transfer-Encoding:\r\n chunked\r\nContent-Length: {all}"),
    ("chunks after a vertical tab", "Transfer-Encoding:\x0bchunked\r\nContent-Length: {all}"),
    ("chunks after a null", "Transfer-Encoding: \0chunked\r\nContent-Length: {all}"),
    ("chunks in quotes", "Transfer-Encoding: \"chunked\"\r\nContent-Length: {all}"),
    ("chunks in another case", "Transfer-Encoding: cHuNkEd\r\nContent-Length: {all}"),
    ("chunks with a parameter", "Transfer-Encoding: chunked;x=y\r\nContent-Length: {all}"),
    ("chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: {all}"),
    ("chunks and more", "Transfer-Encoding: chunked, identity\r\nContent-Length: {all}"),
    ("more and chunks", "Transfer-Encoding: identity, chunked\r\nContent-Length: {all}"),
    ("gzip and chunks", "Transfer-Encoding: gzip, chunked"),
    ("chunks, then something else", "Transfer-Encoding: chunked\r\nTransfer-Encoding: evil"),
    ("something else, then chunks", "Transfer-Encoding: evil\r\nTransfer-Encoding: chunked"),
    ("nearly chunks", "Transfer-Encoding: xchunked\r\nContent-Length: {all}"),
    ("chunks with a comma", "Transfer-Encoding: ,chunked\r\nContent-Length: {all}"),
    ("an empty encoding", "Transfer-Encoding:\r\nContent-Length: {all}"),
    ("chunks in an underscored name", "Transfer_Encoding: chunked\r\nContent-Length: {all}"),
    ("chunks for this connection", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: {all}"),
    ("the length for this connection", "Connection: Content-Length\r\nContent-Length: {all}"),
    ("chunks behind a bare line feed", "X: x\nTransfer-Encoding: chunked\r\nContent-Length: {all}"),
    ("chunks behind a bare carriage return", "X: x\rTransfer-Encoding: chunked\r\nContent-Length: {all}"),
];

/// Those of them that say nothing wrong.
const RIGHT: &[&str] = &[
    "a length with an underscore",
    "a length in another name's line",
    "a length after a tab",
    "chunks in an underscored name",
    "the length for this connection",
];

/// Chunks that readers cut differently.
const CHUNKS: &[(&str, &str)] = &[
    ("an extension", "1;x=y\r\na\r\n0\r\n\r\n{hidden}"),
    ("an extension with a line feed", "1;x\na\r\n0\r\n\r\n{hidden}"),
    ("a quoted extension", "1;x=\"\r\n0\r\n\r\n{hidden}\"\r\na\r\n0\r\n\r\n"),
    ("a bare line feed", "1\na\n0\n\n{hidden}"),
    ("a bare carriage return", "1\ra\r0\r\r{hidden}"),
    ("a size with a prefix", "0x1\r\na\r\n0\r\n\r\n{hidden}"),
    ("a size with a sign", "+1\r\na\r\n0\r\n\r\n{hidden}"),
    ("a negative size", "-1\r\na\r\n0\r\n\r\n{hidden}"),
    ("a size that is too large", "ffffffffffffffff1\r\na\r\n0\r\n\r\n{hidden}"),
    ("a size behind a space", " 1\r\na\r\n0\r\n\r\n{hidden}"),
    ("a size before a space", "1 \r\na\r\n0\r\n\r\n{hidden}"),
    ("no size", "\r\na\r\n0\r\n\r\n{hidden}"),
    ("more than the size", "1\r\nabc\r\n0\r\n\r\n{hidden}"),
    ("many zeros", "0000000000000000000000000000001\r\na\r\n0\r\n\r\n{hidden}"),
    ("a trailer", "1\r\na\r\n0\r\nContent-Length: 5\r\nHost: evil.test\r\n\r\n{hidden}"),
    ("a trailer with a bare line feed", "1\r\na\r\n0\r\nX: y\n\n{hidden}"),
    ("an end without its line", "1\r\na\r\n0\r\n{hidden}"),
    ("nothing behind them", "1\r\na\r\n0\r\n\r\n"),
];

pub(super) fn cases(provider: &Provider) -> Vec<Case> {
    let good = bearer(provider);
    let hidden = format!("GET /api/{HIDDEN} HTTP/1.1\r\nHost: {HOST}\r\nX-Freshkey-Subject: evil\r\n\r\n");
    let mut cases = Vec::new();
    for (name, lines) in LENGTHS {
        for (kind, body) in [("", hidden.clone()), (", an end of chunks first", format!("0\r\n\r\n{hidden}"))] {
            let lines = lines.replace("{all}", &body.len().to_string());
            let mut add = |name: String, first_line: &str, token: &str| {
                let text = format!("{first_line}\r\nHost: {HOST}\r\n{token}{lines}\r\n\r\n{body}");
                let case = Case::new("T-077", &name, text, Expected::Harmless).open();
                cases.push(if RIGHT.iter().any(|right| name.starts_with(right)) { case } else { case.refused_alone() });
            };
            let token = format!("{good}\r\n");
            add(format!("{name}{kind}"), "POST /api/outer- HTTP/1.1", &token);
            if !kind.is_empty() {
                add(format!("{name}, in HTTP/1.0"), "POST /api/outer- HTTP/1.0", &token);
                add(format!("{name}, in a GET"), "GET /public/outer- HTTP/1.1", "");
            }
        }
    }
    let mut add = |threat, name: &str, text: String| cases.push(Case::new(threat, name, text, Expected::Harmless).open());
    for (name, chunks) in CHUNKS {
        let body = chunks.replace("{hidden}", &hidden);
        let head = format!("POST /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\nTransfer-Encoding: chunked\r\n\r\n");
        add("T-077", &format!("chunks: {name}"), format!("{head}{body}"));
    }
    for (name, text) in [
        ("a folded line", format!("GET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\nX: a\r\n b\r\n\r\n{hidden}")),
        ("a folded first line", format!("GET /api/outer- HTTP/1.1\r\n X: a\r\nHost: {HOST}\r\n{good}\r\n\r\n{hidden}")),
        ("line feeds only", format!("GET /api/outer- HTTP/1.1\nHost: {HOST}\n{good}\n\n{hidden}")),
        ("a head that ends with line feeds", format!("GET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\n\n{hidden}")),
        ("an empty line first", format!("\r\n\r\nGET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\n\r\n{hidden}")),
        ("two in a row, one without a token", format!("GET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\n\r\n{hidden}")),
        ("a line without a colon", format!("GET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\nGET /api/{HIDDEN} HTTP/1.1\r\n\r\n")),
        (
            "an expectation",
            format!(
                "POST /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
        ),
        (
            "an odd expectation",
            format!("POST /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{good}\r\nExpect: 100-continue, x\r\nContent-Length: 0\r\n\r\n{hidden}"),
        ),
        (
            "a body where none is wanted",
            format!("HEAD /public/outer- HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        ),
    ] {
        add("T-077", name, text);
    }
    for (name, lines) in [
        (
            "a WebSocket",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ),
        ("HTTP/2 in clear", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        ("two protocols", "Connection: upgrade\r\nUpgrade: h2c, websocket"),
        ("two lines of protocols", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c"),
        ("TLS", "Connection: upgrade\r\nUpgrade: TLS/1.2"),
        ("an unknown protocol", "Connection: upgrade\r\nUpgrade: evil"),
        ("a protocol nobody named", "Upgrade: websocket"),
    ] {
        for (with, line) in [("a good token", format!("{good}\r\n")), ("no token", String::new())] {
            let text = format!("GET /api/outer- HTTP/1.1\r\nHost: {HOST}\r\n{line}{lines}\r\n\r\n{hidden}");
            add("T-079", &format!("an upgrade to {name}, {with}"), text);
        }
    }
    cases
}
