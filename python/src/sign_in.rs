//! A sign-in from a program that has no terminal: a link, or a code for another device, is shown, and the rest is waited for.

use crate::account::Account;
use crate::failure::{PLATFORM_CA, naming_the_authorities, platform_ca, raised};
use crate::limits::SIGN_IN_TIMEOUT;
use crate::runtime::Process;
use freshkey_client::caller::Caller;
use freshkey_client::failure::shown;
use freshkey_client::limits::TOKEN_FILE_BYTES_MAX;
use freshkey_client::profile::Profile;
use freshkey_client::profile::wish::{ProfileWish, name_of};
use freshkey_client::record::Record;
use freshkey_client::sign_in::{SignIn, from_file, offline_warning};
use freshkey_client::{Failure, FailureKind, files};
use freshkey_protocol::Secret;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// What a person is shown. Made fit for a terminal: it comes from the provider (T-065).
#[derive(Clone)]
struct Shown {
    address: String,
    address_with_code: Option<String>,
    code: Option<String>,
}

struct Done {
    subject: Option<String>,
    warning: Option<String>,
}

/// A sign-in that waits for its person. It ends with this object.
#[pyclass(frozen, module = "freshkey._native")]
pub(crate) struct PendingSignIn {
    name: String,
    profile: Profile,
    shown: Shown,
    outcome: Mutex<Option<oneshot::Receiver<Result<Done, Failure>>>>,
    work: AbortHandle,
}

#[pymethods]
impl PendingSignIn {
    /// Looks the provider up, and starts: on another device if it offers that, and else in a browser of this machine.
    #[new]
    #[pyo3(signature = (account, *, name=None, issuer=None, client_id=None, scope=None, ca_file=None, client_secret_file=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    #[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
    fn begin(
        py: Python<'_>,
        account: PyRef<'_, Account>,
        name: Option<String>,
        issuer: Option<String>,
        client_id: Option<String>,
        scope: Option<String>,
        ca_file: Option<PathBuf>,
        client_secret_file: Option<PathBuf>,
    ) -> PyResult<Self> {
        let caller = account.caller(py)?;
        let wish = wish(name, issuer, client_id, scope, ca_file, client_secret_file);
        let (name, profile) = described(&caller, wish).map_err(|failure| raised(py, &failure))?;
        let process = Process::current().map_err(|failure| raised(py, &failure))?;
        let (show, to_show) = oneshot::channel();
        let (end, outcome) = oneshot::channel();
        let work = process.spawn({
            let (name, profile) = (name.clone(), profile.clone());
            async move {
                let outcome = sign_in(&caller, &name, &profile, show).await;
                // Whoever waited may have gone.
                drop(end.send(outcome));
            }
        });
        let started = process.wait(py, Some(SIGN_IN_TIMEOUT), async move { Ok((to_show.await.ok(), outcome)) })?;
        let (shown, outcome) = match started {
            Some(Ok((Some(shown), outcome))) => (shown, outcome),
            // It has ended before there was anything to show: the outcome says why.
            Some(Ok((None, outcome))) => {
                let told = process.wait(py, Some(SIGN_IN_TIMEOUT), async move { outcome.await.unwrap_or_else(|_| Err(broken_off())) })?;
                let failure = told.and_then(Result::err).unwrap_or_else(broken_off);
                return Err(raised(py, &naming_the_authorities(failure, Some(&profile))));
            }
            Some(Err(failure)) => return Err(raised(py, &failure)),
            None => {
                work.abort();
                return Err(raised(py, &Failure::new(FailureKind::Unavailable, format!("{} does not answer", profile.issuer))));
            }
        };
        Ok(Self { name, profile, shown, outcome: Mutex::new(Some(outcome)), work })
    }

    /// The profile that is signed in to.
    #[getter]
    fn profile(&self) -> &str {
        &self.name
    }

    /// Where the person has to go.
    #[getter]
    fn address(&self) -> &str {
        &self.shown.address
    }

    /// The same with the code in it.
    #[getter]
    fn address_with_code(&self) -> Option<&str> {
        self.shown.address_with_code.as_deref()
    }

