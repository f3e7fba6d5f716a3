//! A token that was handed out, for Python's half alone: it wraps the text before anybody else sees it.

use freshkey_client::caller;
use pyo3::prelude::*;

/// A token that was handed out, and what is known of it. It has no `__dict__`, no repr with the token in it, and is not pickled (T-084).
#[pyclass(frozen, module = "freshkey._native")]
pub(crate) struct Handed(pub(crate) caller::Handed);

#[pymethods]
impl Handed {
    #[getter]
    fn token(&self) -> &str {
        self.0.token.expose()
    }

    #[getter]
    fn profile(&self) -> &str {
        &self.0.profile
    }

    #[getter]
    fn issuer(&self) -> &str {
        &self.0.issuer
    }

    #[getter]
    fn client_id(&self) -> &str {
        &self.0.client_id
    }

    #[getter]
    fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    #[getter]
    fn kind(&self) -> &str {
        &self.0.kind
    }

    #[getter]
    fn expires_at(&self) -> i64 {
        self.0.expires_at
    }

    #[getter]
    fn expires_in(&self) -> u32 {
        self.0.expires_in_s
    }

    #[getter]
    fn lifetime(&self) -> u32 {
        self.0.lifetime_s
    }

    #[getter]
    fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    #[getter]
    fn is_as_fresh_as_can_be(&self) -> bool {
        self.0.is_as_fresh_as_can_be()
    }

    #[getter]
    fn looks_again_in(&self) -> u32 {
        self.0.looks_again_in_s()
    }
}
