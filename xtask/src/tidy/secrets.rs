//! Secrets compare in constant time, through their own type. This rule finds the slips that the types allow: an exposed
//! secret, a MAC or a signature beside `==`.

use super::{Finding, Tree};

const EXPOSING_CALLS: [&str; 3] = [".expose()", ".expose_secret()", ".reveal()"];
const NAMES: [&str; 6] = ["mac", "hmac", "signature", "password_hash", "secret_hash", "token_hash"];

/// `==` and `!=` with an operand that is a secret (T-023).
pub(super) fn no_plain_comparison(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        for (at, operator) in comparisons(&source.code) {
            let left = left_operand(&source.code[..at]);
            let right = right_operand(&source.code[at + 2..]);
            if file.is_product_code(at) && (is_secret(left) || is_secret(right)) {
                let message = format!("a secret is compared with `{operator}`: compare in constant time");
                findings.push(Finding::new(&file.path, file.line_at(at), message));
            }
        }
    }
    findings
}

fn comparisons(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices("==").chain(code.match_indices("!="))
}

fn is_secret(operand: &str) -> bool {
    let exposed = EXPOSING_CALLS.iter().any(|call| operand.contains(call) && !measures_only(operand, call));
    let plain = operand.trim_matches(|character: char| " \n&*()".contains(character));
    let plain = plain.trim_end_matches(".as_ref").trim_end_matches(".as_bytes");
    let is_word = |character: char| character == '_' || character.is_alphanumeric();
    let last = plain.rsplit(|character| !is_word(character)).next();
    let last = last.unwrap_or_default();
    exposed || NAMES.contains(&last)
}

/// The length of a secret is no secret here: formats fix it.
fn measures_only(operand: &str, call: &str) -> bool {
    let after = operand.rsplit(call).next().unwrap_or_default();
    after.contains(".len()")
}

/// What stands left of an operator, back to where another expression begins.
fn left_operand(before: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in before.char_indices().rev() {
        match character {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth == 0 => return &before[at + 1..],
            '(' | '[' | '{' => depth -= 1,
            ';' | ',' | '|' | '=' if depth == 0 => return &before[at + 1..],
            '&' if depth == 0 && before[..at].ends_with('&') => return &before[at + 1..],
            _ => {}
        }
    }
    before
}

fn right_operand(after: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in after.char_indices() {
        match character {
            '{' if depth == 0 => return &after[..at],
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return &after[..at],
            ')' | ']' | '}' => depth -= 1,
            ';' | ',' | '|' | '=' if depth == 0 => return &after[..at],
            '&' if depth == 0 && after[at + 1..].starts_with('&') => return &after[..at],
            _ => {}
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> usize {
        no_plain_comparison(&Tree::sample(&[("crates/freshkey-core/src/a.rs", text)])).len()
    }

    #[test]
    fn t_023_plain_comparisons_of_secrets_are_findings() {
        for text in [
            "if presented.expose() == stored {}",
            "if a && stored != self.secret.expose().as_bytes() {}",
            "let same = computed == token.signature;",
            "if mac != expected {}",
            "matches(a, *row.password_hash == b)",
        ] {
            assert_eq!(check(text), 1, "{text}");
        }
    }

    #[test]
    fn other_comparisons_are_fine() {
        for text in [
            "if presented.secret == stored.secret {}",
            "if a == b && check(secret.expose()) {}",
            "if secret.expose().len() == 32 {}",
            "if algorithm == signature_algorithm {}",
            "let c = call(a.expose(), b == d);",
            "#[cfg(test)] mod tests { fn a() { b.expose() == c; } }",
        ] {
            assert_eq!(check(text), 0, "{text}");
        }
    }
}
