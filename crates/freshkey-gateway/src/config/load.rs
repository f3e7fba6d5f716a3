//! From files to what is in force.

use super::applications::{self, Place};
use super::file::{ApplicationTable, GatewayFile};
use super::issuers;
use super::problems::{Complaints, ConfigProblems};
use super::settings::Settings;
use crate::assertion::AssertionSigner;
use crate::limits::{APPLICATION_FILES_MAX, ASSERTION_LIFESPAN_S_MAX, CONFIGURATION_BYTES_MAX, PEM_BYTES_MAX};
use crate::policy::{FactTable, Policy};
use freshkey_service::network::{Network, TrustedProxies};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// What is set at the start.
    pub settings: Settings,
    /// What decides.
    pub policy: Policy,
    /// Who may speak for others.
    pub trusted_proxies: TrustedProxies,
    /// What signs assertions; none when no application wants them.
    pub signer: Option<AssertionSigner>,
    /// What refusals name as their realm.
    pub realm: String,
    /// Every file that was read: a change of one is a change of the configuration.
    pub files: Vec<PathBuf>,
}

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A gateway, which listens.
    Gateway,
    /// A layer of a service, which listens itself.
    Service,
}

/// Reads the file of a gateway, and the directory of applications that it names.
pub fn load(path: &Path) -> Result<Loaded, ConfigProblems> {
    load_for(path, Purpose::Gateway)
}

/// The same for a layer of a service, which needs no listeners.
pub fn load_for_service(path: &Path) -> Result<Loaded, ConfigProblems> {
    load_for(path, Purpose::Service)
}

/// The same without a file.
pub fn read_for_service(text: &str) -> Result<Loaded, ConfigProblems> {
    load_texts("the configuration", text, Path::new(""), &[], Purpose::Service)
}

fn load_for(path: &Path, purpose: Purpose) -> Result<Loaded, ConfigProblems> {
    let mut problems = ConfigProblems::default();
    let name = path.display().to_string();
    let mut complaints = Complaints { file: &name, problems: &mut problems };
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => {
            complaints.add("", error);
            return Err(problems);
        }
    };
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let mut files = vec![path.to_owned()];
    let application_texts = match peek_directory(&text) {
        Some(name) => application_files(&directory.join(name), &mut files, &mut complaints),
        None => Vec::new(),
    };
    if !problems.0.is_empty() {
        return Err(problems);
    }
    let mut loaded = load_texts(&name, &text, directory, &application_texts, purpose)?;
    loaded.files.extend(files);
    Ok(loaded)
}

/// A file of an application: its path, and its text.
pub(crate) type ApplicationText = (PathBuf, String);

/// Reads texts. Relative paths in them start from `directory`.
pub(crate) fn load_texts(
    name: &str,
    text: &str,
    directory: &Path,
    applications: &[ApplicationText],
    purpose: Purpose,
) -> Result<Loaded, ConfigProblems> {
    let mut problems = ConfigProblems::default();
    let mut complaints = Complaints { file: name, problems: &mut problems };
    let file: GatewayFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            complaints.add("", error.to_string());
            return Err(problems);
        }
    };
    let settings = Settings::read(&file, directory, purpose, &mut complaints);
    if file.default.as_deref() != Some("deny") {
        complaints.add("default", "is required: write default = \"deny\"; what no rule allows is refused, and there is no other way");
    }
    let trusted_proxies = trusted_proxies(file.trusted_proxies.as_deref(), &mut complaints);
    let issuers = issuers::read(&file.issuers, directory, &mut complaints);
    let mut facts = FactTable::default();
    let mut read = Vec::new();
    let needs_upstream = file.proxy.is_some();
    for (number, table) in file.applications.iter().enumerate() {
        let place = Place { prefix: format!("applications[{number}]."), directory, file_name: None, needs_upstream };
        read.extend(applications::read(table, &place, &mut facts, &mut complaints));
    }
    for (path, text) in applications {
        let name = path.display().to_string();
        let mut complaints = Complaints { file: &name, problems: complaints.problems };
        match toml::from_str::<ApplicationTable>(text) {
            Ok(table) => {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                let place = Place { prefix: String::new(), directory, file_name: stem.or(Some("application")), needs_upstream };
                read.extend(applications::read(&table, &place, &mut facts, &mut complaints));
            }
            Err(error) => complaints.add("", error.to_string()),
        }
    }
    if file.applications.is_empty() && applications.is_empty() {
        complaints.add(
            "applications",
            "is required: what is protected? Write [[applications]] with name, hosts and rules, or applications_directory",
        );
    }
    check_names(&read, &mut complaints);
    let upstreams = read.iter().filter_map(|application| application.upstream.as_ref());
    let mut files: Vec<PathBuf> = upstreams.filter_map(|upstream| upstream.ca_file.clone()).collect();
    let signer =
        signer(&file, directory, read.iter().any(|application| application.assertion_audience.is_some()), &mut files, &mut complaints);
    if !problems.0.is_empty() {
        return Err(problems);
    }
    let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
    let policy = Policy { generation, issuers: issuers.into_iter().map(Arc::new).collect(), applications: read, facts };
    Ok(Loaded { settings, policy, trusted_proxies, signer, realm: file.realm.unwrap_or_else(|| "freshkey".to_owned()), files })
}

