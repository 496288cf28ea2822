//! Services and protocols by name and number, as `/etc/services` and `/etc/protocols` (or whatever
//! the system asks instead) have them.

use std::ffi::CString;

use crate::error::{Cause, Error, Result};
use crate::sys;

/// The port (`0..=65535`) of a service, by name or alias; `protocol` is `"tcp"`, `"udp"` or the
/// like, and `None` takes the first.
///
/// ```
/// use sockeye_socket::getservbyname;
///
/// match getservbyname("https", "tcp") {
///     Ok(port) => assert_eq!(port, 443),
///     Err(error) => println!("{error}"), // getservbyname https/tcp: no such service
/// }
/// ```
///
/// # Errors
/// There is no such service.
pub fn getservbyname<'a>(name: &str, protocol: impl Into<Option<&'a str>>) -> Result<u16> {
    let protocol = protocol.into();
    let found = text(name)
        .zip(texts(protocol))
        .map_or(Ok(None), |(name, protocol)| sys::getservbyname(&name, protocol.as_deref()));
    let asked = with_protocol(name, protocol);
    answer("getservbyname", &asked, "no such service", found)
}

/// The name of the service of a port; `protocol` as in [`getservbyname`].
///
/// ```
/// let name = sockeye_socket::getservbyport(22, None).unwrap_or_else(|_| "22".to_owned());
/// assert!(["ssh", "22"].contains(&&*name));
/// ```
///
/// # Errors
/// No service has this port.
pub fn getservbyport<'a>(port: u16, protocol: impl Into<Option<&'a str>>) -> Result<String> {
    let protocol = protocol.into();
    let found =
        texts(protocol).map_or(Ok(None), |protocol| sys::getservbyport(port, protocol.as_deref()));
    let asked = with_protocol(&port.to_string(), protocol);
    answer("getservbyport", &asked, "no service has this port", found)
}

/// The number of a protocol, by name or alias: what [`Socket::new`](crate::Socket::new) and
/// [`Hints`](super::Hints) take.
///
/// ```
/// let icmp = sockeye_socket::getprotobyname("icmp").unwrap_or(1);
/// assert_eq!(icmp, 1);
/// ```
///
/// # Errors
/// There is no such protocol.
pub fn getprotobyname(name: &str) -> Result<i32> {
    let found = text(name).map_or(Ok(None), |name| sys::getprotobyname(&name));
    answer("getprotobyname", name, "no such protocol", found)
}

/// None for what no name can be.
fn text(name: &str) -> Option<CString> {
    CString::new(name).ok()
}

fn texts(name: Option<&str>) -> Option<Option<CString>> {
    match name {
        Some(name) => text(name).map(Some),
        None => Some(None),
    }
}

fn with_protocol(name: &str, protocol: Option<&str>) -> String {
    protocol.map_or_else(|| name.to_owned(), |protocol| format!("{name}/{protocol}"))
}

fn answer<T>(
    op: &'static str,
    asked: &str,
    why: &'static str,
    found: Result<Option<T>, i32>,
) -> Result<T> {
    let cause = match found {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => Cause::NotFound { asked: asked.into(), why },
        Err(errno) => Cause::Asked { asked: asked.into(), errno },
    };
    Err(Error::new(op, cause))
}
