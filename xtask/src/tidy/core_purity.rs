//! The core is a pure function of its arguments: now and randomness come in, nothing goes out but the answer.

use super::{Finding, Tree};

const WORDS: &[&str] = &["SystemTime", "Instant", "tokio", "async", "await", "getrandom", "SystemRandom", "SecureRandom"];
const PATHS: &[&str] = &[
    "std::fs",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "aws_lc_rs::rand",
    "rand",
];

/// Names of clocks, randomness, async and IO in the core's product code.
pub(super) fn names_nothing_from_outside(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust_files() {
        if file.product_crate() != Some("core") {
            continue;
        }
        let words = source.words().into_iter().filter(|(_, word)| WORDS.contains(word)).map(|(at, word)| (at, word.to_owned()));
        let paths = paths(&source.code).into_iter().filter(|(_, path)| PATHS.iter().any(|forbidden| is_inside(path, forbidden)));
        findings.extend(words.chain(paths).filter(|(at, _)| file.is_product_code(*at)).map(|(at, name)| {
            let message = format!("the core must not name `{name}`");
            Finding::new(&file.path, file.line_at(at), message)
        }));
    }
    findings.sort();
    findings.dedup();
    findings
}

/// `std::fs::File` is inside `std::fs`; `rand` alone is a variable, only `rand::…` is a path.
fn is_inside(path: &str, forbidden: &str) -> bool {
    let rest = path.strip_prefix(forbidden);
    rest.is_some_and(|rest| rest.starts_with("::") || (rest.is_empty() && forbidden.contains("::")))
}

/// Every path of two or more segments, those inside the braces of a `use` written out.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(character) = code[at..].chars().next() {
        let rest = &code[at..];
        if character == '_' || character.is_alphanumeric() {
            let length = rest.find(|c: char| c != '_' && !c.is_alphanumeric());
            let word = &rest[..length.unwrap_or(rest.len())];
            if path.is_empty() {
                start = at;
            }
            if !path.ends_with("::") {
                path.clear();
                start = at;
            }
            path.push_str(word);
            at += word.len();
        } else if rest.starts_with("::") {
            path.push_str("::");
            at += 2;
        } else {
            let opens_group = character == '{' && path.ends_with("::");
            if !character.is_whitespace() {
                let prefix = prefixes.last().cloned().unwrap_or_default();
                let is_whole = !path.is_empty() && !path.ends_with("::");
                if is_whole && (path.contains("::") || !prefix.is_empty()) {
                    found.push((start, format!("{prefix}{path}")));
                }
                match character {
                    '{' if opens_group => prefixes.push(format!("{prefix}{path}")),
                    '{' => prefixes.push(String::new()),
                    '}' => drop(prefixes.pop()),
                    _ => {}
                }
                path.clear();
            }
            at += character.len_utf8();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<Finding> {
        names_nothing_from_outside(&Tree::sample(&[("crates/freshkey-core/src/a.rs", text)]))
    }

    #[test]
    fn clocks_randomness_async_and_io_are_findings() {
        for text in [
            "use std::time::SystemTime;",
            "let a = Instant::now();",
            "use std::fs;",
            "use std::{collections::BTreeMap, fs::File};",
            "use std::{fmt, net::TcpStream};",
            "let a = std::env::var(\"B\");",
            "use aws_lc_rs::{digest, rand};",
            "let a = rand::random();",
            "async fn a() {}",
            "tokio::spawn(b);",
        ] {
            assert_eq!(check(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn pure_code_comments_and_tests_are_fine() {
        for text in [
            "use std::time::Duration;\nuse std::{collections::BTreeMap, fmt};",
            "fn a(rand: u8) -> u8 { rand }",
            "use std::net::{IpAddr, Ipv6Addr};",
            "// SystemTime is read elsewhere.\nconst A: &str = \"tokio\";",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            "struct Operand { fs: u8 }",
        ] {
            assert!(check(text).is_empty(), "{text}: {:?}", check(text));
        }
        let elsewhere = Tree::sample(&[("crates/freshkey-server/src/a.rs", "use std::fs;")]);
        assert!(names_nothing_from_outside(&elsewhere).is_empty());
    }
}
