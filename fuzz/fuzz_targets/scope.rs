//! T-050: scope lists. What is read is canonical.
#![no_main]

use freshkey_protocol::ScopeList;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(scope) = ScopeList::parse(text) else { return };
    assert_eq!(scope.iter().count(), scope.len());
    assert_eq!(ScopeList::parse(scope.as_str()).as_ref(), Ok(&scope));
    assert_eq!(ScopeList::from_names(scope.iter()).as_ref(), Ok(&scope));
});
