//! The type `Socket`: Python's arguments in, a call of the crate, Python's results out.

use std::os::fd::IntoRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};
use sockeye_socket::{self as ours, Address, Family, How, Kind, MsgFlags, View, errno, opt};

use crate::bytes::{Room, bytes_of, size};
use crate::errors::{os_error, raise};
use crate::signals::Handlers;
use crate::{address, arguments, descriptor, message};

/// What a socket object holds: a socket, or what is left of one that was closed.
#[derive(Default)]
struct State {
    socket: Option<Arc<ours::Socket>>,
    /// Family, type and protocol as they were given: numbers, known to the crate or not.
    numbers: (i32, i32, i32),
    /// The timeout when it was closed.
    timeout: Option<Duration>,
}

/// What `_socket.socket` is made of.
#[pyclass(frozen, subclass, module = "sockeye_pysocket")]
#[derive(Default)]
pub(crate) struct Socket(Mutex<State>);

impl Socket {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket; one that was closed is a bad descriptor.
    fn open_one(&self) -> PyResult<Arc<ours::Socket>> {
        self.state().socket.clone().ok_or_else(|| os_error(errno::EBADF))
    }

    /// C notes a timeout for a socket that was closed, too, and then fails.
    fn set_timeout(&self, timeout: Option<Duration>) -> PyResult<()> {
        self.state().timeout = timeout;
        self.open_one()?.settimeout(timeout).map_err(raise)
    }

    /// The family that its addresses have, also after it was closed.
    pub(crate) fn family_of(&self) -> Family {
        Family::from_raw(self.state().numbers.0).unwrap_or(Family::Unspec)
    }

    /// Takes a socket in, or what the kernel knows of it where `numbers` has -1.
    fn hold(
        &self,
        socket: ours::Socket,
        numbers: (i32, i32, i32),
        timeout: Option<Duration>,
    ) -> PyResult<()> {
        let known = |given: i32, found: i32| if given == -1 { found } else { given };
        let (family, kind, proto) = numbers;
        let family = known(family, socket.family().raw());
        let kind = known(kind, socket.kind().raw()) & !arguments::TYPE_FLAGS;
        let proto = if proto == -1 { socket.proto().unwrap_or(0) } else { proto };
        if timeout.is_some() {
            socket.settimeout(timeout).map_err(raise)?;
        }
        *self.state() =
            State { socket: Some(Arc::new(socket)), numbers: (family, kind, proto), timeout: None };
        Ok(())
    }

    /// Makes a call while the interpreter runs on. A signal that interrupts it gets its handlers,
    /// and where one of them raises, that is what the call ends with.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        flags: i32,
        call: impl FnOnce(View<'_>) -> ours::Result<T> + Send,
    ) -> PyResult<T> {
        let socket = self.open_one()?;
        let handlers = Handlers::default();
        let go_on = || handlers.go_on();
        let flags = MsgFlags::from_bits(u32::from_ne_bytes(flags.to_ne_bytes()));
        let ended = py.detach(|| call(socket.interruptible(&go_on).flags(flags)));
        handlers.or(ended.map_err(raise))
    }

    /// Makes a call that also gives who sent what came.
    fn run_from<'py, T: Send>(
        &self,
        py: Python<'py>,
        flags: i32,
        call: impl FnOnce(View<'_>) -> ours::Result<(T, Address)> + Send,
    ) -> PyResult<(T, Bound<'py, PyAny>)> {
        let and_kind = |view: View<'_>| Ok((call(view)?, view.socket().kind()));
        let ((came, from), kind) = self.run(py, flags, and_kind)?;
        Ok((came, address::source_to_python(py, &from, kind)?))
    }
}

