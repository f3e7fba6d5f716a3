//! Where in a token a mapper writes: the claim's name, split into the members of nested objects, and who may write there.
//!
//! Some names are the server's own. A mapper that could set `iss`, `azp` or `sub` from a user's attribute would let people who edit
//! their own profile speak for others; Keycloak lets mappers set `sub`, `azp` and `aud` and drops the rest with a warning.

use super::Target;
use std::borrow::Cow;

/// Longest claim name, escapes included.
pub const CLAIM_NAME_CHARS_MAX: usize = 1024;
/// Deepest path: values nest as deep as it does, and reading or dropping them takes stack.
pub const CLAIM_PATH_DEPTH_MAX: usize = 16;

/// A claim name, split at its dots. `\.` is a dot within a name, `\\` a backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    components: Box<[Box<str>]>,
    client_placeholder: ClientPlaceholder,
    reservation: Reservation,
}

/// Why a text names no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimPathFault {
    /// There is none, or an empty one.
    Missing,
    /// More characters than [`CLAIM_NAME_CHARS_MAX`].
    TooLong,
    /// More nested objects than [`CLAIM_PATH_DEPTH_MAX`].
    TooDeep,
}

/// Where a value comes from: what decides about the claims that it may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The person: attributes, properties, groups, roles.
    User,
    /// A fact frozen at sign-in.
    Session,
    /// The time of authentication, as the server knows it.
    AuthTime,
    /// The mapper's own configuration.
    Configuration,
}

/// Whether a path contains `${client_id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientPlaceholder {
    Present,
    Absent,
}

/// Who may write a top-level name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reservation {
    /// Any mapper, anywhere.
    Free,
    /// The server, in all but the token response.
    Token,
    /// The server, in the token response alone.
    Response,
    /// The server, everywhere.
    Everywhere,
    /// The server, in the introspection answer alone.
    Introspection,
    /// The server, in the token response and the introspection answer.
    Answers,
    /// `client_id`: the server in the introspection answer, never the user.
    ClientId,
    /// `aud`: only configuration may add to it.
    Audience,
    /// `auth_time`: only the time itself.
    AuthTime,
    /// `acr` and `amr`: anything but the user.
    Context,
}

const CLIENT_ID_PLACEHOLDER: &str = "${client_id}";

impl ClaimPath {
    /// Reads a claim name as Keycloak does: a component is never empty, so where one would be, the rest is one component, dots included.
    pub fn parse(text: &str) -> Result<Self, ClaimPathFault> {
        if text.is_empty() {
            return Err(ClaimPathFault::Missing);
        }
        if text.chars().count() > CLAIM_NAME_CHARS_MAX {
            return Err(ClaimPathFault::TooLong);
        }
        let components = split(text);
        if components.len() > CLAIM_PATH_DEPTH_MAX {
            return Err(ClaimPathFault::TooDeep);
        }
        let client_placeholder = if components.iter().any(|component| component.contains(CLIENT_ID_PLACEHOLDER)) {
            ClientPlaceholder::Present
        } else {
            ClientPlaceholder::Absent
        };
        let reservation = components.first().map_or(Reservation::Free, |name| reservation(name));
        Ok(Self { components: components.into_boxed_slice(), client_placeholder, reservation })
    }

    /// How many names the path has; at least one.
    pub(super) fn depth(&self) -> usize {
        self.components.len()
    }

    /// The name at a position. `client_id` replaces the placeholder within it, if one is given.
    pub(super) fn component<'a>(&'a self, position: usize, client_id: Option<&'a str>) -> Cow<'a, str> {
        let component: &str = &self.components[position];
        match (self.client_placeholder, client_id) {
            (ClientPlaceholder::Present, Some(id)) if component == CLIENT_ID_PLACEHOLDER => Cow::Borrowed(id),
            (ClientPlaceholder::Present, Some(id)) if component.contains(CLIENT_ID_PLACEHOLDER) => {
                Cow::Owned(component.replace(CLIENT_ID_PLACEHOLDER, id))
            }
            _ => Cow::Borrowed(component),
        }
    }

    /// Whether a value from `source` may be written here. A name that belongs to the server cannot be reached into either.
    pub(super) fn admits(&self, source: Source, target: Target, client_id: Option<&str>) -> bool {
        let reservation = match self.client_placeholder {
            ClientPlaceholder::Present => reservation(&self.component(0, client_id)),
            ClientPlaceholder::Absent => self.reservation,
        };
        let at_top = self.depth() == 1;
        match reservation {
            Reservation::Free => true,
            Reservation::Token => target == Target::AccessTokenResponse,
            Reservation::Response => target != Target::AccessTokenResponse,
            Reservation::Everywhere => false,
            Reservation::Introspection => target != Target::Introspection,
            Reservation::Answers => target != Target::Introspection && target != Target::AccessTokenResponse,
            Reservation::ClientId => target != Target::Introspection && source != Source::User,
            Reservation::Audience => at_top && source == Source::Configuration,
            Reservation::AuthTime => at_top && source == Source::AuthTime,
            Reservation::Context => at_top && source != Source::User,
        }
    }

