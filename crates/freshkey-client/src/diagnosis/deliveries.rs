//! The files that hold a token for tools: there, fresh, and for their owner's eyes alone (T-068).

use super::agent::Found;
use super::key::Kept;
use super::{Case, Check, Cure, Patient, Report, shell_path};
use crate::failure::FailureKind;
use crate::files;
use crate::limits::TOKEN_FILE_BYTES_MAX;
use crate::record::claims_of;
use freshkey_protocol::Secret;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

pub(super) fn examine(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, kept: &Kept) {
    // Without a sign-in there is nothing to supply.
    let life_s = match kept {
        Kept::Record(record) if record.ended.is_none() => record.access.as_ref().map(|access| access.life.lifetime().life_s),
        Kept::Hidden | Kept::Blocked => None,
        Kept::Record(_) | Kept::Nothing => return,
    };
    for path in patient.profile.deliveries.iter().filter_map(|delivery| delivery.token_file.as_deref()) {
        token_file(report, case, patient, path, life_s);
    }
}

fn token_file(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, path: &Path, life_s: Option<u32>) {
    let shown = path.display();
    let found = match path.metadata() {
        Ok(found) => found,
        Err(_) => return unsupplied(report, patient, format!("the token file {shown} is not there")),
    };
    if found.mode() & 0o077 != 0 {
        let says = format!("others can read the token in {shown} (mode {:o})", found.mode() & 0o777);
        return report.problem(Check::Deliveries, FailureKind::Untrusted, says, Cure::command(format!("chmod 600 {}", shell_path(path))));
    }
    let token = files::read_text(path, TOKEN_FILE_BYTES_MAX).ok().flatten().map(Secret::new);
    let end_s = token.and_then(|token| claims_of(token.expose().trim())?.exp);
    // A token that says nothing is not older than its file.
    let end_s = end_s.or_else(|| Some(found.mtime() + i64::from(life_s?)));
    match end_s {
        Some(end_s) if end_s <= case.clock.now().wall_s() => {
            unsupplied(report, patient, format!("the token in {shown} is over: nobody renews it"));
        }
        _ => report.ok(Check::Deliveries, format!("{shown} is fresh")),
    }
}

/// The agent keeps these files. It supplies them as soon as it is there.
fn unsupplied(report: &mut Report<'_>, patient: &Patient<'_>, says: String) {
    let starts = if matches!(patient.agent, Found::Running) { "freshkey agent stop; freshkey agent start" } else { "freshkey agent start" };
    report.problem(Check::Deliveries, FailureKind::Agent, says, Cure::command(starts));
}
