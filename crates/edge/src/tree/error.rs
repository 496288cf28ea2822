//! Why a tree refuses: sorted by what to tell a stranger, with the path it is about.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::printable::Printable;

/// Why a path in a tree could not be opened, listed, written or renamed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Nothing there has this name.
    #[error("{}: no such file or directory", shown(.path))]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// It leads out of the root, or through a link that is not to be followed.
    #[error("{}: leads out of the folder, or through a link that is not followed", shown(.path))]
    Forbidden {
        /// What was asked for.
        path: PathBuf,
    },
    /// It is a device, a fifo or a socket, or a directory where a file is wanted.
    #[error("{}: neither a file nor a folder", shown(.path))]
    NotAFile {
        /// What was asked for.
        path: PathBuf,
    },
    /// The name is taken and may not be overwritten.
    #[error("{}: exists already", shown(.path))]
    Exists {
        /// What was asked for.
        path: PathBuf,
    },
    /// Somebody else is writing it.
    #[error("{}: somebody else is writing it", shown(.path))]
    Busy {
        /// What was asked for.
        path: PathBuf,
    },
    /// A folder holds more than may be removed at once.
    #[error("{}: holds more than {entries_max} names, or folders too deep", shown(.path))]
    TooMany {
        /// What was asked for.
        path: PathBuf,
        /// The most names.
        entries_max: u64,
    },
    /// The disk or the quota is full.
    #[error("{}: no space left", shown(.path))]
    NoSpace {
        /// What was asked for.
        path: PathBuf,
    },
    /// The file system is mounted read-only.
    #[error("{}: the file system is read-only", shown(.path))]
    ReadOnly {
        /// What was asked for.
        path: PathBuf,
    },
    /// The path is no [`Segments`](super::Segments).
    #[error("{}: {fault}", shown(.path))]
    BadPath {
        /// What was asked for.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Anything else, permission among it.
    #[error("{}: {source}", shown(.path))]
    Io {
        /// What was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Two slashes together, or one at an end.
    #[error("an empty name")]
    Empty,
    /// `.` or `..`.
    #[error("a name of dots")]
    Dots,
    /// A slash within one name.
    #[error("a slash in a name")]
    Slash,
    /// A backslash, which separates names on other systems.
    #[error("a backslash in a name")]
    Backslash,
    /// NUL.
    #[error("a NUL byte in a name")]
    Nul,
    /// Another of the bytes `0x01..=0x1f`, or `0x7f`.
    #[error("a control character in a name")]
    Control,
    /// More than [`SEGMENT_BYTES_MAX`](super::SEGMENT_BYTES_MAX) bytes.
    #[error("a name of more than 255 bytes")]
    NameTooLong,
    /// More than [`SEGMENTS_MAX`](super::SEGMENTS_MAX) names.
    #[error("more than 256 names")]
    TooDeep,
}

impl TreeError {
    /// Sorts `errno`, which the system gave for `path`.
    pub(super) fn at(path: &Path, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Self::NotFound { path },
            Errno::XDEV | Errno::LOOP => Self::Forbidden { path },
            Errno::NXIO | Errno::NODEV | Errno::ISDIR => Self::NotAFile { path },
            Errno::EXIST | Errno::NOTEMPTY => Self::Exists { path },
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace { path },
            Errno::ROFS => Self::ReadOnly { path },
            errno => Self::Io { path, source: errno.into() },
        }
    }

    /// The path that it is about: as opened for a root, relative to the root for the rest.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Forbidden { path }
            | Self::NotAFile { path }
            | Self::Exists { path }
            | Self::Busy { path }
            | Self::TooMany { path, .. }
            | Self::NoSpace { path }
            | Self::ReadOnly { path }
            | Self::BadPath { path, .. }
            | Self::Io { path, .. } => path,
        }
    }
}

fn shown(path: &Path) -> Printable<&[u8]> {
    Printable::new(path.as_os_str().as_encoded_bytes())
}
