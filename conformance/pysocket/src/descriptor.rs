//! Descriptors as Python has them: numbers. The one place that believes that a number is an open
//! descriptor, which is all that CPython's own type does.
#![expect(unsafe_code, reason = "Python gives descriptors as numbers")]

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use pyo3::PyResult;
use sockeye_socket::Socket;

use crate::errors::{os_error, raise};

/// A descriptor for the time of one call; one that is not open gives `EBADF`.
pub(crate) fn borrow<'call>(number: RawFd) -> BorrowedFd<'call> {
    // The number that no descriptor has would be undefined; this one is never open either.
    let number = if number < 0 { RawFd::MAX } else { number };
    // SAFETY: the callers use it for one system call, which refuses what is not open.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Takes a descriptor over as a socket. Where it is none it stays the caller's, and open.
pub(crate) fn adopt(number: RawFd) -> PyResult<Socket> {
    // A copy shows first whether it is a socket: a failed conversion closes what it was given.
    let copy = borrow(number).try_clone_to_owned();
    let copy = copy.map_err(|error| os_error(error.raw_os_error().unwrap_or_default()))?;
    Socket::try_from(copy).map_err(raise)?;
    // SAFETY: it is open, as was just seen, and whoever calls gives it up: that is what Python's
    // `socket(fileno=…)` means.
    Socket::try_from(unsafe { OwnedFd::from_raw_fd(number) }).map_err(raise)
}
