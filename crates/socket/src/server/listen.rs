//! Listening in one call, with Python's defaults.

use crate::addr::{Address, Family, ToAddress};
use crate::error::{Cause, Error, Result};
use crate::opt;
use crate::socket::{Kind, SOMAXCONN, Socket};

/// Starts a listening socket on `addr`, as Python's `create_server`: `SO_REUSEADDR`, the longest
/// backlog; IPv6 only for an IPv6 address unless [`dualstack`](ServerBuilder::dualstack).
///
/// ```no_run
/// use sockeye_socket::create_server;
///
/// let server = create_server("[::]:0").dualstack(true).bind()?;
/// let port = server.getsockname()?.port().unwrap();
/// let client = sockeye_socket::create_connection(("127.0.0.1", port)).open()?;
/// # drop(client);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub fn create_server<A: ToAddress>(addr: A) -> ServerBuilder<A> {
    ServerBuilder { addr, backlog: SOMAXCONN, dualstack: false, reuse_port: false }
}

/// What a listener is to be like; [`bind`](Self::bind) opens it.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before bind()"]
pub struct ServerBuilder<A> {
    addr: A,
    backlog: i32,
    dualstack: bool,
    reuse_port: bool,
}

impl<A: ToAddress> ServerBuilder<A> {
    /// How many clients may wait to be accepted (the system's limit holds too).
    pub fn backlog(mut self, backlog: i32) -> Self {
        self.backlog = backlog;
        self
    }

    /// An IPv6 listener takes IPv4 clients too; the empty host is then every interface of both.
    pub fn dualstack(mut self, dualstack: bool) -> Self {
        self.dualstack = dualstack;
        self
    }

    /// Several listeners share the port.
    pub fn reuse_port(mut self, reuse_port: bool) -> Self {
        self.reuse_port = reuse_port;
        self
    }

    /// Opens the listener.
    ///
    /// # Errors
    /// The address does not resolve, is in use, is not of this machine, or needs privilege.
    pub fn bind(self) -> Result<Socket> {
        let addr = self.address()?;
        let socket = Socket::new(addr.family(), Kind::Stream, 0)?;
        if addr.family() != Family::Unix {
            socket.setsockopt(opt::SO_REUSEADDR, true)?;
        }
        if addr.family() == Family::Inet6 {
            socket.setsockopt(opt::IPV6_V6ONLY, !self.dualstack)?;
        }
        if self.reuse_port {
            socket.setsockopt(opt::SO_REUSEPORT, true)?;
        }
        socket.bind(&addr)?;
        socket.listen(self.backlog).map_err(|error| error.at(&addr))?;
        Ok(socket)
    }

    /// As in Python a name is IPv4's; one that has no such form, and an address, is what it is.
    fn address(&self) -> Result<Address> {
        let family = if self.dualstack { Family::Inet6 } else { Family::Inet };
        if self.addr.unresolved().is_none() {
            let any = |_| self.addr.to_address(Family::Unspec);
            return self.addr.to_address(family).or_else(any);
        }
        // A lookup can take seconds, and one that fails would take as long again in another family.
        let found = self.addr.to_addresses(Family::Unspec)?;
        let place = found.iter().position(|addr| addr.family() == family).unwrap_or(0);
        let none = Error::new("resolve", Cause::Invalid("no address"));
        found.into_iter().nth(place).ok_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A name that resolves to these addresses.
    struct Name {
        found: Vec<&'static str>,
        lookups: Cell<usize>,
    }

    impl ToAddress for Name {
        fn to_address(&self, family: Family) -> Result<Address> {
            self.to_addresses(family).map(|mut found| found.remove(0))
        }

        fn to_addresses(&self, family: Family) -> Result<Vec<Address>> {
            self.lookups.set(self.lookups.get() + 1);
            let all = self.found.iter().map(|text| text.parse::<Address>().unwrap());
            let wanted = |addr: &Address| family == Family::Unspec || addr.family() == family;
            let found: Vec<Address> = all.filter(wanted).collect();
            let unknown = || Error::os("resolve", crate::errno::ENOENT);
            if found.is_empty() { Err(unknown()) } else { Ok(found) }
        }

        fn unresolved(&self) -> Option<String> {
            Some("name".to_owned())
        }
    }

    fn address(addr: impl ToAddress, dualstack: bool) -> String {
        let address = create_server(addr).dualstack(dualstack).address();
        address.map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    #[test]
    fn a_name_is_looked_up_once_and_its_family_chosen() {
        let (v4, v6) = ("192.0.2.1:80", "[2001:db8::1]:80");
        for (found, single, dual) in [
            (vec![v6, v4], v4, v6),
            (vec![v4, v6], v4, v6),
            (vec![v6], v6, v6),
            (vec![v4], v4, v4),
            (vec![], "resolve: ", "resolve: "),
        ] {
            for (dualstack, wanted) in [(false, single), (true, dual)] {
                let name = Name { found: found.clone(), lookups: Cell::new(0) };
                let chosen = address(&name, dualstack);
                assert!(chosen.starts_with(wanted), "{found:?}: {chosen}");
                assert_eq!(name.lookups.get(), 1, "{found:?}");
            }
        }
    }

    #[test]
    fn what_is_no_name_stays_what_it_is() {
        assert_eq!(address(":80", false), "0.0.0.0:80");
        assert_eq!(address(":80", true), "[::]:80");
        assert_eq!(address(("0.0.0.0", 80), true), "0.0.0.0:80");
        assert_eq!(address("[::1]:80", false), "[::1]:80");
        assert_eq!(address("unix:/run/x", true), "unix:/run/x");
    }
}
