//! Names and numbers: the functions of the module that look something up. All of them let the
//! interpreter run on meanwhile.

use std::net::{IpAddr, SocketAddrV6};

use pyo3::exceptions::{PyOSError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple};
use sockeye_socket::resolve::{
    AI_NUMERICHOST, AddrInfo, AiFlags, EAI_FAMILY, EAI_SOCKTYPE, Hints, HostEntry, NiFlags, Service,
};
use sockeye_socket::{self as ours, Address, Error, Family, Kind};

use crate::address::{self, host_of};
use crate::bytes::bytes_of;
use crate::errors::{lookup_error, raise};

/// What Python gives for one answer: family, type, protocol, canonical name, address.
type Answer<'py> = (i32, i32, i32, String, Bound<'py, PyAny>);
/// A host's name, its other names, its addresses.
type Host = (String, Vec<String>, Vec<String>);

fn flags_of(flags: i32) -> u32 {
    u32::from_ne_bytes(flags.to_ne_bytes())
}

fn hints(family: i32, kind: i32, protocol: i32, flags: i32) -> PyResult<Hints> {
    let family = Family::from_raw(family).ok_or_else(|| lookup_error(EAI_FAMILY))?;
    let kind = match kind {
        0 => None,
        kind => Some(Kind::from_raw(kind).ok_or_else(|| lookup_error(EAI_SOCKTYPE))?),
    };
    Ok(Hints { family, kind, protocol, flags: AiFlags::from_bits(flags_of(flags)) })
}

/// A service as text: a number in digits, as C hands it on.
fn service_of(port: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if port.is_none() {
        return Ok(None);
    }
    if port.is_instance_of::<PyInt>() || port.is_instance_of::<PyString>() {
        return port.str()?.extract().map(Some);
    }
    if port.is_instance_of::<PyBytes>() {
        return Ok(Some(String::from_utf8_lossy(&bytes_of(port)?).into_owned()));
    }
    Err(PyOSError::new_err("Int or String expected"))
}

