//! A failure of the client as an exception of Python.

use freshkey_client::profile::Profile;
use freshkey_client::{Failure, FailureKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};

/// The variable in which the platform names its CA file.
pub(crate) const PLATFORM_CA: &str = "EZUA_DOMAIN_CA_CERT_PATH";

/// The exception that `freshkey.errors` has for it.
pub(crate) fn raised(py: Python<'_>, failure: &Failure) -> PyErr {
    let made = py.import("freshkey.errors").and_then(|module| {
        let arguments = (failure.kind.exit_code(), failure.message.as_str(), failure.hint.as_deref());
        module.getattr("_of_failure")?.call1(arguments)
    });
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(_) => PyRuntimeError::new_err(failure.message.clone()),
    }
}

/// The same failure, with the variable that named the authorities where they are what is wrong (T-086).
pub(crate) fn naming_the_authorities(failure: Failure, profile: Option<&Profile>) -> Failure {
    let (FailureKind::Untrusted, Some(named)) = (failure.kind, platform_ca()) else { return failure };
    let is_used = profile.and_then(|profile| profile.ca_file.as_deref()).is_some_and(|used| is_same(used, &named));
    if !is_used {
        return failure;
    }
    let message = format!("{} (the authorities that are trusted here are those of {PLATFORM_CA}={})", failure.message, named.display());
    Failure::new(failure.kind, message).with_hint(format!("let {PLATFORM_CA} name the CA file of your platform, and sign in again"))
}

/// The platform's CA file, if it names one.
pub(crate) fn platform_ca() -> Option<PathBuf> {
    std::env::var_os(PLATFORM_CA).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn is_same(left: &Path, right: &Path) -> bool {
    left == right || matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}
