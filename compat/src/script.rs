//! How a scenario is written down: send this, keep that value, change the realm, send the next.
//!
//! A text may name kept values in braces: `{refresh}`. Nothing here knows which server will answer.

use serde_json::Value;

/// What happens to one fresh realm, step after step.
pub struct Scenario {
    /// `group/name`, unique; the path of its recording.
    pub name: &'static str,
    /// Changes to the realm of [`crate::realm`] before anything is sent.
    pub realm: fn(&mut Value),
    /// In order.
    pub steps: Vec<Step>,
}

/// One step.
pub enum Step {
    /// A request whose answer is recorded.
    Send(Exchange),
    /// The administrator changes something. Takes effect before the next request.
    Arrange(Change),
    /// Time goes by, in seconds.
    Wait(u32),
    /// A value is made from kept ones, or from nothing.
    Make(&'static str, Made),
}

/// A request, and what of its answer is kept for later.
pub struct Exchange {
    /// Unique within the scenario.
    pub name: String,
    /// What is sent.
    pub request: Request,
    /// Name of the value, and the JSON pointer where it stands in the answer.
    pub keeps: Vec<(&'static str, &'static str)>,
}

/// A request. Path, headers and body may name kept values.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Begins with a slash.
    pub path: String,
    /// In order.
    pub headers: Vec<(&'static str, String)>,
    /// What follows the headers.
    pub body: Body,
}

/// What a request carries.
#[derive(Clone)]
pub enum Body {
    /// Nothing.
    Empty,
    /// `application/x-www-form-urlencoded`, encoded by the runner.
    Form(Vec<(&'static str, String)>),
    /// Exactly this, whatever it is.
    Raw(Vec<u8>),
}

/// A value that no server gave.
pub enum Made {
    /// A client assertion (RFC 7523).
    Assertion(Assertion),
    /// A kept token, damaged.
    Damaged(&'static str, Damage),
    /// The one-time code that [`crate::realm::device`] shows in so many periods from now.
    Code(i64),
    /// A claim of a kept token.
    Claim(&'static str, &'static str),
}

/// How a token is damaged.
#[derive(Clone, Copy)]
pub enum Damage {
    /// The last letter of the payload is another one.
    Payload,
    /// The last but one letter of the signature is another one.
    Signature,
    /// The signature is missing, with its dot.
    NoSignature,
    /// `alg` is `none` and the signature is empty.
    AlgorithmNone,
    /// `kid` names a key that nobody has.
    ForeignKey,
}

/// A client assertion before it is signed.
pub struct Assertion {
    /// Who signs: the key pair or secret of this client of [`crate::realm`].
    pub signer: Signer,
    /// Claims that replace or add to the good ones; `null` takes one away. A number for `exp`, `iat` or `nbf` is an offset to now.
    pub claims: Value,
}

/// With what an assertion is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The key pair that the client `jwt` has registered.
    Registered,
    /// A key pair that nobody knows.
    Stranger,
    /// The secret of the client `secret-jwt`.
    Secret,
    /// A secret that nobody knows.
    WrongSecret,
}

/// What an administrator does, in words that both servers have.
pub enum Change {
    /// A field of the realm.
    Realm(&'static str, Value),
    /// A field of a client; `attributes.x` for an attribute.
    Client(&'static str, &'static str, Value),
    /// A field of a user: `enabled`, `email`, `firstName`, `lastName`, `emailVerified`.
    User(&'static str, &'static str, Value),
    /// The values of an attribute of a user; none removes it.
    Attribute(&'static str, &'static str, &'static [&'static str]),
    /// A realm role is given.
    GiveRole(&'static str, &'static str),
    /// A realm role is taken away.
    TakeRole(&'static str, &'static str),
    /// A user joins the group with this path.
    JoinGroup(&'static str, &'static str),
    /// A user leaves the group with this path.
    LeaveGroup(&'static str, &'static str),
    /// A user is deleted.
    DeleteUser(&'static str),
    /// A client is deleted.
    DeleteClient(&'static str),
    /// The realm's not-before is now.
    RealmNotBefore,
    /// A client's not-before is now.
    ClientNotBefore(&'static str),
    /// A client gets a new secret, which is kept under the name `secret`.
    RotateSecret(&'static str),
    /// All sessions of a user end.
    EndSessions(&'static str),
}

/// Begins a scenario in the realm as it is.
pub fn scenario(name: &'static str) -> Scenario {
    Scenario { name, realm: |_| {}, steps: Vec::new() }
}

impl Scenario {
    /// Changes the realm's file before it is loaded.
    #[must_use]
    pub fn in_realm(mut self, change: fn(&mut Value)) -> Self {
        self.realm = change;
        self
    }

    /// Sends a request.
    #[must_use]
    pub fn send(mut self, name: impl Into<String>, request: Request) -> Self {
        self.steps.push(Step::Send(Exchange { name: name.into(), request, keeps: Vec::new() }));
        self
    }

    /// Keeps a value of the last answer.
    ///
    /// # Panics
    /// When nothing was sent just before.
    #[must_use]
    pub fn keep(mut self, name: &'static str, pointer: &'static str) -> Self {
        match self.steps.last_mut() {
            Some(Step::Send(exchange)) => exchange.keeps.push((name, pointer)),
            _ => panic!("{}: nothing was sent before keep({name})", self.name),
        }
        self
    }

    /// Keeps both tokens of the last answer, as `access` and `refresh`.
    #[must_use]
    pub fn keep_tokens(self) -> Self {
        self.keep("access", "/access_token").keep("refresh", "/refresh_token")
    }

    /// Changes something.
    #[must_use]
    pub fn arrange(mut self, change: Change) -> Self {
        self.steps.push(Step::Arrange(change));
        self
    }

    /// Lets time go by.
    #[must_use]
    pub fn wait(mut self, seconds: u32) -> Self {
        self.steps.push(Step::Wait(seconds));
        self
    }

    /// Makes a value.
    #[must_use]
    pub fn make(mut self, name: &'static str, made: Made) -> Self {
        self.steps.push(Step::Make(name, made));
        self
    }

    /// The requests, in order.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().filter_map(|step| match step {
            Step::Send(exchange) => Some(exchange),
            _ => None,
        })
    }
}

/// A request to an endpoint of the protocol: `token`, `userinfo`, and so on.
pub fn endpoint(method: &'static str, name: &str) -> Request {
    Request::new(method, format!("/realms/compat/protocol/openid-connect/{name}"))
}

/// A form for the token endpoint.
pub fn token(form: &[(&'static str, &str)]) -> Request {
    endpoint("POST", "token").form(form)
}

/// `ann` signs in at a public client.
pub fn sign_in(client_id: &str, scope: &str) -> Request {
    token(&[("grant_type", "password"), ("client_id", client_id), ("username", "ann"), ("password", "the password"), ("scope", scope)])
}

/// A refresh of the kept token `refresh` at a public client.
pub fn refresh(client_id: &str) -> Request {
    token(&[("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", "{refresh}")])
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Body::Empty }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds form fields.
    #[must_use]
    pub fn form(mut self, pairs: &[(&'static str, &str)]) -> Self {
        let added = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        match &mut self.body {
            Body::Form(form) => form.extend(added),
            _ => self.body = Body::Form(added.collect()),
        }
        self
    }

    /// A body of a type, exactly as given.
    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Raw(body.into());
        self.header("content-type", content_type)
    }

    /// Names the client in the header (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(self, client_id: &str, secret: &str) -> Self {
        // The runner makes the header, because the secret may be a kept value.
        self.header("authorization", format!("basic:{client_id}:{secret}"))
    }

    /// Carries a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Comes from a page of this origin.
    #[must_use]
    pub fn origin(self, origin: &str) -> Self {
        self.header("origin", origin)
    }
}
