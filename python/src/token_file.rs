//! A token in a file, by the client's own rules: an absolute path, a directory in which nobody else can replace it, mode 0600, replaced whole (T-068).

use crate::failure::raised;
use freshkey_client::token_file;
use pyo3::prelude::*;
use std::path::PathBuf;

/// A place where a token may stand in clear.
#[pyclass(frozen, module = "freshkey._native")]
pub(crate) struct TokenFile(token_file::TokenFile);

#[pymethods]
impl TokenFile {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
    fn at(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        token_file::TokenFile::at(&path).map(Self).map_err(|failure| raised(py, &failure))
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn write(&self, py: Python<'_>, token: &str) -> PyResult<()> {
        py.detach(|| self.0.write(token)).map_err(|failure| raised(py, &failure))
    }

    fn remove(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.remove()).map_err(|failure| raised(py, &failure))
    }
}
