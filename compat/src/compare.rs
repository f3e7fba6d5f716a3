//! Where two recordings differ.

use crate::recording::Recording;
use serde_json::Value;

/// How far durations may be apart: each server rounds its moments to seconds, and two of them make a duration.
const SLACK_S: i64 = 3;

/// One place in one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `scenario/exchange`.
    pub exchange: String,
    /// JSON pointer into the answer.
    pub at: String,
    /// What Keycloak said; `None` where it said nothing.
    pub keycloak: Option<Value>,
    /// What we said.
    pub freshkey: Option<Value>,
}

impl Difference {
    /// On one line: where, what Keycloak said, what we said.
    pub fn line(&self) -> String {
        let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "(nothing)".to_owned(), Value::to_string);
        format!("{}#{}: Keycloak {}, Freshkey {}", self.exchange, self.at, text(&self.keycloak), text(&self.freshkey))
    }
}

/// All differences, in order.
pub fn compare(keycloak: &Recording, freshkey: &Recording) -> Vec<Difference> {
    let mut found = Vec::new();
    let longest = keycloak.exchanges.len().max(freshkey.exchanges.len());
    for index in 0..longest {
        let (theirs, ours) = (keycloak.exchanges.get(index), freshkey.exchanges.get(index));
        let name = theirs.or(ours).map_or("", |exchange| exchange.name.as_str());
        let mut place = Place { exchange: format!("{}/{name}", keycloak.scenario), found: &mut found };
        match (theirs, ours) {
            (Some(theirs), Some(ours)) if theirs.name == ours.name => place.answers(&theirs.answer, &ours.answer),
            (theirs, ours) => place.differ("", theirs.map(|exchange| &exchange.answer), ours.map(|exchange| &exchange.answer)),
        }
    }
    found
}

struct Place<'f> {
    exchange: String,
    found: &'f mut Vec<Difference>,
}

impl Place<'_> {
    /// Where the one says yes and the other no, all else follows from that.
    fn answers(&mut self, keycloak: &Value, freshkey: &Value) {
        for decisive in ["/status", "/body/active"] {
            let (theirs, ours) = (keycloak.pointer(decisive), freshkey.pointer(decisive));
            if theirs != ours {
                return self.differ(decisive, theirs, ours);
            }
        }
        self.values("", Some(keycloak), Some(freshkey));
    }

    fn values(&mut self, at: &str, keycloak: Option<&Value>, freshkey: Option<&Value>) {
        match (keycloak, freshkey) {
            (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
                let mut names: Vec<&String> = theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name))).collect();
                names.sort();
                for name in names {
                    self.values(&format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), theirs.get(name), ours.get(name));
                }
            }
            (Some(Value::Array(theirs)), Some(Value::Array(ours))) if theirs.len() == ours.len() => {
                for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                    self.values(&format!("{at}/{index}"), Some(theirs), Some(ours));
                }
            }
            (theirs, ours) if theirs == ours || is_close(at, theirs, ours) => {}
            (theirs, ours) => self.differ(at, theirs, ours),
        }
    }

    fn differ(&mut self, at: &str, keycloak: Option<&Value>, freshkey: Option<&Value>) {
        let (exchange, at) = (self.exchange.clone(), at.to_owned());
        self.found.push(Difference { exchange, at, keycloak: keycloak.cloned(), freshkey: freshkey.cloned() });
    }
}

fn is_close(at: &str, keycloak: Option<&Value>, freshkey: Option<&Value>) -> bool {
    let is_duration =
        ["/expires_in", "/refresh_expires_in", "/<seconds after iat>", "/<seconds before now>"].iter().any(|name| at.ends_with(name));
    let seconds = |value: Option<&Value>| value.and_then(Value::as_i64);
    match (seconds(keycloak), seconds(freshkey)) {
        // That a token has no end is said with 0, which is no duration.
        (Some(0), Some(_)) | (Some(_), Some(0)) if at.ends_with("expires_in") => false,
        (Some(theirs), Some(ours)) => is_duration && (theirs - ours).abs() <= SLACK_S,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recorded;
    use serde_json::json;

    fn recording(answer: Value) -> Recording {
        let exchange = Recorded { name: "one".to_owned(), request: Value::Null, answer };
        Recording { scenario: "group/case".to_owned(), exchanges: vec![exchange] }
    }

    fn places(theirs: Value, ours: Value) -> Vec<String> {
        compare(&recording(theirs), &recording(ours)).into_iter().map(|difference| difference.at).collect()
    }

    #[test]
    fn equal_answers_have_no_difference() {
        let answer = json!({ "status": 200, "body": { "a": [1, { "b": "c" }] } });
        assert!(places(answer.clone(), answer).is_empty());
    }

    #[test]
    fn a_type_a_word_and_a_missing_field_are_differences() {
        let theirs = json!({ "status": 400, "body": { "error": "invalid_grant", "n": 1, "gone": true, "list": ["a"] } });
        let ours = json!({ "status": 400, "body": { "error": "invalid_client", "n": "1", "list": ["a", "b"], "new": null } });
        assert_eq!(places(theirs, ours), ["/body/error", "/body/gone", "/body/list", "/body/n", "/body/new"]);
    }

    #[test]
    fn another_status_or_another_activity_is_the_one_difference_that_counts() {
        assert_eq!(places(json!({ "status": 400, "body": 1 }), json!({ "status": 200, "body": 2 })), ["/status"]);
        assert_eq!(places(json!({ "body": { "active": true, "x": 1 } }), json!({ "body": { "active": false } })), ["/body/active"]);
    }

    #[test]
    fn durations_may_be_apart_by_what_rounding_does_and_other_numbers_may_not() {
        assert!(places(json!({ "expires_in": 300 }), json!({ "expires_in": 298 })).is_empty());
        assert_eq!(places(json!({ "expires_in": 300 }), json!({ "expires_in": 296 })), ["/expires_in"]);
        assert_eq!(places(json!({ "refresh_expires_in": 0 }), json!({ "refresh_expires_in": 2 })), ["/refresh_expires_in"]);
        assert_eq!(places(json!({ "not-before-policy": 1 }), json!({ "not-before-policy": 2 })), ["/not-before-policy"]);
    }

    #[test]
    fn an_exchange_that_is_missing_is_a_difference() {
        let mut shorter = recording(json!({}));
        shorter.exchanges.clear();
        assert_eq!(compare(&recording(json!({ "status": 200 })), &shorter).len(), 1);
    }
}
