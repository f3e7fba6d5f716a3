//! `freshkey setup` and `freshkey unset`: a tool is made to ask for its tokens, or is given a file that holds one, and that is taken back. Every change
//! is told, none is made twice, and all are recorded in the profile. What the tools then ask is answered under `credential`.

pub(crate) mod aws;
mod bearer_discovery;
mod change;
pub(crate) mod docker;
pub(crate) mod git;
mod http;
pub(crate) mod kubectl;
pub(crate) mod mlflow;
mod oidc_agent;
mod platform;
mod supplied;
mod systemd;
mod token_file;

pub(crate) use change::{Act, Change};

use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::failure::shown;
use freshkey_client::profile::file::Profiles;
use freshkey_client::profile::{Delivery, Profile, secure_url};
use freshkey_client::{Failure, FailureKind};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(subcommand_value_name = "TOOL", subcommand_help_heading = "Tools", disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    tool: Tool,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Unset {
    /// The tool, as `freshkey setup` calls it.
    tool: String,
    /// Which of several, as `freshkey status` shows it. By default all of the profile's.
    place: Option<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The profile.
    #[arg(long, env = "FRESHKEY_PROFILE", value_name = "NAME", global = true)]
    profile: Option<String>,
    /// Show what would be changed, and change nothing.
    #[arg(long, global = true)]
    dry_run: bool,
}

impl Options {
    fn profile(&self) -> Option<&str> {
        self.profile.as_deref().filter(|name| !name.is_empty())
    }
}

/// The tools. The names are what a delivery is recorded under.
#[derive(Debug, clap::Subcommand)]
enum Tool {
    /// Make git ask for the token of one host.
    Git(git::Arguments),
    /// Make kubectl ask for the token of one cluster.
    Kubectl(kubectl::Arguments),
    /// Make docker, and what reads its settings, ask for the token of one registry.
    Docker(docker::Arguments),
    /// Make a profile of the AWS tools ask for the token of one endpoint.
    Aws(aws::Arguments),
    /// Keep a token in a file, for any tool that can read one.
    TokenFile(token_file::Arguments),
    /// Keep a token in the file where programs of the analytics platform look for it.
    Platform(platform::Arguments),
    /// Keep a token in the file where programs of grids and clouds look for it (WLCG Bearer Token Discovery).
    BearerDiscovery(bearer_discovery::Arguments),
    /// Answer containers on a port of this machine, for who shows a secret.
    Http(http::Arguments),
    /// Answer programs that were written for oidc-agent.
    OidcAgent(oidc_agent::Arguments),
    /// Name an MLflow server to the programs that `freshkey exec` runs.
    Mlflow(mlflow::Arguments),
    /// Let the user's service manager run the agent.
    Systemd(systemd::Arguments),
}

/// What a tool's plan is made from.
pub(crate) struct Context<'e> {
    pub(crate) environment: &'e Environment,
    /// The profile whose tokens are supplied.
    pub(crate) name: String,
    pub(crate) profile: Profile,
    /// What else is set up, for whatever profile: what they share stays.
    pub(crate) others: Vec<Delivery>,
    /// This program, as other programs find it.
    pub(crate) program: PathBuf,
}

/// What setting up a tool comes to.
pub(crate) struct Plan {
    /// What is not yet as it should be.
    pub(crate) changes: Vec<Change>,
    /// What is recorded.
    pub(crate) delivery: Delivery,
    /// Who begins.
    pub(crate) supplied: Supplied,
    /// How it is used from then on, for the person who has set it up.
    pub(crate) next: String,
}

/// Who begins, when a tool is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supplied {
    /// The tool: it asks.
    WhenAsked,
    /// The agent, which therefore has to run: it keeps a file fresh, or listens.
    ByAgent,
}

impl Tool {
    fn plan(&self, context: &Context<'_>) -> Result<Plan, Failure> {
        match self {
            Self::Git(git) => git::plan(context, git),
            Self::Kubectl(kubectl) => kubectl::plan(context, kubectl),
            Self::Docker(docker) => docker::plan(context, docker),
            Self::Aws(aws) => aws::plan(context, aws),
            Self::TokenFile(file) => token_file::plan(context, file),
            Self::Platform(platform) => platform::plan(context, platform),
            Self::BearerDiscovery(discovery) => bearer_discovery::plan(context, discovery),
            Self::Http(http) => http::plan(context, http),
            Self::OidcAgent(agent) => oidc_agent::plan(context, agent),
            Self::Mlflow(mlflow) => mlflow::plan(context, mlflow),
            Self::Systemd(systemd) => systemd::plan(context, systemd),
        }
    }
}

