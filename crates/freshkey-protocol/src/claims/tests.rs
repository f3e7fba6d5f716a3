use proptest::prelude::*;
use serde_json::json;

use super::{Audience, Claims, ClaimsError, NUMERIC_DATE_MAX};
use crate::limits::{COMPACT_JWS_BYTES_MAX, JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

fn refusal(text: &str) -> Option<ClaimsError> {
    Claims::parse(text.as_bytes()).err()
}

#[test]
fn keycloak_refresh_token_is_read_whole() {
    let claims = Claims::parse(
        br#"{"exp":1735691400,"iat":1735689600,"jti":"j-1","iss":"https://a/realms/r","aud":"https://a/realms/r",
        "sub":"u-1","typ":"Refresh","azp":"app","sid":"s-1","scope":"openid email","reuse_id":"r-1",
        "nonce":"n","session_state":"old","auth_time":1735689000,"nbf":0,"cnf":{"jkt":"x"},"acr":"1"}"#,
    )
    .unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        claims,
        Claims {
            iss: text("https://a/realms/r"),
            sub: text("u-1"),
            aud: Some(Audience::One("https://a/realms/r".into())),
            exp: Some(1_735_691_400),
            nbf: Some(0),
            iat: Some(1_735_689_600),
            auth_time: Some(1_735_689_000),
            jti: text("j-1"),
            typ: text("Refresh"),
            azp: text("app"),
            sid: text("s-1"),
            scope: text("openid email"),
            nonce: text("n"),
            session_state: text("old"),
            reuse_id: text("r-1"),
            other: json!({"cnf": {"jkt": "x"}, "acr": "1"}).as_object().unwrap().clone(),
        }
    );
}

#[test]
fn absent_claims_are_absent() {
    assert_eq!(Claims::parse(b" {} "), Ok(Claims::default()));
}

