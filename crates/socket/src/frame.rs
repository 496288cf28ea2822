//! Cutting a stream into messages ("sticky packets"). The codecs are pure: they look at the bytes
//! that have come and say where the next frame is. Every one has a REQUIRED maximum, checked before
//! a byte of a body that is too long is kept.

mod deframer;
mod fixed;
mod framed;
mod length;
mod text;
mod varint;

use std::fmt;
use std::ops::Range;

pub use deframer::Deframer;
pub use fixed::Fixed;
#[cfg(feature = "tokio")]
pub(crate) use framed::Outlet;
pub use framed::{Framed, FramedError};
pub use length::{BE, LE, LengthPrefix, Order, U24, Width};
pub use text::{Delimiter, Lines};
pub use varint::Varint;

/// Where a frame is in the bytes that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes the frame and what delimits it take: drop so many from the front.
    pub consumed: usize,
    /// The frame itself.
    pub frame: Range<usize>,
}

/// Why bytes are no frame. The stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than the maximum.
    TooLong {
        /// Its length in bytes; `max + 1` where it is not known yet.
        len: u64,
        /// The most that was allowed.
        max: usize,
    },
    /// A frame to be sent that does not have the length that all have.
    BadLength {
        /// Its length in bytes.
        len: usize,
        /// The length of all frames.
        need: usize,
    },
    /// A frame to be sent that has its own delimiter inside.
    Delimiter,
    /// A length that is longer than it has to be, or than 64 bits.
    BadVarint,
    /// The stream ended inside of a frame.
    Truncated {
        /// How many bytes of it came.
        have: usize,
        /// How many would have been needed at least.
        need: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len, max } => {
                write!(f, "a frame of {len} bytes or more where at most {max} are allowed")
            }
            Self::BadLength { len, need } => {
                write!(f, "a frame of {len} bytes where all have {need}")
            }
            Self::Delimiter => f.write_str("a frame with its own delimiter inside"),
            Self::BadVarint => f.write_str("a length that is no minimal varint of 64 bits"),
            Self::Truncated { have, need } => {
                write!(f, "the stream ended after {have} bytes of a frame of {need} or more")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// A way to cut a stream into frames.
///
/// Contract:
/// 1. `decode` is given all bytes that have come and were not consumed; after `Ok(None)` it is
///    given the same bytes with more behind them, and it does not look twice at what it has seen.
/// 2. However the bytes are split on their way, the frames and the error are the same.
/// 3. After an error the stream is over.
pub trait Codec {
    /// Finds the next frame; `None` where more bytes are needed.
    ///
    /// # Errors
    /// The bytes cannot become a frame.
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError>;

    /// Checks that the stream may end with `rest` unconsumed.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] unless it ends at a boundary.
    fn finish(&self, rest: &[u8]) -> Result<(), FrameError>;

    /// Appends `frame` and what delimits it to `out`.
    ///
    /// # Errors
    /// The frame is too long, or not of the codec's kind; `out` is as before.
    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError>;
}

/// Refuses a frame to be sent that the other side would refuse.
fn check_len(frame: &[u8], max: usize) -> Result<(), FrameError> {
    if frame.len() <= max {
        return Ok(());
    }
    Err(FrameError::TooLong { len: u64::try_from(frame.len()).unwrap_or(u64::MAX), max })
}

/// A frame of unknown length that is longer than `max`.
fn too_long(max: usize) -> FrameError {
    let max_bytes = u64::try_from(max).unwrap_or(u64::MAX);
    FrameError::TooLong { len: max_bytes.saturating_add(1), max }
}

#[cfg(test)]
mod tests;