fn answer<'py>(py: Python<'py>, found: &AddrInfo) -> PyResult<Answer<'py>> {
    let name = found.canonname.clone().unwrap_or_default();
    let address = address::to_python(py, &found.address)?;
    Ok((found.family.raw(), found.kind.raw(), found.protocol, name, address))
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "Python's function has so many")]
#[pyo3(signature = (host, port, family=0, r#type=0, proto=0, flags=0))]
pub(crate) fn getaddrinfo<'py>(
    host: &Bound<'py, PyAny>,
    port: &Bound<'py, PyAny>,
    family: i32,
    r#type: i32,
    proto: i32,
    flags: i32,
) -> PyResult<Vec<Answer<'py>>> {
    let py = host.py();
    let host = match host.is_none() {
        true => None,
        false => Some(host_of(host).map_err(|error| {
            let wrong =
                error.is_instance_of::<PyTypeError>(py) && !host.is_instance_of::<PyString>();
            let text = "getaddrinfo() argument 1 must be string or None";
            if wrong { PyTypeError::new_err(text) } else { error }
        })?),
    };
    let (service, hints) = (service_of(port)?, hints(family, r#type, proto, flags)?);
    let ask = || ours::getaddrinfo(host.as_deref(), service.as_deref(), hints);
    let found = py.detach(ask).map_err(raise)?;
    found.iter().map(|found| answer(py, found)).collect()
}

#[pyfunction]
pub(crate) fn getnameinfo(sockaddr: &Bound<'_, PyAny>, flags: i32) -> PyResult<(String, String)> {
    let wrong = "getnameinfo() argument 1 must be a tuple";
    let tuple = sockaddr.cast::<PyTuple>().map_err(|_| PyTypeError::new_err(wrong))?;
    if !(2..=4).contains(&tuple.len()) {
        return Err(PyTypeError::new_err("getnameinfo(): illegal sockaddr argument"));
    }
    let number = |at: usize| -> PyResult<u32> {
        if at < tuple.len() { tuple.get_item(at)?.extract() } else { Ok(0) }
    };
    let host: String = tuple.get_item(0)?.extract()?;
    let (port, flow, scope) = (tuple.get_item(1)?.extract::<i32>()?, number(2)?, number(3)?);
    if flow > 0xf_ffff {
        let text = "getnameinfo(): flowinfo must be 0-1048575.";
        return Err(PyOverflowError::new_err(text));
    }
    let hints = Hints { kind: Some(Kind::Dgram), flags: AI_NUMERICHOST, ..Hints::default() };
    let service = port.to_string();
    let ask = || ours::getaddrinfo(host.as_str(), Service::Name(&service), hints);
    let found = sockaddr.py().detach(ask).map_err(raise)?;
    let [found] = found.as_slice() else {
        return Err(PyOSError::new_err("sockaddr resolved to multiple addresses"));
    };
    let address = match &found.address {
        Address::Inet(_) if tuple.len() != 2 => {
            return Err(PyOSError::new_err("IPv4 sockaddr must be 2 tuple"));
        }
        Address::Inet6(addr) => {
            SocketAddrV6::new(*addr.ip(), addr.port(), flow.to_be(), scope).into()
        }
        address => address.clone(),
    };
    let flags = NiFlags::from_bits(flags_of(flags));
    sockaddr.py().detach(|| ours::getnameinfo(&address, flags)).map_err(raise)
}

#[pyfunction]
pub(crate) fn gethostbyname(host: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = host_of(host)?;
    let found = host.py().detach(|| ours::gethostbyname(&name)).map_err(raise)?;
    Ok(found.to_string())
}

fn host(entry: HostEntry) -> Host {
    let addresses = entry.addresses.iter().map(IpAddr::to_string).collect();
    (entry.name, entry.aliases, addresses)
}

#[pyfunction]
pub(crate) fn gethostbyname_ex(host: &Bound<'_, PyAny>) -> PyResult<Host> {
    let name = host_of(host)?;
    let found = host.py().detach(|| ours::gethostbyname_ex(&name));
    found.map(self::host).map_err(raise)
}

#[pyfunction]
pub(crate) fn gethostbyaddr(host: &Bound<'_, PyAny>) -> PyResult<Host> {
    let name = host_of(host)?;
    let found = host.py().detach(|| ours::gethostbyaddr(&name));
    found.map(self::host).map_err(raise)
}

#[pyfunction]
pub(crate) fn gethostname() -> String {
    ours::gethostname()
}

#[pyfunction]
pub(crate) fn sethostname(name: &Bound<'_, PyAny>) -> PyResult<()> {
    let bytes = if name.is_instance_of::<PyString>() {
        bytes_of(&name.py().import("os")?.call_method1("fsencode", (name,))?)?
    } else {
        bytes_of(name)?
    };
    ours::sethostname(&String::from_utf8_lossy(&bytes)).map_err(raise)
}

/// What has no number is an error with a text only, as in C.
fn not_found(error: Error, text: &'static str) -> PyErr {
    if error.errno().is_some() { raise(error) } else { PyOSError::new_err(text) }
}

#[pyfunction]
#[pyo3(signature = (servicename, protocolname=None, /))]
pub(crate) fn getservbyname(
    py: Python<'_>,
    servicename: &str,
    protocolname: Option<&str>,
) -> PyResult<u16> {
    py.detach(|| ours::getservbyname(servicename, protocolname))
        .map_err(|error| not_found(error, "service/proto not found"))
}

#[pyfunction]
#[pyo3(signature = (port, protocolname=None, /))]
pub(crate) fn getservbyport(
    py: Python<'_>,
    port: i32,
    protocolname: Option<&str>,
) -> PyResult<String> {
    let wrong = "getservbyport: port must be 0-65535.";
    let port = u16::try_from(port).map_err(|_| PyOverflowError::new_err(wrong))?;
    py.detach(|| ours::getservbyport(port, protocolname))
        .map_err(|error| not_found(error, "port/proto not found"))
}

#[pyfunction]
pub(crate) fn getprotobyname(py: Python<'_>, name: &str) -> PyResult<i32> {
    py.detach(|| ours::getprotobyname(name)).map_err(|error| not_found(error, "protocol not found"))
}

#[pyfunction]
pub(crate) fn if_nameindex() -> PyResult<Vec<(u32, String)>> {
    ours::if_nameindex().map_err(raise)
}

#[pyfunction]
pub(crate) fn if_nametoindex(name: &Bound<'_, PyAny>) -> PyResult<u32> {
    let bytes = bytes_of(&name.py().import("os")?.call_method1("fsencode", (name,))?)?;
    ours::if_nametoindex(&String::from_utf8_lossy(&bytes))
        .map_err(|_| PyOSError::new_err("no interface with this name"))
}

#[pyfunction]
pub(crate) fn if_indextoname(index: u32) -> PyResult<String> {
    ours::if_indextoname(index).map_err(raise)
}

#[pyfunction]
pub(crate) fn inet_aton<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let wrong = "illegal IP address string passed to inet_aton";
    let ip = ours::inet_aton(text).map_err(|_| PyOSError::new_err(wrong))?;
    Ok(PyBytes::new(py, &ip.octets()))
}