#[test]
fn audience_may_be_text_or_list() {
    let audience = |text: &str| Claims::parse(text.as_bytes()).unwrap().aud.unwrap();
    assert_eq!(audience(r#"{"aud":"a"}"#).only(), Some("a"));
    assert_eq!(audience(r#"{"aud":["a"]}"#).only(), Some("a"));
    let both = audience(r#"{"aud":["a","b"]}"#);
    assert_eq!(both.only(), None);
    assert!(both.contains("b") && !both.contains("c"));
    assert_eq!(audience(r#"{"aud":[]}"#).iter().count(), 0);
}

#[test]
fn times_are_cut_to_seconds() {
    let exp = |text: &str| Claims::parse(format!(r#"{{"exp":{text}}}"#).as_bytes()).map(|claims| claims.exp);
    for (text, expected) in [
        ("0", 0),
        ("1.999", 1),
        ("1.7e9", 1_700_000_000),
        ("1e0", 1),
        ("0.5", 0),
        ("9007199254740992", NUMERIC_DATE_MAX),
        ("9007199254740992.0", NUMERIC_DATE_MAX),
    ] {
        assert_eq!(exp(text), Ok(Some(expected)), "{text}");
    }
}

#[test]
fn t_029_misshapen_times_are_refused() {
    for claim in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            "null",
            "true",
            "\"1\"",
            "\"\"",
            "[1]",
            "{}",
            "{\"a\":1}",
            "-1",
            "-0",
            "-0.0",
            "-0.5",
            "-1e3",
            "9007199254740993",
            "9007199254740994.0",
            "1e300",
            "18446744073709551615",
            "18446744073709551616",
        ] {
            let text = format!(r#"{{"{claim}":{value}}}"#);
            assert_eq!(refusal(&text), Some(ClaimsError::BadClaim(claim)), "{text}");
        }
        for value in ["1e400", "-1e400", "NaN", "Infinity", "01", "+1", ".5", "1.", "0x10", ""] {
            let text = format!(r#"{{"{claim}":{value}}}"#);
            assert_eq!(refusal(&text), Some(ClaimsError::NotJson), "{text}");
        }
        let twice = format!(r#"{{"{claim}":1,"{claim}":1}}"#);
        assert_eq!(refusal(&twice), Some(ClaimsError::DuplicateName), "{twice}");
    }
}

#[test]
fn t_029_misshapen_texts_are_refused() {
    let texts = ["iss", "sub", "azp", "typ", "sid", "jti", "scope", "nonce", "session_state", "reuse_id"];
    for claim in texts {
        for value in ["null", "1", "1.5", "true", "[]", "[\"a\"]", "{}", "\"a\\u0000b\""] {
            let text = format!(r#"{{"x":1,"{claim}":{value}}}"#);
            assert_eq!(refusal(&text), Some(ClaimsError::BadClaim(claim)), "{text}");
        }
        let twice = format!(r#"{{"{claim}":"a","x":{{}},"{claim}":"a"}}"#);
        assert_eq!(refusal(&twice), Some(ClaimsError::DuplicateName), "{twice}");
    }
}

#[test]
fn t_029_misshapen_audiences_are_refused() {
    for value in ["null", "1", "true", "{}", "[null]", "[1]", "[\"a\",null]", "[[\"a\"]]", "[\"a\",{}]", "\"\\u0000\""] {
        let text = format!(r#"{{"aud":{value}}}"#);
        assert_eq!(refusal(&text), Some(ClaimsError::BadClaim("aud")), "{text}");
    }
    assert_eq!(refusal(r#"{"aud":"a","aud":["a"]}"#), Some(ClaimsError::DuplicateName));
}

#[test]
fn t_029_escaped_names_are_the_same_names() {
    assert_eq!(refusal(r#"{"exp":1,"\u0065xp":2}"#), Some(ClaimsError::DuplicateName));
    assert_eq!(refusal(r#"{"\u0065xp":null}"#), Some(ClaimsError::BadClaim("exp")));
}

#[test]
fn unknown_claims_must_be_unambiguous_too() {
    assert_eq!(refusal(r#"{"a":1,"a":1}"#), Some(ClaimsError::DuplicateName));
    assert_eq!(refusal(r#"{"a":{"b":[{"c":1,"c":1}]}}"#), Some(ClaimsError::DuplicateName));
    assert_eq!(refusal(r#"{"a":null,"b":{"a":1}}"#), None);
}

#[test]
fn malformed_texts_are_refused_with_the_reason() {
    for (text, expected) in [
        ("", ClaimsError::NotJson),
        ("{", ClaimsError::NotJson),
        ("{}x", ClaimsError::NotJson),
        ("{}{}", ClaimsError::NotJson),
        ("{\"a\":1,}", ClaimsError::NotJson),
        ("{'a':1}", ClaimsError::NotJson),
        ("{\"a\":\"\u{1}\"}", ClaimsError::NotJson),
        ("{\"a\":\"\\ud800\"}", ClaimsError::NotJson),
        ("[]", ClaimsError::NotAnObject),
        ("null", ClaimsError::NotAnObject),
        ("1", ClaimsError::NotAnObject),
        ("\"{}\"", ClaimsError::NotAnObject),
    ] {
        assert_eq!(refusal(text), Some(expected), "{text}");
    }
    assert_eq!(Claims::parse(b"{\"a\":\"\xff\"}").err(), Some(ClaimsError::NotJson));
}

#[test]
fn limits_hold_exactly() {
    let nested = |depth: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(refusal(&nested(JSON_DEPTH_MAX)), None);
    assert_eq!(refusal(&nested(JSON_DEPTH_MAX + 1)), Some(ClaimsError::TooDeep));
    let long = |len: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(len - 8));
    assert_eq!(refusal(&long(COMPACT_JWS_BYTES_MAX)), None);
    assert_eq!(refusal(&long(COMPACT_JWS_BYTES_MAX + 1)), Some(ClaimsError::TooLong));
    let wide = |count: usize| {
        let members: Vec<String> = (0..count).map(|i| format!("\"m{i}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(refusal(&wide(JSON_MEMBERS_MAX)), None);
    assert_eq!(refusal(&wide(JSON_MEMBERS_MAX + 1)), Some(ClaimsError::TooManyMembers));
    assert_eq!(refusal(&format!("{{\"x\":{}}}", wide(JSON_MEMBERS_MAX + 1))), Some(ClaimsError::TooManyMembers));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Claims::parse(&bytes);
    }

    #[test]
    fn t_050_any_json_like_text_is_read_or_refused(text in "\\{(\"(exp|aud|iss|a)\":[\\[\\]{}0-9.eE\",:a-]{0,20},?){0,5}\\}") {
        if let Ok(claims) = Claims::parse(text.as_bytes()) {
            prop_assert!(claims.exp.is_none_or(|exp| (0..=NUMERIC_DATE_MAX).contains(&exp)));
        }
    }
}
