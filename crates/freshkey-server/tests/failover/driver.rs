//! Holders of tokens who refresh all the time, at one node, at the other, or now and then at both in the same moment; people who sign in and out;
//! and thieves who come with dead tokens. All of it is written down.

use super::history::{Act, Entry, Outcome};
use super::http::Connection;
use super::nodes::{PASSWORD, USER};
use freshkey_protocol::Claims;
use freshkey_protocol::jose::CompactJws;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TOKEN: &str = "/realms/UA/protocol/openid-connect/token";
const LOGOUT: &str = "/realms/UA/protocol/openid-connect/logout";
/// Between two refreshes of one session: the machine is to be busy, not overrun.
const PACE: Duration = Duration::from_millis(40);
/// Every so many refreshes both nodes are asked at once.
const TOGETHER: u64 = 4;
/// Between two people who sign in: hashing is dear.
const SIGN_IN_PACE: Duration = Duration::from_millis(500);
/// Somebody who has been told that the service is away waits before asking again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The run: where the nodes are, since when it lasts, and what was seen.
pub struct Driver {
    shared: Arc<Shared>,
    workers: Vec<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    nodes: Vec<SocketAddr>,
    begin: Instant,
    history: Mutex<Vec<Entry>>,
    next_session: AtomicUsize,
    /// The last request of each holder must succeed, so they go on until they have been served once more.
    is_ending: AtomicBool,
}

/// A token, and what is written down of it.
#[derive(Clone)]
struct Held {
    session: usize,
    token: String,
    generation: u64,
}

impl Driver {
    pub fn new(nodes: &[SocketAddr]) -> Self {
        let shared = Shared {
            nodes: nodes.to_vec(),
            begin: Instant::now(),
            history: Mutex::default(),
            next_session: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), workers: Vec::new() }
    }

    /// Sessions that refresh until the end.
    pub fn start_holders(&mut self, count: usize) {
        for _ in 0..count {
            let held = self.shared.sign_in();
            self.start(move |shared, stopped| shared.hold(held, stopped));
        }
    }

    /// One person after the other signs in at whatever node answers, and refreshes at each of them.
    pub fn start_newcomers(&mut self) {
        self.start(|shared, stopped| {
            while stopped.recv_timeout(SIGN_IN_PACE) == Err(RecvTimeoutError::Timeout) {
                let Some(mut newest) = (0..shared.nodes.len()).find_map(|node| shared.sign_in_at(node)) else { continue };
                for node in 0..shared.nodes.len() {
                    newest = shared.refresh(&newest, Act::Refresh, &[node]).unwrap_or(newest);
                }
            }
        });
    }

    fn start(&mut self, work: impl FnOnce(&Shared, &Receiver<()>) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        let (stop, stopped) = channel();
        self.workers.push((stop, std::thread::spawn(move || work(&shared, &stopped))));
    }

    /// Thieves with tokens whose successors were used, and people who sign out, one of each kind at every `pace`. They are made ready now and begin
    /// when the answer is called.
    pub fn prepare_troubles(&self, count: usize, pace: Duration) -> impl FnOnce() -> Vec<JoinHandle<()>> + use<> {
        let ready: Vec<(Held, Held)> = (0..count).map(|_| (self.shared.make_dead_token(), self.shared.sign_in())).collect();
        let shared = Arc::clone(&self.shared);
        move || {
            let thieves = ready.into_iter().zip(0..);
            let start = |((dead, ending), number): ((Held, Held), u32)| {
                let (replaying, ending_shared) = (Arc::clone(&shared), Arc::clone(&shared));
                let delay = pace * number;
                let thief = std::thread::spawn(move || replaying.replay(&dead, delay));
                [thief, std::thread::spawn(move || ending_shared.log_out(&ending, delay))]
            };
            thieves.flat_map(start).collect()
        }
    }

    /// Since the beginning of the run.
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// What was seen so far.
    pub fn history(&self) -> Vec<Entry> {
        self.shared.history.lock().unwrap().clone()
    }

    /// Lets every holder be served once more, and ends.
    pub fn finish(self) -> Vec<Entry> {
        self.shared.is_ending.store(true, Ordering::SeqCst);
        for (stop, worker) in self.workers {
            drop(stop);
            worker.join().unwrap();
        }
        self.shared.history.lock().unwrap().clone()
    }
}

