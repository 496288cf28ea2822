//! Messages with ancillary data: lists of buffers and tuples into the crate's words, and back.

use std::io::{IoSlice, IoSliceMut};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use sockeye_socket::cmsg::{self, Control, Outgoing, Raw};
use sockeye_socket::{Address, MsgFlags};

use crate::address;
use crate::bytes::{Room, bytes_of, size};
use crate::socket::Socket;

/// The kernel's length of a control buffer is a C int.
const CONTROL_BYTES_MAX: isize = 0x7fff_ffff;

/// What `recvmsg` gives beside its first value.
type Beside<'py> = (Vec<(i32, i32, Bound<'py, PyBytes>)>, i32, Bound<'py, PyAny>);

/// Everything that `object` gives; `what` names the argument for the error.
fn items<'py>(object: &Bound<'py, PyAny>, what: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let iterable = object.try_iter().map_err(|error| {
        if error.is_instance_of::<PyTypeError>(object.py()) {
            PyTypeError::new_err(format!("{what} must be an iterable"))
        } else {
            error
        }
    })?;
    iterable.collect()
}

fn control_of(item: &Bound<'_, PyAny>) -> PyResult<Raw> {
    let wrong = "[sendmsg() ancillary data items should be sequences of three items]";
    let item = item.cast::<PyTuple>().map_err(|_| PyTypeError::new_err(wrong))?;
    if item.len() != 3 {
        return Err(PyTypeError::new_err(wrong));
    }
    let number = |at: usize| item.get_item(at)?.extract::<i32>();
    Ok(Raw { level: number(0)?, kind: number(1)?, data: bytes_of(&item.get_item(2)?)? })
}

/// `sendmsg(buffers, ancdata, flags, address)`.
pub(crate) fn send(
    socket: &Socket,
    buffers: &Bound<'_, PyAny>,
    control: Option<&Bound<'_, PyAny>>,
    flags: i32,
    to: Option<&Bound<'_, PyAny>>,
) -> PyResult<usize> {
    let buffers = items(buffers, "sendmsg() argument 1")?;
    let buffers: Vec<Vec<u8>> = buffers.iter().map(bytes_of).collect::<PyResult<_>>()?;
    let control = match control {
        Some(control) => items(control, "sendmsg() argument 2")?,
        None => Vec::new(),
    };
    let control: Vec<Raw> = control.iter().map(control_of).collect::<PyResult<_>>()?;
    let family = socket.family_of();
    let to = to.map(|to| address::from_python(to, family, "sendmsg")).transpose()?;
    Python::attach(|py| {
        socket.run(py, flags, |view| {
            let buffers: Vec<IoSlice<'_>> =
                buffers.iter().map(|bytes| IoSlice::new(bytes)).collect();
            let control: Vec<Outgoing<'_>> = control.iter().map(Outgoing::from).collect();
            view.sendmsg(&buffers, &control, to.as_ref())
        })
    })
}

fn control_size(bytes: isize) -> PyResult<usize> {
    if !(0..=CONTROL_BYTES_MAX).contains(&bytes) {
        return Err(PyValueError::new_err("invalid ancillary data buffer length"));
    }
    Ok(usize::try_from(bytes)?)
}

fn beside<'py>(
    py: Python<'py>,
    control: Vec<Control>,
    flags: MsgFlags,
    from: Option<&Address>,
) -> PyResult<Beside<'py>> {
    let control = control.into_iter().map(Control::into_raw);
    let control = control.map(|raw| (raw.level, raw.kind, PyBytes::new(py, &raw.data))).collect();
    let from = match from {
        Some(from) => address::to_python(py, from)?,
        None => py.None().into_bound(py),
    };
    Ok((control, i32::from_ne_bytes(flags.bits().to_ne_bytes()), from))
}

/// `recvmsg(bufsize, ancbufsize, flags)`.
pub(crate) fn receive<'py>(
    py: Python<'py>,
    socket: &Socket,
    n: isize,
    control_bytes: isize,
    flags: i32,
) -> PyResult<(Bound<'py, PyBytes>, Beside<'py>)> {
    if n < 0 {
        return Err(PyValueError::new_err("negative buffer size in recvmsg()"));
    }
    let (n, control_bytes) = (size(n, "recvmsg")?, control_size(control_bytes)?);
    let message = socket.run(py, flags, |view| view.recvmsg(n, control_bytes))?;
    let data = PyBytes::new(py, &message.data);
    Ok((data, beside(py, message.control, message.flags, message.address.as_ref())?))
}

/// `recvmsg_into(buffers, ancbufsize, flags)`.
pub(crate) fn receive_into<'py>(
    py: Python<'py>,
    socket: &Socket,
    buffers: &Bound<'py, PyAny>,
    control_bytes: isize,
    flags: i32,
) -> PyResult<(usize, Beside<'py>)> {
    let rooms = items(buffers, "recvmsg_into() argument 1")?;
    let what = "an item of recvmsg_into() argument 1";
    let rooms: Vec<Room<'_>> =
        rooms.iter().map(|room| Room::of(room, what)).collect::<PyResult<_>>()?;
    let control_bytes = control_size(control_bytes)?;
    let mut memory: Vec<Vec<u8>> = rooms.iter().map(|room| vec![0; room.len()]).collect();
    let received = socket.run(py, flags, |view| {
        let mut parts: Vec<IoSliceMut<'_>> =
            memory.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
        view.recvmsg_into(&mut parts, control_bytes)
    })?;
    let mut left = received.len;
    for (room, bytes) in rooms.iter().zip(&memory) {
        let n = left.min(bytes.len());
        room.fill(&bytes[..n])?;
        left -= n;
    }
    Ok((received.len, beside(py, received.control, received.flags, received.address.as_ref())?))
}

/// The room for so much content; as in C there must be room for `least` beside it.
fn control_len(
    name: &str,
    content: isize,
    least: usize,
    len: fn(usize) -> usize,
) -> PyResult<usize> {
    let refused = || PyOverflowError::new_err(format!("{name}() argument out of range"));
    let most = CONTROL_BYTES_MAX - isize::try_from(least)?;
    if content > most {
        return Err(refused());
    }
    usize::try_from(content).map(len).map_err(|_| refused())
}

/// `CMSG_LEN`.
#[pyfunction]
pub(crate) fn cmsg_len(length: isize) -> PyResult<usize> {
    control_len("CMSG_LEN", length, cmsg::len(0), cmsg::len)
}

/// `CMSG_SPACE`.
#[pyfunction]
pub(crate) fn cmsg_space(length: isize) -> PyResult<usize> {
    control_len("CMSG_SPACE", length, cmsg::space(1), cmsg::space)
}