#[pymethods]
impl Socket {
    /// Tells the drivers whose type this is.
    #[classattr]
    fn _sockeye() -> bool {
        true
    }

    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    /// What `__init__` does; `timeout` is the default one.
    fn open(
        &self,
        numbers: (i32, i32, i32),
        fileno: Option<i32>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let (family, kind, proto) = numbers;
        let timeout = timeout.map(arguments::duration).transpose()?;
        if let Some(number) = fileno {
            if number < 0 {
                return Err(PyValueError::new_err("negative file descriptor"));
            }
            return self.hold(descriptor::adopt(number)?, numbers, timeout);
        }
        let or = |given: i32, default: i32| if given == -1 { default } else { given };
        let family = or(family, Family::Inet.raw());
        let kind = or(kind, Kind::Stream.raw());
        let proto = or(proto, 0);
        let socket = arguments::family_and_kind(family, kind)
            .and_then(|(family, kind)| ours::Socket::new(family, kind, proto).map_err(raise))?;
        let at_once = kind & arguments::SOCK_NONBLOCK != 0;
        let timeout = if at_once { Some(Duration::ZERO) } else { timeout };
        self.hold(socket, (family, kind, proto), timeout)
    }

    #[getter]
    fn family(&self) -> i32 {
        self.state().numbers.0
    }

