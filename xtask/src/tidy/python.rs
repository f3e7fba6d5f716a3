//! No token logic in Python: what would be needed for it, or to start another program, is not named in the package (ADR-0013).

use super::{Finding, Tree};

const PACKAGE: &str = "python/freshkey/";
/// Refreshes and JWTs of one's own, locks and clocks for them, programs from somewhere, and TLS that is switched off.
const WORDS: &[&str] = &[
    "subprocess",
    "os.system",
    "os.popen",
    "os.exec",
    "os.spawn",
    "shutil.which",
    "grant_type",
    "import jwt",
    "from jwt",
    "base64",
    "fcntl",
    "time.time(",
    "verify=False",
    "CERT_NONE",
];

/// Lines of the package that name one of them.
pub(super) fn no_token_logic(tree: &Tree) -> Vec<Finding> {
    let files = tree.files.iter().filter(|file| file.path.starts_with(PACKAGE) && file.path.ends_with(".py"));
    files
        .flat_map(|file| {
            let lines = file.text.lines().enumerate();
            lines.filter_map(|(index, line)| {
                let word = WORDS.iter().find(|word| line.contains(**word))?;
                Some(Finding::new(&file.path, index + 1, format!("`{word}` in the Python package: the client does that")))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> usize {
        no_token_logic(&Tree::sample(&[(path, text)])).len()
    }

    #[test]
    fn what_the_client_does_is_a_finding_in_the_package() {
        for word in WORDS {
            let text = format!("def a():\n    return {word}x\n");
            assert_eq!(check("python/freshkey/session.py", &text), 1, "{word}");
            assert_eq!(check("python/tests/test_session.py", &text), 0, "{word}");
        }
        assert_eq!(check("python/freshkey/session.py", "import time\nimport json\n"), 0);
    }
}
