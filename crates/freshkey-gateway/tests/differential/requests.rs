//! Random requests: most of them nearly right, with everything in them that parsers are known to disagree about.

use crate::dice::Dice;
use crate::wire::Head;

/// Tokens that callers have.
pub(crate) struct Tokens {
    pub(crate) alice: String,
    pub(crate) root: String,
    pub(crate) expired: String,
}

/// A request as it is sent.
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: String,
    pub(crate) body: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

const SEGMENTS: [&str; 22] = [
    "public",
    "admin",
    "api",
    "users",
    "a-b_c~d",
    "x.y",
    "a:b@c",
    "(1)",
    "v1",
    "a+b",
    "a=b&c",
    "%41dmin",
    "%61pi",
    "a%20b",
    "%e2%82%ac",
    "%C3%A9",
    "a%25b",
    "%7Etilde",
    "caf%c3%a9",
    "!$'*,",
    "q%3dr",
    "%2Bplus",
];
const NASTY: [&str; 32] = [
    ".",
    "..",
    "%2e",
    "%2e%2e",
    ".%2E",
    "..%2f",
    "%2f",
    "%2F..",
    "%5c",
    "\\",
    "..\\admin",
    ";",
    "..;",
    "public;x=1",
    "%3b",
    "%00",
    "%",
    "%z1",
    "%252e%252e",
    "%252f",
    "%c0%ae%c0%ae",
    "%ff",
    "%u002e",
    "",
    "/",
    "#admin",
    "%23",
    "%3fadmin",
    "\u{e9}",
    "\t",
    "%0d%0a",
    "a%2525b",
];
const QUERIES: [&str; 14] = [
    "",
    "x=1",
    "a=b&c=d",
    "path=/admin/../x",
    "x=%2e%2e%2fadmin",
    "?",
    "??x",
    "x=1;y=2",
    "x=#",
    "x=\\",
    "access_token=t",
    "Access%5FToken=t",
    "x= ",
    "é=1",
];
const HOSTS: [&str; 16] = [
    "API.test",
    "api.test:80",
    "API.TEST:8080",
    "one.apps.test",
    "api.test.",
    "api.test:",
    "api.test:x",
    "api.test:99999",
    "evil.test",
    "a.b.apps.test",
    "apps.test",
    "api.test@evil.test",
    "",
    "api.test/x",
    "api.test, evil.test",
    "[::1]",
];
const NAMES: [&str; 30] = [
    "X-Freshkey-User",
    "x_freshkey_user",
    "X-FRESHKEY-ASSERTION",
    "x.freshkey.roles",
    "X-Freshkey_Subject",
    "X-Freshkey-",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Port",
    "Forwarded",
    "X-Real-Ip",
    "X-Original-Url",
    "X-Original-Uri",
    "X-Rewrite-Url",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-HTTP-Method",
    "X-Request-Id",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Upgrade",
    "X-Forwarded-Prefix",
    "X-Envoy-Original-Path",
    "X-Auth-Request-User",
    "Remote-User",
    "Via",
];
const PLAIN_NAMES: [&str; 8] = ["Accept", "Cookie", "User-Agent", "X-Custom", "X-Custom", "Content-Type", "If-None-Match", "Referer"];
const VALUES: [&str; 9] = ["alice", "127.0.0.1", "/admin/x", "admin", "a, b", "close", "\u{e9}\u{e9}", "", "x\ty"];
/// What a connection may be said to be about.
const CONNECTIONS: [&str; 9] = [
    "keep-alive",
    "close",
    "X-Freshkey-User",
    "keep-alive, X-Custom",
    "Authorization",
    "Host, Content-Length",
    "x-forwarded-for,te",
    ",, ,",
    "upgrade",
];

/// Headers that only the gateway sets, or that are of the connection; what a caller says under these names does not arrive.
const TAKEN: [&str; 11] = [
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "connection",
    "expect",
    "host",
    "x-request-id",
    "content-length",
];
/// The same, in every spelling: any sign may stand for the dashes.
const TAKEN_AS: [&str; 5] = ["forwarded", "x-real-ip", "x-http-method", "x-http-method-override", "x-method-override"];
const TAKEN_FAMILIES: [&str; 4] = ["x-freshkey-", "x-forwarded-", "x-original-", "x-rewrite-"];

