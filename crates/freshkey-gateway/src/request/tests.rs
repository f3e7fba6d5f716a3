//! Tests of the one form of a request.

use super::*;
use crate::reason::Reason;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn path(target: &str) -> Result<(String, Vec<String>, bool), Ambiguity> {
    path::parse_target(target)
        .map(|(path, _)| (path.as_str().to_owned(), path.segments().map(str::to_owned).collect(), path.was_canonical()))
}

#[test]
fn t_069_a_target_that_could_be_read_in_two_ways_is_refused() {
    let cases = [
        ("", Ambiguity::Target),
        ("*", Ambiguity::Target),
        ("api", Ambiguity::Target),
        ("http://api.test/a", Ambiguity::Target),
        ("/a b", Ambiguity::Target),
        ("/a\u{e9}", Ambiguity::Target),
        ("/a\"b", Ambiguity::Target),
        ("/a|b", Ambiguity::Target),
        ("//", Ambiguity::EmptySegment),
        ("//evil.test/admin", Ambiguity::EmptySegment),
        ("/a//b", Ambiguity::EmptySegment),
        ("/a//", Ambiguity::EmptySegment),
        ("/.", Ambiguity::DotSegment),
        ("/..", Ambiguity::DotSegment),
        ("/public/../admin", Ambiguity::DotSegment),
        ("/public/./admin", Ambiguity::DotSegment),
        ("/public/..", Ambiguity::DotSegment),
        ("/../a", Ambiguity::DotSegment),
        ("/public/%2e%2e/admin", Ambiguity::EncodedDelimiter),
        ("/public/%2E./admin", Ambiguity::EncodedDelimiter),
        ("/public/.%2e/admin", Ambiguity::EncodedDelimiter),
        ("/public/%252e%252e/admin", Ambiguity::EncodedDelimiter),
        ("/public%2fadmin", Ambiguity::EncodedDelimiter),
        ("/public%2Fadmin", Ambiguity::EncodedDelimiter),
        ("/public%252fadmin", Ambiguity::EncodedDelimiter),
        ("/public%5cadmin", Ambiguity::EncodedDelimiter),
        ("/public%5Cadmin", Ambiguity::EncodedDelimiter),
        ("/public%00", Ambiguity::EncodedDelimiter),
        ("/public%0a", Ambiguity::EncodedDelimiter),
        ("/public%0d%0aX:y", Ambiguity::EncodedDelimiter),
        ("/public%09", Ambiguity::EncodedDelimiter),
        ("/public%7f", Ambiguity::EncodedDelimiter),
        ("/admin%3bx", Ambiguity::EncodedDelimiter),
        ("/admin%23x", Ambiguity::EncodedDelimiter),
        ("/admin%3fx", Ambiguity::EncodedDelimiter),
        ("/admin;x=1", Ambiguity::Delimiter),
        ("/public/..;/admin", Ambiguity::Delimiter),
        ("/public\\admin", Ambiguity::Delimiter),
        ("/admin#x", Ambiguity::Delimiter),
        ("/a?b#c", Ambiguity::Delimiter),
        ("/a?b\\c", Ambiguity::Delimiter),
        ("/a?b\u{e9}", Ambiguity::Target),
        ("/%", Ambiguity::Encoding),
        ("/%4", Ambiguity::Encoding),
        ("/%zz", Ambiguity::Encoding),
        ("/%u002e", Ambiguity::Encoding),
        ("/%c0%ae", Ambiguity::Encoding),
        ("/%c0%af", Ambiguity::Encoding),
        ("/%e0%80%af", Ambiguity::Encoding),
        ("/%ff", Ambiguity::Encoding),
        ("/%ed%a0%80", Ambiguity::Encoding),
    ];
    for (target, ambiguity) in cases {
        assert_eq!(path(target), Err(ambiguity), "{target:?}");
    }
    let long = format!("/{}", "a/".repeat(300));
    assert_eq!(path(&long), Err(Ambiguity::Target), "too many segments");
    assert_eq!(path(&format!("/{}", "a".repeat(20_000))), Err(Ambiguity::Target), "too long");
}

#[test]
fn t_069_a_path_has_one_form_which_is_judged_and_passed_on() {
    let cases: [(&str, &str, &[&str], bool); 9] = [
        ("/", "/", &[], true),
        ("/a", "/a", &["a"], true),
        ("/a/", "/a/", &["a"], true),
        ("/a/b.c/~d-e_f", "/a/b.c/~d-e_f", &["a", "b.c", "~d-e_f"], true),
        ("/%61dmin", "/admin", &["admin"], false),
        ("/%7Euser", "/~user", &["~user"], false),
        ("/a%20b", "/a%20b", &["a b"], true),
        ("/caf%c3%a9", "/caf%C3%A9", &["caf\u{e9}"], true),
        ("/100%25", "/100%25", &["100%"], true),
    ];
    for (target, text, segments, was_canonical) in cases {
        let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
        assert_eq!(path(target), Ok((text.to_owned(), segments, was_canonical)), "{target}");
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::try_from(*value).expect("a value"));
    }
    headers
}

