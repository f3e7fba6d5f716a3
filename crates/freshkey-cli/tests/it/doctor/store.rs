//! What is kept on this machine: directories, the file of profiles, keys, accounts.

use super::{Diagnosis, Person, examine, examined};
use crate::with_provider::{self, WithProvider};
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::install;
use freshkey_testkit::provider::TestProvider;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_061_a_runtime_directory_that_others_can_enter_is_named_and_closed() {
    let user = WithProvider::signed_in().await;
    user.home.prints(&["agent", "start"]);
    set_mode(&user.home.path("run/freshkey"), 0o755);
    let cure = examine(&user.home, &["ua"]).names("directories", 9, &["others can enter", "run/freshkey (mode 755)"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("directories");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_where_a_directory_should_be_is_named_and_moved_away() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    fs::create_dir(home.path(".local")).expect("made");
    fs::write(home.path(".local/state"), "a file").expect("written");
    let cure = examine(&home, &[]).names("directories", 1, &[".local/state is a file"]);
    cure.apply(&home, &Person::ann());
    with_provider::sign_in(&home, &provider, "ua");
    examine(&home, &["ua"]).is_well("directories");
}

/// Runs doctor in a mount namespace of its own, in which `.local/state` is a file system of one megabyte that `spoil` has been at.
fn on_small_disk(home: &Home, spoil: &str, cure: &str) -> (Diagnosis, Diagnosis) {
    let state = home.path(".local/state");
    let mounted = |then: &str| {
        let mut command = home.command("unshare");
        let script = format!(
            "cp -a {0} saved && mount -t tmpfs -o size=1m,mode=700 none {0} && cp -a saved/. {0} && rm -r saved && {then}",
            state.display()
        );
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        command
    };
    let spoilt = spoil.replace("STATE", &state.display().to_string());
    let cured = cure.replace("STATE", &state.display().to_string());
    let found = examined(mounted(&format!("{spoilt}; exec freshkey --json doctor ua")));
    let after = examined(mounted(&format!("{spoilt}; {cured}; exec freshkey --json doctor ua")));
    (found, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_named() {
    let user = WithProvider::signed_in().await;
    let (found, after) = on_small_disk(&user.home, "head -c 2M /dev/zero > STATE/filler 2>/dev/null", "rm STATE/filler");
    let cure = found.names("directories", 1, &["the disk is full", ".local/state has no room"]);
    assert!(cure.advice.contains("free some room"), "{}", cure.advice);
    after.is_well("directories");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_read_only_is_named_and_remounted() {
    let user = WithProvider::signed_in().await;
    let (found, after) = on_small_disk(&user.home, "mount -o remount,ro STATE", "mount -o remount,rw STATE");
    let cure = found.names("directories", 1, &[".local/state/freshkey is read-only"]);
    assert_eq!(cure.command, format!("sudo mount -o remount,rw {}", user.home.path(".local/state").display()));
    after.is_well("directories");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_profiles_that_is_wrong_is_named_by_its_line() {
    let user = WithProvider::signed_in().await;
    let file = user.home.path(".config/freshkey/profiles.toml");
    let text = fs::read_to_string(&file).expect("there");
    fs::write(&file, text.replace("client_id =", "client id =")).expect("written");
    let cure = examine(&user.home, &["ua"]).names("profiles", 7, &["profiles.toml is wrong", "at line 3"]);
    // An editor that its user has taught what is meant.
    let editor = user.home.path("editor");
    install(b"#!/bin/sh\nexec sed -i \"${1#+}s/client id/client_id/\" \"$2\"\n", &editor);
    let mut shell = user.home.command("sh");
    shell.env("EDITOR", &editor);
    cure.examine_after(shell).is_well("profiles");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_not_there_is_named() {
    let user = WithProvider::signed_in().await;
    examine(&user.home, &["lab"]).names("profiles", 7, &["there is no profile lab: there are ua"]);
    let mut shell = user.home.command("sh");
    shell.env("FRESHKEY_PROFILE", "lab");
    let mut command = user.home.freshkey(&["--json", "doctor"]);
    command.env("FRESHKEY_PROFILE", "lab");
    let cure = examined(command).names("profiles", 7, &["which FRESHKEY_PROFILE names"]);
    cure.examine_after(shell).is_well("profiles");
    let cure = examine(&Home::new(), &[]).names("profiles", 7, &["there is no profile yet"]);
    assert!(cure.advice.contains("freshkey doctor --issuer URL"), "{}", cure.advice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_was_changed_since_the_sign_in_is_named_and_put_back() {
    let user = WithProvider::signed_in().await;
    let file = user.home.path(".config/freshkey/profiles.toml");
    let text = fs::read_to_string(&file).expect("there");
    fs::write(&file, text.replace(user.provider.issuer(), &format!("{}/realms/else", user.provider.issuer()))).expect("written");
    let cure = examine(&user.home, &["ua"]).names("account", 9, &["/realms/else through app, and the sign-in was at"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("account");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_a_key_source_that_is_gone_is_named() {
    let user = WithProvider::signed_in().await;
    let without = || {
        let mut command = user.home.freshkey(&["--json", "doctor", "ua"]);
        command.env_remove("CREDENTIALS_DIRECTORY");
        examined(command)
    };
    let cure = without().names("key", 6, &["no service with credentials of systemd"]);
    assert!(cure.advice.contains("in the unit that has the credential"), "{}", cure.advice);
    // An agent that has the key serves everybody; its end would be noticed late.
    user.home.prints(&["agent", "start"]);
    let (asked, found) = (user.provider.count("refresh_token"), without());
    found.warns("key", &["the agent holds the key"]);
    found.is_well("sign-in");
    // The one that asks about the client, and none that renews a token which is fresh.
    assert_eq!(user.provider.count("refresh_token"), asked + 1);
    user.home.prints(&["agent", "stop"]);
    examine(&user.home, &["ua"]).is_well("key");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_another_key_and_a_store_of_another_machine_are_named_and_made_anew() {
    let user = WithProvider::signed_in().await;
    fs::write(user.home.path("credentials/freshkey"), [9; 32]).expect("written");
    let cure = examine(&user.home, &["ua"]).names("key", 6, &["another key than the accounts were sealed under"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("key");
    let seal = user.home.path(".local/state/freshkey/seal.json");
    let mut copied: serde_json::Value = serde_json::from_slice(&fs::read(&seal).expect("there")).expect("JSON");
    copied["machine"] = "that-of-another".into();
    fs::write(&seal, copied.to_string()).expect("written");
    fs::write(user.home.path("credentials/freshkey"), [8; 32]).expect("written");
    let cure = examine(&user.home, &["ua"]).names("key", 6, &["kept on another machine"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("key");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_an_account_that_was_changed_on_the_disk_is_named_and_made_anew() {
    let user = WithProvider::signed_in().await;
    let file = user.home.path(".local/state/freshkey/accounts/ua.sealed");
    let mut sealed = fs::read(&file).expect("there");
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    fs::write(&file, sealed).expect("written");
    let cure = examine(&user.home, &["ua"]).names("account", 6, &["ua.sealed was changed"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("account");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_060_what_can_be_wrong_with_a_passphrase_is_named_and_put_right() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let file = home.path("passphrase");
    let write = |text: &str, mode: u32| {
        fs::write(&file, text).expect("written");
        set_mode(&file, mode);
    };
    write("correct horse battery", 0o600);
    let of_user = |program: &str| {
        let mut command = home.command(program);
        command.env("FRESHKEY_PASSPHRASE_FILE", &file);
        command
    };
    let mut login = of_user("sh");
    let line = format!(
        "echo 'the password' | freshkey login ua --issuer {} --client-id app --username ann --password-stdin --key-source passphrase",
        provider.issuer()
    );
    let output = login.args(["-c", &line]).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let examine_with = |program: fn(&mut std::process::Command)| {
        let mut command = of_user("freshkey");
        program(command.args(["--json", "doctor", "ua"]));
        examined(command)
    };
    let person = Person { secret: "correct horse battery".into(), ..Person::ann() };
    write("correct horse battery", 0o644);
    let cure = examine_with(|_| {}).names("key", 6, &["others can read", "passphrase (mode 644)"]);
    cure.apply(&home, &person);
    examine_with(|_| {}).is_well("key");
    write("another horse", 0o600);
    let cure = examine_with(|_| {}).names("key", 6, &["that is not the passphrase"]);
    cure.apply(&home, &person);
    examine_with(|_| {}).is_well("key");
    fs::remove_file(&file).expect("removed");
    let cure = examine_with(|_| {}).names("key", 6, &["which is not there"]);
    cure.apply(&home, &person);
    examine_with(|_| {}).is_well("key");
    let unset = |command: &mut std::process::Command| {
        command.env_remove("FRESHKEY_PASSPHRASE_FILE");
    };
    let cure = examine_with(unset).names("key", 6, &["a passphrase is needed"]);
    assert!(cure.advice.contains("set FRESHKEY_PASSPHRASE_FILE"), "{}", cure.advice);
}
