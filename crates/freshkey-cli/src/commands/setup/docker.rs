//! docker, and whatever reads its settings (podman, skopeo, buildah, oras, helm), runs `docker-credential-freshkey` for one registry. That is this
//! program under another name, by a link.

use super::change::settings;
use super::{Act, Change, Context, Plan, Supplied, check_username, origin, settings_path};
use freshkey_client::failure::shown;
use freshkey_client::profile::Delivery;
use freshkey_client::{Failure, FailureKind};
use serde::Serialize as _;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// As it is recorded.
pub(crate) const TOOL: &str = "docker";
/// The name of this program that makes it answer docker.
pub(crate) const HELPER: &str = "docker-credential-freshkey";
/// The user name that registries take with an access token as the password.
pub(crate) const USERNAME: &str = "oauth2accesstoken";
/// How docker's settings call the helper: without the first part of its name.
const SHORT: &str = "freshkey";
const HELPERS: &str = "credHelpers";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The registry, as images name it: registry.example.org or registry.example.org:5000.
    registry: String,
    /// The user name that goes with the token.
    #[arg(long, value_name = "NAME", default_value = USERNAME)]
    username: String,
    /// The directory on the path for the link `docker-credential-freshkey`. By default ~/.local/bin, or else that of freshkey.
    #[arg(long, value_name = "DIRECTORY")]
    bin: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey setup docker registry.example.org
  freshkey setup docker registry.example.org:5000 --username robot
  freshkey unset docker https://registry.example.org";

pub(crate) fn plan(context: &Context<'_>, arguments: &Arguments) -> Result<Plan, Failure> {
    let text = &arguments.registry;
    let url = origin(&if text.contains("://") { text.clone() } else { format!("https://{text}") })?;
    check_username(&arguments.username)?;
    let registry = registry_of(&url);
    let path = settings_path("DOCKER_CONFIG", ".docker")?.join("config.json");
    let mut options = BTreeMap::from([("username".to_owned(), arguments.username.clone())]);
    options.insert("file".to_owned(), path.display().to_string());
    let mut changes = Vec::new();
    let link = Link::find(context, arguments.bin.as_deref())?;
    if link.is_ours {
        options.insert("link".to_owned(), link.path.display().to_string());
    }
    changes.extend(link.change(context));
    changes.extend(addition(&path, registry)?);
    let settings = Some(format!("{HELPERS}.{registry} in {}", path.display()));
    let next = format!("docker asks freshkey for {registry} from now on; `docker login` is not needed");
    Ok(Plan {
        changes,
        delivery: Delivery { tool: TOOL.to_owned(), url: Some(url), settings, options, ..Delivery::default() },
        supplied: Supplied::WhenAsked,
        next,
    })
}

pub(crate) fn undo(context: &Context<'_>, delivery: &Delivery) -> Result<Vec<Change>, Failure> {
    let registry = registry_of(delivery.url.as_deref().unwrap_or_default());
    let path = delivery.options.get("file").map(PathBuf::from).unwrap_or_default();
    let mut changes: Vec<Change> = removal(&path, registry)?.into_iter().collect();
    let is_shared = context.others.iter().any(|other| other.tool == TOOL);
    if let Some(link) = delivery.options.get("link").map(PathBuf::from).filter(|link| !is_shared && link.is_symlink()) {
        changes.push(Change::new(format!("remove the link {}", link.display()), Act::Remove { path: link }));
    }
    Ok(changes)
}

fn addition(path: &Path, registry: &str) -> Result<Option<Change>, Failure> {
    let mut config = read(path)?;
    let helpers = config.entry(HELPERS).or_insert_with(|| Value::Object(Map::new()));
    let helpers = helpers.as_object_mut().ok_or_else(|| malformed(path))?;
    match helpers.get(registry) {
        Some(current) if current == SHORT => Ok(None),
        Some(other) => {
            let message = format!("docker has a helper for {registry} already: {}", shown(&other.to_string()));
            let hint = format!("take {HELPERS}.{registry} out of {} first", path.display());
            Err(Failure::new(FailureKind::Usage, message).with_hint(hint))
        }
        None => {
            helpers.insert(registry.to_owned(), SHORT.into());
            let told = format!("{}: set {HELPERS}.{registry} to {SHORT}", path.display());
            Ok(Some(Change::write(told, path, written(&config)?)))
        }
    }
}

