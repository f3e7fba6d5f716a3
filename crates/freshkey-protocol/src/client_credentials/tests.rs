use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::{BasicCredentials, BasicError, NothingReason, PresentedCredentials, SecretSource};
use crate::form::{Form, FormError};
use crate::limits::BASIC_HEADER_BYTES_MAX;

fn basic(text: &[u8]) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(text)).into_bytes()
}

fn halves(header: &[u8]) -> Result<(String, String), BasicError> {
    BasicCredentials::parse(header).map(|basic| (basic.client_id, basic.client_secret.expose().clone()))
}

/// What was presented, as text a table can hold.
fn presented(header: Option<&[u8]>, body: &str) -> String {
    let form = Form::parse(body.as_bytes()).unwrap();
    match PresentedCredentials::collect(header, &form) {
        PresentedCredentials::Nothing(reason) => format!("nothing {reason:?}"),
        PresentedCredentials::IdOnly { client_id } => format!("id {client_id}"),
        PresentedCredentials::IdAndSecret { client_id, client_secret, source } => {
            format!("id {client_id} secret {} {source:?}", client_secret.expose())
        }
        PresentedCredentials::Assertion { assertion_type, assertion, client_id, client_secret } => {
            format!("{assertion_type:?} {assertion:?} {client_id:?} {:?}", client_secret.as_ref().map(|s| s.expose().clone()))
        }
    }
}

#[test]
fn rfc_6749_section_2_3_1_example_is_read() {
    let header = b"Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3";
    assert_eq!(halves(header), Ok(("s6BhdRkqt3".into(), "7Fjfp0ZBr1KtDRbnfVdmIw".into())));
}

#[test]
fn halves_are_form_decoded_and_split_at_the_first_colon() {
    for (sent, client_id, secret) in [
        ("app:p%3Aw%2Bx+y", "app", "p:w+x y"),
        ("a%3Ab:c", "a:b", "c"),
        ("app:one:two", "app", "one:two"),
        ("app:", "app", ""),
        (":", "", ""),
        ("caf%C3%A9:\u{e9}", "caf\u{e9}", "\u{e9}"),
    ] {
        assert_eq!(halves(&basic(sent.as_bytes())), Ok((client_id.into(), secret.into())), "{sent}");
    }
}

#[test]
fn scheme_ignores_case_and_padding_may_be_missing() {
    assert_eq!(halves(b"bAsIc YTpi"), Ok(("a".into(), "b".into())));
    assert_eq!(halves(b"Basic  YTpiYg=="), Ok(("a".into(), "bb".into())));
    assert_eq!(halves(b"Basic YTpiYg"), Ok(("a".into(), "bb".into())));
}

#[test]
fn unreadable_headers_are_refused_with_the_reason() {
    let bad = BasicError::BadEncoding;
    for (header, expected) in [
        (b"Negotiate YTpi".to_vec(), BasicError::OtherScheme),
        (b"BasicYTpi".to_vec(), BasicError::OtherScheme),
        (Vec::new(), BasicError::OtherScheme),
        (b"Basic".to_vec(), BasicError::NoColon),
        (b"Basic *".to_vec(), BasicError::NotBase64),
        (b"Basic YTpi YTpi".to_vec(), BasicError::NotBase64),
        (b"Basic YTpiYh==".to_vec(), BasicError::NotBase64),
        (basic(b"no-colon"), BasicError::NoColon),
        (basic(b"a:%zz"), bad(FormError::BadPercentEscape)),
        (basic(b"a:\xff"), bad(FormError::NotUtf8)),
        (basic(b"a\0:b"), bad(FormError::ZeroByte)),
        (basic(b"a:%00"), bad(FormError::ZeroByte)),
        (vec![b'B'; BASIC_HEADER_BYTES_MAX + 1], BasicError::TooLong),
    ] {
        assert_eq!(halves(&header), Err(expected), "{}", String::from_utf8_lossy(&header));
    }
}

#[test]
fn header_and_form_combine_as_in_keycloak() {
    let header = basic(b"app:one");
    for (header, body, expected) in [
        (None, "", "nothing NotSent"),
        (None, "client_secret=s", "nothing NotSent"),
        (None, "client_id=web", "id web"),
        (None, "client_id=web&client_secret=", "id web secret  Form"),
        (Some(&header[..]), "", "id app secret one BasicHeader"),
        (Some(&header[..]), "client_id=web", "id web secret one BasicHeader"),
        (Some(&header[..]), "client_secret=two", "id app secret two Form"),
        (Some(&header[..]), "client_id=web&client_secret=two", "id web secret two Form"),
        (Some(&b"Negotiate x"[..]), "client_id=web", "id web"),
        (Some(&b"Negotiate x"[..]), "", "nothing UnreadableHeader(OtherScheme)"),
        (Some(&b"Basic *"[..]), "client_secret=s", "nothing UnreadableHeader(NotBase64)"),
        (None, "client_assertion=j&client_assertion_type=t", "Some(\"t\") Some(\"j\") None None"),
        (None, "client_assertion=j", "None Some(\"j\") None None"),
        (None, "client_assertion_type=t&client_id=a&client_secret=s", "Some(\"t\") None Some(\"a\") Some(\"s\")"),
    ] {
        assert_eq!(presented(header, body), expected, "{body}");
    }
}

#[test]
fn claimed_client_id_is_the_one_that_counts() {
    let form = Form::parse(b"client_id=web").unwrap();
    let header = basic(b"app:one");
    let presented = PresentedCredentials::collect(Some(&header), &form);
    assert_eq!(presented.client_id(), Some("web"));
    assert!(matches!(presented, PresentedCredentials::IdAndSecret { source: SecretSource::BasicHeader, .. }));
    let nothing = Form::default();
    assert!(PresentedCredentials::collect(None, &nothing) == PresentedCredentials::Nothing(NothingReason::NotSent));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_header_is_read_or_refused(header in prop::collection::vec(any::<u8>(), 0..128), inside in prop::collection::vec(any::<u8>(), 0..128)) {
        let _ = BasicCredentials::parse(&header);
        if let Ok((client_id, _)) = halves(&basic(&inside)) {
            prop_assert!(client_id.len() <= inside.len());
        }
    }
}
