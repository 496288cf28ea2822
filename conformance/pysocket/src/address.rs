//! Addresses: Python's tuples, strings and bytes into the crate's type, and back.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV6};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pyo3::exceptions::{PyOSError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString, PyTuple};
use sockeye_socket::{
    Address, Family, Kind, NetlinkAddr, PacketAddr, ToAddress, UnixName, VsockAddr, errno,
    if_indextoname, if_nametoindex,
};

use crate::bytes::bytes_of;
use crate::errors::{os_error, raise};

/// The longest path of a unix socket, its NUL included.
const UNIX_PATH_BYTES_MAX: usize = 108;

/// The address that `object` means to a socket of `family`; a host's name is looked up. `caller` is
/// the method, for messages.
pub(crate) fn from_python(
    object: &Bound<'_, PyAny>,
    family: Family,
    caller: &str,
) -> PyResult<Address> {
    match family {
        Family::Unix => unix(object, caller),
        Family::Inet => inet(&tuple(object, "AF_INET", caller)?, caller),
        Family::Inet6 => inet6(&tuple(object, "AF_INET6", caller)?, caller),
        Family::Packet => packet(&tuple(object, "AF_PACKET", caller)?, caller),
        Family::Netlink => {
            let (pid, groups) = pair(&tuple(object, "AF_NETLINK", caller)?)?;
            Ok(NetlinkAddr { pid, groups }.into())
        }
        Family::Vsock => {
            let (cid, port) = pair(&tuple(object, "AF_VSOCK", caller)?)?;
            Ok(VsockAddr { cid, port }.into())
        }
        _ => Err(PyOSError::new_err(format!("{caller}(): bad family"))),
    }
}

fn tuple<'py>(
    object: &Bound<'py, PyAny>,
    family: &str,
    caller: &str,
) -> PyResult<Bound<'py, PyTuple>> {
    object.cast::<PyTuple>().cloned().map_err(|_| {
        let class = class_of(object);
        PyTypeError::new_err(format!("{caller}(): {family} address must be tuple, not {class}"))
    })
}

fn class_of(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map(|name| name.to_string()).unwrap_or_default()
}

fn pair(tuple: &Bound<'_, PyTuple>) -> PyResult<(u32, u32)> {
    if tuple.len() != 2 {
        return Err(PyTypeError::new_err("the address must be a pair of numbers"));
    }
    Ok((wrapped(&tuple.get_item(0)?)?, wrapped(&tuple.get_item(1)?)?))
}

/// An integer by its low 32 bits, as C takes an unsigned one.
fn wrapped(object: &Bound<'_, PyAny>) -> PyResult<u32> {
    object.call_method1("__and__", (u32::MAX,))?.extract()
}

/// A port as far as C's int goes; where it is out of the range of ports is told later, as in C.
fn port_of(object: &Bound<'_, PyAny>, caller: &str) -> PyResult<i32> {
    object.extract().map_err(|error: PyErr| {
        let overflow = error.is_instance_of::<PyOverflowError>(object.py());
        if overflow { out_of_range(caller, "port must be 0-65535.") } else { error }
    })
}

fn out_of_range(caller: &str, what: &str) -> PyErr {
    PyOverflowError::new_err(format!("{caller}(): {what}"))
}

fn inet(tuple: &Bound<'_, PyTuple>, caller: &str) -> PyResult<Address> {
    if tuple.len() != 2 {
        return Err(PyTypeError::new_err("AF_INET address must be a pair (host, port)"));
    }
    let host = host_of(&tuple.get_item(0)?)?;
    let port = port_of(&tuple.get_item(1)?, caller)?;
    let found = resolved(tuple.py(), &host, Family::Inet)?;
    let port = u16::try_from(port).map_err(|_| out_of_range(caller, "port must be 0-65535."))?;
    match found {
        IpAddr::V4(ip) => Ok((ip, port).into()),
        IpAddr::V6(_) => Err(os_error(errno::EAFNOSUPPORT)),
    }
}

fn inet6(tuple: &Bound<'_, PyTuple>, caller: &str) -> PyResult<Address> {
    if !(2..=4).contains(&tuple.len()) {
        let text = "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])";
        return Err(PyTypeError::new_err(text));
    }
    let number = |at: usize| -> PyResult<u32> {
        if at < tuple.len() { wrapped(&tuple.get_item(at)?) } else { Ok(0) }
    };
    let host = host_of(&tuple.get_item(0)?)?;
    let (port, flow, scope) = (port_of(&tuple.get_item(1)?, caller)?, number(2)?, number(3)?);
    let found = resolved(tuple.py(), &host, Family::Inet6)?;
    let port = u16::try_from(port).map_err(|_| out_of_range(caller, "port must be 0-65535."))?;
    if flow > 0xf_ffff {
        return Err(out_of_range(caller, "flowinfo must be 0-1048575."));
    }
    match found {
        IpAddr::V6(ip) => Ok(SocketAddrV6::new(ip, port, flow.to_be(), scope).into()),
        IpAddr::V4(_) => Err(os_error(errno::EAFNOSUPPORT)),
    }
}

