//! Cookies of the token service: where it shares a domain with an application, browsers send them there, too. They are as good as a session, and
//! none of the application's business (T-078).

use http::{HeaderMap, HeaderValue, header};

/// What the names of the service's cookies begin with, after `__Host-` or `__Secure-`.
const OWN: [&str; 4] = ["freshkey", "auth_session_id", "keycloak_", "kc_"];

/// Takes them out, and leaves the others as they are.
pub(super) fn strip_own(headers: &mut HeaderMap) {
    let is_there = headers.get_all(header::COOKIE).iter().any(|value| value.as_bytes().split(|byte| *byte == b';').any(is_own));
    if !is_there {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| {
            let others: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_own(pair)).collect();
            let text = others.join(&b';');
            HeaderValue::from_bytes(text.trim_ascii()).ok().filter(|value| !value.is_empty())
        })
        .collect();
    headers.remove(header::COOKIE);
    for value in kept {
        headers.append(header::COOKIE, value);
    }
}

fn is_own(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    let begins = |name: &[u8], start: &str| name.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()));
    let bare = ["__host-", "__secure-"].iter().find(|prefix| begins(name, prefix)).map_or(name, |prefix| &name[prefix.len()..]);
    OWN.iter().any(|own| begins(bare, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_078_cookies_of_the_service_reach_no_application() {
        let mut headers = HeaderMap::new();
        for text in ["a=b; KEYCLOAK_IDENTITY=x; c=d", "AUTH_SESSION_ID=x", "__Host-freshkey_session=x;e=f", " kc_restart=x"] {
            headers.append(header::COOKIE, HeaderValue::from_static(text));
        }
        strip_own(&mut headers);
        let left: Vec<&str> = headers.get_all(header::COOKIE).iter().map(|value| value.to_str().expect("a text")).collect();
        assert_eq!(left, ["a=b; c=d", "e=f"]);
        strip_own(&mut headers);
        assert_eq!(headers.get_all(header::COOKIE).iter().count(), 2);
    }
}