fn check_names(applications: &[crate::policy::Application], complaints: &mut Complaints<'_>) {
    for (number, one) in applications.iter().enumerate() {
        for other in &applications[..number] {
            if one.name == other.name {
                complaints.add("applications", format!("{:?} is there twice", one.name));
            }
            if one.hosts.iter().any(|host| other.hosts.contains(host)) {
                complaints.add(
                    "applications",
                    format!("{:?} and {:?} have the same host: put their rules into one application", other.name, one.name),
                );
            }
        }
    }
}

fn trusted_proxies(texts: Option<&[String]>, complaints: &mut Complaints<'_>) -> TrustedProxies {
    let Some(texts) = texts else {
        complaints.add(
            "trusted_proxies",
            "is required: write trusted_proxies = [\"10.0.0.5\"] with the proxies whose X-Forwarded-… and X-Original-… are believed, or [] for none",
        );
        return TrustedProxies::default();
    };
    let mut networks = Vec::new();
    for text in texts {
        match Network::parse(text) {
            Some(network) if network.is_everybody() => {
                complaints
                    .add("trusted_proxies", format!("{text} is nearly everybody: name your proxies, such as 10.0.0.5 or 10.0.0.0/24"));
            }
            Some(network) => networks.push(network),
            None => complaints.add("trusted_proxies", format!("{text:?} is not an address or a network, such as 10.0.0.0/24")),
        }
    }
    TrustedProxies::new(networks)
}

fn signer(
    file: &GatewayFile,
    directory: &Path,
    is_wanted: bool,
    files: &mut Vec<PathBuf>,
    complaints: &mut Complaints<'_>,
) -> Option<AssertionSigner> {
    if !is_wanted {
        return None;
    }
    let table = file.assertion.as_ref();
    let issuer = table.and_then(|table| table.issuer.clone()).filter(|issuer| !issuer.is_empty());
    let Some(issuer) = issuer else {
        complaints
            .add("assertion.issuer", "is required by assertion_audience: write [assertion] with issuer = \"https://gateway.example.org\"");
        return None;
    };
    let lifespan_s = table.and_then(|table| table.lifespan_s);
    let lifespan_s =
        issuers::bounded("assertion.lifespan_s", lifespan_s, ASSERTION_LIFESPAN_S_MAX, 5, ASSERTION_LIFESPAN_S_MAX, complaints);
    let made = match table.and_then(|table| table.key_file.as_ref()) {
        None => AssertionSigner::generate(issuer, lifespan_s).map_err(|error| format!("no key could be made: {error:?}")),
        Some(name) => {
            let path = directory.join(name);
            files.push(path.clone());
            match read_bounded(&path, PEM_BYTES_MAX) {
                Ok(text) => AssertionSigner::from_private_key_text(&text, issuer, lifespan_s)
                    .map_err(|error| format!("{name} holds no private key for ES256 (P-256) in PEM: {error:?}")),
                Err(error) => Err(error),
            }
        }
    };
    made.map_err(|error| complaints.add("assertion.key_file", error)).ok()
}

/// The name of the directory, without judging the rest of the file yet.
fn peek_directory(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    table.get("applications_directory")?.as_str().map(str::to_owned)
}

fn application_files(directory: &Path, files: &mut Vec<PathBuf>, complaints: &mut Complaints<'_>) -> Vec<ApplicationText> {
    files.push(directory.to_owned());
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            complaints.add("applications_directory", format!("{} cannot be read: {error}", directory.display()));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    paths.sort();
    if paths.len() > APPLICATION_FILES_MAX {
        complaints.add("applications_directory", format!("more than {APPLICATION_FILES_MAX} files"));
        paths.truncate(APPLICATION_FILES_MAX);
    }
    let mut texts = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(text) => texts.push((path.clone(), text)),
            Err(error) => complaints.add("applications_directory", error),
        }
        files.push(path);
    }
    texts
}

fn read(path: &Path) -> Result<String, String> {
    read_bounded(path, CONFIGURATION_BYTES_MAX)
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > bytes_max {
        return Err(format!("{} has more than {bytes_max} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}
