use proptest::prelude::*;

use super::{ScopeError, ScopeList};
use crate::limits::{SCOPE_BYTES_MAX, SCOPE_NAME_BYTES_MAX, SCOPE_NAMES_MAX};

#[test]
fn order_is_kept_and_repetitions_collapse() {
    let scope = ScopeList::parse("openid  profile email openid profile ").unwrap();
    assert_eq!(scope.as_str(), "openid profile email");
    assert_eq!(scope.iter().collect::<Vec<_>>(), ["openid", "profile", "email"]);
    assert_eq!(scope.len(), 3);
    assert!(scope.contains("email"));
    for absent in ["Email", "mail", "", " ", "openid profile"] {
        assert!(!scope.contains(absent), "{absent:?}");
    }
}

#[test]
fn empty_text_is_the_empty_list() {
    for text in ["", " ", "   "] {
        let scope = ScopeList::parse(text).unwrap();
        assert!(scope.is_empty());
        assert_eq!(scope.iter().count(), 0);
        assert_eq!(scope, ScopeList::default());
    }
}

#[test]
fn characters_outside_rfc_6749_are_refused() {
    for text in ["a\tb", "a\nb", "a\"b", "a\\b", "\u{e4}", "a\u{a0}b", "\u{7f}", "a\0"] {
        assert_eq!(ScopeList::parse(text), Err(ScopeError::BadCharacter), "{text:?}");
        assert_eq!(ScopeList::from_names([text]), Err(ScopeError::BadCharacter), "{text:?}");
    }
    assert_eq!(ScopeList::parse("a:b/c?d=e!#[]~").unwrap().len(), 1);
}

#[test]
fn many_names_are_told_apart_and_counted() {
    let names: Vec<String> = (0..SCOPE_NAMES_MAX).map(|i| format!("s{i}")).collect();
    let twice = format!("{} {}", names.join(" "), names.join(" "));
    assert_eq!(ScopeList::parse(&twice).unwrap().as_str(), names.join(" "));
    let above = format!("{twice} one-more");
    assert_eq!(ScopeList::parse(&above), Err(ScopeError::TooManyNames));
}

#[test]
fn lengths_are_limited() {
    let name = |len| "x".repeat(len);
    assert!(ScopeList::parse(&name(SCOPE_NAME_BYTES_MAX)).is_ok());
    assert_eq!(ScopeList::parse(&name(SCOPE_NAME_BYTES_MAX + 1)), Err(ScopeError::NameTooLong));
    assert!(ScopeList::parse(&" ".repeat(SCOPE_BYTES_MAX)).is_ok());
    assert_eq!(ScopeList::parse(&" ".repeat(SCOPE_BYTES_MAX + 1)), Err(ScopeError::TooLong));
}

#[test]
fn names_given_apart_must_be_single_names() {
    assert_eq!(ScopeList::from_names(["a", "b", "a"]).unwrap().as_str(), "a b");
    assert_eq!(ScopeList::from_names(["a b"]), Err(ScopeError::NotOneName));
    assert_eq!(ScopeList::from_names([""]), Err(ScopeError::NotOneName));
}

#[test]
fn subsets_ignore_the_order() {
    let list = |text| ScopeList::parse(text).unwrap();
    assert!(list("b a").is_subset_of(&list("a b c")));
    assert!(list("").is_subset_of(&list("")));
    assert!(!list("a d").is_subset_of(&list("a b c")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn t_050_any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(scope) = ScopeList::parse(&text) {
            prop_assert_eq!(scope.iter().count(), scope.len());
        }
    }

    #[test]
    fn lists_read_back(names in prop::collection::vec("[!#-\\[\\]-~]{1,9}", 0..40)) {
        let scope = ScopeList::from_names(names.iter().map(String::as_str)).unwrap();
        prop_assert_eq!(&ScopeList::parse(scope.as_str()).unwrap(), &scope);
        for name in &names {
            prop_assert!(scope.contains(name));
        }
    }
}
