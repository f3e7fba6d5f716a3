//! `admin realm export`: one realm as JSON, its users written one by one, so that a hundred thousand of them take no memory.

use crate::cli::admin::values::parse_name;
use crate::cli::admin::{Desk, OpenRealm};
use crate::cli::output::standard_output;
use crate::cli::{ExitStatus, Failure, store_failure};
use freshkey_core::keycloak::export::export_realm;
use freshkey_core::keycloak::users::{Credentials, write_user};
use freshkey_store::{PAGE_ROWS_MAX, Page, ServiceAccounts, UserFilter};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "\
Examples:
  freshkey-server admin --data DIR realm export UA --with-users --file ua.json
  freshkey-server admin --data DIR realm export UA > ua.json

The export holds private keys and client secrets, and with --with-users password hashes: treat it as you treat the database. A file is
made readable by its owner only, and put in place when it is complete.";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The realm.
    #[arg(value_parser = parse_name)]
    name: String,
    /// With all users, their credentials included.
    #[arg(long)]
    with_users: bool,
    /// Write to this file and not to standard output.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Which users an export has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    Included,
    LeftOut,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let open = desk.realm_named(&arguments.name).await?;
    let users = if arguments.with_users { Users::Included } else { Users::LeftOut };
    let Some(path) = &arguments.file else {
        let mut out = BufWriter::new(standard_output());
        write_realm(desk, &open, users, &mut out).await?;
        return out.flush().map_err(|error| unwritable("standard output", &error));
    };
    let shown = path.display().to_string();
    let temporary = beside(path);
    let written = write_file(desk, &open, users, &temporary).await;
    let placed = written.and_then(|count| std::fs::rename(&temporary, path).map(|()| count).map_err(|error| unwritable(&shown, &error)));
    match placed {
        Ok(count) => {
            desk.output
                .say(&format!("realm {:?} with {count} users is in {shown}; it holds secrets, and only you can read it", arguments.name));
            Ok(())
        }
        Err(failure) => {
            // Half an export is of no use to anybody.
            let _ = std::fs::remove_file(&temporary);
            Err(failure)
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

async fn write_file(desk: &Desk, open: &OpenRealm, users: Users, path: &Path) -> Result<usize, Failure> {
    let unwritable = |error: io::Error| unwritable(&path.display().to_string(), &error);
    // What an earlier attempt left may have other permissions.
    let _ = std::fs::remove_file(path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unwritable)?;
    let mut out: BufWriter<File> = BufWriter::new(file);
    let count = write_realm(desk, open, users, &mut out).await?;
    let file = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
    file.sync_all().map_err(unwritable)?;
    Ok(count)
}

/// Writes the realm's fields, and its users as the last of them. Answers how many.
async fn write_realm(desk: &Desk, open: &OpenRealm, users: Users, out: &mut impl Write) -> Result<usize, Failure> {
    let broken = |error: io::Error| unwritable("the export", &error);
    let fields = export_realm(&open.documents);
    let mut separator = "{";
    for (name, value) in fields.iter().filter(|(name, _)| name.as_str() != "users") {
        write!(out, "{separator}\n  ").map_err(broken)?;
        write_json(name, out)?;
        out.write_all(b": ").map_err(broken)?;
        write_json(value, out)?;
        separator = ",";
    }
    let mut count = 0;
    if users == Users::Included {
        write!(out, "{separator}\n  \"users\": [").map_err(broken)?;
        count = write_users(desk, open, out).await?;
        out.write_all(b"\n  ]").map_err(broken)?;
    }
    out.write_all(b"\n}\n").map_err(broken)?;
    Ok(count)
}

async fn write_users(desk: &Desk, open: &OpenRealm, out: &mut impl Write) -> Result<usize, Failure> {
    let filter = UserFilter { service_accounts: ServiceAccounts::Listed, ..UserFilter::default() };
    let mut page = Page::first(PAGE_ROWS_MAX);
    let mut count = 0;
    loop {
        let users = desk.store.list_users(open.realm.key, &filter, &page).await.map_err(|error| store_failure(&error))?;
        for user in &users {
            // One that was deleted a moment ago is not there.
            let Some(found) = desk.store.user_record(open.realm.key, user.key).await.map_err(|error| store_failure(&error))? else {
                continue;
            };
            out.write_all(if count == 0 { b"\n    " } else { b",\n    " }).map_err(|error| unwritable("the export", &error))?;
            write_json(&write_user(&open.realm, &found.record, Credentials::Included), out)?;
            count += 1;
        }
        match users.last() {
            Some(last) if users.len() == PAGE_ROWS_MAX => page = Page::after(last.username.clone(), PAGE_ROWS_MAX),
            _ => return Ok(count),
        }
    }
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(out, value).map_err(|error| unwritable("the export", &error.into()))
}

fn unwritable(what: &str, error: &io::Error) -> Failure {
    Failure::new(ExitStatus::Failed, format!("{what} cannot be written: {error}"))
}