fn undo(context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    match delivery.tool.as_str() {
        git::TOOL => git::undo(context, delivery),
        kubectl::TOOL => kubectl::undo(context, delivery),
        docker::TOOL => docker::undo(context, delivery),
        aws::TOOL => aws::undo(context, delivery),
        token_file::TOOL | platform::TOOL | bearer_discovery::TOOL => token_file::undo(context, delivery),
        http::TOOL => http::undo(context, delivery),
        oidc_agent::TOOL => oidc_agent::undo(context, delivery),
        mlflow::TOOL => mlflow::undo(context, delivery),
        systemd::TOOL => systemd::undo(context, delivery),
        other => Err(Failure::new(FailureKind::Usage, format!("this release knows no tool {}", shown(other)))),
    }
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let Arguments { tool, options } = arguments;
    let plan = if options.dry_run {
        tool.plan(&Context::new(environment, &Profiles::read(&environment.directories)?, options)?)?
    } else {
        // Nobody else changes the settings of a tool meanwhile.
        Profiles::change(&environment.directories, |profiles| {
            let context = Context::new(environment, profiles, options)?;
            let plan = tool.plan(&context)?;
            check_place(profiles, &context.name, &plan.delivery)?;
            plan.changes.iter().try_for_each(Change::apply)?;
            record(profiles, &context.name, &plan.delivery)?;
            Ok(plan)
        })?
    };
    if !options.dry_run && plan.supplied == Supplied::ByAgent {
        start_supply(environment, options, &plan.delivery)?;
    }
    tell(&plan.changes, options, output)?;
    if !output.json && !options.dry_run {
        terminal::say(&plan.next);
    }
    Ok(())
}

pub(crate) fn unset(environment: &Environment, arguments: &Unset, output: Output) -> Result<(), Failure> {
    let options = &arguments.options;
    let mut changes = Vec::new();
    let mut taken_back = Vec::new();
    if options.dry_run {
        let context = Context::new(environment, &Profiles::read(&environment.directories)?, options)?;
        for delivery in meant(&context, arguments)? {
            changes.extend(undo(&context, &delivery)?);
        }
    } else {
        Profiles::change(&environment.directories, |profiles| {
            for delivery in meant(&Context::new(environment, profiles, options)?, arguments)? {
                let name = Context::new(environment, profiles, options)?.name;
                forget(profiles, &name, &delivery);
                // Each is undone before the next is looked at: two may be in one file.
                let undone = undo(&Context::new(environment, profiles, options)?, &delivery)?;
                undone.iter().try_for_each(Change::apply)?;
                changes.extend(undone);
                taken_back.push(delivery);
            }
            Ok(())
        })?;
        supplied::end(environment, &environment.profile(options.profile())?.0, &taken_back)?;
    }
    tell(&changes, options, output)
}

/// The agent begins at once. Until somebody signs in there is nothing to begin with.
fn start_supply(environment: &Environment, options: &Options, delivery: &Delivery) -> Result<(), Failure> {
    match supplied::begin(environment, &environment.profile(options.profile())?.0, delivery) {
        Err(failure) if failure.kind == FailureKind::SignIn => {
            terminal::say(&format!("warning: {}", shown(&failure.message)));
            Ok(())
        }
        other => other,
    }
}

/// The deliveries that `unset` names.
fn meant(context: &Context<'_>, arguments: &Unset) -> Result<Vec<Delivery>, Failure> {
    let is_meant = |delivery: &&Delivery| {
        let is_place = |place: &String| delivery.place() == *place || delivery.url.as_ref() == Some(place);
        delivery.tool == arguments.tool && arguments.place.as_ref().is_none_or(is_place)
    };
    let meant: Vec<Delivery> = context.profile.deliveries.iter().filter(is_meant).cloned().collect();
    if meant.is_empty() {
        let what = arguments.place.as_ref().map(|place| format!(" at {}", shown(place))).unwrap_or_default();
        let message = format!("{}{what} is not set up for the profile {}", shown(&arguments.tool), context.name);
        return Err(Failure::new(FailureKind::Usage, message).with_hint("run `freshkey status` to see what is set up"));
    }
    Ok(meant)
}

fn forget(profiles: &mut Profiles, name: &str, delivery: &Delivery) {
    if let Some(profile) = profiles.profiles.get_mut(name) {
        profile.deliveries.retain(|known| known != delivery);
    }
}

