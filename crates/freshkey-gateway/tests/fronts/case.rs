//! A case: bytes that somebody sends, and what must come of it; and what must be true of whatever reaches the application.

use super::application::Received;
use super::caller::{Answers, Ending, send};
use super::judged;
use super::provider::Provider;
use super::stage::{Front, Stage};

/// In every value that a caller invents: the application must never see it.
pub(crate) const LIE: &str = "evil";
/// In the target of every request that is hidden in another one.
pub(crate) const HIDDEN: &str = "smuggled";
/// In the target of every request of a case without an end.
pub(crate) const OPEN: &str = "/outer-";
pub(crate) const HOST: &str = "api.example.org";

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing reaches the application.
    Refused,
    /// The same, where the front passes on what somebody else answers in the gateway's place.
    Unreached,
    /// The application answers.
    Passed,
    /// Either; but what reaches the application is what was judged, with nothing of the caller's inventions in it.
    Harmless,
}

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) threat: &'static str,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ending: Ending,
    pub(crate) expected: Expected,
    /// What is in the targets of its own requests, and in no other's. Those of a case without an end may arrive while the next one is played.
    pub(crate) mark: Option<String>,
    /// What must come of it where nothing is before the gateway.
    pub(crate) expected_alone: Expected,
}

/// The names of headers that the gateway sets.
const IDENTITY: [&str; 7] = [
    "x-freshkey-subject",
    "x-freshkey-user",
    "x-freshkey-email",
    "x-freshkey-client",
    "x-freshkey-groups",
    "x-freshkey-roles",
    "x-freshkey-assertion",
];

impl Case {
    pub(crate) fn new(threat: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Self { threat, name: name.into(), bytes: bytes.into(), ending: Ending::Whole, expected, expected_alone: expected, mark: None }
    }

    /// The same, with something in its targets by which its own requests are known.
    pub(crate) fn marked(self, number: usize) -> Self {
        let is_open = self.ending == Ending::Open;
        let text = String::from_utf8(self.bytes.clone()).ok().filter(|text| is_open && text.contains(OPEN));
        let Some(text) = text else { return self };
        let mark = format!("{OPEN}{number}-");
        Self { bytes: text.replace(OPEN, &mark).into_bytes(), mark: Some(mark), ..self }
    }

    fn owns(&self, request: &Received) -> bool {
        self.mark.as_ref().map_or_else(|| !request.target.contains(OPEN), |mark| request.target.contains(mark))
    }

    /// The same, for something that the gateway refuses whatever it is to other proxies.
    pub(crate) fn refused_alone(self) -> Self {
        Self { expected_alone: Expected::Refused, ..self }
    }

    /// The same, for a request that may have no end.
    pub(crate) fn open(self) -> Self {
        Self { ending: Ending::Open, ..self }
    }
}

/// A request without a body, on a connection of its own.
pub(crate) fn request(method: &str, target: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{lines}\r\n")
}

/// The header of a good token.
pub(crate) fn bearer(provider: &Provider) -> String {
    format!("Authorization: Bearer {}", provider.token())
}

impl Stage {
    /// Plays a case; what is wrong, in words.
    pub(crate) async fn play(&self, case: &Case) -> Result<(), String> {
        let answers = send(self.address, &case.bytes, case.ending).await;
        self.judge(case, &answers)
    }

    /// What is wrong about the answers to a case, and about what has reached the application.
    pub(crate) fn judge(&self, case: &Case, answers: &Answers) -> Result<(), String> {
        let received = self.application.taken();
        let told = |what: String| format!("{} {} at {:?}: {what}\n  sent {:?}", case.threat, case.name, self.front, shown(&case.bytes));
        self.check(case, answers, &received).map_err(|what| told(format!("{what}\n  answers {answers:?}\n  received {received:?}")))
    }

    fn check(&self, case: &Case, answers: &Answers, received: &[Received]) -> Result<(), String> {
        let statuses = answers.statuses();
        let own = received.iter().filter(|request| case.owns(request)).count();
        match if self.front == Front::Gateway { case.expected_alone } else { case.expected } {
            Expected::Unreached | Expected::Refused if own > 0 || answers.of_application() > 0 => {
                return Err("it reached the application".to_owned());
            }
            Expected::Refused => {
                if statuses.is_empty() && case.ending == Ending::Whole && self.front == Front::Gateway {
                    return Err("there is no answer".to_owned());
                }
                // Caddy answers 200 with nothing where no site has the host, and Envoy in the way of gRPC who asks in that way.
                let is_empty = self.front == Front::Caddy || answers.has_line("grpc-status: 16");
                let is_passing = |status: &u16| (200..400).contains(status) && !(is_empty && *status == 200);
                if statuses.iter().any(is_passing) {
                    return Err(format!("it was answered {statuses:?}"));
                }
            }
            Expected::Passed => {
                if own != 1 || answers.of_application() != 1 || statuses != [200] {
                    return Err("the application did not answer".to_owned());
                }
            }
            Expected::Unreached | Expected::Harmless => {}
        }
        received.iter().try_for_each(|request| harmless(self.front, request))
    }

