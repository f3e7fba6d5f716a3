//! What is written in the file of profiles, and the files that a profile names.

use super::{Check, Cure, Patient, Report, shell_path};
use crate::directories::Directories;
use crate::failure::FailureKind;
use crate::files;
use crate::limits::SECRET_FILE_BYTES_MAX;
use crate::profile::file::Profiles;
use freshkey_protocol::Secret;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Reads the file of profiles.
pub(super) fn profiles(report: &mut Report<'_>, directories: &Directories) -> Option<Profiles> {
    let path = directories.profiles_file();
    match Profiles::read(directories) {
        Ok(profiles) => {
            let count = profiles.profiles.len();
            report.ok(Check::Profiles, format!("{count} in {}", path.display()));
            Some(profiles)
        }
        Err(failure) if failure.kind == FailureKind::Profile => {
            let line = line_of(&failure.message).map(|line| format!("+{line} ")).unwrap_or_default();
            let opens = format!("${{EDITOR:-vi}} {line}{}", shell_path(&path));
            report.problem(Check::Profiles, failure.kind, failure.message, Cure::both("correct that line of the file", opens));
            None
        }
        Err(failure) => {
            report.failure(Check::Profiles, &failure);
            None
        }
    }
}

/// The line that the parser names.
fn line_of(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("at line ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The files that the profile names. The answer tells whether the provider can be asked with them.
pub(super) fn files(report: &mut Report<'_>, patient: &Patient<'_>) -> bool {
    let ca_is_usable = patient.profile.ca_file.as_deref().is_none_or(|path| ca_file(report, patient, path));
    let secret_is_usable = patient.profile.client_secret_file.as_deref().is_none_or(|path| secret_file(report, path));
    if ca_is_usable && secret_is_usable {
        report.ok(Check::Settings, format!("{} through {}", patient.profile.issuer, patient.profile.client_id));
    }
    // Without the secret much can be seen still; without the authorities nothing can be told from a false provider.
    ca_is_usable
}

fn ca_file(report: &mut Report<'_>, patient: &Patient<'_>, path: &Path) -> bool {
    let Err(why) = crate::transport::roots(Some(path)) else { return true };
    let advice =
        "put the file back; or have the authority shown, compare its fingerprint with one that you got from its operator, and trust it";
    report.problem(Check::Settings, FailureKind::Untrusted, why, Cure::both(advice, patient.trusts()));
    false
}

fn secret_file(report: &mut Report<'_>, path: &Path) -> bool {
    let shown = path.display();
    let text = match files::read_text(path, SECRET_FILE_BYTES_MAX) {
        Ok(text) => text.map(Secret::new),
        Err(failure) => {
            report.problem(Check::Settings, failure.kind, failure.message, secret_written(path));
            return false;
        }
    };
    let wrong = match &text {
        None => format!("the file of the client's secret, {shown}, is not there"),
        Some(text) if text.expose().trim_end_matches(['\r', '\n']).is_empty() => {
            format!("the file of the client's secret, {shown}, is empty")
        }
        Some(_) => {
            if let Ok(found) = path.metadata()
                && found.mode() & 0o077 != 0
            {
                let says = format!("others can read the client's secret in {shown} (mode {:o})", found.mode() & 0o777);
                report.warning(Check::Settings, says, Cure::command(format!("chmod 600 {}", shell_path(path))));
            }
            return true;
        }
    };
    report.problem(Check::Settings, FailureKind::Profile, wrong, secret_written(path));
    false
}

/// A secret gets into a file without standing on a command line.
pub(super) fn secret_written(path: &Path) -> Cure {
    Cure::both("paste the client's secret, then press Enter and Ctrl-D", format!("install -m 600 /dev/stdin {}", shell_path(path)))
}