    #[getter]
    fn r#type(&self) -> i32 {
        self.state().numbers.1
    }

    #[getter]
    fn proto(&self) -> i32 {
        self.state().numbers.2
    }

    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.gettimeout()
    }

    fn fileno(&self) -> i32 {
        self.state().socket.as_ref().map_or(-1, |socket| socket.fileno())
    }

    /// Gives the descriptor up. Where another thread is in a call it stays open for both.
    fn detach(&self) -> i32 {
        let mut state = self.state();
        let Some(socket) = state.socket.take() else { return -1 };
        state.timeout = socket.gettimeout();
        match Arc::try_unwrap(socket) {
            Ok(socket) => socket.detach().into_raw_fd(),
            Err(shared) => {
                let number = shared.fileno();
                std::mem::forget(shared);
                number
            }
        }
    }

    /// Closes; where another thread is in a call, when that ends.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let socket = {
            let mut state = self.state();
            let Some(socket) = state.socket.take() else { return Ok(()) };
            state.timeout = socket.gettimeout();
            socket
        };
        match Arc::try_unwrap(socket).map(|socket| py.detach(|| socket.close())) {
            // The peer may have gone already, which Python does not tell.
            Ok(Err(error)) if error.errno() != Some(errno::ECONNRESET) => Err(raise(error)),
            _ => Ok(()),
        }
    }

    fn gettimeout(&self) -> Option<f64> {
        let state = self.state();
        let timeout = state.socket.as_ref().map_or(state.timeout, |socket| socket.gettimeout());
        timeout.map(|timeout| timeout.as_secs_f64())
    }

    fn settimeout(&self, timeout: &Bound<'_, PyAny>) -> PyResult<()> {
        self.set_timeout(arguments::timeout(timeout)?)
    }

    fn getblocking(&self) -> bool {
        self.gettimeout() != Some(0.0)
    }

    fn setblocking(&self, blocking: &Bound<'_, PyAny>) -> PyResult<()> {
        self.set_timeout(if blocking.is_truthy()? { None } else { Some(Duration::ZERO) })
    }

    fn bind(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<()> {
        let address = address::from_python(address, self.family_of(), "bind")?;
        self.run(py, 0, |view| view.socket().bind(&address))
    }

    #[pyo3(signature = (backlog=128, /))]
    fn listen(&self, py: Python<'_>, backlog: i32) -> PyResult<()> {
        self.run(py, 0, |view| view.socket().listen(backlog))
    }

    fn _accept<'py>(&self, py: Python<'py>) -> PyResult<(i32, Bound<'py, PyAny>)> {
        let (socket, peer) = self.run(py, 0, |view| view.accept())?;
        let peer = address::to_python(py, &peer)?;
        Ok((socket.detach().into_raw_fd(), peer))
    }

    fn connect(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<()> {
        let address = address::from_python(address, self.family_of(), "connect")?;
        self.run(py, 0, |view| view.connect(&address))
    }

    fn connect_ex(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<i32> {
        let address = address::from_python(address, self.family_of(), "connect_ex")?;
        if self.state().socket.is_none() {
            return Ok(errno::EBADF);
        }
        self.run(py, 0, |view| Ok(view.connect_ex(&address)))
    }

    fn getsockname<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, &self.open_one()?.getsockname().map_err(raise)?)
    }

    fn getpeername<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address::to_python(py, &self.open_one()?.getpeername().map_err(raise)?)
    }

    fn shutdown(&self, py: Python<'_>, how: i32) -> PyResult<()> {
        let how = match how {
            0 => Some(How::Read),
            1 => Some(How::Write),
            2 => Some(How::Both),
            _ => None,
        };
        self.open_one()?;
        let how = how.ok_or_else(|| os_error(errno::EINVAL))?;
        self.run(py, 0, |view| view.socket().shutdown(how))
    }

    #[pyo3(signature = (level, optname, buflen=0, /))]
    fn getsockopt<'py>(
        &self,
        py: Python<'py>,
        level: i32,
        optname: i32,
        buflen: i32,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !(0..=1024).contains(&buflen) {
            return Err(PyOSError::new_err("getsockopt buflen out of range"));
        }
        let socket = self.open_one()?;
        let bytes = |len: usize| socket.getsockopt_bytes(level, optname, len).map_err(raise);
        match buflen {
            // What is asked of these is 64 bits wide.
            0 if socket.family() == Family::Vsock => {
                let value = bytes(8)?.try_into().map_or(0, u64::from_ne_bytes);
                Ok(value.into_pyobject(py)?.into_any())
            }
            0 => {
                let value = socket.getsockopt(opt::raw::<i32>(level, optname)).map_err(raise)?;
                Ok(value.into_pyobject(py)?.into_any())
            }
            _ => {
                let len = usize::try_from(buflen)?;
                Ok(PyBytes::new(py, &bytes(len)?).into_any())
            }
        }
    }

    #[pyo3(signature = (level, optname, value, optlen=None, /))]
    fn setsockopt(
        &self,
        level: i32,
        optname: i32,
        value: &Bound<'_, PyAny>,
        optlen: Option<u32>,
    ) -> PyResult<()> {
        match (value.is_none(), optlen) {
            // Only AF_ALG has options without a value.
            (true, Some(_)) => Err(os_error(errno::EOPNOTSUPP)),
            (true, None) => {
                Err(PyTypeError::new_err("setsockopt() with None needs a fourth argument"))
            }
            (false, Some(_)) => {
                Err(PyTypeError::new_err("setsockopt() with a length takes None only"))
            }
            (false, None) if !value.is_instance_of::<PyInt>() => {
                let option = opt::raw(level, optname);
                let bytes = bytes_of(value)?;
                self.open_one()?.setsockopt(option, bytes).map_err(raise)
            }
            (false, None) if self.family_of() == Family::Vsock => {
                let option = opt::raw(level, optname);
                let bytes = value.extract::<u64>()?.to_ne_bytes().to_vec();
                self.open_one()?.setsockopt(option, bytes).map_err(raise)
            }
            (false, None) => {
                let option = opt::raw::<i32>(level, optname);
                let value = value.extract()?;
                self.open_one()?.setsockopt(option, value).map_err(raise)
            }
        }
    }

    #[pyo3(signature = (bufsize, flags=0, /))]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        flags: i32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let n = size(bufsize, "recv")?;
        let data = self.run(py, flags, |view| view.recv(n))?;
        Ok(PyBytes::new(py, &data))
    }

    #[pyo3(signature = (buffer, nbytes=0, flags=0))]
    fn recv_into(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        nbytes: isize,
        flags: i32,
    ) -> PyResult<usize> {
        let room = Room::of(buffer, "recv_into() argument 1")?;
        let n = size(nbytes, "recv_into")?;
        if n > room.len() {
            return Err(PyValueError::new_err("buffer too small for requested bytes"));
        }
        let mut data = vec![0; if n == 0 { room.len() } else { n }];
        let n = self.run(py, flags, |view| view.recv_into(&mut data))?;
        room.fill(&data[..n.min(data.len())])?;
        Ok(n)
    }

    #[pyo3(signature = (bufsize, flags=0, /))]
    fn recvfrom<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        flags: i32,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyAny>)> {
        let n = size(bufsize, "recvfrom")?;
        let (data, from) = self.run_from(py, flags, |view| view.recvfrom(n))?;
        Ok((PyBytes::new(py, &data), from))
    }

    #[pyo3(signature = (buffer, nbytes=0, flags=0))]
    fn recvfrom_into<'py>(
        &self,
        py: Python<'py>,
        buffer: &Bound<'py, PyAny>,
        nbytes: isize,
        flags: i32,
    ) -> PyResult<(usize, Bound<'py, PyAny>)> {
        let room = Room::of(buffer, "recvfrom_into() argument 1")?;
        let n = size(nbytes, "recvfrom_into")?;
        if n > room.len() {
            let text = "nbytes is greater than the length of the buffer";
            return Err(PyValueError::new_err(text));
        }
        let mut data = vec![0; if n == 0 { room.len() } else { n }];
        let (n, from) = self.run_from(py, flags, |view| view.recvfrom_into(&mut data))?;
        room.fill(&data[..n.min(data.len())])?;
        Ok((n, from))
    }

    #[pyo3(signature = (data, flags=0, /))]
    fn send(&self, py: Python<'_>, data: &Bound<'_, PyAny>, flags: i32) -> PyResult<usize> {
        let data = bytes_of(data)?;
        self.run(py, flags, |view| view.send(&data))
    }

    #[pyo3(signature = (data, flags=0, /))]
    fn sendall(&self, py: Python<'_>, data: &Bound<'_, PyAny>, flags: i32) -> PyResult<()> {
        let data = bytes_of(data)?;
        self.run(py, flags, |view| view.sendall(&data))
    }

    #[pyo3(signature = (*args))]
    fn sendto(&self, py: Python<'_>, args: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let (flags, to) = match args.len() {
            2 => (0, args.get_item(1)?),
            3 => (args.get_item(1)?.extract()?, args.get_item(2)?),
            n => {
                let text = format!("sendto() takes 2 or 3 arguments ({n} given)");
                return Err(PyTypeError::new_err(text));
            }
        };
        let data = bytes_of(&args.get_item(0)?)?;
        let to = address::from_python(&to, self.family_of(), "sendto")?;
        self.run(py, flags, |view| view.sendto(&data, &to))
    }

    #[pyo3(signature = (buffers, ancdata=None, flags=0, address=None, /))]
    fn sendmsg(
        &self,
        buffers: &Bound<'_, PyAny>,
        ancdata: Option<&Bound<'_, PyAny>>,
        flags: i32,
        address: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        message::send(self, buffers, ancdata, flags, address)
    }

    #[pyo3(signature = (bufsize, ancbufsize=0, flags=0, /))]
    fn recvmsg<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        ancbufsize: isize,
        flags: i32,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (data, (control, flags, from)) =
            message::receive(py, self, bufsize, ancbufsize, flags)?;
        (data, control, flags, from).into_pyobject(py)
    }

    #[pyo3(signature = (buffers, ancbufsize=0, flags=0, /))]
    fn recvmsg_into<'py>(
        &self,
        py: Python<'py>,
        buffers: &Bound<'py, PyAny>,
        ancbufsize: isize,
        flags: i32,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (n, (control, flags, from)) =
            message::receive_into(py, self, buffers, ancbufsize, flags)?;
        (n, control, flags, from).into_pyobject(py)
    }
}

/// Two connected sockets, as descriptors.
#[pyfunction]
pub(crate) fn socketpair(family: i32, kind: i32, proto: i32) -> PyResult<(i32, i32)> {
    let (family, kind) = arguments::family_and_kind(family, kind)?;
    let (a, b) = ours::socketpair_of(family, kind, proto).map_err(raise)?;
    Ok((a.detach().into_raw_fd(), b.detach().into_raw_fd()))
}
