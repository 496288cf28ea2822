//! Who takes the file: from what was written on the command line to a connected socket.

use std::time::Duration;

use sockeye_socket::{Address, Registration, SOCK_STREAM, Shutdown, Socket, resolve};

use crate::config::PORT;
use crate::error::Error;

/// `host`, `host:port`, `[v6]:port`, `port` (on this machine) or `unix:path`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host { host: String, port: u16 },
    Exact(Address),
}

impl Place {
    pub(super) fn parse(to: &str) -> Result<Self, Error> {
        let bad = || Error::Place { to: to.into() };
        if to.is_empty() {
            return Err(bad());
        }
        if to.starts_with("unix:") {
            return to.parse().map(Self::Exact).map_err(|_| bad());
        }
        if let Ok(port) = to.parse() {
            return Ok(Self::Host { host: "127.0.0.1".into(), port });
        }
        let (host, port) = match to.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(bad)?;
                match rest {
                    "" => (host, None),
                    _ => (host, Some(rest.strip_prefix(':').ok_or_else(bad)?)),
                }
            }
            None => match to.split_once(':') {
                // More than one colon: an IPv6 address without a port.
                Some((_, rest)) if rest.contains(':') => (to, None),
                Some((host, port)) => (host, Some(port)),
                None => (to, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| bad())?;
        if host.is_empty() || port == 0 {
            return Err(bad());
        }
        Ok(Self::Host { host: host.into(), port })
    }

    /// Tries every address in turn. The registration cuts the connection at the shutdown's
    /// deadline.
    pub(super) fn connect(
        &self,
        timeout: Duration,
        shutdown: &Shutdown,
    ) -> Result<(Socket, Address, Registration), Error> {
        let mut failure = None;
        for address in self.addresses()? {
            match connect_one(&address, timeout, shutdown) {
                Ok((socket, registration)) => return Ok((socket, address, registration)),
                Err(_) if shutdown.is_expired() => return Err(Error::Interrupted),
                Err(source) => failure = Some(source),
            }
        }
        Err(failure.map_or_else(
            || Error::Place { to: self.to_string() },
            |source| Error::Connect { to: self.to_string(), source },
        ))
    }

    fn addresses(&self) -> Result<Vec<Address>, Error> {
        match self {
            Self::Exact(address) => Ok(vec![address.clone()]),
            Self::Host { host, port } => {
                let found = resolve::lookup(host, *port);
                let found =
                    found.map_err(|source| Error::Connect { to: self.to_string(), source })?;
                Ok(found.into_iter().map(Address::from).collect())
            }
        }
    }
}

fn connect_one(
    address: &Address,
    timeout: Duration,
    shutdown: &Shutdown,
) -> sockeye_socket::Result<(Socket, Registration)> {
    let socket = Socket::new(address.family(), SOCK_STREAM, 0)?;
    let registration = shutdown.register(&socket)?;
    socket.settimeout(timeout)?;
    socket.connect(address)?;
    Ok((socket, registration))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host { host, port } => write!(f, "{host}:{port}"),
            Self::Exact(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written() {
        for (to, shown) in [
            ("example.org", "example.org:6000"),
            ("example.org:7", "example.org:7"),
            ("10.0.0.1", "10.0.0.1:6000"),
            ("7000", "127.0.0.1:7000"),
            ("::1", "[::1]:6000"),
            ("[::1]", "[::1]:6000"),
            ("[::1]:7", "[::1]:7"),
            ("[fe80::1%eth0]:7", "[fe80::1%eth0]:7"),
        ] {
            assert_eq!(Place::parse(to).unwrap().to_string(), shown, "{to}");
        }
        assert!(matches!(Place::parse("unix:/run/x.sock"), Ok(Place::Exact(_))));
    }

    #[test]
    fn what_cannot() {
        for to in ["", ":6000", "host:", "host:0", "host:65536", "host:x", "[::1", "[::1]7", "[]:7"]
        {
            assert!(matches!(Place::parse(to), Err(Error::Place { .. })), "{to}");
        }
    }
}