impl Shared {
    fn hold(&self, mut held: Held, stopped: &Receiver<()>) {
        let mut round = held.session;
        let mut ending_attempts = 0;
        loop {
            round += 1;
            let is_ending = self.is_ending.load(Ordering::SeqCst);
            let successor = self.refresh(&held, Act::Refresh, &self.asked_nodes(&held, round));
            let is_served = successor.is_some();
            held = successor.unwrap_or(held);
            ending_attempts += u32::from(is_ending);
            if is_ending && (is_served || ending_attempts > 40) {
                return;
            }
            let pause = if is_served { PACE } else { RETRY_PAUSE };
            if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                // Nothing to wait on any more; the last attempts follow each other.
                std::thread::yield_now();
            }
        }
    }

    /// A third of the sessions stays at one node each, and the others go from node to node.
    fn asked_nodes(&self, held: &Held, round: usize) -> Vec<usize> {
        let count = self.nodes.len();
        match held.session % (count + 1) {
            own if own < count => vec![own],
            _ if held.generation % TOGETHER == 3 => (0..count).collect(),
            _ => vec![round % count],
        }
    }

    /// Presents a dead token until somebody decides about it.
    fn replay(&self, dead: &Held, delay: Duration) {
        let (_never, pause) = channel::<()>();
        let _ = pause.recv_timeout(delay);
        for attempt in 0..400 {
            self.refresh(dead, Act::Replay, &[attempt % self.nodes.len()]);
            if !self.was_unavailable(dead.session) {
                return;
            }
            let _ = pause.recv_timeout(RETRY_PAUSE);
        }
    }

    /// Ends a session, and if that was acknowledged, uses it at each node.
    fn log_out(&self, held: &Held, delay: Duration) {
        let (_never, pause) = channel::<()>();
        let _ = pause.recv_timeout(delay);
        let form = [("client_id", "ua-grant"), ("refresh_token", held.token.as_str())];
        let sent = self.now();
        let answer = Connection::open(self.nodes[held.session % self.nodes.len()]).and_then(|mut connection| {
            connection.send_form(LOGOUT, &form)?;
            connection.receive()
        });
        let outcome = match answer {
            Some((204, _)) => Outcome::LoggedOut,
            answer => Outcome::of_answer(answer),
        };
        let is_acknowledged = outcome == Outcome::LoggedOut;
        self.note(held, Act::LogOut, sent, outcome);
        for attempt in 0..40 {
            if is_acknowledged {
                self.refresh(held, Act::UseAfterLogOut, &[attempt % self.nodes.len()]);
                let _ = pause.recv_timeout(RETRY_PAUSE * 2);
            }
        }
    }

    /// Asks these nodes at the same moment; the successor if one of them gave it.
    fn refresh(&self, held: &Held, act: Act, nodes: &[usize]) -> Option<Held> {
        let form = [("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", held.token.as_str())];
        let sent = self.now();
        let mut connections: Vec<Option<Connection>> = nodes.iter().map(|node| Connection::open(self.nodes[*node])).collect();
        for connection in &mut connections {
            if connection.as_mut().and_then(|connection| connection.send_form(TOKEN, &form)).is_none() {
                *connection = None;
            }
        }
        let mut successor = None;
        for connection in connections {
            let answer = connection.and_then(|mut connection| connection.receive());
            let outcome = Outcome::of_answer(answer.clone());
            if let (Outcome::Successor(generation, _), Some((_, body))) = (&outcome, &answer) {
                successor = Some(Held { session: held.session, token: refresh_token(body), generation: *generation });
            }
            self.note(held, act, sent, outcome);
        }
        successor
    }

    fn sign_in(&self) -> Held {
        self.sign_in_at(0).expect("it is served")
    }

    /// `None` while the service is away.
    fn sign_in_at(&self, node: usize) -> Option<Held> {
        let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", USER), ("password", PASSWORD)];
        let mut connection = Connection::open(self.nodes[node]).unwrap();
        connection.send_form(TOKEN, &form).unwrap();
        let (status, body) = connection.receive().unwrap();
        assert!(matches!(status, 200 | 503), "{status} {body}");
        let token = (status == 200).then(|| refresh_token(&body))?;
        Some(Held { session: self.next_session.fetch_add(1, Ordering::SeqCst), generation: generation(&token), token })
    }

    /// Its successor's successor is held by somebody.
    fn make_dead_token(&self) -> Held {
        let first = self.sign_in();
        let second = self.refresh(&first, Act::Refresh, &[0]).expect("it is served");
        self.refresh(&second, Act::Refresh, &[1 % self.nodes.len()]).expect("it is served");
        first
    }

    fn note(&self, held: &Held, act: Act, sent: Duration, outcome: Outcome) {
        let entry = Entry { session: held.session, act, presented: held.generation, sent, answered: self.now(), outcome };
        self.history.lock().unwrap().push(entry);
    }

    fn was_unavailable(&self, session: usize) -> bool {
        let history = self.history.lock().unwrap();
        history.iter().rev().find(|entry| entry.session == session).is_some_and(|entry| entry.outcome == Outcome::Unavailable)
    }

    fn now(&self) -> Duration {
        self.begin.elapsed()
    }
}

impl Outcome {
    fn of_answer(answer: Option<(u16, Value)>) -> Self {
        match answer {
            Some((200, body)) => {
                let token = refresh_token(&body);
                let mut hasher = DefaultHasher::new();
                token.hash(&mut hasher);
                Self::Successor(generation(&token), hasher.finish())
            }
            Some((400, body)) if body["error"] == "invalid_grant" => Self::Refused(body.to_string()),
            Some((503, _)) => Self::Unavailable,
            Some((status, body)) => Self::Strange(format!("{status} {body}")),
            None => Self::Strange("no answer".to_owned()),
        }
    }
}

fn refresh_token(body: &Value) -> String {
    body["refresh_token"].as_str().unwrap().to_owned()
}

fn generation(token: &str) -> u64 {
    let payload = CompactJws::parse(token.as_bytes()).unwrap().unverified_payload().unwrap();
    Claims::parse(&payload).unwrap().other["generation"].as_u64().unwrap()
}