/// One place of a tool asks for the tokens of one profile.
fn check_place(profiles: &Profiles, name: &str, delivery: &Delivery) -> Result<(), Failure> {
    let is_same = |other: &Delivery| other.tool == delivery.tool && other.place() == delivery.place();
    let Some((other, _)) = profiles.profiles.iter().find(|(other, profile)| *other != name && profile.deliveries.iter().any(is_same))
    else {
        return Ok(());
    };
    let (tool, place) = (&delivery.tool, delivery.place());
    Err(Failure::new(FailureKind::Usage, format!("{tool} is set up for the profile {other} already: {place}"))
        .with_hint(format!("run `freshkey unset {tool} --profile {other}` first")))
}

fn record(profiles: &mut Profiles, name: &str, delivery: &Delivery) -> Result<(), Failure> {
    let profile = profiles.profiles.get_mut(name).ok_or_else(|| Failure::new(FailureKind::Profile, "the profile has gone"))?;
    let place = delivery.place();
    match profile.deliveries.iter_mut().find(|known| known.tool == delivery.tool && known.place() == place) {
        Some(known) => known.clone_from(delivery),
        None => profile.deliveries.push(delivery.clone()),
    }
    Ok(())
}

fn tell(changes: &[Change], options: &Options, output: Output) -> Result<(), Failure> {
    if output.json {
        let told: Vec<&str> = changes.iter().map(|change| change.told.as_str()).collect();
        return terminal::print_json(&serde_json::json!({ "changes": told, "changed": !options.dry_run }));
    }
    let mut lines: Vec<String> = changes.iter().map(|change| shown(&change.told)).collect();
    if lines.is_empty() {
        lines.push("everything is as it should be already".to_owned());
    } else if options.dry_run {
        lines.push("nothing was changed: this is a dry run".to_owned());
    }
    terminal::print(format!("{}\n", lines.join("\n")).as_bytes())
}

impl<'e> Context<'e> {
    fn new(environment: &'e Environment, profiles: &Profiles, options: &Options) -> Result<Self, Failure> {
        let (name, profile) = profiles.choose(options.profile())?;
        let others = profiles.profiles.values().flat_map(|profile| profile.deliveries.iter().cloned()).collect();
        Ok(Self { environment, name: name.to_owned(), profile: profile.clone(), others, program: own_program()? })
    }
}

/// Where other programs find this one: its name on the path if that leads here, since it outlives an upgrade, or else the file itself.
fn own_program() -> Result<PathBuf, Failure> {
    let unknown = |error: std::io::Error| Failure::new(FailureKind::Failed, format!("this program cannot be found: {error}"));
    let file = std::env::current_exe().map_err(unknown)?;
    let on_path = std::env::var_os("PATH").and_then(|path| {
        let mut named =
            std::env::split_paths(&path).filter(|directory| directory.is_absolute()).map(|directory| directory.join("freshkey"));
        named.find(|named| named.canonicalize().is_ok_and(|found| found == file))
    });
    Ok(on_path.unwrap_or(file))
}

/// Where a tool has its settings: where the variable says, or below the home.
pub(crate) fn settings_path(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let found = of(variable).or_else(|| of("HOME").map(|home| home.join(below_home))).filter(|path| path.is_absolute());
    found.ok_or_else(|| {
        Failure::new(FailureKind::Failed, format!("neither {variable} nor HOME names an absolute path"))
            .with_hint("set HOME to an absolute path")
    })
}

/// An address without a path, as it is compared later: scheme, host and port, and the port only where it is not the scheme's own (T-063).
pub(crate) fn origin(text: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        Failure::new(FailureKind::Usage, format!("{} cannot be supplied with tokens: {why}", shown(text)))
            .with_hint("name scheme, host and port, as in https://git.example.org:8443")
    };
    let url = secure_url(text).map_err(|why| wrong(&why))?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a path"));
    }
    Ok(url.origin().ascii_serialization())
}

/// Whether this can be the user name that goes with a token.
pub(crate) fn check_username(name: &str) -> Result<(), Failure> {
    let is_usable = !name.is_empty() && !name.chars().any(|c| c.is_control() || c == ':');
    if is_usable { Ok(()) } else { Err(Failure::new(FailureKind::Usage, format!("\"{}\" cannot be a user name", shown(name)))) }
}

/// A word for a shell: quoted where it has to be.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