    /// What the person has to enter there; none for a browser of this machine.
    #[getter]
    fn code(&self) -> Option<&str> {
        self.shown.code.as_deref()
    }

    /// Waits for the person. The answer: who it is, and what they should be told.
    fn finish(&self, py: Python<'_>) -> PyResult<(Option<String>, Option<String>)> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = outcome.ok_or_else(|| raised(py, &Failure::new(FailureKind::Usage, "this sign-in has ended")))?;
        let process = Process::current().map_err(|failure| raised(py, &failure))?;
        let waited = process.wait(py, None, async move { outcome.await.unwrap_or_else(|_| Err(broken_off())) });
        match waited {
            Ok(Some(Ok(done))) => Ok((done.subject, done.warning)),
            Ok(Some(Err(failure))) => Err(raised(py, &naming_the_authorities(failure, Some(&self.profile)))),
            Ok(None) => Err(raised(py, &broken_off())),
            // Interrupted by its user: nobody is signed in behind their back.
            Err(interrupted) => {
                self.work.abort();
                Err(interrupted)
            }
        }
    }
}

impl Drop for PendingSignIn {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Signs in with a name and a password (and a one-time code, where the account has a device for them), or with a refresh token that was got elsewhere,
/// from a download page for instance.
/// The answer: the profile's name, who it is, and what they should be told.
#[pyfunction]
#[pyo3(signature = (account, *, name=None, issuer=None, client_id=None, scope=None, ca_file=None, client_secret_file=None, password=None, one_time_code=None, refresh_token_file=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of Python")]
#[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
pub(crate) fn sign_in_with_secret(
    py: Python<'_>,
    account: PyRef<'_, Account>,
    name: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    ca_file: Option<PathBuf>,
    client_secret_file: Option<PathBuf>,
    password: Option<(String, String)>,
    one_time_code: Option<String>,
    refresh_token_file: Option<PathBuf>,
) -> PyResult<(String, Option<String>, Option<String>)> {
    let caller = account.caller(py)?;
    let wish = wish(name, issuer, client_id, scope, ca_file, client_secret_file);
    let (name, profile) = described(&caller, wish).map_err(|failure| raised(py, &failure))?;
    let way = match (password, one_time_code, refresh_token_file) {
        (Some((username, password)), code, None) => Way::Password(username, Secret::new(password), code.map(Secret::new)),
        (None, None, Some(path)) => Way::RefreshToken(refresh_token(&path).map_err(|failure| raised(py, &failure))?),
        _ => return Err(PyValueError::new_err("either a password or a refresh token is needed")),
    };
    let process = Process::current().map_err(|failure| raised(py, &failure))?;
    let work = {
        let (name, profile) = (name.clone(), profile.clone());
        async move { sign_in_at_once(&caller, &name, &profile, way).await }
    };
    match process.wait(py, None, work)?.unwrap_or_else(|| Err(broken_off())) {
        Ok(done) => Ok((name, done.subject, done.warning)),
        Err(failure) => Err(raised(py, &naming_the_authorities(failure, Some(&profile)))),
    }
}

enum Way {
    Password(String, Secret<String>, Option<Secret<String>>),
    RefreshToken(Secret<String>),
}

async fn sign_in_at_once(caller: &Arc<Caller>, name: &str, profile: &Profile, way: Way) -> Result<Done, Failure> {
    caller.keeper_or_new(None)?;
    let sign_in = SignIn::begin(name, profile, caller.clock()).await?;
    let record = match &way {
        Way::Password(username, password, code) => sign_in.with_password(username, password, code.as_ref()).await?,
        Way::RefreshToken(token) => sign_in.with_refresh_token(token).await?,
    };
    kept(caller, name, profile, record).await
}

fn refresh_token(path: &Path) -> Result<Secret<String>, Failure> {
    let text = files::read_text(path, TOKEN_FILE_BYTES_MAX)?.map(Secret::new);
    let text = text.ok_or_else(|| Failure::new(FailureKind::Usage, format!("there is no file {}", path.display())))?;
    let token = text.expose().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!("{} holds no token", path.display());
        return Err(Failure::new(FailureKind::Usage, what).with_hint("it should hold the token alone, on one line"));
    }
    Ok(Secret::new(token.to_owned()))
}

