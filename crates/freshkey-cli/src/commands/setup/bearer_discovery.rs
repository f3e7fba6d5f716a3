//! The file in which programs of grids and clouds look for a token (WLCG Bearer Token Discovery): the one that `BEARER_TOKEN_FILE` names, or
//! `bt_u` and the user's number in the runtime directory, or else in `/tmp`.

use super::token_file::plan_at;
use super::{Context, Plan};
use freshkey_client::Failure;
use std::path::PathBuf;

/// As it is recorded.
pub(crate) const TOOL: &str = "bearer-discovery";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  freshkey setup bearer-discovery
  freshkey unset bearer-discovery";

pub(crate) fn plan(context: &Context<'_>, _arguments: &Arguments) -> Result<Plan, Failure> {
    let user = rustix::process::geteuid().as_raw();
    plan_at(context, TOOL, place(user, |name| std::env::var_os(name).map(PathBuf::from)))
}

fn place(user: u32, variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let in_directory = || absolute("XDG_RUNTIME_DIR").unwrap_or_else(|| PathBuf::from("/tmp")).join(format!("bt_u{user}"));
    absolute("BEARER_TOKEN_FILE").unwrap_or_else(in_directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_where_programs_look_for_it() {
        for (variables, expected) in [
            (&[("BEARER_TOKEN_FILE", "/run/x"), ("XDG_RUNTIME_DIR", "/run/user/7")][..], "/run/x"),
            (&[("XDG_RUNTIME_DIR", "/run/user/7")], "/run/user/7/bt_u7"),
            (&[("BEARER_TOKEN_FILE", "relative"), ("XDG_RUNTIME_DIR", "/run/user/7")], "/run/user/7/bt_u7"),
            (&[], "/tmp/bt_u7"),
        ] {
            let found = place(7, |name| variables.iter().find(|(known, _)| *known == name).map(|(_, path)| PathBuf::from(path)));
            assert_eq!(found, PathBuf::from(expected), "{variables:?}");
        }
    }
}