impl Sent {
    pub(crate) fn random(dice: &mut Dice, tokens: &Tokens) -> Self {
        let method = if dice.once_in(25) {
            dice.pick(&["get", "Get", "PROPFIND", "CONNECT", "TRACE", "G@T", "X-Y"])
        } else {
            dice.pick(&["GET", "GET", "GET", "GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        };
        let target = target(dice);
        let mut headers = vec![(b"Host".to_vec(), host(dice).into_bytes())];
        if dice.once_in(60) {
            headers.push((b"Host".to_vec(), b"api.test".to_vec()));
        }
        if !dice.once_in(6) {
            headers.push(authorization(dice, tokens));
        }
        for _ in 0..dice.below(6) {
            headers.push(header(dice));
        }
        if dice.once_in(8) {
            headers.push((cased(dice, "Connection"), dice.pick(&CONNECTIONS).as_bytes().to_vec()));
        }
        let (body, framed) = framing(dice, &mut headers);
        let from = usize::from(!headers.is_empty());
        for place in (from..headers.len()).rev() {
            headers.swap(place, from + dice.below(place - from + 1));
        }
        let version = if dice.once_in(50) { dice.pick(&["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", ""]) } else { "HTTP/1.1" };
        let mut sent = Self { bytes: Vec::new(), method: method.to_owned(), body, target, headers };
        sent.write(dice, version, &framed);
        sent
    }

    fn write(&mut self, dice: &mut Dice, version: &str, framed: &[u8]) {
        let is_bent = dice.once_in(40);
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&self.target);
        bytes.push(b' ');
        bytes.extend_from_slice(version.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        let bend = if is_bent { dice.below(self.headers.len()) } else { usize::MAX };
        for (place, (name, value)) in self.headers.iter().enumerate() {
            bytes.extend_from_slice(name);
            let (separator, end): (&[u8], &[u8]) = match (place == bend).then(|| dice.below(6)) {
                Some(0) => (b" : ", b"\r\n"),
                Some(1) => (b": ", b"\n"),
                Some(2) => (b":\t", b"\r\n folded\r\n"),
                Some(3) => (b": ", b"\r\r\n"),
                Some(4) => (b": \0", b"\r\n"),
                Some(5) => (b":", b" \t\r\n"),
                _ => (b": ", b"\r\n"),
            };
            bytes.extend_from_slice(separator);
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(end);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(framed);
    }

    /// What follows the first question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        std::str::from_utf8(&self.target).ok()?.split_once('?').map(|(_, query)| query)
    }

    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(b"authorization") && value.ends_with(token.as_bytes()))
    }

    /// The headers that the application must have got, by name: what was sent without what may not pass, and what the gateway says itself.
    pub(crate) fn expected_headers(&self, got: &Head, host: &str, is_public: bool) -> Vec<(String, Vec<u8>)> {
        let mut named: Vec<String> = Vec::new();
        for (_, value) in self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"connection")) {
            named.extend(String::from_utf8_lossy(value).split(',').map(|name| name.trim().to_ascii_lowercase()));
        }
        let passes = |name: &str| {
            let folded: String = name.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' }).collect();
            let is_taken = TAKEN_FAMILIES.iter().any(|family| folded.starts_with(family)) || TAKEN_AS.contains(&folded.as_str());
            // Where a token opened, it is the gateway's; on a public route the application may have callers of its own.
            let is_token = name == "authorization" && !is_public;
            !is_taken && !is_token && !TAKEN.contains(&name) && !named.iter().any(|taken| taken == name)
        };
        let mut expected: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in &self.headers {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if passes(&name) {
                expected.push((name, value.trim_ascii().to_vec()));
            }
        }
        let mut say = |name: &str, value: &str| expected.push((name.to_owned(), value.as_bytes().to_vec()));
        say("host", host);
        say("x-forwarded-for", "127.0.0.1");
        say("x-forwarded-proto", "http");
        say("x-forwarded-host", host);
        // Its value is what the verdict was found by.
        say("x-request-id", got.value("x-request-id").unwrap_or_default());
        if let Some(user) = got.value("x-freshkey-user") {
            say("x-freshkey-user", user);
            say("x-freshkey-subject", user);
            say("x-freshkey-roles", if user == "root" { "admin" } else { "reader" });
        }
        // How the body is framed is between the gateway and the application; the body itself is compared.
        for name in ["content-length", "transfer-encoding", "te"] {
            if let Some(value) = got.value(name) {
                expected.push((name.to_owned(), value.as_bytes().to_vec()));
            }
        }
        expected.sort_by(|(one, _), (two, _)| one.cmp(two));
        expected
    }
}

