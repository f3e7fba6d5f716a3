//! Headers that describe a request: where it came from, and what it is to be taken for. Proxies set them and applications believe them, so what a caller
//! writes there is a lie (T-070). Their names, too, are compared as applications read them, which know no difference between a dash and another sign.

use super::names::is_like;
use http::{HeaderMap, HeaderName};

/// Families of names, and names.
const FAMILIES: [&str; 3] = ["x-forwarded-", "x-original-", "x-rewrite-"];
const NAMES: [&str; 2] = ["forwarded", "x-real-ip"];
/// By which some applications let a request's method be changed, after it was judged.
const OVERRIDES: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];
/// What proxies write when they tell where a request came from. A proxy before us sets or removes these itself; every other description claims that the
/// request is another one.
const OF_ORIGIN: [&str; 9] = [
    "forwarded",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Whether an application could take a header of this name for an order to read the method differently.
#[must_use]
pub fn is_override(name: &str) -> bool {
    may_be_one(name) && OVERRIDES.iter().any(|own| is_like(own.as_bytes(), name.as_bytes()))
}

/// Whether an application could take a header of this name for a description that makes another request of it. Names of where a request came from count
/// when they are misspelled: no proxy replaces those.
#[must_use]
pub fn is_foreign_description(name: &str) -> bool {
    is_description(name) && !OF_ORIGIN.contains(&name)
}

/// Removes descriptions and overrides.
pub fn strip_descriptions(headers: &mut HeaderMap) {
    let is_taken = |name: &&HeaderName| is_description(name.as_str()) || is_override(name.as_str());
    let taken: Vec<HeaderName> = headers.keys().filter(is_taken).cloned().collect();
    for name in taken {
        headers.remove(&name);
    }
}

/// Every name in the lists begins with one of these letters, and most headers with neither.
fn may_be_one(name: &str) -> bool {
    name.starts_with(['x', 'f'])
}

fn is_description(name: &str) -> bool {
    if !may_be_one(name) {
        return false;
    }
    let name = name.as_bytes();
    FAMILIES.iter().any(|family| name.get(..family.len()).is_some_and(|start| is_like(family.as_bytes(), start)))
        || NAMES.iter().any(|own| is_like(own.as_bytes(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_070_a_description_is_known_in_every_spelling() {
        for name in
            ["x-original-url", "x_original_uri", "x-rewrite-url", "x.rewrite.uri", "x-forwarded-uri", "x-forwarded_for", "x_real-ip"]
        {
            assert!(is_foreign_description(name), "{name}");
        }
        for name in OF_ORIGIN.into_iter().chain(["x-forward", "x-originally", "original", "x-request-id", "accept"]) {
            assert!(!is_foreign_description(name), "{name}");
        }
        for name in ["x-http-method", "x_http_method_override", "x-method.override"] {
            assert!(is_override(name), "{name}");
        }
        for name in FAMILIES.into_iter().chain(NAMES).chain(OVERRIDES).chain(OF_ORIGIN) {
            assert!(may_be_one(name), "{name}");
        }
        assert!(!is_override("x-http-methods"));
    }

    #[test]
    fn t_070_whatever_describes_a_request_is_removed() {
        let names = ["forwarded", "x-forwarded-for", "x_forwarded_path", "x-real_ip", "x-original-url", "x_http_method_override", "accept"];
        let mut headers: HeaderMap =
            names.iter().map(|name| (HeaderName::from_static(name), http::HeaderValue::from_static("lie"))).collect();
        strip_descriptions(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
