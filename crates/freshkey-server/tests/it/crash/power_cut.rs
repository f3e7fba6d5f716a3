//! A power cut: of each file the disk keeps what it held at its last sync, and nothing that was written since.
//!
//! A small library, preloaded into the server, copies every file of the database aside whenever the server syncs it. After the kill these copies
//! take the place of the files.

use super::{Process, expect_intact, rotate_and_kill, rounds};
use crate::support::{Engine, TestServer};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library with the C compiler that the workspace needs anyway.
fn build_shim(directory: &Path) -> PathBuf {
    let library = directory.join("disk_shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/crash/disk_shim.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).args([source, "-ldl"]).status();
    assert!(built.expect("a C compiler").success());
    library
}

/// The files of a directory by name.
fn names(directory: &Path) -> Vec<String> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Makes one directory hold what another holds.
fn replace(directory: &Path, with: &Path) {
    for name in names(directory) {
        std::fs::remove_file(directory.join(name)).unwrap();
    }
    for name in names(with) {
        std::fs::copy(with.join(&name), directory.join(&name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_089_a_power_cut_takes_nothing_that_was_acknowledged() {
    let mut server = TestServer::on(Engine::Sqlite).await;
    server.set_realm(&[("revokeRefreshToken", "true")]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let key_file = elsewhere.path().join("sealing.key");
    let url = server.hand_over(&key_file).await;
    let data = Path::new(url.strip_prefix("sqlite:").unwrap()).parent().unwrap().to_owned();
    let kept = elsewhere.path().join("kept");
    let cuts = move || {
        let shim = build_shim(elsewhere.path());
        for round in 0..rounds() {
            // What was there before the start has been on the disk for long.
            std::fs::create_dir_all(&kept).unwrap();
            replace(&kept, &data);
            let environment = [("LD_PRELOAD", shim.as_path()), ("DISK_SHIM_FROM", &data), ("DISK_SHIM_TO", &kept)];
            let mut process = Process::start_with(&url, &key_file, &environment);
            let histories = rotate_and_kill(&mut process, 20 + round * 53 % 301);
            replace(&data, &kept);
            expect_intact(&Process::start(&url, &key_file), &histories);
        }
    };
    tokio::task::spawn_blocking(cuts).await.unwrap();
}
