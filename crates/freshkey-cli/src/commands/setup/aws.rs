//! A profile of the AWS tools and libraries gets its credentials from us, in one of two forms: the platform's S3 proxy takes the token itself as the
//! access key; services that speak STS exchange it (`AssumeRoleWithWebIdentity`) and read it from a file that is kept fresh.

use super::change::{answer_of, settings};
use super::{Change, Context, Plan, Supplied, settings_path};
use freshkey_client::failure::shown;
use freshkey_client::profile::{Delivery, secure_url};
use freshkey_client::{Failure, FailureKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// As it is recorded.
pub(crate) const TOOL: &str = "aws";
/// The variable that names the file of the profiles.
pub(crate) const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
/// The first releases of the AWS command line that read `endpoint_url` from a profile.
const COMMAND_LINE_MIN: [(u32, u32); 2] = [(1, 29), (2, 13)];
/// What our part of the file begins with; from here to its end it is ours.
const BEGIN: &str = "# freshkey: begin";
const END: &str = "# freshkey: end";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The endpoint that the profile is for, as in https://s3.example.org. It gets the token, and no other does.
    endpoint: String,
    /// What to call the profile of the AWS tools. By default `freshkey-` and ours.
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// The role to assume with the token; without it the token itself is the access key.
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// The region, where the endpoint wants one.
    #[arg(long, value_name = "NAME", default_value = "us-east-1")]
    region: String,
    /// The authorities of the endpoint, in PEM. By default those of our profile, if it has its own.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup aws https://s3.example.org
  freshkey setup aws https://minio.example.org --role-arn arn:minio:iam:::role/analysts --aws-profile minio
  freshkey unset aws";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let wrong = |what: &str| Failure::new(FailureKind::Usage, what.to_owned());
    secure_url(&arguments.endpoint)
        .map_err(|why| wrong(&format!("{} cannot be supplied with tokens: {why}", shown(&arguments.endpoint))))?;
    let url = arguments.endpoint.trim_end_matches('/').to_owned();
    let name = arguments.aws_profile.clone().unwrap_or_else(|| format!("freshkey-{}", context.name));
    let ca = arguments.ca.clone().or_else(|| context.profile.ca_file.clone()).map(|ca| ca.canonicalize().unwrap_or(ca));
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"[]\"\\#;=".contains(c));
    for text in [Some(&name), arguments.role_arn.as_ref(), Some(&arguments.region), Some(&url)].into_iter().flatten() {
        if !is_plain(text) {
            return Err(wrong(&format!("\"{}\" cannot stand in the settings of AWS tools", shown(text))));
        }
    }
    check_command_line()?;
    let path = settings_path(CONFIG_FILE, ".aws/config")?;
    let mut options = BTreeMap::from([("file".to_owned(), path.display().to_string()), ("profile".to_owned(), name.clone())]);
    let mut delivery = Delivery { tool: TOOL.to_owned(), url: Some(url.clone()), ..Delivery::default() };
    delivery.settings = Some(format!("the profile {name} in {}", path.display()));
    let mut lines = vec![format!("[profile {name}]"), format!("region = {}", arguments.region), format!("endpoint_url = {url}")];
    lines.extend(ca.map(|ca| format!("ca_bundle = {}", ca.display())));
    match &arguments.role_arn {
        Some(role) => {
            let file = token_file(context, &name);
            lines.push(format!("role_arn = {role}"));
            lines.push(format!("role_session_name = freshkey-{}", context.name));
            lines.push(format!("web_identity_token_file = {}", file.display()));
            options.insert("role".to_owned(), role.clone());
            delivery.token_file = Some(file);
        }
        None => lines.push(format!("credential_process = {}", process(context, &url)?)),
    }
    delivery.options = options;
    let supplied = if delivery.token_file.is_some() { Supplied::ByAgent } else { Supplied::WhenAsked };
    let next = format!("try `aws --profile {name} s3 ls`");
    Ok(Plan { changes: addition(&path, &name, &lines)?.into_iter().collect(), delivery, supplied, next })
}

pub(crate) fn undo(_context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let of = |name: &str| delivery.options.get(name).cloned().unwrap_or_default();
    let path = PathBuf::from(of("file"));
    let before = settings(&path)?;
    let Some(after) = Parted::of(&before, &of("profile")).map(|parted| parted.rest()) else { return Ok(Vec::new()) };
    let told = format!("{}: remove the profile {}", path.display(), of("profile"));
    Ok(vec![if after.is_empty() { Change::new(told, super::Act::Remove { path }) } else { Change::write(told, &path, after) }])
}

/// A command line that does not know `endpoint_url` would go to Amazon's own endpoints, with the token in its request. There may be none here.
fn check_command_line() -> Result<(), Failure> {
    let Ok(Some(said)) = answer_of("aws", &["--version"], &[]) else { return Ok(()) };
    let said = String::from_utf8_lossy(&said);
    let Some(version) = said.split_whitespace().next().and_then(|word| word.strip_prefix("aws-cli/")) else { return Ok(()) };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if COMMAND_LINE_MIN.iter().any(|min| major == min.0 && minor >= min.1) || major > COMMAND_LINE_MIN[1].0 {
        return Ok(());
    }
    let message = format!("the AWS command line here is {}, which would go to Amazon instead of the endpoint", shown(version));
    Err(Failure::new(FailureKind::Usage, message).with_hint("install 1.29, 2.13 or later of it"))
}

