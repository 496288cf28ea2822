//! Numbers that Python's callers give: families, types, timeouts.

use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyFloat;
use sockeye_socket::{Family, Kind, errno};

use crate::errors::os_error;

/// Flags that a type may carry.
pub(crate) const TYPE_FLAGS: i32 = SOCK_NONBLOCK | SOCK_CLOEXEC;
/// The socket does not wait.
pub(crate) const SOCK_NONBLOCK: i32 = 0o4000;
const SOCK_CLOEXEC: i32 = 0o2_000_000;
/// The bits of a type that are no flags.
const SOCK_TYPE_MASK: i32 = 15;
/// The first number that is no type of socket.
const SOCK_MAX: i32 = 11;

/// The crate's words for the numbers, or the kernel's error for what it does not have either.
pub(crate) fn family_and_kind(family: i32, kind: i32) -> PyResult<(Family, Kind)> {
    let kind = kind & !TYPE_FLAGS;
    if kind & !SOCK_TYPE_MASK != 0 {
        return Err(os_error(errno::EINVAL));
    }
    let family = Family::from_raw(family).ok_or_else(|| os_error(errno::EAFNOSUPPORT))?;
    let unknown = if kind < SOCK_MAX { errno::ESOCKTNOSUPPORT } else { errno::EINVAL };
    Ok((family, Kind::from_raw(kind).ok_or_else(|| os_error(unknown))?))
}

/// What `settimeout` takes: None, or seconds as an integer or a float.
pub(crate) fn timeout(object: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if object.is_none() {
        return Ok(None);
    }
    if object.is_instance_of::<PyFloat>() {
        return duration(object.extract()?).map(Some);
    }
    let seconds: i64 = object.extract()?;
    let seconds = u64::try_from(seconds).map_err(|_| out_of_range())?;
    if seconds > u64::MAX / 2 / 1_000_000_000 {
        return Err(too_large());
    }
    Ok(Some(Duration::from_secs(seconds)))
}

/// Seconds, rounded up to a nanosecond: what is not 0 may not become 0, which is another mode.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() {
        return Err(PyValueError::new_err("Invalid value NaN (not a number)"));
    }
    if seconds < 0.0 {
        return Err(out_of_range());
    }
    let near = Duration::try_from_secs_f64(seconds).map_err(|_| too_large())?;
    if near > Duration::from_nanos(u64::MAX / 2) {
        return Err(too_large());
    }
    let up = if near.as_secs_f64() < seconds { Duration::from_nanos(1) } else { Duration::ZERO };
    Ok(near + up)
}

fn out_of_range() -> PyErr {
    PyValueError::new_err("Timeout value out of range")
}

fn too_large() -> PyErr {
    PyOverflowError::new_err("timestamp too large to convert to C _PyTime_t")
}
