//! What can go wrong for the operator. What a client does wrong is never an error here.

use sockeye_edge::listen::ListenError;

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