fn removal(path: &Path, registry: &str) -> Result<Option<Change>, Failure> {
    let mut config = read(path)?;
    let Some(helpers) = config.get_mut(HELPERS).and_then(Value::as_object_mut) else { return Ok(None) };
    if helpers.get(registry).is_none_or(|helper| helper != SHORT) {
        return Ok(None);
    }
    helpers.shift_remove(registry);
    if helpers.is_empty() {
        config.shift_remove(HELPERS);
    }
    let told = format!("{}: remove {HELPERS}.{registry}", path.display());
    let is_empty_now = config.is_empty();
    Ok(Some(if is_empty_now {
        Change::new(told, Act::Remove { path: path.to_owned() })
    } else {
        Change::write(told, path, written(&config)?)
    }))
}

/// Images name a registry without a scheme.
fn registry_of(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, registry)| registry)
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = settings(path)?;
    if text.trim().is_empty() { Ok(Map::new()) } else { serde_json::from_str(&text).map_err(|_| malformed(path)) }
}

fn malformed(path: &Path) -> Failure {
    Failure::new(FailureKind::Failed, format!("{} is not what docker writes", path.display())).with_hint("mend it, or move it away")
}

/// As docker itself writes it.
fn written(config: &Map<String, Value>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, serde_json::ser::PrettyFormatter::with_indent(b"\t"));
    let failed = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Failed, error.to_string());
    config.serialize(&mut writer).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// The link that makes this program answer docker.
struct Link {
    path: PathBuf,
    /// Whether it is one that we have made or will make, and not one of a package.
    is_ours: bool,
}

impl Link {
    fn find(context: &Context<'_>, wish: Option<&Path>) -> Result<Self, Failure> {
        let directories: Vec<PathBuf> = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        let is_recorded =
            |path: &Path| context.others.iter().any(|other| other.options.get("link").is_some_and(|link| Path::new(link) == path));
        let there = directories.iter().map(|directory| directory.join(HELPER)).find(|path| leads_to(path, &context.program));
        if let Some(path) = there.filter(|path| wish.is_none_or(|wish| path.parent() == Some(wish))) {
            return Ok(Self { is_ours: is_recorded(&path), path });
        }
        let own = context.program.parent().filter(|own| rustix::fs::access(*own, rustix::fs::Access::WRITE_OK).is_ok());
        let of_home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/bin"));
        let candidates = match wish {
            Some(wish) => vec![wish.to_owned()],
            None => of_home.into_iter().chain(own.map(Path::to_owned)).collect(),
        };
        let directory = candidates.into_iter().find(|directory| directories.contains(directory)).ok_or_else(|| {
            let what = wish.map_or("~/.local/bin".to_owned(), |wish| wish.display().to_string());
            Failure::new(FailureKind::Usage, format!("{what} is not on the path, and docker finds helpers only there"))
                .with_hint("name a directory on the path with `--bin DIRECTORY`")
        })?;
        Ok(Self { path: directory.join(HELPER), is_ours: true })
    }

    fn change(self, context: &Context<'_>) -> Option<Change> {
        let told = format!("link {} to {}", self.path.display(), context.program.display());
        (!leads_to(&self.path, &context.program)).then(|| Change::new(told, Act::Link { path: self.path, target: context.program.clone() }))
    }
}

fn leads_to(path: &Path, program: &Path) -> bool {
    path.canonicalize().is_ok_and(|found| program.canonicalize().is_ok_and(|program| program == found))
}
