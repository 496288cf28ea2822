//! What can go wrong for the operator. What a client does wrong is never an error here.

use std::io;
use std::path::PathBuf;

use sockeye_edge::listen::ListenError;
use sockeye_edge::tls::TlsError;

use crate::proto::RoomNameError;

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address cannot be listened to.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A room has a name that no room can have.
    #[error(transparent)]
    Room(#[from] RoomNameError),
    /// IRC inside of TLS needs a certificate.
    #[error(
        "a listener for IRC inside of TLS needs a certificate: --tls-cert and --tls-key, or \
         --tls-self-signed"
    )]
    NoCertificate,
    /// The classic room takes every byte as it is.
    #[error("the classic room passes every byte on: it knows no TLS, PROXY headers or IRC")]
    Classic,
    /// The library refuses the certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no room.
    #[error("a chat server needs at least one room")]
    NoRoom,
    /// A limit is so low that nothing would work.
    #[error("{name} is {value} bytes, but at least {least} are needed")]
    Limit {
        /// The limit.
        name: &'static str,
        /// What it was to be.
        value: usize,
        /// What it has to be.
        least: usize,
    },
    /// The folder for what is kept cannot be had.
    #[error("the data folder {} cannot be used: sockeye cannot {doing}", .path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// What was to be done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for what is kept is another process's.
    #[error("the data folder {} is in use by another sockeye{}", .path.display(), process(.holder))]
    DataInUse {
        /// The folder.
        path: PathBuf,
        /// The other process, where it is known.
        holder: Option<u32>,
    },
    /// What is kept cannot be read or written.
    #[error("the history {} cannot be used", .path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// What is kept has a form that this version does not know.
    #[error(
        "the history {} was written by a newer sockeye (form {found}, this one knows {known}); \
         use that one, or another data folder",
        .path.display()
    )]
    HistoryNewer {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i32,
        /// The newest form that is known.
        known: i32,
    },
    /// The file is something else.
    #[error("{} is not a history of sockeye", .path.display())]
    NotHistory {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is kept there.
    #[error("there is no history in {}", .path.display())]
    NoHistory {
        /// The folder.
        path: PathBuf,
    },
    /// There is no thread to be had.
    #[error("the chat server cannot start a thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The system has refused what a server cannot do without.
    #[error("the chat server cannot {doing}")]
    System {
        /// What was to be done.
        doing: &'static str,
        /// What the system said.
        source: sockeye_socket::Error,
    },
}

/// What the functions of this crate give.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(sockeye_socket::Error) -> Error {
        move |source| Error::System { doing, source }
    }
}

fn process(holder: &Option<u32>) -> String {
    holder.map_or_else(String::new, |number| format!(" (process {number})"))
}