    /// Whether the connections behind the front are as they should be: the answer to the next good request is its own.
    pub(crate) async fn still_serves(&self, number: usize) -> Result<(), String> {
        let target = format!("/api/next/{number}");
        let case = Case::new("T-077", "the next request", request("GET", &target, &[&bearer(&self.provider)]), Expected::Passed);
        let answers = send(self.address, &case.bytes, case.ending).await;
        let received = self.application.taken();
        self.check(&case, &answers, &received)?;
        if received.iter().any(|request| request.target == target) { Ok(()) } else { Err(format!("another was answered: {received:?}")) }
    }
}

fn shown(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().take(400).collect();
    text
}

/// What must be true of every request that the application gets.
fn harmless(front: Front, request: &Received) -> Result<(), String> {
    if request.target.contains(HIDDEN) {
        return Err("a hidden request arrived".to_owned());
    }
    if let Some((name, value)) = request.headers.iter().find(|(_, value)| value.contains(LIE)) {
        return Err(format!("an invention arrived: {name}: {value}"));
    }
    if !request.values("authorization").is_empty() {
        return Err("the token arrived".to_owned());
    }
    // The gateway itself joins WebSockets, and ends them with their token.
    let protocols = request.values("upgrade");
    if !(protocols.is_empty() || front == Front::Gateway && protocols == ["websocket"]) {
        return Err("it asks for another protocol".to_owned());
    }
    only_own_identity(request)?;
    let ids = request.values("x-request-id");
    let [id] = ids.as_slice() else { return Err("it has no id of the gateway".to_owned()) };
    let judged = judged::of(id).ok_or("nobody judged it")?;
    // A proxy that asks passes on what came; digits of what is encoded are the same in both cases.
    let path = upper_digits(request.target.split('?').next().unwrap_or_default());
    let path = path.as_str();
    let hosts = request.values("host");
    if (judged.method.as_str(), judged.path.as_str(), [judged.host.as_str()].as_slice()) != (&request.method, path, &hosts) {
        return Err(format!("{judged:?} was judged"));
    }
    let subjects = request.values("x-freshkey-subject");
    let is_named = request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-freshkey-"));
    if is_named && subjects != ["u1"] {
        return Err("somebody is named whom the gateway has not named".to_owned());
    }
    if subjects.is_empty() && !readings(path).iter().all(|path| is_public(path)) {
        return Err("it is for those with a token, and nobody is named".to_owned());
    }
    Ok(())
}

/// The gateway's headers, at most once, and nothing that an application could take for one of them.
fn only_own_identity(request: &Received) -> Result<(), String> {
    let folded = |name: &str| -> String {
        name.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '-' }).collect()
    };
    let mut seen = Vec::new();
    for (name, value) in request.headers.iter().filter(|(name, _)| folded(name.trim()).starts_with("x-freshkey-")) {
        let name = name.to_ascii_lowercase();
        if !IDENTITY.contains(&name.as_str()) || seen.contains(&name) {
            return Err(format!("{name}: {value} is not of the gateway"));
        }
        seen.push(name);
    }
    Ok(())
}

fn is_public(path: &str) -> bool {
    matches!(path, "/health" | "/public") || path == "/health/" || path.starts_with("/public/")
}

/// The ways in which applications read a path: as it is, decoded once and twice, with backslashes, without parameters, without dot segments.
fn readings(path: &str) -> Vec<String> {
    let once = decoded(path);
    let twice = decoded(&once);
    let mut all = Vec::new();
    for text in [path.to_owned(), once, twice] {
        let cut = text.split(['#', '?', '\0']).next().unwrap_or_default().to_owned();
        for text in [text, cut] {
            for text in [text.replace('\\', "/"), text] {
                let bare = text.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
                all.push(resolved(&bare.collect::<Vec<_>>().join("/")));
                all.push(resolved(&text));
            }
        }
    }
    all
}

fn upper_digits(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.push_str(&format!("%{}{rest}", digits.to_ascii_uppercase()));
    }
    text
}

fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[2..];
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn resolved(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}
