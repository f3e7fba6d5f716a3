//! An account of the client, as a session of Python holds it: a profile's name, and never a token.

use crate::failure::{naming_the_authorities, raised};
use crate::handed::Handed;
use crate::limits::{MIN_TTL_S_MAX, ORIGINS_MAX};
use crate::origins::{Origin, of_account};
use crate::runtime::{Place, Process};
use freshkey_client::caller::{self, Agent, Caller};
use freshkey_client::directories::Directories;
use freshkey_client::failure::shown;
use freshkey_client::{Failure, FailureKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

type Work = Pin<Box<dyn Future<Output = Result<caller::Handed, Failure>> + Send>>;

/// What is asked for.
enum Wish {
    /// A token with so many seconds to live, or as many as is usual.
    Token(Option<u32>),
    /// A new one, in place of one that was refused.
    Renewed(Option<String>),
    /// One that stands in a variable or a file.
    ToPublish,
}

/// An account of the client.
#[pyclass(frozen, module = "freshkey._native")]
pub(crate) struct Account {
    place: Place,
    wished_profile: Option<String>,
    /// Once known it stays: another default must not turn one user's session into another's (T-081).
    profile: OnceLock<String>,
    origins: Vec<Origin>,
}

#[pymethods]
impl Account {
    #[new]
    #[pyo3(signature = (profile=None, *, origins=Vec::new(), agent=true))]
    #[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
    fn new(py: Python<'_>, profile: Option<String>, origins: Vec<String>, agent: bool) -> PyResult<Self> {
        if origins.len() > ORIGINS_MAX {
            return Err(PyValueError::new_err(format!("{} origins are more than the {ORIGINS_MAX} that are taken", origins.len())));
        }
        let origin =
            |url: &String| Origin::of(url).map_err(|why| PyValueError::new_err(format!("{} can't be sent a token: {why}", shown(url))));
        let directories = Directories::of_environment().map_err(|failure| raised(py, &failure))?;
        Ok(Self {
            place: Place { directories, agent: if agent { Agent::IfThere } else { Agent::Never } },
            wished_profile: profile.filter(|name| !name.is_empty()),
            profile: OnceLock::new(),
            origins: origins.iter().map(origin).collect::<PyResult<_>>()?,
        })
    }

    /// The name of its profile.
    fn profile(&self, py: Python<'_>) -> PyResult<String> {
        if let Some(name) = self.profile.get() {
            return Ok(name.clone());
        }
        let (name, _) = self.caller(py)?.profile(self.wished_profile.as_deref()).map_err(|failure| raised(py, &failure))?;
        Ok(self.profile.get_or_init(|| name).clone())
    }

    /// The same, if it is known already: nothing is looked up.
    fn known_profile(&self) -> Option<&str> {
        self.profile.get().map(String::as_str)
    }

    #[pyo3(signature = (min_ttl=None))]
    fn token(&self, py: Python<'_>, min_ttl: Option<f64>) -> PyResult<Handed> {
        self.answered(py, Wish::Token(seconds(min_ttl)?), None)
    }

    #[pyo3(signature = (rejected=None))]
    fn renew(&self, py: Python<'_>, rejected: Option<String>) -> PyResult<Handed> {
        self.answered(py, Wish::Renewed(rejected), None)
    }

    /// `timeout` is in seconds.
    #[pyo3(signature = (timeout=None))]
    fn to_publish(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Handed> {
        let timeout = timeout.map(Duration::try_from_secs_f64).transpose().map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.answered(py, Wish::ToPublish, timeout)
    }

    /// What is kept, as it is, and the error of its last renewal, if that failed. Nothing is renewed.
    fn kept<'py>(&self, py: Python<'py>) -> PyResult<(Handed, Option<Bound<'py, PyAny>>)> {
        let caller = self.caller(py)?;
        let profile = self.profile.get().or(self.wished_profile.as_ref()).cloned();
        let process = Process::current().map_err(|failure| raised(py, &failure))?;
        let answer = process.wait(py, None, async move { caller.kept(profile.as_deref()).await })?.unwrap_or_else(|| Err(unanswered()));
        let (handed, failure) = answer.map_err(|failure| self.raised(py, failure))?;
        let error = failure.map(|failure| self.raised(py, failure).into_value(py).into_bound(py).into_any());
        Ok((self.noted(handed), error))
    }

    /// As `token`, without waiting: `done(handed, None)` or `done(None, error)` is called from another thread.
    fn token_later(&self, py: Python<'_>, min_ttl: Option<f64>, done: Py<PyAny>) -> PyResult<()> {
        self.later(py, Wish::Token(seconds(min_ttl)?), done)
    }

    /// As `renew`, without waiting.
    fn renew_later(&self, py: Python<'_>, rejected: Option<String>, done: Py<PyAny>) -> PyResult<()> {
        self.later(py, Wish::Renewed(rejected), done)
    }

    /// Whether a token of this account may be sent to this address.
    fn covers(&self, py: Python<'_>, url: &str) -> PyResult<bool> {
        let Ok(origin) = Origin::of(url) else { return Ok(false) };
        if self.origins.contains(&origin) {
            return Ok(true);
        }
        let wish = self.profile.get().or(self.wished_profile.as_ref());
        let (_, profile) = self.caller(py)?.profile(wish.map(String::as_str)).map_err(|failure| raised(py, &failure))?;
        Ok(of_account(&profile).any(|known| known == origin))
    }
}

impl Account {
    pub(crate) fn caller(&self, py: Python<'_>) -> PyResult<Arc<Caller>> {
        Process::current().map(|process| process.caller(&self.place)).map_err(|failure| raised(py, &failure))
    }

    fn work(&self, py: Python<'_>, wish: Wish) -> PyResult<Work> {
        let caller = self.caller(py)?;
        let profile = self.profile.get().or(self.wished_profile.as_ref()).cloned();
        Ok(Box::pin(async move {
            let profile = profile.as_deref();
            match wish {
                Wish::Token(min_ttl_s) => caller.token(profile, min_ttl_s).await,
                Wish::Renewed(rejected) => caller.renewed(profile, rejected.as_deref()).await,
                Wish::ToPublish => caller.token_to_publish(profile).await,
            }
        }))
    }

    fn answered(&self, py: Python<'_>, wish: Wish, timeout: Option<Duration>) -> PyResult<Handed> {
        let work = self.work(py, wish)?;
        let process = Process::current().map_err(|failure| raised(py, &failure))?;
        let answer = process.wait(py, timeout, work)?.unwrap_or_else(|| Err(unanswered()));
        match answer {
            Ok(handed) => Ok(self.noted(handed)),
            Err(failure) => Err(self.raised(py, failure)),
        }
    }

    fn later(&self, py: Python<'_>, wish: Wish, done: Py<PyAny>) -> PyResult<()> {
        let work = self.work(py, wish)?;
        let process = Process::current().map_err(|failure| raised(py, &failure))?;
        let profile = self.profile.get().or(self.wished_profile.as_ref()).cloned();
        let caller = self.caller(py)?;
        process.spawn(async move {
            let answer = work.await;
            // Python may have ended meanwhile, and the loop of whoever has asked: then nobody waits.
            Python::try_attach(|py| {
                let called = match answer {
                    Ok(handed) => done.call1(py, (Handed(handed), py.None())),
                    Err(failure) => {
                        let profile = caller.profile(profile.as_deref()).ok();
                        let failure = naming_the_authorities(failure, profile.as_ref().map(|(_, profile)| profile));
                        done.call1(py, (py.None(), raised(py, &failure).into_value(py)))
                    }
                };
                drop(called);
            });
        });
        Ok(())
    }

    fn noted(&self, handed: caller::Handed) -> Handed {
        let _ = self.profile.set(handed.profile.clone());
        Handed(handed)
    }

    fn raised(&self, py: Python<'_>, failure: Failure) -> PyErr {
        let wish = self.profile.get().or(self.wished_profile.as_ref());
        let profile = self.caller(py).ok().and_then(|caller| caller.profile(wish.map(String::as_str)).ok());
        raised(py, &naming_the_authorities(failure, profile.as_ref().map(|(_, profile)| profile)))
    }
}

fn unanswered() -> Failure {
    Failure::new(FailureKind::Unavailable, "neither the agent nor the provider has answered in time")
        .with_hint("try again; if it stays so, run `freshkey doctor` in a terminal")
}

fn seconds(min_ttl: Option<f64>) -> PyResult<Option<u32>> {
    match min_ttl {
        None => Ok(None),
        Some(wish) if (0.0..=MIN_TTL_S_MAX).contains(&wish) => {
            // Within the range of the type by the line above.
            Ok(Some(Duration::from_secs_f64(wish.ceil()).as_secs().try_into().unwrap_or(u32::MAX)))
        }
        Some(wish) => Err(PyValueError::new_err(format!("min_ttl is {wish}; seconds, not negative, are expected"))),
    }
}
