//! `freshkey trust`: a private authority for one profile, after its fingerprint was compared, and never for the machine (T-065). What was typed or given
//! must be the whole fingerprint: a bare yes is what people say without looking.

use crate::environment::Environment;
use crate::terminal::{self, Output};
use freshkey_client::agent::serve::Call;
use freshkey_client::diagnosis::certificate::{Certificate, authority, fingerprint};
use freshkey_client::diagnosis::{network, tls};
use freshkey_client::failure::shown;
use freshkey_client::profile::file::Profiles;
use freshkey_client::profile::{Profile, check_name, secure_url};
use freshkey_client::{Failure, FailureKind, directories, files};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The provider's host, as in the issuer: `sso.example.org`, or with a port.
    #[arg(value_name = "HOST[:PORT]", required_unless_present = "remove")]
    host: Option<String>,
    /// The profile. By default the one whose issuer is at that host.
    #[arg(long, env = "FRESHKEY_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// The SHA-256 fingerprint that the authority must have, as its operator told it.
    #[arg(long, value_name = "SHA256", conflicts_with = "remove")]
    fingerprint: Option<String>,
    /// Trust what the machine trusts again.
    #[arg(long)]
    remove: bool,
}

const EXAMPLES: &str = "\
Examples:
  freshkey trust sso.example.org                      shows the authority, and asks for its fingerprint
  freshkey trust sso.example.org:8443 --profile ua --fingerprint 5A:0C:…
  freshkey trust --remove --profile ua

Get the fingerprint from who runs the host, by another way than this connection.";

/// Below the directory of settings.
const PLACE: &str = "authorities";

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let profiles = Profiles::read(&environment.directories)?;
    if arguments.remove {
        return remove(environment, &profiles, arguments, output);
    }
    let (host, port) = host_and_port(arguments.host.as_deref().unwrap_or_default())?;
    let name = name(&profiles, arguments.profile.as_deref().filter(|name| !name.is_empty()), &host, port)?;
    let profile = profiles.profiles.get(&name);
    let shown_chain = Shown::fetch(&host, port)?;
    let Some(authority) = authority(&shown_chain.seen.chain) else { return Err(not_shown(&shown_chain, &name)) };
    let told = Told { host: &host, port, name: &name, own: &shown_chain.own, authority: &authority };
    told.tell(output)?;
    if let Some(doubt) = shown_chain.doubt_with(&authority, &host, environment.clock.now().wall_s()) {
        let message = format!("trusting {} would not help: {doubt}", authority.subject);
        return Err(Failure::new(FailureKind::Untrusted, message).with_hint(format!("run `freshkey doctor {name}`")));
    }
    confirm(&authority, arguments.fingerprint.as_deref())?;
    let path = pin(environment, &name, profile, &authority)?;
    if output.json {
        return terminal::print_json(&told.json(Some(&path)));
    }
    terminal::say(&format!("The profile {name} trusts {} from now on, and nothing else does.", authority.subject));
    if profile.is_none() {
        terminal::say(&format!(
            "There is no profile {name} yet: run `freshkey login {name} --issuer URL --client-id ID --ca {}`",
            path.display()
        ));
    }
    Ok(())
}

/// What a host shows, without any trust in it.
struct Shown {
    seen: tls::Seen,
    own: Certificate,
}

impl Shown {
    fn fetch(host: &str, port: u16) -> Result<Self, Failure> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let url = secure_url(&format!("https://{bracketed}:{port}"))
            .map_err(|why| Failure::new(FailureKind::Usage, format!("{} is no host: {why}", shown(host))))?;
        let reached = network::reach(&url).map_err(|obstacle| obstacle.failure())?;
        let seen = tls::look(reached.stream, host).map_err(|unseen| {
            let what = match unseen {
                tls::Unseen::NotTls => "speaks no TLS".to_owned(),
                tls::Unseen::BrokenOff(why) => format!("broke off before it showed a certificate: {}", shown(&why)),
                tls::Unseen::Name => "cannot be in a certificate".to_owned(),
            };
            Failure::new(FailureKind::Untrusted, format!("{host}:{port} {what}")).with_hint("check the port; https is usually 443")
        })?;
        let own = seen.chain.first().and_then(Certificate::read);
        let own = own.ok_or_else(|| Failure::new(FailureKind::Strange, format!("the certificate of {host} cannot be read")))?;
        Ok(Self { seen, own })
    }

    /// What would still be wrong if the authority were trusted.
    fn doubt_with(&self, authority: &Certificate, host: &str, now_s: i64) -> Option<String> {
        tls::doubt_if_trusted(&self.seen.chain, host, authority, now_s).map(|doubt| doubt.told())
    }
}

