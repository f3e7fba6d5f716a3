//! `freshkey login`: one sign-in, by whichever way suits, kept for every tool.

mod token_file;

use crate::environment::{Environment, block_on};
use crate::terminal::{self, Output};
use freshkey_client::agent::serve::Call;
use freshkey_client::keeper::Keeper;
use freshkey_client::limits::{SECRET_FILE_BYTES_MAX, TOKEN_FILE_BYTES_MAX};
use freshkey_client::profile::Profile;
use freshkey_client::profile::file::Profiles;
use freshkey_client::profile::wish::ProfileWish;
use freshkey_client::record::Record;
use freshkey_client::sign_in::{SignIn, offline_warning};
use freshkey_client::vault::key::Source;
use freshkey_client::{Failure, FailureKind, files};
use freshkey_protocol::Secret;
use std::path::{Path, PathBuf};

/// The variable in which the platform names its CA file.
const PLATFORM_CA: &str = "EZUA_DOMAIN_CA_CERT_PATH";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The profile. By default the last part of the issuer's address, in small letters.
    profile: Option<String>,
    /// The provider, as it names itself.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The client to sign in through.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The file with the client's secret.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The authorities to trust for this provider, in PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What to ask for; `offline_access` in it asks for a sign-in without an end.
    #[arg(long, value_name = "NAMES")]
    scope: Option<String>,
    /// Where the discovery document is, if not at the issuer's address.
    #[arg(long, value_name = "URL")]
    discovery_url: Option<String>,
    /// Where to keep the key of what is kept, instead of the first place that works.
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    key_source: Option<Source>,
    #[command(flatten)]
    way: Way,
}

#[derive(Debug, clap::Args)]
struct Way {
    /// Sign in with this name and a password, which is asked for.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Give a one-time code with the password. It is asked for; with --password-stdin it is the second line.
    #[arg(long, requires = "username")]
    one_time_code: bool,
    /// Sign in on another device, with a code.
    #[arg(long, conflicts_with_all = ["username", "browser", "refresh_token_file", "client_credentials"])]
    device: bool,
    /// Sign in in the browser of this machine.
    #[arg(long, conflicts_with_all = ["username", "refresh_token_file", "client_credentials"])]
    browser: bool,
    /// The port on which the browser comes back; by default any that is free.
    #[arg(long, requires = "browser", default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Sign in with a refresh token in this file, or on standard input (`-`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "client_credentials"])]
    refresh_token_file: Option<PathBuf>,
    /// Sign in as the client itself, with its secret.
    #[arg(long, conflicts_with = "username")]
    client_credentials: bool,
    /// Take the tokens from this file, which somebody else keeps fresh; the profile is that of the token in it.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["username", "device", "browser", "refresh_token_file", "client_credentials", "issuer", "client_id"])]
    from_token_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  freshkey login --issuer https://sso.example.org/realms/UA --client-id ua-grant --username ann
  freshkey login ua --scope \"openid offline_access\"      again, with what the profile knows
  freshkey login --issuer https://sso.example.org/realms/UA --client-id ua \\
      --client-secret-file ~/ua.secret --refresh-token-file ~/Downloads/refresh-token.txt
  freshkey login ci --issuer https://sso.example.org/realms/UA --client-id ci \\
      --client-secret-file /etc/ci.secret --client-credentials";

fn source(text: &str) -> Result<Source, String> {
    let known = || Source::ALL.map(Source::as_str).join(", ");
    Source::parse(text).ok_or_else(|| format!("expected one of {}", known()))
}

pub(crate) fn run(environment: &Environment, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    if let Some(path) = &arguments.way.from_token_file {
        return token_file::sign_in(environment, arguments, path, output);
    }
    let (name, profile) = described(environment, arguments)?;
    profile.check(&name)?;
    // Before anybody types a password: without a place for the key nothing could be kept.
    let keeper = environment.keeper_or_new(arguments.key_source)?;
    let record = block_on(async {
        let sign_in = SignIn::begin(&name, &profile, keeper.clock()).await?;
        let record = signed_in(&sign_in, &arguments.way, &profile).await?;
        remember(environment, &name, &profile)?;
        keep(environment, &keeper, &name, record).await
    })?;
    if output.json {
        let told = serde_json::json!({ "profile": name, "subject": record.subject, "issuer": record.issuer, "key_source": keeper.vault().source().as_str() });
        terminal::print_json(&told)?;
    } else {
        // Not every provider's tokens say who it is.
        let who = record.subject.as_deref().map_or_else(String::new, |subject| format!(" as {subject}"));
        terminal::say(&format!("Signed in to {}{who}; the profile is {name}.", profile.issuer));
        terminal::say(&format!("What is kept is sealed under a key in the {}.", keeper.vault().source().told()));
    }
    if record.refresh_token.is_none() && record.renewal == freshkey_client::record::Renewal::RefreshToken {
        terminal::say("warning: the provider gave no refresh token: this sign-in ends with its access token");
    }
    if let Some(warning) = offline_warning(&record) {
        terminal::say(&format!("warning: {}", freshkey_client::failure::shown(&warning)));
    }
    Ok(())
}

/// The profile that is meant, with what was typed in place of what it knows.
fn described(environment: &Environment, arguments: &Arguments) -> Result<(String, Profile), Failure> {
    let wish = ProfileWish {
        name: arguments.profile.clone(),
        issuer: arguments.issuer.clone(),
        client_id: arguments.client_id.clone(),
        client_secret_file: absolute(arguments.client_secret_file.as_deref())?,
        ca_file: absolute(arguments.ca.as_deref())?,
        platform_ca_file: std::env::var_os(PLATFORM_CA).map(PathBuf::from).filter(|path| path.is_file()),
        scope: arguments.scope.clone(),
        discovery_url: arguments.discovery_url.clone(),
    };
    wish.described(&Profiles::read(&environment.directories)?)
}

/// The profile is read from anywhere, so a path in it must not depend on where it was typed.
fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = path else { return Ok(None) };
    std::fs::canonicalize(path).map(Some).map_err(|error| Failure::file(path, "read", &error))
}