#[test]
fn t_069_a_request_has_one_host_and_one_method() {
    let get = Method::GET;
    let parse = |authority, headers: &HeaderMap| {
        CanonicalRequest::parse(&get, authority, "/", headers).map(|request| request.host.authority().to_owned())
    };
    for (text, host) in [("API.test", "api.test"), ("api.test:8443", "api.test:8443"), ("[::1]:80", "[::1]:80"), ("127.0.0.1", "127.0.0.1")]
    {
        assert_eq!(parse(None, &headers(&[("host", text)])).as_deref(), Ok(host));
    }
    for wrong in [
        "",
        "a b",
        "a,b",
        "user@api.test",
        "api.test.",
        ".api.test",
        "api..test",
        "api.test:",
        "api.test:x",
        "api.test:99999",
        "api.test/x",
        "[::1",
        "[x]",
        "::1",
        "api.test#",
        "api.test%00",
        "api.test\\x",
    ] {
        assert_eq!(parse(None, &headers(&[("host", wrong)])), Err(Ambiguity::Host), "{wrong:?}");
    }
    assert_eq!(parse(None, &HeaderMap::new()), Err(Ambiguity::Host));
    assert_eq!(parse(None, &headers(&[("host", "a"), ("host", "a")])), Err(Ambiguity::Host));
    assert_eq!(parse(Some("b"), &headers(&[("host", "a")])), Err(Ambiguity::Host));
    assert_eq!(parse(Some("a"), &headers(&[("host", "A")])).as_deref(), Ok("a"));
    for name in ["get", "Get", "TRACE", "CONNECT", "G+T"] {
        let method = Method::from_bytes(name.as_bytes()).expect("a method");
        let request = CanonicalRequest::parse(&method, Some("a"), "/", &HeaderMap::new()).map(|_| ());
        assert_eq!(request, Err(Ambiguity::Method), "{name}");
    }
}

#[test]
fn t_072_a_credential_is_a_bearer_token_and_nothing_else() {
    let get = Method::GET;
    let read = |value: &str, form| {
        let headers = headers(&[("authorization", value)]);
        let request = CanonicalRequest::parse(&get, Some("a"), "/", &headers).expect("a request");
        credential(&request, form).and_then(Credential::token).map(str::to_owned)
    };
    assert_eq!(read("Bearer a.b.c", CredentialForm::Bearer).as_deref(), Ok("a.b.c"));
    assert_eq!(read("bearer  a.b.c", CredentialForm::Bearer).as_deref(), Ok("a.b.c"));
    for (wrong, reason) in [
        ("Bearer", Reason::MalformedCredential),
        ("Bearer a b", Reason::MalformedCredential),
        ("Bearer a,Bearer b", Reason::MalformedCredential),
        ("Basic YTpi", Reason::NoCredential),
        ("Bearera.b.c", Reason::NoCredential),
        ("DPoP a.b.c", Reason::NoCredential),
        ("AWS4-HMAC-SHA256 Credential=a.b.c/20260101/r/s3/aws4_request", Reason::NoCredential),
    ] {
        assert_eq!(read(wrong, CredentialForm::Bearer), Err(reason), "{wrong}");
    }
    let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    let request = CanonicalRequest::parse(&get, Some("a"), "/", &twice).map(|_| ());
    assert_eq!(request, Err(Ambiguity::DuplicateHeader));
}

#[test]
fn t_078_an_s3_key_is_read_as_a_token_where_a_rule_wants_it() {
    let get = Method::GET;
    let read = |value: &str| {
        let headers = headers(&[("authorization", value)]);
        let request = CanonicalRequest::parse(&get, Some("a"), "/", &headers).expect("a request");
        credential(&request, CredentialForm::BearerOrS3).and_then(Credential::token).map(str::to_owned)
    };
    let signed = "AWS4-HMAC-SHA256 Credential=a.b.c/20260101/eu/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
    assert_eq!(read(signed).as_deref(), Ok("a.b.c"));
    assert_eq!(read("Bearer a.b.c").as_deref(), Ok("a.b.c"));
    for wrong in [
        "AWS4-HMAC-SHA256 Credential=/20260101/eu/s3/aws4_request",
        "AWS4-HMAC-SHA256 Credential=a.b.c",
        "AWS4-HMAC-SHA256 Credential=a.b.c/1/2/3/4/5",
        "AWS4-HMAC-SHA256 SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a.b.c/1/2/s3/aws4_request, Credential=d.e.f/1/2/s3/aws4_request",
    ] {
        assert_eq!(read(wrong), Err(Reason::MalformedCredential), "{wrong}");
    }
}

#[test]
fn t_078_a_token_in_the_query_is_noticed_however_it_is_written() {
    for query in [
        "access_token=x",
        "a=b&access_token=x",
        "ACCESS_TOKEN=x",
        "%61ccess_token=x",
        "access%5Ftoken=x",
        "access_token",
        "access_token[]=x",
        "access.token=x",
        "a;access_token=x",
        "+access_token=x",
        "X-Amz-Credential=x",
        "x-amz-credential=x",
        "X-Amz%2DCredential=x",
    ] {
        assert!(query_credential(query), "{query}");
    }
    for query in ["", "a=access_token", "my_access_token=x", "access_tokens=1", "token=x"] {
        assert!(!query_credential(query), "{query}");
    }
}

proptest! {
    #[test]
    fn t_069_the_form_that_is_passed_on_is_its_own_form(target in "/[a-z%./0-9A-F~_-]{0,40}") {
        if let Ok((text, segments, _)) = path(&target) {
            let again = path(&text);
            prop_assert_eq!(again, Ok((text, segments, true)));
        }
    }

    #[test]
    fn t_050_no_target_makes_the_parser_panic(target in ".{0,60}") {
        let _ = path(&target);
        let _ = query_credential(&target);
        let _ = Host::parse(&target);
    }
}
