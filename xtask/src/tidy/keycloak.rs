//! Keycloak's names of things stay in the two folders that translate. Comments may speak of it anywhere.

use super::{Finding, Tree};

/// Ends the names of Keycloak's JSON structs; alone it is an ordinary word.
const IDENTIFIER: &str = "Representation";
const TEXTS: [&str; 2] = ["realm-management", "org.keycloak"];

/// Identifiers and texts that only the translation may know, in product code.
pub(super) fn words_stay_in_their_folder(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        if file.is_under("keycloak") {
            continue;
        }
        let identifiers = source
            .words()
            .into_iter()
            .filter(|(_, word)| word.len() > IDENTIFIER.len() && word.ends_with(IDENTIFIER))
            .map(|(at, word)| (at, word.to_owned()));
        let texts = source.literals.iter().flat_map(|literal| {
            let text = &file.text[literal.clone()];
            let known = TEXTS.into_iter().filter(|word| text.contains(word));
            known.map(|word| (literal.start, word.to_owned()))
        });
        findings.extend(identifiers.chain(texts).filter(|(at, _)| file.is_product_code(*at)).map(|(at, word)| {
            let message = format!("`{word}` is Keycloak's word: it belongs under keycloak/");
            Finding::new(&file.path, file.line_at(at), message)
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: &str = "struct RealmRepresentation;\nconst A: &str = \"org.keycloak.keys.KeyProvider\";\n";

    #[test]
    fn keycloaks_words_elsewhere_are_findings() {
        let found = words_stay_in_their_folder(&Tree::sample(&[("crates/freshkey-core/src/realm.rs", BAD)]));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_translating_folder_comments_and_tests_may_use_them() {
        let comment = "// A RealmRepresentation names realm-management.\nenum Representation {}";
        for (path, text) in [
            ("crates/freshkey-core/src/keycloak/realm.rs", BAD),
            ("crates/freshkey-server/src/keycloak.rs", BAD),
            ("crates/freshkey-server/tests/it/realm.rs", BAD),
            ("crates/freshkey-core/src/realm.rs", comment),
        ] {
            assert!(words_stay_in_their_folder(&Tree::sample(&[(path, text)])).is_empty(), "{path}");
        }
    }
}
