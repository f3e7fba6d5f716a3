//! Settings of tools that ask for the tokens of a profile which is gone. They are only read, as text: each names the profile after `--profile`.

use super::{Check, Cure, Report, shell_word};
use crate::failure::{FailureKind, shown};
use crate::files;
use crate::profile::file::Profiles;
use std::path::PathBuf;

/// Bytes of a file of settings.
const SETTINGS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The tools, the variable that names their settings, and where those are below the home without it.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("git", "GIT_CONFIG_GLOBAL", ".gitconfig"),
    ("git", "", ".config/git/config"),
    ("kubectl", "KUBECONFIG", ".kube/config"),
    ("aws", "AWS_CONFIG_FILE", ".aws/config"),
];

pub(super) fn examine(report: &mut Report<'_>, profiles: &Profiles) {
    for (tool, variable, below_home) in SETTINGS {
        let named =
            (!variable.is_empty()).then(|| std::env::var_os(variable)).flatten().filter(|value| !value.is_empty()).map(PathBuf::from);
        let Some(path) = named.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below_home))) else { continue };
        let Ok(Some(text)) = files::read_text(&path, SETTINGS_BYTES_MAX) else { continue };
        for name in asked_for(&text).into_iter().filter(|name| !profiles.profiles.contains_key(name)) {
            let says = format!("{tool} asks for the tokens of the profile {}, which is gone ({})", shown(&name), path.display());
            report.problem(Check::Tools, FailureKind::Profile, says, cure(tool, &text, &name));
        }
    }
}

fn cure(tool: &str, text: &str, name: &str) -> Cure {
    let section = (tool == "git").then(|| section_of(text, name)).flatten();
    match section {
        Some(url) => Cure::command(format!("git config --global --unset-all {}", shell_word(&format!("credential.{url}.helper")))),
        None => {
            let advice = format!(
                "sign in under that name again with `freshkey login {} --issuer URL --client-id ID`, or take it out of the settings",
                shown(name)
            );
            Cure::advice(advice)
        }
    }
}

/// The profiles that settings name in a call of ours: `… credential TOOL --profile NAME`, in whatever form a list of words has there.
fn asked_for(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || "\"'[],;".contains(c)).filter(|word| !word.is_empty() && *word != "-").collect();
    for call in words.windows(4) {
        if let ["credential", _, "--profile", name] = *call
            && !found.iter().any(|known| known == name)
        {
            found.push(name.to_owned());
        }
    }
    found
}

/// The address in the section of git's settings that names the profile.
fn section_of(text: &str, name: &str) -> Option<String> {
    let mut section = None;
    for line in text.lines() {
        if let Some(rest) = line.trim().strip_prefix("[credential \"") {
            section = rest.strip_suffix("\"]").map(str::to_owned);
        } else if asked_for(line).iter().any(|asked| asked == name) {
            return section;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_that_settings_name_are_found() {
        let git = "[user]\n\tname = ann\n[credential \"https://git.example\"]\n\thelper = \n\thelper = !/usr/bin/freshkey credential git --profile lab\n";
        assert_eq!(asked_for(git), ["lab"]);
        assert_eq!(section_of(git, "lab").as_deref(), Some("https://git.example"));
        let kubectl = "exec:\n  args:\n  - credential\n  - kubectl\n  - --profile\n  - ua\n  command: freshkey\n";
        assert_eq!(asked_for(kubectl), ["ua"]);
        assert_eq!(asked_for("args: [\"credential\", \"aws\", \"--profile\", \"ua\"]"), ["ua"]);
        assert_eq!(asked_for("aws configure --profile other"), Vec::<String>::new());
    }
}
