//! getnameinfo: an address to a host and a service.

use super::fault::{EAI_FAMILY, Fault};
use super::flags::NiFlags;
use crate::addr::Address;
use crate::error::{Cause, Error, Result};
use crate::sys;

/// The host and the service that `address` is, by name where there is one, else in digits.
///
/// ```
/// use sockeye_socket::resolve::{NI_NUMERICHOST, NI_NUMERICSERV, getnameinfo};
///
/// let numeric = NI_NUMERICHOST | NI_NUMERICSERV;
/// let (host, service) = getnameinfo(&"[::1]:80".parse()?, numeric)?;
/// assert_eq!((&*host, &*service), ("::1", "80"));
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Errors
/// The host has no name and [`NI_NAMEREQD`](super::NI_NAMEREQD) wants one (`EAI_NONAME`), the name
/// server does not answer, or the address is neither IPv4 nor IPv6 (`EAI_FAMILY`).
///
/// # Source
/// RFC 3493 section 6.2; getnameinfo(3)
pub fn getnameinfo(address: &Address, flags: NiFlags) -> Result<(String, String)> {
    ask(address, flags).map_err(|fault| {
        let asked = address.to_string().into();
        Error::new("getnameinfo", Cause::Lookup { fault, asked })
    })
}

pub(super) fn ask(address: &Address, flags: NiFlags) -> Result<(String, String), Fault> {
    let addr = address.socket_addr().ok_or(Fault::Gai(EAI_FAMILY))?;
    sys::getnameinfo(&addr.into(), flags.bits())
}
