//! Why the hub does not start, or stopped by itself.

use crate::config::Part;

/// What the operator can mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port could not be opened.
    #[error("{part}")]
    Listen {
        /// Whose port.
        part: Part,
        /// Why.
        source: sockeye_edge::listen::ListenError,
    },
    /// The files.
    #[error("files")]
    Files(#[from] sockeye_http::Error),
    /// The room.
    #[error("chat")]
    Chat(#[from] sockeye_chat::Error),
    /// The inbox.
    #[error("receive")]
    Receive(#[from] sockeye_transfer::Error),
    /// The folder or the inbox of the page cannot be opened.
    #[error("page")]
    Page(#[from] sockeye_edge::tree::TreeError),
    /// The system gave no thread.
    #[error("cannot start a thread for {part}")]
    Thread {
        /// Whose thread.
        part: Part,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing was asked for.
    #[error("every part is left out; expected at least one of files, chat and receive")]
    Nothing,
}
