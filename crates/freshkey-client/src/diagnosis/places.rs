//! The directories: whether they could be written if somebody signed in now. Nothing is written to find out.

use super::{Check, Cure, Report, shell_path};
use crate::directories::{Directories, check_private};
use crate::failure::FailureKind;
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use rustix::io::Errno;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes that a sign-in, its successor and the files beside it need.
const ROOM_BYTES_MIN: u64 = 128 * 1024;

pub(super) fn examine(report: &mut Report<'_>, directories: &Directories) {
    let before = report.findings.len();
    for path in [&directories.config, &directories.state, &directories.runtime] {
        place(report, path);
    }
    if report.findings.len() == before {
        let places = [&directories.config, &directories.state, &directories.runtime].map(|path| path.display().to_string());
        report.ok(Check::Directories, places.join(", "));
    }
}

fn place(report: &mut Report<'_>, path: &Path) {
    let mut problem = |says: String, cure: Cure| report.problem(Check::Directories, FailureKind::Failed, says, cure);
    let existing = nearest(path);
    if !existing.is_dir() {
        let shown = existing.display();
        let moves = format!("mv {0} {0}.moved", shell_path(&existing));
        problem(format!("{shown} is a file, and a directory is needed there"), Cure::command(moves));
        return;
    }
    if existing == path
        && let Err(failure) = check_private(path)
    {
        report.failure(Check::Directories, &failure);
        return;
    }
    let shown = existing.display();
    match access(&existing, Access::WRITE_OK | Access::EXEC_OK) {
        Err(Errno::ROFS) => return problem(format!("the file system of {shown} is read-only"), remounted(&existing)),
        Err(error) => return problem(format!("{shown} cannot be written: {error}"), given_back(&existing)),
        Ok(()) => {}
    }
    let Ok(room) = statvfs(&existing) else { return };
    if room.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return problem(format!("the file system of {shown} is read-only"), remounted(&existing));
    }
    // Some file systems count no inodes.
    let has_no_names = room.f_files > 0 && room.f_favail == 0;
    if room.f_bavail.saturating_mul(room.f_frsize) < ROOM_BYTES_MIN || has_no_names {
        let mount = mount_of(&existing);
        let cure = format!(
            "free some room there, or point XDG_STATE_HOME to another file system; `du -xsh {}/*` shows what is large",
            mount.display()
        );
        problem(format!("the disk is full: {} has no room for {}", mount.display(), path.display()), Cure::advice(cure));
    }
}

/// The path, or the first above it that is there.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(Path::new("/")).to_owned()
}

fn remounted(path: &Path) -> Cure {
    let mount = mount_of(path);
    Cure::both("if it was not made read-only on purpose", format!("sudo mount -o remount,rw {}", shell_path(&mount)))
}

fn given_back(path: &Path) -> Cure {
    let is_ours = path.metadata().is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw());
    if is_ours {
        Cure::command(format!("chmod u+rwx {}", shell_path(path)))
    } else {
        Cure::advice(format!("have {} given to you", path.display()))
    }
}

/// Where its file system begins.
fn mount_of(path: &Path) -> PathBuf {
    let device = |path: &Path| path.metadata().map(|found| found.dev()).ok();
    let own = device(path);
    path.ancestors().take_while(|path| device(path) == own).last().unwrap_or(path).to_owned()
}
