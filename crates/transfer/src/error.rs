//! Why a transfer failed, sorted by who can do something about it; each error knows its exit class.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sockeye_edge::listen::ListenError;
use sockeye_edge::tree::TreeError;
use sockeye_socket::Address;

use crate::proto::plain_md5::{Digest, HeaderError};

/// Why there is no file at the other end, or at this one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The receiver cannot listen.
    #[error(transparent)]
    Listen(Box<ListenError>),
    /// Nobody takes the connection.
    #[error("cannot connect to {to}")]
    Connect {
        /// As it was asked for.
        to: String,
        /// Why.
        source: sockeye_socket::Error,
    },
    /// The receiver's place cannot be understood.
    #[error("{to:?} is no place to send to; write HOST, HOST:PORT, [ADDRESS]:PORT or unix:/PATH")]
    Place {
        /// As it was asked for.
        to: String,
    },
    /// The peer did something that ends the transfer.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Something here refuses to write: the folder, the disk.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The disk is full.
    #[error("no space left for {name}: the disk was full after {bytes} bytes; nothing was kept")]
    NoSpace {
        /// The final name.
        name: String,
        /// What had been received.
        bytes: u64,
    },
    /// The name is taken.
    #[error("{name} exists already and may not be overwritten")]
    Exists {
        /// The final name.
        name: String,
    },
    /// The name is none that a file can have here.
    #[error("{name:?} cannot be a file's name here")]
    Name {
        /// As it was asked for.
        name: String,
        /// What is wrong with it.
        source: TreeError,
    },
    /// A local file cannot be read or written.
    #[error("cannot {action} {path}", path = .path.display())]
    Local {
        /// `read`, `open`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be sent is not a file.
    #[error("{path} is not a regular file", path = .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is no longer what its sum was made of.
    #[error(
        "{path} changed while it was sent; the receiver was made to discard it",
        path = .path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The stream that the bytes were to go to is closed.
    #[error("the output was closed after {bytes} bytes")]
    OutputClosed {
        /// What had been written.
        bytes: u64,
    },
    /// The program was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A system call that should not fail did.
    #[error("{action} failed")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What the other end did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The stream does not open with 32 digits.
    #[error("{peer} does not speak the plain-md5 protocol: {fault}")]
    Header {
        /// Who.
        peer: Address,
        /// What is wrong with it.
        fault: HeaderError,
    },
    /// The sum is wrong: the bytes are damaged or not all there.
    #[error(
        "corrupted: {bytes} bytes from {peer} have MD5 {found}, announced was {announced} \
         (damaged on the way, or cut short: an early end looks like any other)"
    )]
    Corrupt {
        /// Who.
        peer: Address,
        /// What had arrived at the end of the stream.
        bytes: u64,
        /// What they should sum up to.
        announced: Digest,
        /// What they do sum up to.
        found: Digest,
    },
    /// The connection broke.
    #[error("connection to {peer} lost after {bytes} bytes")]
    Lost {
        /// Who.
        peer: Address,
        /// Bytes of the file that had passed.
        bytes: u64,
        /// Why.
        source: Box<sockeye_socket::Error>,
    },
    /// Nothing moved for too long.
    #[error("{peer} stalled after {bytes} bytes: nothing moved for {idle:?}")]
    Stalled {
        /// Who.
        peer: Address,
        /// Bytes of the file that had passed.
        bytes: u64,
        /// The limit.
        idle: Duration,
    },
    /// The file is larger than allowed.
    #[error("refused: {peer} sends more than {bytes_max} bytes")]
    TooLarge {
        /// Who.
        peer: Address,
        /// The limit.
        bytes_max: u64,
    },
    /// The person said no.
    #[error("the transfer from {peer} was declined")]
    Declined {
        /// Who.
        peer: Address,
    },
    /// The receiver threw the connection away after it had everything.
    #[error("{peer} did not keep the file: it reset the connection after all {bytes} bytes")]
    Rejected {
        /// Who.
        peer: Address,
        /// Bytes of the file.
        bytes: u64,
    },
}

/// What a script wants to know; the numbers are the program's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitClass {
    /// 0: the reader of the output has had enough.
    Done,
    /// 2: the command line is wrong.
    Usage,
    /// 3: none of the below.
    Failed,
    /// 4: a local file or disk.
    LocalFile,
    /// 6: what arrived is not what was sent.
    Corrupt,
    /// 7: the connection was lost.
    Lost,
    /// 8: the source changed while it was read.
    Partial,
    /// 9: nobody there.
    NotFound,
    /// 10: refused by a person or a policy.
    Refused,
    /// 130 or 143: stopped by a signal.
    Interrupted,
}

impl ExitClass {
    /// Gives the exit code; 130 for an interruption.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::LocalFile => 4,
            Self::Corrupt => 6,
            Self::Lost => 7,
            Self::Partial => 8,
            Self::NotFound => 9,
            Self::Refused => 10,
            Self::Interrupted => 130,
        }
    }
}

impl From<ListenError> for Error {
    fn from(error: ListenError) -> Self {
        Self::Listen(Box::new(error))
    }
}

impl Error {
    /// Sorts the error for a script.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Listen(_) | Self::System { .. } => ExitClass::Failed,
            Self::Place { .. } | Self::Name { .. } => ExitClass::Usage,
            Self::Connect { .. } => ExitClass::NotFound,
            Self::Peer(fault) => fault.exit_class(),
            Self::Tree(_)
            | Self::NoSpace { .. }
            | Self::Exists { .. }
            | Self::Local { .. }
            | Self::NotAFile { .. } => ExitClass::LocalFile,
            Self::Changed { .. } => ExitClass::Partial,
            Self::OutputClosed { .. } => ExitClass::Done,
            Self::Interrupted => ExitClass::Interrupted,
        }
    }
}

impl PeerError {
    /// Sorts the error for a script.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Header { fault: HeaderError::NotADigit { .. }, .. } | Self::Corrupt { .. } => {
                ExitClass::Corrupt
            }
            Self::Header { fault: HeaderError::Short { .. }, .. }
            | Self::Lost { .. }
            | Self::Stalled { .. }
            | Self::Rejected { .. } => ExitClass::Lost,
            Self::TooLarge { .. } | Self::Declined { .. } => ExitClass::Refused,
        }
    }
}