async fn kept(caller: &Caller, name: &str, profile: &Profile, record: Record) -> Result<Done, Failure> {
    let done = Done { subject: record.subject.as_deref().map(shown), warning: offline_warning(&record) };
    caller.keep(name, profile, record).await?;
    Ok(done)
}

/// Takes the tokens from a file that somebody else keeps fresh, such as that of the platform's notebooks. The answer is the profile's name.
#[pyfunction]
#[pyo3(signature = (account, path, *, name=None))]
#[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
pub(crate) fn sign_in_from_file(py: Python<'_>, account: PyRef<'_, Account>, path: PathBuf, name: Option<String>) -> PyResult<String> {
    let caller = account.caller(py)?;
    let process = Process::current().map_err(|failure| raised(py, &failure))?;
    let work = async move {
        let path = std::path::absolute(&path).map_err(|error| Failure::file(&path, "found", &error))?;
        let (mut profile, record) = from_file::sign_in(&path, caller.clock().now())?;
        let name = name.unwrap_or_else(|| name_of(&profile.issuer));
        profile.deliveries = caller.profiles()?.profiles.remove(&name).map(|known| known.deliveries).unwrap_or_default();
        profile.check(&name)?;
        caller.keep(&name, &profile, record).await?;
        Ok(name)
    };
    match process.wait(py, None, work)? {
        Some(Ok(name)) => Ok(name),
        Some(Err(failure)) => Err(raised(py, &failure)),
        None => Err(raised(py, &broken_off())),
    }
}

/// What was said about the profile.
fn wish(
    name: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    ca_file: Option<PathBuf>,
    client_secret_file: Option<PathBuf>,
) -> ProfileWish {
    ProfileWish { name, issuer, client_id, scope, ca_file, client_secret_file, platform_ca_file: platform_ca(), ..ProfileWish::default() }
}

fn described(caller: &Caller, wish: ProfileWish) -> Result<(String, Profile), Failure> {
    let named = wish.platform_ca_file.clone();
    let (name, profile) = wish.described(&caller.profiles()?)?;
    profile.check(&name)?;
    if let Some(named) = named.filter(|named| profile.ca_file.as_ref() == Some(named) && !named.is_file()) {
        let what = format!("{PLATFORM_CA} names {}, which is no file", named.display());
        return Err(Failure::new(FailureKind::Untrusted, what)
            .with_hint(format!("let {PLATFORM_CA} name the CA file of your platform, or unset it")));
    }
    Ok((name, profile))
}

async fn sign_in(caller: &Arc<Caller>, name: &str, profile: &Profile, show: oneshot::Sender<Shown>) -> Result<Done, Failure> {
    // Before anybody does anything: without a place for the key nothing could be kept.
    caller.keeper_or_new(None)?;
    let sign_in = SignIn::begin(name, profile, caller.clock()).await?;
    let gone = |_: Shown| Failure::new(FailureKind::SignIn, "nobody waits for this sign-in any more");
    let record = if sign_in.metadata().device_authorization_endpoint.is_some() {
        let start = sign_in.start_on_device().await?;
        let address_with_code = start.verification_uri_complete.as_deref().map(shown);
        let prompt = Shown { address: shown(&start.verification_uri), address_with_code, code: Some(shown(&start.user_code)) };
        show.send(prompt).map_err(gone)?;
        sign_in.finish_on_device(&start).await?
    } else if sign_in.metadata().authorization_endpoint.is_none() {
        let what = format!("{} offers no sign-in by a link", profile.issuer);
        return Err(Failure::new(FailureKind::Refused, what).with_hint("sign in with --username NAME, or with --refresh-token-file PATH"));
    } else {
        let waiting = sign_in.start_in_browser(0).await?;
        show.send(Shown { address: shown(&waiting.url), address_with_code: None, code: None }).map_err(gone)?;
        sign_in.finish_in_browser(waiting).await?
    };
    kept(caller, name, profile, record).await
}

fn broken_off() -> Failure {
    Failure::new(FailureKind::Failed, "the sign-in broke off").with_hint("start again")
}
