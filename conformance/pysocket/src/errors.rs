//! Errors as Python raises them.

use std::io;

use pyo3::exceptions::{PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use sockeye_socket::Error;

/// The names of what `herror` is raised for, and not `gaierror`.
const NETDB: [&str; 4] = ["HOST_NOT_FOUND", "TRY_AGAIN", "NO_RECOVERY", "NO_DATA"];

/// The exception that C's `_socket` raises for the same reason.
pub(crate) fn raise(error: Error) -> PyErr {
    if let Some(errno) = error.errno() {
        return os_error(errno);
    }
    if let Some(code) = error.lookup_code() {
        let netdb = error.lookup_name().is_some_and(|name| NETDB.contains(&name));
        return of_class(if netdb { "herror" } else { "gaierror" }, code, &error.to_string());
    }
    if error.is_timeout() {
        return PyTimeoutError::new_err("timed out");
    }
    match error.kind() {
        io::ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
        _ => PyOSError::new_err(error.to_string()),
    }
}

/// `OSError(errno, strerror(errno))`, which Python makes an exception of the right class of.
pub(crate) fn os_error(errno: i32) -> PyErr {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((errno, text))
}

/// What the crate has no word for, and getaddrinfo would refuse by this code.
pub(crate) fn lookup_error(code: i32) -> PyErr {
    of_class("gaierror", code, "not looked up")
}

fn of_class(class: &str, code: i32, text: &str) -> PyErr {
    Python::attach(|py| {
        let class = py.import("_socket").and_then(|module| module.getattr(class));
        let made = class.and_then(|class| class.call1((code, text)));
        made.map_or_else(|error| error, PyErr::from_value)
    })
}
