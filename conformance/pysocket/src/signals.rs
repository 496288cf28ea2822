//! Signals that interrupt a call: Python's handlers run, and where one raises, the call ends.

use std::sync::Mutex;

use pyo3::prelude::*;
use sockeye_socket::errno;

use crate::errors::os_error;

/// What the handlers of one call raised.
#[derive(Default)]
pub(crate) struct Handlers(Mutex<Option<PyErr>>);

impl Handlers {
    /// Runs the handlers of the signals that came; tells whether the call goes on.
    pub(crate) fn go_on(&self) -> bool {
        let handled = Python::attach(|py| py.check_signals());
        handled.map_err(|error| self.0.lock().map(|mut raised| *raised = Some(error))).is_ok()
    }

    /// What a handler raised, or how the call ended by itself.
    pub(crate) fn or<T>(self, ended: PyResult<T>) -> PyResult<T> {
        match self.0.into_inner() {
            Ok(None) => ended,
            Ok(Some(raised)) => Err(raised),
            Err(_) => Err(os_error(errno::EINTR)),
        }
    }
}
