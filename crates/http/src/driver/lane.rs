//! What is spoken at a port.

use tokio_rustls::TlsAcceptor;

use crate::config::Engine;
use crate::proto::head::Head;
use crate::proto::plan::Plan;
use crate::proto::redirect;

/// What a connection is, by the port that it came to and by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// HTTP is answered, whether or not TLS is around it.
    Plain,
    /// TLS comes first.
    Tls,
    /// Everything is to be found at the port with TLS.
    Redirect,
    /// Plain HTTP at a port with TLS.
    NotTls,
}

/// What all connections of a server share of it.
#[derive(Clone, Default)]
pub(crate) struct Lanes {
    /// The port with TLS.
    pub(crate) https_port: u16,
    /// Whether HTTP/2 is spoken.
    pub(crate) http2: bool,
    /// Who speaks HTTP/1.
    pub(crate) engine: Engine,
    /// Who shakes hands there.
    pub(crate) acceptor: Option<TlsAcceptor>,
}

impl Lanes {
    /// The answer to `head` where the lane alone says it.
    pub(super) fn plan(&self, lane: Lane, head: &Head) -> Option<Plan> {
        match lane {
            Lane::Plain | Lane::Tls => None,
            Lane::Redirect => Some(redirect::to_https(head, self.https_port)),
            Lane::NotTls => Some(redirect::wrong_scheme()),
        }
    }
}
