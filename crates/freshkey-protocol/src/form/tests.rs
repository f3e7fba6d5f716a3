use std::borrow::Cow;

use proptest::prelude::*;

use super::{Form, FormError, decode, encode_pairs};
use crate::limits::{FORM_BODY_BYTES_MAX, FORM_NAME_BYTES_MAX, FORM_PARAMETERS_MAX, FORM_VALUE_BYTES_MAX};

fn pairs(body: &str) -> Vec<(String, String)> {
    match Form::parse(body.as_bytes()) {
        Ok(form) => form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        Err(error) => panic!("{body}: {error:?}"),
    }
}

fn refusal(body: &[u8]) -> Option<FormError> {
    Form::parse(body).err()
}

#[test]
fn rfc_6749_section_4_3_2_example_is_read() {
    let form = Form::parse(b"grant_type=password&username=johndoe&password=A3ddj3w").unwrap();
    assert_eq!(form.get("grant_type"), Some("password"));
    assert_eq!(form.get("username"), Some("johndoe"));
    assert_eq!(form.get("password"), Some("A3ddj3w"));
    assert_eq!(form.get("scope"), None);
    assert_eq!(form.len(), 3);
}

#[test]
fn rfc_6749_appendix_b_example_is_read() {
    assert_eq!(decode(b"+%25%26%2B%C2%A3%E2%82%AC").unwrap(), " %&+\u{a3}\u{20ac}");
    assert_eq!(encode_pairs([("x", " %&+\u{a3}\u{20ac}")]), "x=+%25%26%2B%C2%A3%E2%82%AC");
}

#[test]
fn empty_absent_and_bare_names_are_told_apart() {
    let form = Form::parse(b"scope=&flag&&a=1&").unwrap();
    assert_eq!(form.get("scope"), Some(""));
    assert_eq!(form.get("flag"), Some(""));
    assert_eq!(form.get("missing"), None);
    assert_eq!(form.len(), 3);
    assert!(Form::parse(b"").unwrap().is_empty());
}

#[test]
fn only_the_first_equals_sign_separates() {
    assert_eq!(pairs("a=b=c"), [("a".into(), "b=c".into())]);
    assert_eq!(pairs("=x"), [(String::new(), "x".into())]);
}

#[test]
fn plain_values_borrow_from_the_body() {
    let form = Form::parse(b"a=plain&b=esc%41ped").unwrap();
    assert!(matches!(form.pairs[0].1, Cow::Borrowed("plain")));
    assert!(matches!(&form.pairs[1].1, Cow::Owned(value) if value == "escAped"));
}

#[test]
fn t_017_repeated_parameters_are_kept_and_named() {
    let form = Form::parse(b"b=1&a=1&b=2&c=3&a=1&b=3").unwrap();
    assert_eq!(form.duplicates(), ["a", "b"]);
    assert_eq!(form.get("b"), Some("1"), "the first value counts");
    assert_eq!(form.get_all("b").collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(Form::parse(b"a=1&A=1&aa=1").unwrap().duplicates().is_empty());
}

#[test]
fn t_017_a_name_escaped_differently_is_the_same_name() {
    assert_eq!(Form::parse(b"scope=a&s%63ope=b").unwrap().duplicates(), ["scope"]);
}

#[test]
fn malformed_bodies_are_refused_with_the_reason() {
    let table: &[(&[u8], FormError)] = &[
        (b"a=%", FormError::BadPercentEscape),
        (b"a=%4", FormError::BadPercentEscape),
        (b"a=%4&b=1", FormError::BadPercentEscape),
        (b"a=%zz", FormError::BadPercentEscape),
        (b"a=%+1", FormError::BadPercentEscape),
        (b"%g0=1", FormError::BadPercentEscape),
        (b"a=%ff", FormError::NotUtf8),
        (b"a=\xff", FormError::NotUtf8),
        (b"\xc3=1", FormError::NotUtf8),
        (b"a=%C3", FormError::NotUtf8),
        (b"a=%ED%A0%80", FormError::NotUtf8),
        (b"a=x%00y", FormError::ZeroByte),
        (b"a=x\0y", FormError::ZeroByte),
        (b"%00=1", FormError::ZeroByte),
    ];
    for (body, expected) in table {
        assert_eq!(refusal(body), Some(*expected), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn limits_hold_exactly() {
    let many = |count: usize| vec!["a=1"; count].join("&").into_bytes();
    assert_eq!(refusal(&many(FORM_PARAMETERS_MAX)), None);
    assert_eq!(refusal(&many(FORM_PARAMETERS_MAX + 1)), Some(FormError::TooManyParameters));

    let named = |len: usize| format!("{}=1", "n".repeat(len)).into_bytes();
    assert_eq!(refusal(&named(FORM_NAME_BYTES_MAX)), None);
    assert_eq!(refusal(&named(FORM_NAME_BYTES_MAX + 1)), Some(FormError::NameTooLong));

    let valued = |len: usize| format!("a={}", "v".repeat(len)).into_bytes();
    assert_eq!(refusal(&valued(FORM_VALUE_BYTES_MAX)), None);
    assert_eq!(refusal(&valued(FORM_VALUE_BYTES_MAX + 1)), Some(FormError::ValueTooLong));

    assert_eq!(refusal(&vec![b'&'; FORM_BODY_BYTES_MAX]), None);
    assert_eq!(refusal(&vec![b'&'; FORM_BODY_BYTES_MAX + 1]), Some(FormError::BodyTooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(form) = Form::parse(&body) {
            prop_assert!(form.len() <= FORM_PARAMETERS_MAX);
            prop_assert!(form.duplicates().len() * 2 <= form.len());
        }
    }

    #[test]
    fn written_forms_read_back(written in prop::collection::vec(("[^\\x00]{1,12}", "[^\\x00]{0,24}"), 0..12)) {
        let body = encode_pairs(written.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        prop_assert_eq!(pairs(&body), written);
    }
}