    /// Whether this is `auth_time`.
    pub(super) fn is_auth_time(&self) -> bool {
        self.reservation == Reservation::AuthTime
    }

    /// Whether this is `aud`, which is a list of its own.
    pub(super) fn is_audience(&self) -> bool {
        self.reservation == Reservation::Audience && self.depth() == 1
    }
}

/// Who owns a top-level name: RFC 7519 §4.1, OpenID Connect Core §2, RFC 7800 §3.1, RFC 8693 §4, RFC 7662 §2.2, RFC 6749 §5, and Keycloak's own.
fn reservation(name: &str) -> Reservation {
    match name {
        "exp"
        | "iat"
        | "nbf"
        | "iss"
        | "jti"
        | "sub"
        | "typ"
        | "azp"
        | "sid"
        | "nonce"
        | "at_hash"
        | "c_hash"
        | "s_hash"
        | "cnf"
        | "act"
        | "may_act"
        | "authorization"
        | "authorization_details" => Reservation::Token,
        "scope" | "session_state" => Reservation::Everywhere,
        "access_token" | "refresh_token" | "id_token" | "expires_in" | "refresh_expires_in" | "not-before-policy" | "issued_token_type"
        | "error" | "error_description" => Reservation::Response,
        "token_type" => Reservation::Answers,
        "active" | "username" => Reservation::Introspection,
        "client_id" => Reservation::ClientId,
        "aud" => Reservation::Audience,
        "auth_time" => Reservation::AuthTime,
        "acr" | "amr" => Reservation::Context,
        _ => Reservation::Free,
    }
}

fn split(text: &str) -> Vec<Box<str>> {
    let mut components = Vec::new();
    let mut component = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => component.push(characters.next().unwrap_or('\\')),
            '.' if component.is_empty() => {
                component.push('.');
                component.push_str(&unescape(characters.as_str()));
                break;
            }
            '.' => components.push(std::mem::take(&mut component).into_boxed_str()),
            other => component.push(other),
        }
    }
    if !component.is_empty() {
        components.push(component.into_boxed_str());
    }
    components
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_dots_and_not_at_escaped_ones() {
        let cases: &[(&str, &[&str])] = &[
            ("name", &["name"]),
            ("realm_access.roles", &["realm_access", "roles"]),
            (r"https://example\.org/groups", &["https://example.org/groups"]),
            (r"a\\.b", &[r"a\", "b"]),
            (r"a\_b", &["a_b"]),
            ("a.", &["a"]),
            (".a.b", &[".a.b"]),
            (r"a..b\.c", &["a", ".b.c"]),
            (r"a\", &[r"a\"]),
            (".", &["."]),
        ];
        for (text, expected) in cases {
            let path = ClaimPath::parse(text).unwrap();
            let components: Vec<_> = (0..path.depth()).map(|position| path.component(position, None)).collect();
            assert_eq!(components, *expected, "{text}");
        }
    }

    #[test]
    fn a_client_id_with_dots_stays_one_name() {
        let path = ClaimPath::parse("resource_access.${client_id}.roles").unwrap();
        assert_eq!(path.component(1, Some("a.b")), "a.b");
        assert_eq!(ClaimPath::parse("x-${client_id}").unwrap().component(0, Some("a.b")), "x-a.b");
        assert_eq!(path.component(1, None), "${client_id}", "without a client there is nothing to put in");
    }

    #[test]
    fn claim_names_are_bounded() {
        assert_eq!(ClaimPath::parse(""), Err(ClaimPathFault::Missing));
        assert_eq!(ClaimPath::parse(&"a".repeat(CLAIM_NAME_CHARS_MAX + 1)), Err(ClaimPathFault::TooLong));
        assert_eq!(ClaimPath::parse(&"a.".repeat(CLAIM_PATH_DEPTH_MAX + 1)), Err(ClaimPathFault::TooDeep));
        assert!(ClaimPath::parse(&"a.".repeat(CLAIM_PATH_DEPTH_MAX)).is_ok());
    }

    #[test]
    fn a_client_named_like_a_claim_is_judged_by_that_name() {
        let path = ClaimPath::parse("${client_id}.roles").unwrap();
        assert!(path.admits(Source::User, Target::AccessToken, Some("app")));
        assert!(!path.admits(Source::User, Target::AccessToken, Some("iss")));
    }
}