fn target(dice: &mut Dice) -> Vec<u8> {
    let mut target = String::new();
    match dice.below(40) {
        0 => target.push_str("http://api.test"),
        1 => target.push_str("//evil.test"),
        2 => return b"*".to_vec(),
        _ => {}
    }
    target.push('/');
    target.push_str(dice.pick(&["public", "admin", "api", "api", "api"]));
    for _ in 0..dice.below(5) {
        target.push('/');
        target.push_str(if dice.once_in(20) { dice.pick(&NASTY) } else { dice.pick(&SEGMENTS) });
    }
    if dice.once_in(8) {
        target.push('/');
    }
    if dice.once_in(3) {
        target.push('?');
        target.push_str(dice.pick(&QUERIES));
    }
    let mut target = target.into_bytes();
    if dice.once_in(30) {
        let place = 1 + dice.below(target.len() - 1);
        target[place] = match dice.byte() {
            // These end the target, and with it what is compared.
            b' ' | b'\r' | b'\n' => b'.',
            byte => byte,
        };
    }
    target
}

fn host(dice: &mut Dice) -> String {
    if dice.once_in(14) { dice.pick(&HOSTS).to_owned() } else { "api.test".to_owned() }
}

fn authorization(dice: &mut Dice, tokens: &Tokens) -> (Vec<u8>, Vec<u8>) {
    let token = match dice.below(10) {
        0 => tokens.expired.clone(),
        1 | 2 => tokens.root.clone(),
        _ => tokens.alice.clone(),
    };
    let value = match dice.below(24) {
        0 => format!("bearer {token}"),
        1 => format!("Bearer  {token}"),
        2 => format!("Basic {token}"),
        3 => format!("Bearer {}x", &token[..token.len() - 1]),
        4 => token,
        5 => "Bearer".to_owned(),
        6 => format!("Bearer {token}, Bearer {token}"),
        _ => format!("Bearer {token}"),
    };
    (cased(dice, "Authorization"), value.into_bytes())
}

fn header(dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let name = if dice.once_in(2) { dice.pick(&NAMES) } else { dice.pick(&PLAIN_NAMES) };
    let value = if dice.once_in(12) {
        (0..dice.below(12)).map(|_| dice.byte()).filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
    } else {
        dice.pick(&VALUES).as_bytes().to_vec()
    };
    (cased(dice, name), value)
}

/// A name with some of its letters in another case.
fn cased(dice: &mut Dice, name: &str) -> Vec<u8> {
    if dice.once_in(2) {
        return name.as_bytes().to_vec();
    }
    name.bytes().map(|byte| if dice.once_in(2) { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() }).collect()
}

/// The body, and how it is sent. Nothing announces more than is sent: that would only wait.
fn framing(dice: &mut Dice, headers: &mut Vec<(Vec<u8>, Vec<u8>)>) -> (Vec<u8>, Vec<u8>) {
    let mut say = |name: &str, value: &str| headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let body: Vec<u8> = b"GET /admin/x HTTP/1.1\r\nHost: api.test\r\n\r\n"[..dice.below(42)].to_vec();
    let length = body.len().to_string();
    let chunked = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    match dice.below(40) {
        0..=2 => {
            say("Content-Length", &length);
            (body.clone(), body)
        }
        3 if !body.is_empty() => {
            say("Transfer-Encoding", dice.pick(&["chunked", "Chunked", "CHUNKED"]));
            (body.clone(), chunked(&body))
        }
        4 => {
            say("Content-Length", &length);
            say("Transfer-Encoding", "chunked");
            (Vec::new(), chunked(b"x"))
        }
        5 => {
            say(
                "Transfer-Encoding",
                dice.pick(&["gzip, chunked", "identity", "chunked, identity", "xchunked", "chunked;x", "\"chunked\""]),
            );
            (Vec::new(), chunked(b"x"))
        }
        6 => {
            say("Content-Length", dice.pick(&["+0", "0x0", "-1", " ", "0, 0", "0 0"]));
            (Vec::new(), Vec::new())
        }
        7 => {
            say("Content-Length", "0");
            say("Content-Length", "0");
            (Vec::new(), Vec::new())
        }
        _ => (Vec::new(), Vec::new()),
    }
}
