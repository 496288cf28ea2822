//! What a socket carries, and which direction of it ends.

use socket2::Type;

/// What a socket carries: a stream of bytes, or messages. [`SOCK_STREAM`] and its kin are Python's
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes in order (TCP, unix streams).
    Stream,
    /// Messages with borders, each by itself (UDP, unix datagrams).
    Dgram,
    /// What the network layer carries, headers included (needs `CAP_NET_RAW`).
    Raw,
    /// Messages with borders, in order, over a connection (unix sockets).
    SeqPacket,
}

/// A stream of bytes.
pub const SOCK_STREAM: Kind = Kind::Stream;
/// Datagrams.
pub const SOCK_DGRAM: Kind = Kind::Dgram;
/// The network layer itself.
pub const SOCK_RAW: Kind = Kind::Raw;
/// Messages in order over a connection.
pub const SOCK_SEQPACKET: Kind = Kind::SeqPacket;

/// The longest queue of waiting clients that the system allows: it clips this to its own
/// `net.core.somaxconn`.
pub const SOMAXCONN: i32 = i32::MAX;

impl Kind {
    /// The system's number.
    #[must_use]
    pub fn raw(self) -> i32 {
        self.to_type().into()
    }

    /// The kind with the system's number, if this crate has it.
    #[must_use]
    pub fn from_raw(raw: i32) -> Option<Self> {
        [Self::Stream, Self::Dgram, Self::Raw, Self::SeqPacket]
            .into_iter()
            .find(|kind| kind.raw() == raw)
    }

    pub(crate) fn to_type(self) -> Type {
        match self {
            Self::Stream => Type::STREAM,
            Self::Dgram => Type::DGRAM,
            Self::Raw => Type::RAW,
            Self::SeqPacket => Type::SEQPACKET,
        }
    }

    /// Whether it has no borders between messages.
    pub(crate) fn is_stream(self) -> bool {
        self == Self::Stream
    }
}

/// Which direction [`Socket::shutdown`](crate::Socket::shutdown) ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// No more receiving.
    Read,
    /// No more sending: the peer reads the end of the stream.
    Write,
    /// Neither.
    Both,
}

/// [`How::Read`], by Python's name.
pub const SHUT_RD: How = How::Read;
/// [`How::Write`], by Python's name.
pub const SHUT_WR: How = How::Write;
/// [`How::Both`], by Python's name.
pub const SHUT_RDWR: How = How::Both;

impl From<How> for std::net::Shutdown {
    fn from(how: How) -> Self {
        match how {
            How::Read => Self::Read,
            How::Write => Self::Write,
            How::Both => Self::Both,
        }
    }
}