/// The file that holds the token, in the form that the libraries read: the token alone.
fn token_file(context: &Context<'_>, name: &str) -> PathBuf {
    context.environment.directories.runtime.join(format!("aws-{name}.token"))
}

/// The words that the tools start. They split them as a shell does, and know double quotes alone in all their releases.
fn process(context: &Context<'_>, url: &str) -> Result<String, Failure> {
    let program = context.program.display().to_string();
    if program.contains(['"', '\\', '\n', '$', '`']) {
        return Err(Failure::new(FailureKind::Failed, format!("AWS tools cannot start {}", shown(&program))));
    }
    let quoted = if program.contains(' ') { format!("\"{program}\"") } else { program };
    Ok(format!("{quoted} credential aws --profile {} --url {url}", context.name))
}

fn addition(path: &Path, name: &str, lines: &[String]) -> Result<Option<Change>, Failure> {
    let before = settings(path)?;
    let rest = Parted::of(&before, name).map_or_else(|| before.clone(), |parted| parted.rest());
    if rest.lines().any(|line| line.trim() == format!("[profile {name}]")) {
        let message = format!("{} has a profile {name} already", path.display());
        return Err(Failure::new(FailureKind::Usage, message).with_hint("choose another name with `--aws-profile NAME`"));
    }
    let end_of_line = if rest.is_empty() || rest.ends_with('\n') { "" } else { "\n" };
    let after = format!("{rest}{end_of_line}{BEGIN} {name}\n{}\n{END} {name}\n", lines.join("\n"));
    let told = format!("{}: set the profile {name}: {}", path.display(), lines[1..].join(", "));
    Ok((before != after).then(|| Change::write(told, path, after)))
}

/// The file around our part for a profile.
struct Parted<'t> {
    before: &'t str,
    ours: &'t str,
    after: &'t str,
}

impl<'t> Parted<'t> {
    /// `None` when there is no such part, or only one of its ends: then nothing is taken for ours.
    fn of(text: &'t str, name: &str) -> Option<Self> {
        let (begin, end) = (format!("{BEGIN} {name}\n"), format!("{END} {name}\n"));
        let is_line = |at: usize| at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
        let from = text.match_indices(&begin).map(|(at, _)| at).find(|at| is_line(*at))?;
        let to = text.match_indices(&end).map(|(at, _)| at).find(|at| *at > from && is_line(*at))?;
        Some(Self { before: &text[..from], ours: &text[from + begin.len()..to], after: &text[to + end.len()..] })
    }

    fn rest(&self) -> String {
        [self.before, self.after].concat()
    }
}

/// Whether the profile still leads to the endpoint that was set up, and to no other.
pub(crate) fn is_as_set_up(delivery: &Delivery) -> Result<bool, Failure> {
    let of = |name: &str| delivery.options.get(name).cloned().unwrap_or_default();
    let text = settings(&PathBuf::from(of("file")))?;
    let Some(parted) = Parted::of(&text, &of("profile")) else { return Ok(false) };
    let endpoint = format!("endpoint_url = {}", delivery.url.as_deref().unwrap_or_default());
    let names = ["endpoint_url", "services", "ignore_configured_endpoint_urls"];
    let leading: Vec<&str> = parted.ours.lines().map(str::trim).filter(|line| names.iter().any(|name| line.starts_with(name))).collect();
    Ok(leading == [endpoint])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "# freshkey: begin ua\n[profile ua]\nendpoint_url = https://s3.example\n# freshkey: end ua\n";

    #[test]
    fn our_part_is_found_and_the_rest_stays() {
        let text = format!("[default]\n{OURS}[profile lab]\n");
        let parted = Parted::of(&text, "ua").expect("there");
        assert_eq!(
            (parted.rest().as_str(), parted.ours),
            ("[default]\n[profile lab]\n", "[profile ua]\nendpoint_url = https://s3.example\n")
        );
        for without in ["", "[default]\n", "# freshkey: begin ua\n[default]\n", "x# freshkey: begin ua\n# freshkey: end ua\n"] {
            assert!(Parted::of(without, "ua").is_none(), "{without}");
        }
        assert!(Parted::of(&text, "u").is_none() && Parted::of(&text, "lab").is_none());
    }

    #[test]
    fn t_063_a_profile_that_leads_elsewhere_is_not_what_was_set_up() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("config");
        let delivery = Delivery {
            url: Some("https://s3.example".to_owned()),
            options: BTreeMap::from([("file".to_owned(), file.display().to_string()), ("profile".to_owned(), "ua".to_owned())]),
            ..Delivery::default()
        };
        for (text, expected) in [
            (OURS.to_owned(), true),
            (String::new(), false),
            (OURS.replace("s3.example", "s3.evil.example"), false),
            (OURS.replace("https", "http"), false),
            (OURS.replace("# freshkey: end", "services = other\n# freshkey: end"), false),
            (OURS.replace("# freshkey: end", "ignore_configured_endpoint_urls = true\n# freshkey: end"), false),
            (OURS.replace("endpoint_url = https://s3.example\n", ""), false),
        ] {
            std::fs::write(&file, &text).expect("written");
            assert_eq!(is_as_set_up(&delivery), Ok(expected), "{text}");
        }
    }
}
