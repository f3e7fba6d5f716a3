//! What is left lying about: nothing (T-060, T-066).

use crate::with_provider::WithProvider;
use freshkey_testkit::provider::Rotation;
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Bytes of a part that must not be found.
const PART_BYTES: usize = 12;

/// Every part of these secrets, base64 of them included, since that is how some tools hide a secret from the eye.
fn parts(secrets: &[String]) -> HashSet<Vec<u8>> {
    secrets.iter().flat_map(|secret| secret.as_bytes().windows(PART_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files_below(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

fn with_a_part(paths: &[PathBuf], parts: &HashSet<Vec<u8>>) -> Vec<PathBuf> {
    let has_one =
        |path: &&PathBuf| std::fs::read(path).is_ok_and(|content| content.windows(PART_BYTES).any(|window| parts.contains(window)));
    paths.iter().filter(has_one).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_no_part_of_a_secret_is_left_in_home_runtime_or_temporary_files() {
    let user = WithProvider::signed_in().await;
    user.provider.set_rotation(Rotation::Strict);
    let mut secrets = vec!["the password of ann at the provider".to_owned()];
    let temporary = user.home.path("tmp");
    std::fs::create_dir(&temporary).expect("made");
    for round in 0..5 {
        for arguments in
            [&["token"][..], &["refresh"], &["whoami"], &["status"], &["--no-agent", "refresh"], &["explain"], &["exec", "--", "true"]]
        {
            let output = user.home.freshkey(arguments).env("TMPDIR", &temporary).env("RUST_LOG", "trace").output().expect("started");
            let text = [output.stdout.as_slice(), &output.stderr].concat();
            std::fs::write(temporary.join(format!("said-{round}")), if arguments[0] == "token" { &output.stderr } else { &text })
                .expect("written");
        }
        secrets.push(user.home.prints(&["token"]));
    }
    secrets.extend(user.provider.every_refresh_token());
    assert!(secrets.len() > 10, "{}", secrets.len());
    let parts = parts(&secrets);
    let mut paths = Vec::new();
    files_below(&user.home.path(""), &mut paths);
    assert!(paths.iter().any(|path| path.ends_with("ua.sealed")), "{paths:?}");
    assert_eq!(with_a_part(&paths, &parts), Vec::<PathBuf>::new());
    // The scanner finds what is there to be found.
    let planted = temporary.join("planted");
    std::fs::write(&planted, format!("…{}…", &secrets[1][5..5 + PART_BYTES])).expect("written");
    assert_eq!(with_a_part(std::slice::from_ref(&planted), &parts), [planted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_without_a_place_for_the_key_nothing_is_kept_and_the_cure_is_named() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["logout", "--all"]);
    let login = |wish: &str, passphrase_file: Option<&Path>| {
        let mut command = user.home.freshkey(&["login", "ua", "--key-source", wish, "--refresh-token-file"]);
        let token = user.home.path("refresh-token.txt");
        std::fs::write(&token, user.provider.issue_refresh_token()).expect("written");
        command.arg(&token).env_remove("CREDENTIALS_DIRECTORY");
        if let Some(path) = passphrase_file {
            command.env("FRESHKEY_PASSPHRASE_FILE", path);
        }
        let output = command.output().expect("started");
        std::fs::remove_file(token).expect("removed");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for wish in ["os-keyring", "systemd-credential", "passphrase"] {
        let (code, said) = login(wish, None);
        assert_eq!(code, Some(6), "{wish}: {said}");
        assert!(said.contains("hint: "), "{wish}: {said}");
    }
    assert!(!user.home.path(".local/state/freshkey/accounts/ua.sealed").exists());

    let passphrase = user.home.path("passphrase");
    std::fs::write(&passphrase, "correct horse battery staple\n").expect("written");
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o644)).expect("changed");
    let (code, said) = login("passphrase", Some(&passphrase));
    assert!(code == Some(6) && said.contains("chmod 600"), "{said}");
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).expect("changed");
    assert_eq!(login("passphrase", Some(&passphrase)).0, Some(0));

    let with = |path: &Path| {
        let mut command = user.home.freshkey(&["--no-agent", "token"]);
        let output = command.env_remove("CREDENTIALS_DIRECTORY").env("FRESHKEY_PASSPHRASE_FILE", path).output().expect("started");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(with(&passphrase).0, Some(0));
    std::fs::write(&passphrase, "another horse\n").expect("written");
    let (code, said) = with(&passphrase);
    assert!(code == Some(6) && said.contains("that is not the passphrase"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyring_of_the_kernel_holds_the_key_where_there_is_no_other() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["logout", "--all"]);
    let run = |arguments: &[&str]| {
        let output = user.home.freshkey(arguments).env_remove("CREDENTIALS_DIRECTORY").output().expect("started");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let token = user.home.path("refresh-token.txt");
    std::fs::write(&token, user.provider.issue_refresh_token()).expect("written");
    let login = run(&["login", "ua", "--refresh-token-file", &token.display().to_string()]);
    assert_eq!(login.0, Some(0), "{}", login.2);
    assert!(run(&["--json", "status"]).1.contains("\"key_source\": \"kernel-keyring\""));
    assert_eq!(run(&["token"]).0, Some(0));
    assert_eq!(run(&["logout", "--all"]).0, Some(0));
    assert!(run(&["--json", "status"]).1.contains("\"key_source\": null"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_a_store_that_was_copied_says_so() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["agent", "stop"]);
    let seal = user.home.path(".local/state/freshkey/seal.json");
    let text = std::fs::read_to_string(&seal).expect("readable");
    let mut read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    read["machine"] = "bm9uZSBvZiBv".into();
    std::fs::write(&seal, read.to_string()).expect("written");
    // A credential of another machine.
    std::fs::write(user.home.path("credentials/freshkey"), [8; 32]).expect("written");
    let refused = user.home.run(&["token"]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.stderr.contains("another machine") && refused.stderr.contains("logout --all"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_a_token_of_64_kb_fits() {
    let user = WithProvider::signed_in().await;
    let long = "x".repeat(64 * 1024);
    user.provider.say_in_replies(serde_json::json!({ "access_token": long }));
    user.home.prints(&["refresh"]);
    assert_eq!(user.home.prints(&["token"]), long);
    user.home.prints(&["agent", "stop"]);
    assert_eq!(user.home.prints(&["token"]), long, "it was kept");
}

#[test]
fn t_066_no_option_takes_a_secret_as_its_value() {
    fn look(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or(argument.get_id().as_str()).to_owned();
            let is_secret = ["password", "secret", "token", "passphrase", "key"].iter().any(|word| name.contains(word));
            let takes_value = argument.get_action().takes_values();
            let names_a_place = argument
                .get_value_names()
                .is_some_and(|names| names.iter().any(|name| ["FILE", "PATH", "SOURCE", "DIRECTORY"].contains(&name.as_str())));
            if is_secret && takes_value && !names_a_place {
                found.push(format!("{path} --{name}"));
            }
        }
        for inner in command.get_subcommands() {
            look(inner, &format!("{path} {}", inner.get_name()), found);
        }
    }
    let mut found = Vec::new();
    look(&freshkey_cli::command(), "freshkey", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// With the real keyring of a desktop, on a session bus of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_keyring_of_the_desktop_comes_first_and_a_locked_one_is_an_error_at_once() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["logout", "--all"]);
    let token = user.home.path("refresh-token.txt");
    std::fs::write(&token, user.provider.issue_refresh_token()).expect("written");
    let script = "printf 'the password of the keyring' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
        asked=0; until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q true
        do asked=$((asked + 1)); test $asked -lt 5000 || exit 1; done
        freshkey login ua --refresh-token-file refresh-token.txt && rm refresh-token.txt
        freshkey --no-agent token && freshkey --json status
        dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock \
            array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
        freshkey --no-agent token; echo \"locked: $?\"";
    let mut command = user.home.command("dbus-run-session");
    let output = command.args(["--", "sh", "-c", script]).output().expect("dbus-run-session is installed");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("\"key_source\": \"os-keyring\""), "{stdout}\n{stderr}");
    assert!(stdout.contains("locked: 6") && stderr.contains("keyring of the desktop is locked"), "{stdout}\n{stderr}");
}
