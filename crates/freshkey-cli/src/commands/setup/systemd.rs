//! A unit for the user's service manager, so that the agent runs from login on, and files are fresh before anybody has asked.

use super::change::settings;
use super::{Act, Change, Context, Plan, Supplied, settings_path};
use freshkey_client::failure::shown;
use freshkey_client::profile::Delivery;
use freshkey_client::{Failure, FailureKind};
use std::path::{Path, PathBuf};

/// As it is recorded.
pub(crate) const TOOL: &str = "systemd";
const UNIT: &str = "freshkey-agent.service";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The encrypted credential with the key of what is kept, as `systemd-creds encrypt --name=freshkey` makes it.
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup systemd
  systemctl --user daemon-reload && systemctl --user enable --now freshkey-agent
  freshkey unset systemd";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let path = settings_path("XDG_CONFIG_HOME", ".config")?.join("systemd/user").join(UNIT);
    let text = unit(&context.program, arguments.credential.as_deref())?;
    let before = settings(&path)?;
    let is_recorded = context.others.iter().any(|delivery| delivery.tool == TOOL);
    if !before.is_empty() && before != text && !is_recorded {
        let what = format!("{} is there already, and is not one of ours", path.display());
        return Err(Failure::new(FailureKind::Usage, what).with_hint("rename it, or remove it first"));
    }
    let changes = if before == text { Vec::new() } else { vec![Change::write(format!("write {}", path.display()), &path, text)] };
    let next = format!("run `systemctl --user daemon-reload && systemctl --user enable --now {UNIT}`");
    Ok(Plan {
        changes,
        delivery: Delivery { tool: TOOL.to_owned(), settings: Some(path.display().to_string()), ..Delivery::default() },
        supplied: Supplied::WhenAsked,
        next,
    })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let path = PathBuf::from(delivery.settings.clone().unwrap_or_default());
    Ok(vec![Change::new(format!("remove {}; run `systemctl --user disable --now {UNIT}` first", path.display()), Act::Remove { path })])
}

fn unit(program: &Path, credential: Option<&Path>) -> Result<String, Failure> {
    let program = word(program)?;
    let credential = match credential {
        Some(path) => {
            let path = std::path::absolute(path).map_err(|error| Failure::file(path, "found", &error))?;
            // What follows the colon is a path to the end of the line.
            format!("LoadCredentialEncrypted=freshkey:{}", word(&path)?.trim_matches('"'))
        }
        None => {
            let hint = "# Where no keyring holds the key: `freshkey setup systemd --credential FILE`.";
            format!("{hint}\n#LoadCredentialEncrypted=freshkey:%h/.config/freshkey/freshkey.cred")
        }
    };
    Ok(format!(
        "\
[Unit]
Description=Freshkey agent: keeps tokens fresh
Documentation=man:freshkey(1)

[Service]
Type=exec
# One that was started on demand makes room.
ExecStartPre=-{program} agent stop
ExecStart={program} agent serve
Restart=on-failure
RestartSec=5
# Without a key, or a sign-in, trying again helps nobody.
RestartPreventExitStatus=3 6
{credential}
UMask=0077
LimitCORE=0
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"
    ))
}

/// A path as systemd reads it (systemd.syntax(7)): quoted, its specifiers and variables taken for what they are.
fn word(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.chars().any(|c| c.is_control() || "\"\\'".contains(c)));
    let unusable = || Failure::new(FailureKind::Usage, format!("a unit cannot name {}", shown(&path.display().to_string())));
    Ok(format!("\"{}\"", text.ok_or_else(unusable)?.replace('%', "%%").replace('$', "$$")))
}
