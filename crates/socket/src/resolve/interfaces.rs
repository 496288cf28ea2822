//! The network interfaces of this machine by name and by number, and whether it has IPv6.

use std::ffi::CString;

use crate::error::{Cause, Error, Result};
use crate::{Socket, errno, opt, sys};

/// Every interface: its number (1 and up) and its name.
///
/// ```
/// use sockeye_socket::{if_indextoname, if_nameindex, if_nametoindex};
///
/// for (index, name) in if_nameindex()? {
///     assert_eq!(if_nametoindex(&name)?, index);
///     assert_eq!(if_indextoname(index)?, name);
/// }
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// No descriptors or memory left.
pub fn if_nameindex() -> Result<Vec<(u32, String)>> {
    sys::if_nameindex().map_err(|error| Error::io("if_nameindex", &error))
}

/// The number of an interface.
///
/// # Errors
/// There is no such interface (`ENODEV`).
pub fn if_nametoindex(name: &str) -> Result<u32> {
    let found = CString::new(name)
        .map_err(|_| errno::ENODEV)
        .and_then(|c_name| sys::index_of_interface(&c_name));
    found.map_err(|errno| asked("if_nametoindex", name, errno))
}

/// The name of an interface.
///
/// # Errors
/// There is no such interface (`ENXIO`).
pub fn if_indextoname(index: u32) -> Result<String> {
    sys::name_of_interface(index)
        .map_err(|errno| asked("if_indextoname", &index.to_string(), errno))
}

fn asked(op: &'static str, asked: &str, errno: i32) -> Error {
    Error::new(op, Cause::Asked { asked: asked.into(), errno })
}

/// Whether an IPv6 socket can be made here. (Python's constant of this name says only whether it
/// was built for IPv6.)
#[must_use]
pub fn has_ipv6() -> bool {
    Socket::tcp6().is_ok()
}

/// Whether an IPv6 socket can take IPv4 clients too.
#[must_use]
pub fn has_dualstack_ipv6() -> bool {
    Socket::tcp6().is_ok_and(|socket| socket.setsockopt(opt::IPV6_V6ONLY, false).is_ok())
}
