//! Frames behind their length.
//!
//! ```text
//! length (1, 2, 3, 4 or 8 bytes, big or little endian) | body (length bytes)
//! ```

use std::fmt;
use std::marker::PhantomData;

use super::{Codec, Decoded, FrameError, check_len};

/// The type of a length of three bytes.
#[derive(Debug, Clone, Copy)]
pub struct U24;

/// Big endian (network order).
#[derive(Debug, Clone, Copy)]
pub struct BE;

/// Little endian.
#[derive(Debug, Clone, Copy)]
pub struct LE;

/// The type of a length: `u8`, `u16`, [`U24`], `u32` or `u64`, and no other.
pub trait Width: sealed::Sealed {
    /// How many bytes it takes.
    const BYTES: usize;
}

/// What others cannot add to.
mod sealed {
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for super::U24 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
    impl Sealed for super::BE {}
    impl Sealed for super::LE {}
}

impl Width for u8 {
    const BYTES: usize = 1;
}
impl Width for u16 {
    const BYTES: usize = 2;
}
impl Width for U24 {
    const BYTES: usize = 3;
}
impl Width for u32 {
    const BYTES: usize = 4;
}
impl Width for u64 {
    const BYTES: usize = 8;
}

/// The order of a length's bytes: [`BE`] or [`LE`].
pub trait Order: sealed::Sealed {
    /// Whether the highest byte comes first.
    const BIG: bool;
}

impl Order for BE {
    const BIG: bool = true;
}
impl Order for LE {
    const BIG: bool = false;
}

/// Frames behind their length, which does not count itself. `<LengthPrefix>::new(max)` has four
/// bytes, big endian; name any other as below.
///
/// ```
/// use sockeye_socket::frame::{BE, Codec, FrameError, LengthPrefix};
///
/// let mut codec = LengthPrefix::<u16, BE>::new(1024);
/// let mut wire = Vec::new();
/// codec.encode(b"hello", &mut wire)?;
/// assert_eq!(wire, b"\0\x05hello");
/// let decoded = codec.decode(&wire)?.unwrap();
/// assert_eq!(&wire[decoded.frame], b"hello");
/// // Refused at its head, before a byte of it is there.
/// assert_eq!(codec.decode(b"\xff\xff"), Err(FrameError::TooLong { len: 65_535, max: 1024 }));
/// # Ok::<(), FrameError>(())
/// ```
pub struct LengthPrefix<W = u32, O = BE> {
    max: usize,
    shape: PhantomData<fn() -> (W, O)>,
}

impl<W: Width, O: Order> LengthPrefix<W, O> {
    /// Frames of at most `frame_bytes_max` bytes.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { max: frame_bytes_max, shape: PhantomData }
    }

    /// The length that the first bytes say; `None` before they are all there.
    fn length(buf: &[u8]) -> Option<u64> {
        let head = buf.get(..W::BYTES)?;
        let mut bytes = [0; 8];
        if O::BIG {
            bytes[8 - W::BYTES..].copy_from_slice(head);
            Some(u64::from_be_bytes(bytes))
        } else {
            bytes[..W::BYTES].copy_from_slice(head);
            Some(u64::from_le_bytes(bytes))
        }
    }

    /// The end of the frame whose length came, or why it cannot be.
    fn end(&self, len: u64) -> Result<usize, FrameError> {
        let too_long = FrameError::TooLong { len, max: self.max };
        let bytes = usize::try_from(len).map_err(|_| too_long)?;
        if bytes > self.max {
            return Err(too_long);
        }
        bytes.checked_add(W::BYTES).ok_or(too_long)
    }
}

impl<W: Width, O: Order> Codec for LengthPrefix<W, O> {
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError> {
        let Some(len) = Self::length(buf) else { return Ok(None) };
        let end = self.end(len)?;
        Ok((buf.len() >= end).then_some(Decoded { consumed: end, frame: W::BYTES..end }))
    }

    fn finish(&self, rest: &[u8]) -> Result<(), FrameError> {
        if rest.is_empty() {
            return Ok(());
        }
        let need = match Self::length(rest) {
            Some(len) => self.end(len)?,
            None => W::BYTES,
        };
        Err(FrameError::Truncated { have: rest.len(), need })
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check_len(frame, self.max)?;
        let len = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        let bits = u32::try_from(W::BYTES * 8).unwrap_or(u32::MAX);
        if bits < u64::BITS && len >> bits != 0 {
            let most = (1u64 << bits) - 1;
            return Err(FrameError::TooLong {
                len,
                max: usize::try_from(most).unwrap_or(self.max),
            });
        }
        if O::BIG {
            out.extend_from_slice(&len.to_be_bytes()[8 - W::BYTES..]);
        } else {
            out.extend_from_slice(&len.to_le_bytes()[..W::BYTES]);
        }
        out.extend_from_slice(frame);
        Ok(())
    }
}

impl<W: Width, O: Order> fmt::Debug for LengthPrefix<W, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if O::BIG { "BE" } else { "LE" };
        write!(f, "LengthPrefix({} bytes {order}, max {})", W::BYTES, self.max)
    }
}

impl<W, O> Clone for LengthPrefix<W, O> {
    fn clone(&self) -> Self {
        Self { max: self.max, shape: PhantomData }
    }
}
