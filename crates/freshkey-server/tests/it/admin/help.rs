//! Help, completions and the manual page.

use super::data_dir::{DataDir, binary};
use insta::assert_snapshot;

fn output(arguments: &[&str]) -> (i32, String, String) {
    let output = binary().args(arguments).output().expect("finished");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[test]
fn the_help_of_every_noun_names_its_verbs() {
    for (noun, verbs) in [
        ("realm", ["list", "create", "import", "export", "set"].as_slice()),
        ("user", &["list", "show", "add", "set", "remove", "set-password"]),
        ("client", &["list", "show", "add", "set", "secret"]),
        ("session", &["list", "show", "end"]),
        ("keys", &["list", "rotate", "disable"]),
        ("recover", &["list", "end", "step-forward"]),
    ] {
        let (code, help, _) = output(&["admin", noun, "--help"]);
        assert_eq!(code, 0);
        for verb in verbs {
            assert!(help.lines().any(|line| line.trim_start().starts_with(verb)), "{noun} {verb}:\n{help}");
        }
    }
    let (_, help, _) = output(&["admin", "user", "set", "--help"]);
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, talk) = output(&["completions", shell]);
        assert_eq!((code, talk.as_str()), (0, ""), "{shell}");
        assert!(script.contains("set-password"), "{shell}");
    }
    let (code, page, talk) = output(&["man"]);
    assert_eq!((code, talk.as_str()), (0, ""));
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{}", &page[..200]);
    assert!(page.contains(".SH \"FRESHKEY\\-SERVER ADMIN USER SET\"") || page.contains("FRESHKEY-SERVER ADMIN USER SET"));
}

#[test]
fn without_a_database_the_command_says_how_to_name_one() {
    let (code, stdout, stderr) = output(&["admin", "user", "list"]);
    assert_snapshot!(format!("{code}\n{stdout}{stderr}"), @"
    2
    error: no database was named
    hint: add --data DIR (the folder of a quickstart) or --config FILE
    ");
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let dir = DataDir::new();
    assert_eq!(dir.admin(&["user", "frobnicate"]).code, 2);
    assert_eq!(dir.admin(&["session", "end", "not-an-id"]).code, 2);
    assert_eq!(dir.admin(&["client", "secret", "rotate", "ua", "--overlap", "soon"]).code, 2);
    assert_eq!(dir.admin(&["user", "set", "demo", "--attribute", "no-equal-sign"]).code, 2);
}

#[test]
fn colours_are_used_only_when_asked_for() {
    let dir = DataDir::new();
    dir.admin(&["user", "add", "ada"]).ok();
    assert!(!dir.admin(&["user", "list", "--limit", "1"]).stderr.contains('\u{1b}'), "no terminal, no colours");
    assert!(dir.admin(&["user", "list", "--limit", "1", "--color", "always"]).stderr.contains('\u{1b}'));
}
