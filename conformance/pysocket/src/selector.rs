//! The type `Selector`: what `python/` makes an `epoll` object of.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sockeye_socket::{self as ours, Events};

use crate::descriptor;
use crate::errors::raise;
use crate::signals::Handlers;

/// Bits of Python's side: to read, to write, over.
const READ: u8 = 1;
const WRITE: u8 = 2;
const CLOSED: u8 = 4;

/// Waits for descriptors, given as numbers.
#[pyclass(frozen, module = "sockeye_pysocket")]
pub(crate) struct Selector(Mutex<Option<ours::Selector<i32>>>);

fn events_of(bits: u8) -> Events {
    let read = if bits & READ != 0 { Events::READ } else { Events::NONE };
    let write = if bits & WRITE != 0 { Events::WRITE } else { Events::NONE };
    read | write
}

fn bits_of(events: Events) -> u8 {
    let bit = |is: bool, bit: u8| if is { bit } else { 0 };
    bit(events.is_readable(), READ)
        | bit(events.is_writable(), WRITE)
        | bit(events.is_closed(), CLOSED)
}

impl Selector {
    /// Works on the selector while the interpreter runs on: another thread may have it for long.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut ours::Selector<i32>) -> ours::Result<T> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_mut().map(work)
        });
        let closed = || PyValueError::new_err("I/O operation on closed epoll object");
        done.ok_or_else(closed)?.map_err(raise)
    }
}

#[pymethods]
impl Selector {
    #[new]
    fn new() -> PyResult<Self> {
        let selector = ours::Selector::new().map_err(raise)?;
        Ok(Self(Mutex::new(Some(selector))))
    }

    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        self.with(py, |selector| Ok(selector.as_fd().as_raw_fd()))
    }

    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none())
    }

    fn close(&self, py: Python<'_>) {
        let held = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(held);
    }

    fn register(&self, py: Python<'_>, fd: i32, events: u8) -> PyResult<()> {
        self.with(py, |selector| selector.register(&descriptor::borrow(fd), events_of(events), fd))
    }

    fn modify(&self, py: Python<'_>, fd: i32, events: u8) -> PyResult<()> {
        self.with(py, |selector| selector.modify(&descriptor::borrow(fd), events_of(events)))
    }

    fn unregister(&self, py: Python<'_>, fd: i32) -> PyResult<()> {
        self.with(py, |selector| selector.unregister(&descriptor::borrow(fd)).map(drop))
    }

    /// What happened within so many seconds, or at all: descriptors and what is with them. Signals
    /// get their handlers meanwhile.
    fn select(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<Vec<(i32, u8)>> {
        let timeout = seconds
            .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
        let handlers = Handlers::default();
        let go_on = || handlers.go_on();
        let found = self.with(py, |selector| {
            let found = selector.select_interruptible(timeout, &go_on)?;
            Ok(found.map(|(fd, events)| (*fd, bits_of(events))).collect())
        });
        handlers.or(found)
    }
}
