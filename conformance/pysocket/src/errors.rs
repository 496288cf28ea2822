//! Errors as Python raises them.

use pyo3::exceptions::{PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use sockeye_socket::Error;

/// The exception that C's `_socket` raises for the same reason.
pub(crate) fn raise(error: Error) -> PyErr {
    if let Some(code) = error.lookup_code() {
        return Python::attach(|py| gaierror(py, code, &error)).unwrap_or_else(|error| error);
    }
    match error.errno() {
        Some(errno) => os_error(errno),
        None if error.is_timeout() => PyTimeoutError::new_err("timed out"),
        None => PyValueError::new_err(error.to_string()),
    }
}

/// `OSError(errno, strerror(errno))`, which Python makes an exception of the right class of.
pub(crate) fn os_error(errno: i32) -> PyErr {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((errno, text))
}

fn gaierror(py: Python<'_>, code: i32, error: &Error) -> PyResult<PyErr> {
    let class = py.import("_socket")?.getattr("gaierror")?;
    Ok(PyErr::from_value(class.call1((code, error.to_string()))?))
}
