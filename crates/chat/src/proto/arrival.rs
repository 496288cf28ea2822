//! How somebody has come in: by which listener, from where, and under what protection.

use std::net::IpAddr;

/// What a listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Entrance {
    /// Whoever comes: the first line tells.
    #[default]
    Everyone,
    /// IRC alone.
    Irc,
    /// IRC alone, inside of TLS from the first byte on.
    Ircs,
}

impl Entrance {
    /// Whether nothing but IRC is spoken here.
    pub fn is_irc(self) -> bool {
        match self {
            Entrance::Everyone => false,
            Entrance::Irc | Entrance::Ircs => true,
        }
    }
}

/// What is known of a client before it has said anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrival {
    /// The listener.
    pub entrance: Entrance,
    /// The client's address; `None` for a unix socket. Behind a trusted proxy, what that says.
    pub ip: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// Was silent already for as long as lets in.
    pub silent: bool,
    /// SHA-256 of the certificate that the client has shown (and proved to be its own).
    pub certificate: Option<[u8; 32]>,
}
