//! What can go wrong for the operator. What peers do wrong is answered, never an error.

use std::path::PathBuf;

use sockeye_edge::listen::ListenError;
use sockeye_edge::tls::TlsError;
use sockeye_edge::tree::TreeError;

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder or file to serve cannot be opened.
    #[error("cannot serve {path}", path = path.display())]
    Root {
        /// As configured.
        path: PathBuf,
        /// What the tree says.
        source: TreeError,
    },
    /// The path to serve cannot be found.
    #[error("cannot serve {path}", path = path.display())]
    Path {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path to serve is of the wrong kind or has no name that can be served.
    #[error("cannot serve {path}: {why}", path = path.display())]
    Unservable {
        /// As configured.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS cannot be prepared.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is nowhere to send who asks for a redirect.
    #[error("a redirect to https needs TLS at a port")]
    NoHttps,
    /// A rule of the configuration is wrong.
    #[error("{0}")]
    Rule(String),
    /// The sockets or the selector failed.
    #[error(transparent)]
    Socket(#[from] sockeye_socket::Error),
    /// Threads cannot be started.
    #[error("cannot start a worker")]
    Worker(#[source] std::io::Error),
}
