//! Connecting by name: the addresses of a host in a race, within one deadline. Here is the builder
//! and the blocking way; `connecting` has the one for a selector, `attempts` what all of them
//! share.

pub(crate) mod attempts;
mod connecting;

use std::time::{Duration, Instant};

use crate::addr::{Address, Family, ToAddress};
use crate::error::Result;
use crate::happy::{Config, Race};
use crate::socket::wait::Patience;
use crate::socket::{Kind, Socket};

use attempts::Attempts;
pub use connecting::Connecting;

/// Starts a connection to `addr`, as Python's `create_connection`, with happy eyeballs.
///
/// Where the host has more than one address, the next one is tried as soon as one fails, and beside
/// it after 250 ms; IPv6 and IPv4 take turns. The first connection wins, the others are closed.
///
/// ```no_run
/// use sockeye_socket::create_connection;
/// use std::time::Duration;
///
/// let socket = create_connection(("example.org", 80)).timeout(Duration::from_secs(5)).open()?;
/// socket.sendall(b"HEAD / HTTP/1.0\r\n\r\n")?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// # Source
/// RFC 8305; the order is getaddrinfo's (RFC 6724), families interleaved.
pub fn create_connection<A: ToAddress>(addr: A) -> ConnectionBuilder<A> {
    ConnectionBuilder { addr, source: None, config: Config::default() }
}

/// What a connection is to be like; [`open`](Self::open) makes it and waits,
/// [`start`](Self::start) begins it for a selector.
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before open()"]
pub struct ConnectionBuilder<A> {
    pub(crate) addr: A,
    pub(crate) source: Option<Address>,
    pub(crate) config: Config,
}

impl<A: ToAddress> ConnectionBuilder<A> {
    /// The most that connecting may take, over all addresses of the host together. The lookup of
    /// the name comes before, blocks as long as the system's resolver does, and is not counted:
    /// getaddrinfo cannot be interrupted. The socket has no timeout afterwards.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.timeout = timeout.into();
        self
    }

    /// The address to connect from; addresses of other families are passed over. With a port of
    /// its own (not 0) it can be used once at a time: then all is as if
    /// [`sequential`](Self::sequential) was asked for.
    pub fn source(mut self, source: impl Into<Address>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How long an address has to itself before the next one is tried beside it: 250 ms, or from
    /// 10 ms to 2 s (100 ms or more is recommended).
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.config.attempt_delay = delay;
        self
    }

    /// Tries one address after another in the order of the lookup, without happy eyeballs. Each
    /// gets its share of the time that is left; without a timeout one that does not answer takes
    /// two minutes.
    pub fn sequential(mut self) -> Self {
        self.config.sequential = true;
        self
    }

    /// Connects, and waits for it.
    ///
    /// # Errors
    /// The name does not resolve; or nothing could be connected to: where there were several
    /// addresses, [`Error::attempts`](crate::Error::attempts) has the error of each.
    pub fn open(self) -> Result<Socket> {
        let addrs = self.addr.to_addresses(self.family())?;
        if let [addr] = addrs.as_slice() {
            return self.open_plainly(addr);
        }
        let mut attempts = Attempts::new(self.race_of(addrs), self.source, Ok);
        loop {
            match attempts.advance(Instant::now(), drop)? {
                Some(socket) => {
                    socket.settimeout(None)?;
                    return Ok(socket);
                }
                None => attempts.wait()?,
            }
        }
    }

    /// Begins to connect, for a program that waits with a selector. Looking a name up blocks; an
    /// address does not. The timeout counts from here.
    ///
    /// # Errors
    /// The name does not resolve.
    pub fn start(self) -> Result<Connecting> {
        let addrs = self.addr.to_addresses(self.family())?;
        Ok(Connecting::over(self.race_of(addrs), self.source))
    }

    /// The family of the addresses that can be used.
    pub(crate) fn family(&self) -> Family {
        self.source.as_ref().map_or(Family::Unspec, Address::family)
    }

    /// One address is no race: one connect, in one system call where there is no timeout.
    fn open_plainly(&self, addr: &Address) -> Result<Socket> {
        let patience = self.config.timeout.map_or(Patience::Forever, Patience::lasting);
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

    fn race_of(&self, addrs: Vec<Address>) -> Race {
        let now = Instant::now();
        let mut race = self.race(now);
        race.handle_addresses(Family::Unspec, addrs, now);
        race
    }

    /// The race, without addresses yet.
    pub(crate) fn race(&self, now: Instant) -> Race {
        let mut config = self.config.clone();
        config.sequential |= attempts::is_for_one(self.source.as_ref());
        let race = Race::new(config, now);
        match self.addr.unresolved() {
            Some(name) => race.named(&name),
            None => race,
        }
    }
}