/// `sso.example.org`, `sso.example.org:8443`, `[::1]:8443`, or a whole address, as people paste it.
fn host_and_port(text: &str) -> Result<(String, u16), Failure> {
    let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = secure_url(&address).map_err(|why| {
        Failure::new(FailureKind::Usage, format!("{} is no host: {why}", shown(text))).with_hint("name it as in sso.example.org:8443")
    })?;
    Ok(network::host_and_port(&url))
}

/// The profile that is meant. One that is at another host would trust what it never meets, and its owner would not notice.
fn name(profiles: &Profiles, wish: Option<&str>, host: &str, port: u16) -> Result<String, Failure> {
    let is_at = |profile: &Profile| {
        let places = [Some(profile.issuer.as_str()), profile.discovery_url.as_deref()];
        places
            .into_iter()
            .flatten()
            .filter_map(|place| secure_url(place).ok())
            .any(|url| network::host_and_port(&url) == (host.to_owned(), port))
    };
    let Some(name) = wish else {
        let there: Vec<&String> = profiles.profiles.iter().filter(|(_, profile)| is_at(profile)).map(|(name, _)| name).collect();
        return match there[..] {
            [only] => Ok(only.clone()),
            [] => Err(Failure::new(FailureKind::Profile, format!("no profile has its issuer at {host}:{port}"))
                .with_hint("name the profile that is to be made with --profile NAME")),
            _ => Err(Failure::new(FailureKind::Profile, format!("several profiles have their issuer at {host}:{port}"))
                .with_hint("name one with --profile NAME")),
        };
    };
    check_name(name)?;
    match profiles.profiles.get(name) {
        Some(profile) if !is_at(profile) => Err(Failure::new(
            FailureKind::Usage,
            format!("the profile {name} is that of {}, which is not at {host}:{port}", profile.issuer),
        )),
        _ => Ok(name.to_owned()),
    }
}

fn not_shown(shown_chain: &Shown, name: &str) -> Failure {
    let own = &shown_chain.own;
    let message = format!("the host shows its own certificate alone; that of {}, which signed it, is what has to be trusted", own.issuer);
    Failure::new(FailureKind::Untrusted, message)
        .with_hint(format!("get it as a file from who runs the host, then `freshkey login {name} --ca FILE`"))
}

struct Told<'a> {
    host: &'a str,
    port: u16,
    name: &'a str,
    own: &'a Certificate,
    authority: &'a Certificate,
}

impl Told<'_> {
    /// Before anything is asked, and before anything is changed. With `--json` it stands in the one document at the end, or in the failure.
    fn tell(&self, output: Output) -> Result<(), Failure> {
        if output.json {
            return Ok(());
        }
        let (own, authority) = (self.own, self.authority);
        let what = if authority == own { "It vouches for itself." } else { "It comes from this authority:" };
        let text = format!(
            "{}:{} shows a certificate for {}, good {}.\n{what}\n  subject      {}\n  validity     {}\n  SHA-256      {}\n",
            self.host,
            self.port,
            if own.names.is_empty() { own.subject.clone() } else { own.names.join(", ") },
            own.validity(),
            authority.subject,
            authority.validity(),
            authority.sha256
        );
        terminal::print(text.as_bytes())
    }

    fn json(&self, pinned: Option<&Path>) -> serde_json::Value {
        json!({
            "host": self.host, "port": self.port, "profile": self.name, "names": self.own.names, "subject": self.authority.subject,
            "not_before": self.authority.not_before_s, "not_after": self.authority.not_after_s, "sha256": self.authority.sha256,
            "ca_file": pinned,
        })
    }
}

