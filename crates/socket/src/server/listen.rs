//! Listening in one call, with Python's defaults.

use crate::addr::{Family, ToAddress};
use crate::error::Result;
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
        // As in Python a name is IPv4's; one that has no such form, and an address, is what it is.
        let family = if self.dualstack { Family::Inet6 } else { Family::Inet };
        let addr =
            self.addr.to_address(family).or_else(|_| self.addr.to_address(Family::Unspec))?;
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
}
