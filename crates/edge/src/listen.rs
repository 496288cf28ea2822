//! Listen addresses as people write them, and opening them with errors that say what to do.
//!
//! ```text
//! listen = port                      ; loopback
//!        / "localhost:" port         ; loopback
//!        / ":" port                  ; every interface, IPv4 and IPv6
//!        / ipv4 ":" port / "[" ipv6 [ "%" zone ] "]" ":" port
//!        / name ":" port             ; the name's first address
//!        / "unix:" path / "unix:@" abstract
//! port   = 0..=65535                 ; 0 takes a free one
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sockeye_socket::{AF_INET6, Address, Socket, create_server, resolve};

mod holder;

pub use holder::Holder;

/// So long a server may take to answer on its unix socket before it counts as there.
const PROBE: Duration = Duration::from_secs(1);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddr {
    address: Address,
    /// Whether this is `:PORT`: IPv6's wildcard that takes IPv4 too, or IPv4's where there is no
    /// IPv6.
    everywhere: bool,
}

/// The text is no listen address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address to listen on: {why}; write it like 8080 (this machine only), \
         :8080 (every interface), 192.168.1.5:8080, [::1]:8080 or unix:/run/x.sock"
)]
pub struct BadListenAddr {
    text: String,
    why: String,
}

impl ListenAddr {
    /// Every interface, IPv4 and IPv6.
    #[must_use]
    pub fn everywhere(port: u16) -> Self {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into();
        ListenAddr { address, everywhere: true }
    }

    /// This machine only.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()
    }

    /// What a person would choose another one of.
    fn kind(&self) -> &'static str {
        if self.address.port().is_some() { "port" } else { "path" }
    }

    /// The socket address that it stands for.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Tells whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.canonical_ip().is_none_or(|ip| ip.is_loopback())
    }

    /// The same place at another port; a unix address has none and stays as it is.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        if let Some(mut address) = self.address.socket_addr() {
            address.set_port(port);
            self.address = address.into();
        }
        self
    }
}

impl From<SocketAddr> for ListenAddr {
    fn from(address: SocketAddr) -> Self {
        ListenAddr { address: address.into(), everywhere: false }
    }
}

impl From<Address> for ListenAddr {
    fn from(address: Address) -> Self {
        ListenAddr { address, everywhere: false }
    }
}

impl fmt::Display for ListenAddr {
    /// Writes what parses back to the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.everywhere, self.address.port()) {
            (true, Some(port)) => write!(f, ":{port}"),
            _ => self.address.fmt(f),
        }
    }
}

impl FromStr for ListenAddr {
    type Err = BadListenAddr;

    fn from_str(text: &str) -> Result<Self, BadListenAddr> {
        let bad = |why: String| BadListenAddr { text: text.to_owned(), why };
        if text.starts_with("unix:") || text.starts_with('[') {
            let address: Address =
                text.parse().map_err(|error: sockeye_socket::Error| bad(error.to_string()))?;
            return if text == "unix:" {
                Err(bad("the path is missing".into()))
            } else {
                Ok(address.into())
            };
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
        let port = port_number(port).ok_or_else(|| bad("there is no port of 0 to 65535".into()))?;
        match host {
            "" => Ok(ListenAddr::everywhere(port)),
            "localhost" => Ok(ListenAddr::loopback(port)),
            host if host.contains(':') => Err(bad("an IPv6 address stands in brackets".into())),
            host => match host.parse::<Ipv4Addr>() {
                Ok(ip) => Ok(SocketAddr::from((ip, port)).into()),
                Err(_) => first_of(host, port).map_err(bad),
            },
        }
    }
}

fn port_number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn first_of(host: &str, port: u16) -> Result<ListenAddr, String> {
    let found = resolve::lookup(host, port).map_err(|error| error.to_string())?;
    found.first().map(|address| (*address).into()).ok_or_else(|| "the name has no address".into())
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another process has the port.
    #[error("{address} is in use{}; stop that or choose another {}", by(.holder), .address.kind())]
    PortInUse {
        /// What was asked for.
        address: ListenAddr,
        /// Who has it, where that can be known.
        holder: Option<Holder>,
    },
    /// A file that is no socket has the path.
    #[error("{address}: a file that is no socket is there; remove it or choose another path")]
    PathTaken {
        /// What was asked for.
        address: ListenAddr,
    },
    /// The port needs privilege.
    #[error("{address}: permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE")]
    PermissionDenied {
        /// What was asked for.
        address: ListenAddr,
    },
    /// No interface of this machine has the address.
    #[error("{address} is not an address of this machine; `ip address` lists them")]
    NotAvailable {
        /// What was asked for.
        address: ListenAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// What was asked for.
        address: ListenAddr,
        /// What the system said.
        source: sockeye_socket::Error,
    },
}

fn by(holder: &Option<Holder>) -> String {
    holder.as_ref().map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// Opens a listener: address reuse, the system's longest backlog, close-on-exec. A unix socket's
/// file that nobody answers any more is removed first.
///
/// # Errors
/// [`ListenError`], which names the holder of a port in use where that can be known.
pub fn open(wanted: &ListenAddr) -> Result<Socket, ListenError> {
    remove_stale(&wanted.address);
    let opened = create_server(&wanted.address).dualstack(wanted.everywhere).bind();
    let opened = match opened {
        Err(error) if wanted.everywhere && no_ipv6(&error) => {
            let port = wanted.address.port().unwrap_or(0);
            create_server(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).bind()
        }
        other => other,
    };
    opened.map_err(|source| {
        let address = wanted.clone();
        match source.kind() {
            std::io::ErrorKind::AddrInUse
                if wanted.address.path().is_some_and(|path| !is_socket(path)) =>
            {
                ListenError::PathTaken { address }
            }
            std::io::ErrorKind::AddrInUse => {
                let holder = holder::of(&wanted.address);
                ListenError::PortInUse { address, holder }
            }
            std::io::ErrorKind::PermissionDenied if wanted.address.port().is_some() => {
                ListenError::PermissionDenied { address }
            }
            std::io::ErrorKind::AddrNotAvailable => ListenError::NotAvailable { address },
            _ => ListenError::Other { address, source },
        }
    })
}

/// Tells whether the system has no IPv6 at all.
fn no_ipv6(error: &sockeye_socket::Error) -> bool {
    let missing = std::io::ErrorKind::AddrNotAvailable;
    error.kind() == missing || Socket::new(AF_INET6, sockeye_socket::SOCK_STREAM, 0).is_err()
}

/// Removes a unix socket's file where no server answers on it; leaves everything else alone.
fn remove_stale(address: &Address) {
    let Some(path) = address.path() else { return };
    if !is_socket(path) {
        return;
    }
    let Ok(probe) = Socket::unix() else { return };
    // A server with a full backlog lets connect wait: it is there, and late.
    if probe.settimeout(PROBE).is_err() {
        return;
    }
    let refused = probe.connect(address).err();
    if refused.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
        // Where this fails, bind says why.
        let _ = std::fs::remove_file(path);
    }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

#[cfg(test)]
mod tests;