fn confirm(authority: &Certificate, given: Option<&str>) -> Result<(), Failure> {
    let untrusted = |message: String| Failure::new(FailureKind::Untrusted, message);
    let typed = match given {
        Some(given) => given.to_owned(),
        None if terminal::is_interactive() => {
            terminal::say("Compare it with the fingerprint that you got from who runs the host, by another way than this connection.");
            terminal::ask("Type or paste that fingerprint to trust it, or nothing to leave everything as it is: ")?
        }
        None => {
            let message =
                format!("nothing was changed: the fingerprint of {} was not confirmed; it is {}", authority.subject, authority.sha256);
            return Err(untrusted(message).with_hint("get it from who runs the host, and give it with --fingerprint SHA256"));
        }
    };
    match fingerprint(&typed) {
        Some(confirmed) if confirmed == authority.sha256 => Ok(()),
        Some(_) => Err(untrusted(format!("nothing was changed: the authority's fingerprint is {}, and not that one", authority.sha256))
            .with_hint("ask who runs the host; somebody else may be answering in its place")),
        None => Err(untrusted("nothing was changed: that is not a fingerprint, which has 64 hexadecimal digits".to_owned())),
    }
}

/// Its name changes with its content, so that nobody goes on with the authorities that were read before.
fn pin(environment: &Environment, name: &str, profile: Option<&Profile>, authority: &Certificate) -> Result<PathBuf, Failure> {
    let place = environment.directories.config.join(PLACE);
    directories::private(&environment.directories.config)?;
    directories::private(&place)?;
    let short: String = authority.sha256.chars().filter(|c| *c != ':').take(16).collect();
    let path = place.join(format!("{name}-{}.pem", short.to_ascii_lowercase()));
    files::replace(&path, authority.pem().as_bytes(), 0o600)?;
    if profile.is_some() {
        let before = set_ca_file(environment, name, Some(path.clone()))?;
        forget(&place, before.filter(|before| *before != path).as_deref())?;
    }
    Ok(path)
}

fn remove(environment: &Environment, profiles: &Profiles, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let wish = arguments.profile.as_deref().filter(|name| !name.is_empty());
    let name = match (&arguments.host, wish) {
        (Some(host), _) => {
            let (host, port) = host_and_port(host)?;
            name(profiles, wish, &host, port)?
        }
        (None, _) => profiles.choose(wish)?.0.to_owned(),
    };
    let place = environment.directories.config.join(PLACE);
    let pinned = profiles.choose(Some(&name))?.1.ca_file.clone();
    match &pinned {
        Some(path) if path.starts_with(&place) => {
            set_ca_file(environment, &name, None)?;
            forget(&place, Some(path))?;
        }
        Some(path) => {
            let message = format!("the profile {name} trusts {}, which was not put there by this command", path.display());
            return Err(
                Failure::new(FailureKind::Usage, message).with_hint(format!("run `freshkey login {name} --ca FILE` to name another"))
            );
        }
        None => {}
    }
    if output.json {
        return terminal::print_json(&json!({ "profile": name, "removed": pinned }));
    }
    terminal::say(&format!("The profile {name} trusts what this machine trusts."));
    Ok(())
}

/// The answer is what it was before.
fn set_ca_file(environment: &Environment, name: &str, path: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let before = Profiles::change(&environment.directories, |profiles| {
        let profile = profiles.profiles.get_mut(name).ok_or_else(|| Failure::new(FailureKind::Profile, "the profile has gone"))?;
        Ok(std::mem::replace(&mut profile.ca_file, path))
    })?;
    environment.tell(&Call::Reload { profile: name.to_owned() })?;
    Ok(before)
}

/// A file that this command has put there; others' are left alone.
fn forget(place: &Path, path: Option<&Path>) -> Result<(), Failure> {
    path.filter(|path| path.starts_with(place)).map_or(Ok(()), files::remove)
}
