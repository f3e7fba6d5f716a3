//! The native half of the Python package `freshkey`: the client, in the form of Python's types. It decides nothing about a token, and Python's half
//! decides nothing either: what is fresh, who refreshes, and what is kept are the client's (ADR-0013).

mod account;
mod failure;
mod handed;
mod limits;
mod origins;
mod runtime;
mod sign_in;
mod token_file;

/// The module `freshkey._native`.
#[pyo3::pymodule(name = "_native", gil_used = true)]
mod native {
    #[pymodule_export]
    use super::account::Account;
    #[pymodule_export]
    use super::handed::Handed;
    #[pymodule_export]
    use super::sign_in::{PendingSignIn, sign_in_from_file, sign_in_with_secret};
    #[pymodule_export]
    use super::token_file::TokenFile;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