async fn signed_in(sign_in: &SignIn<'_>, way: &Way, profile: &Profile) -> Result<Record, Failure> {
    if way.client_credentials {
        return sign_in.with_client_credentials().await;
    }
    if let Some(path) = &way.refresh_token_file {
        return sign_in.with_refresh_token(&refresh_token(path)?).await;
    }
    if let Some(username) = &way.username {
        let (password, code) = password_and_code(way, username)?;
        return sign_in.with_password(username, &password, code.as_ref()).await;
    }
    if way.device {
        return on_device(sign_in).await;
    }
    if way.browser {
        return in_browser(sign_in, way.port).await;
    }
    if !terminal::is_interactive() {
        return Err(Failure::new(FailureKind::Usage, "there is no terminal to ask how to sign in")
            .with_hint("give --username with --password-stdin, --refresh-token-file, --client-credentials, or --device"));
    }
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    match sign_in.metadata() {
        metadata if has_screen && metadata.authorization_endpoint.is_some() => in_browser(sign_in, 0).await,
        metadata if metadata.device_authorization_endpoint.is_some() => on_device(sign_in).await,
        _ => {
            let username = terminal::ask(&format!("Name at {}: ", profile.issuer))?;
            let password = terminal::ask_secret("Password: ")?;
            sign_in.with_password(&username, &password, None).await
        }
    }
}

fn password_and_code(way: &Way, username: &str) -> Result<(Secret<String>, Option<Secret<String>>), Failure> {
    if way.password_stdin && way.one_time_code {
        let [password, code] = terminal::secrets_from_standard_input(SECRET_FILE_BYTES_MAX)?;
        return Ok((password, Some(code)));
    }
    if way.password_stdin {
        return Ok((terminal::secret_from_standard_input(SECRET_FILE_BYTES_MAX)?, None));
    }
    if !terminal::is_interactive() {
        return Err(Failure::new(FailureKind::Usage, "there is no terminal to ask for the password").with_hint("give --password-stdin"));
    }
    let password = terminal::ask_secret(&format!("Password of {username}: "))?;
    let code = way.one_time_code.then(|| terminal::ask_secret("One-time code: ")).transpose()?;
    Ok((password, code))
}

fn refresh_token(path: &Path) -> Result<Secret<String>, Failure> {
    if path == Path::new("-") {
        return terminal::secret_from_standard_input(TOKEN_FILE_BYTES_MAX);
    }
    let text = files::read_text(path, TOKEN_FILE_BYTES_MAX)?.map(Secret::new);
    let text = text.ok_or_else(|| Failure::new(FailureKind::Usage, format!("there is no file {}", path.display())))?;
    let token = text.expose().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(FailureKind::Usage, format!("{} holds no token", path.display()))
            .with_hint("it should hold the token alone, on one line"));
    }
    Ok(Secret::new(token.to_owned()))
}

async fn on_device(sign_in: &SignIn<'_>) -> Result<Record, Failure> {
    let start = sign_in.start_on_device().await?;
    let shown = freshkey_client::failure::shown;
    terminal::say(&format!("Open {} and enter the code {}", shown(&start.verification_uri), shown(&start.user_code)));
    if let Some(complete) = &start.verification_uri_complete {
        terminal::say(&format!("or open {}", shown(complete)));
    }
    sign_in.finish_on_device(&start).await
}

async fn in_browser(sign_in: &SignIn<'_>, port: u16) -> Result<Record, Failure> {
    let waiting = sign_in.start_in_browser(port).await?;
    terminal::say(&format!(
        "Sign in in the browser. If it has not opened, open this address:\n{}",
        freshkey_client::failure::shown(&waiting.url)
    ));
    if terminal::is_interactive() {
        // Whether there is a browser to be found or not, the address has been shown.
        let opened = std::process::Command::new("xdg-open")
            .arg(&waiting.url)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        drop(opened);
    }
    sign_in.finish_in_browser(waiting).await
}

fn remember(environment: &Environment, name: &str, profile: &Profile) -> Result<(), Failure> {
    Profiles::change(&environment.directories, |profiles| {
        profiles.profiles.insert(name.to_owned(), profile.clone());
        Ok(())
    })
}

/// The token that was kept before is not wanted any more, and nobody would revoke it later.
async fn keep(environment: &Environment, keeper: &Keeper, name: &str, record: Record) -> Result<Record, Failure> {
    let record = keeper.keep(name, record).await?;
    environment.tell(&Call::Reload { profile: name.to_owned() })?;
    Ok(record)
}
