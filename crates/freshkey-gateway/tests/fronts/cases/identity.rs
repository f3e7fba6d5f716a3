//! T-071: callers who say who they are.

use crate::case::{Case, Expected, bearer, request};
use crate::provider::Provider;
use serde_json::json;

const NAMES: &[&str] = &[
    "X-Freshkey-Subject",
    "x-freshkey-subject",
    "X-FRESHKEY-SUBJECT",
    "X_Freshkey_Subject",
    "X-Freshkey_Subject",
    "X_FRESHKEY-SUBJECT",
    "X.Freshkey.Subject",
    "X~Freshkey~Subject",
    "X-Freshkey-User",
    "X-Freshkey-Email",
    "X-Freshkey-Groups",
    "X-Freshkey-Roles",
    "X_Freshkey_Roles",
    "X-Freshkey-Assertion",
    "X-Freshkey-Anything",
    "X-Freshkey-",
];

pub(super) fn cases(provider: &Provider) -> Vec<Case> {
    let good = bearer(provider);
    let mut cases = Vec::new();
    for name in NAMES {
        let line = format!("{name}: evil");
        cases.push(Case::new("T-071", format!("{name}, no token"), request("GET", "/api/secret", &[&line]), Expected::Refused));
        cases.push(Case::new("T-071", format!("{name}, a good token"), request("GET", "/api/secret", &[&line, &good]), Expected::Harmless));
        cases.push(Case::new("T-071", format!("{name}, public"), request("GET", "/public/x", &[&line]), Expected::Harmless));
        let named = format!("Connection: {name}");
        let lines = [line.as_str(), &named, &good];
        cases.push(Case::new("T-071", format!("{name}, for this connection"), request("GET", "/api/secret", &lines), Expected::Harmless));
        let emptied = [format!("{name}:"), line.clone()];
        let lines = [emptied[0].as_str(), &emptied[1], &good];
        cases.push(Case::new("T-071", format!("{name}, empty and again"), request("GET", "/api/secret", &lines), Expected::Harmless));
        let spaced = format!("{name} : evil");
        cases.push(Case::new("T-071", format!("{name}, a space"), request("GET", "/public/x", &[&spaced]), Expected::Harmless));
        let folded = format!("X-Other: a\r\n {name}: root");
        cases.push(Case::new("T-071", format!("{name}, folded"), request("GET", "/public/x", &[&folded]), Expected::Harmless));
    }
    for name in [
        "X-Freshkey-Subject",
        "X-Freshkey-Groups, X-Freshkey-Roles",
        "x-request-id",
        "Authorization",
        "Host",
        "X-Forwarded-For",
        "X-Original-URI",
    ] {
        let named = format!("Connection: close, {name}");
        cases.push(Case::new("T-071", format!("{name} taken away"), request("GET", "/api/secret", &[&named, &good]), Expected::Harmless));
        let named = format!("Connection: {name}");
        cases.push(Case::new(
            "T-071",
            format!("{name} taken away again"),
            request("GET", "/api/secret", &[&named, &good]),
            Expected::Harmless,
        ));
    }
    let trailer = format!(
        "POST /api/secret HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\n{good}\r\nTrailer: X-Freshkey-Subject\r\n\
         Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Freshkey-Subject: evil\r\n\r\n"
    );
    cases.push(Case::new("T-071", "in a trailer", trailer, Expected::Harmless));
    let odd =
        json!({ "groups": ["x\r\nX-Freshkey-Roles: root", "a,admin", "\u{416}"], "preferred_username": "eve\r\n\r\nGET /api/smuggled" });
    let line = format!("Authorization: Bearer {}", provider.token_with(&odd));
    cases.push(Case::new("T-071", "line ends in claims", request("GET", "/api/secret", &[&line]), Expected::Harmless));
    let bare = json!({ "groups": null, "realm_access": null, "preferred_username": "" });
    let line = format!("Authorization: Bearer {}", provider.token_with(&bare));
    cases.push(Case::new("T-071", "claims that are not there", request("GET", "/api/secret", &[&line]), Expected::Harmless));
    cases
}