/// A host as text: ASCII as it is, other letters by IDNA, bytes as they are.
pub(crate) fn host_of(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let bytes = if let Ok(text) = object.cast::<PyString>() {
        match text.to_str() {
            Ok(text) if text.is_ascii() => text.as_bytes().to_vec(),
            _ => bytes_of(&text.call_method1("encode", ("idna",))?)?,
        }
    } else if object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>() {
        bytes_of(object)?
    } else {
        let text = format!("str, bytes or bytearray expected, not {}", class_of(object));
        return Err(PyTypeError::new_err(text));
    };
    if bytes.contains(&0) {
        return Err(PyTypeError::new_err("host name must not contain null character"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first address of `host`, by the crate, while the interpreter runs on.
fn resolved(py: Python<'_>, host: &str, family: Family) -> PyResult<IpAddr> {
    if host == "<broadcast>" || host == "255.255.255.255" {
        return match family {
            Family::Inet => Ok(Ipv4Addr::BROADCAST.into()),
            _ => Err(PyOSError::new_err("address family mismatched")),
        };
    }
    let found = py.detach(|| (host, 0_u16).to_address(family)).map_err(raise)?;
    found.ip().ok_or_else(|| os_error(errno::EAFNOSUPPORT))
}

fn unix(object: &Bound<'_, PyAny>, caller: &str) -> PyResult<Address> {
    let path = if object.is_instance_of::<PyString>() {
        bytes_of(&object.py().import("os")?.call_method1("fsencode", (object,))?)?
    } else {
        bytes_of(object).map_err(|error| {
            if !error.is_instance_of::<PyTypeError>(object.py()) {
                return error;
            }
            let class = class_of(object);
            PyTypeError::new_err(format!(
                "{caller}(): a bytes-like object is required, not '{class}'"
            ))
        })?
    };
    let room = if path.first() == Some(&0) { UNIX_PATH_BYTES_MAX } else { UNIX_PATH_BYTES_MAX - 1 };
    if path.len() > room {
        return Err(PyOSError::new_err("AF_UNIX path too long"));
    }
    Ok(Address::Unix(match path.split_first() {
        None => UnixName::Unnamed,
        Some((0, name)) => UnixName::Abstract(name.to_vec()),
        // C hands a path over with a length, and the kernel stops at the first NUL.
        Some(_) => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            UnixName::Path(OsString::from_vec(path[..end].to_vec()).into())
        }
    }))
}

fn packet(tuple: &Bound<'_, PyTuple>, caller: &str) -> PyResult<Address> {
    if !(2..=5).contains(&tuple.len()) {
        let text = "AF_PACKET address must be a tuple of two to five elements";
        return Err(PyTypeError::new_err(text));
    }
    let number = |at: usize| -> PyResult<i32> {
        if at < tuple.len() { tuple.get_item(at)?.extract() } else { Ok(0) }
    };
    let name: String = tuple.get_item(0)?.extract()?;
    let (protocol, kind, hardware) = (number(1)?, number(2)?, number(3)?);
    let address = match tuple.get_item(4) {
        Ok(address) => bytes_of(&address)?,
        Err(_) => Vec::new(),
    };
    let interface = if_nametoindex(&name).map_err(raise)?;
    if address.len() > 8 {
        return Err(PyValueError::new_err("Hardware address must be 8 bytes or less"));
    }
    let protocol =
        u16::try_from(protocol).map_err(|_| out_of_range(caller, "proto must be 0-65535."))?;
    let [kind, ..] = kind.to_le_bytes();
    let [low, high, ..] = hardware.to_le_bytes();
    let hardware = u16::from_le_bytes([low, high]);
    Ok(PacketAddr { interface, protocol, kind, hardware, address }.into())
}

/// The address in Python's words.
pub(crate) fn to_python<'py>(py: Python<'py>, address: &Address) -> PyResult<Bound<'py, PyAny>> {
    let tuple = match address {
        Address::Inet(addr) => (addr.ip().to_string(), addr.port()).into_pyobject(py)?,
        Address::Inet6(addr) => {
            let flow = u32::from_be(addr.flowinfo());
            (addr.ip().to_string(), addr.port(), flow, addr.scope_id()).into_pyobject(py)?
        }
        Address::Unix(name) => return unix_to_python(py, name),
        Address::Packet(addr) => {
            let name: String = match addr.interface {
                0 => String::new(),
                index => if_indextoname(index).map_err(raise)?,
            };
            let hardware = PyBytes::new(py, &addr.address);
            (name, addr.protocol, addr.kind, addr.hardware, hardware).into_pyobject(py)?
        }
        Address::Netlink(addr) => (addr.pid, addr.groups).into_pyobject(py)?,
        Address::Vsock(addr) => (addr.cid, addr.port).into_pyobject(py)?,
        _ => return Err(os_error(errno::EAFNOSUPPORT)),
    };
    Ok(tuple.into_any())
}

fn unix_to_python<'py>(py: Python<'py>, name: &UnixName) -> PyResult<Bound<'py, PyAny>> {
    match name {
        UnixName::Unnamed => Ok(PyString::new(py, "").into_any()),
        UnixName::Path(path) => {
            let bytes = PyBytes::new(py, path.as_os_str().as_bytes());
            py.import("os")?.call_method1("fsdecode", (bytes,))
        }
        UnixName::Abstract(name) => {
            Ok(PyBytes::new(py, &[&[0], name.as_slice()].concat()).into_any())
        }
    }
}

/// The source of what was received. C says `None` where the system names nobody: for a stream,
/// whose peer is known, and for a unix sender without a name; the crate says what is known of both.
pub(crate) fn source_to_python<'py>(
    py: Python<'py>,
    address: &Address,
    kind: Kind,
) -> PyResult<Bound<'py, PyAny>> {
    match address {
        Address::Unix(UnixName::Unnamed) => Ok(py.None().into_bound(py)),
        Address::Inet(_) | Address::Inet6(_) if kind == Kind::Stream => {
            Ok(py.None().into_bound(py))
        }
        address => to_python(py, address),
    }
}
