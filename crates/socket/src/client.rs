//! Connecting by name: the addresses of a host one after another, within one deadline.

use std::time::{Duration, Instant};

use crate::addr::{Address, Family, ToAddress};
use crate::error::{Error, Result};
use crate::socket::wait::Patience;
use crate::socket::{Kind, Socket};

/// Starts a connection to `addr`, as Python's `create_connection`.
///
/// ```no_run
/// use sockeye_socket::create_connection;
/// use std::time::Duration;
///
/// let socket = create_connection(("example.org", 80)).timeout(Duration::from_secs(5)).open()?;
/// socket.sendall(b"HEAD / HTTP/1.0\r\n\r\n")?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub fn create_connection<A: ToAddress>(addr: A) -> ConnectionBuilder<A> {
    ConnectionBuilder { addr, timeout: None, source: None }
}

/// What a connection is to be like; [`open`](Self::open) makes it.
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before open()"]
pub struct ConnectionBuilder<A> {
    addr: A,
    timeout: Option<Duration>,
    source: Option<Address>,
}

impl<A: ToAddress> ConnectionBuilder<A> {
    /// The most that connecting may take, over all addresses of the host together (the lookup of
    /// the name comes before and is not counted). The socket has no timeout afterwards.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The address to connect from; addresses of other families are passed over.
    pub fn source(mut self, source: impl Into<Address>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Tries the addresses in turn; each gets its share of the time that is left.
    ///
    /// # Errors
    /// The name does not resolve, or the error of the last address that was tried.
    pub fn open(self) -> Result<Socket> {
        let family = self.source.as_ref().map_or(Family::Unspec, Address::family);
        let addrs = self.addr.to_addresses(family)?;
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut last = None;
        for (tried, addr) in addrs.iter().enumerate() {
            let rest = u32::try_from(addrs.len() - tried).unwrap_or(u32::MAX);
            let patience = match deadline {
                None => Patience::Forever,
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    Patience::lasting(left / rest)
                }
            };
            match self.connect(addr, patience) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::timed_out("connect")))
    }

    fn connect(&self, addr: &Address, patience: Patience) -> Result<Socket> {
        let socket = Socket::new(addr.family(), Kind::Stream, 0)?;
        if let Some(source) = &self.source {
            socket.bind(source)?;
        }
        if patience != Patience::Forever {
            socket.setblocking(false)?;
        }
        socket.connect_by(addr, patience).map_err(|error| error.at(addr))?;
        socket.settimeout(None)?;
        Ok(socket)
    }
}
