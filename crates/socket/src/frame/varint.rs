//! Frames behind a length of variable length (LEB128, as in protocol buffers).
//!
//! ```text
//! length = *9( %x80-FF ) %x00-7F   ; seven bits a byte, the lowest first, at most 10 bytes,
//!                                  ; and no last byte of 0 but in "0" itself
//! frame  = length body
//! ```

use super::{Codec, Decoded, FrameError, check_len};

/// Frames behind their length as a varint, which does not count itself.
///
/// ```
/// use sockeye_socket::frame::{Codec, Varint};
///
/// let mut wire = Vec::new();
/// Varint::new(1000).encode(&[7; 300], &mut wire)?;
/// assert_eq!(wire[..3], [0xac, 0x02, 7]);
/// # Ok::<(), sockeye_socket::frame::FrameError>(())
/// ```
///
/// # Source
/// Protocol buffers: Encoding, "Base 128 varints"; DWARF 5, section 7.6
#[derive(Debug, Clone)]
pub struct Varint {
    max: usize,
}

/// Ten times seven bits hold 64.
const LENGTH_BYTES_MAX: usize = 10;

impl Varint {
    /// Frames of at most `frame_bytes_max` bytes.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { max: frame_bytes_max }
    }

    /// Where the frame begins and ends, once its length is there.
    fn place(&self, buf: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        let Some((len, start)) = length(buf)? else { return Ok(None) };
        let too_long = FrameError::TooLong { len, max: self.max };
        let bytes = usize::try_from(len).ok().filter(|bytes| *bytes <= self.max).ok_or(too_long)?;
        Ok(Some((start, start.checked_add(bytes).ok_or(too_long)?)))
    }
}

/// The length that the first bytes say and how many they are; `None` before they are all there.
fn length(buf: &[u8]) -> Result<Option<(u64, usize)>, FrameError> {
    let mut len = 0_u64;
    for (at, &byte) in buf.iter().take(LENGTH_BYTES_MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * at;
        // Of the tenth byte only one bit is left, and it must be the last.
        if at == LENGTH_BYTES_MAX - 1 && byte > 1 {
            return Err(FrameError::BadVarint);
        }
        len |= bits << shift;
        if byte & 0x80 == 0 {
            let minimal = byte != 0 || at == 0;
            return if minimal { Ok(Some((len, at + 1))) } else { Err(FrameError::BadVarint) };
        }
    }
    Ok(None)
}

impl Codec for Varint {
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError> {
        let place = self.place(buf)?.filter(|(_, end)| buf.len() >= *end);
        Ok(place.map(|(start, end)| Decoded { consumed: end, frame: start..end }))
    }

    fn finish(&self, rest: &[u8]) -> Result<(), FrameError> {
        if rest.is_empty() {
            return Ok(());
        }
        let need = self.place(rest)?.map_or(rest.len() + 1, |(_, end)| end);
        Err(FrameError::Truncated { have: rest.len(), need })
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check_len(frame, self.max)?;
        let mut len = frame.len();
        loop {
            let low = u8::try_from(len & 0x7f).unwrap_or(0x7f);
            len >>= 7;
            if len == 0 {
                out.push(low);
                break;
            }
            out.push(low | 0x80);
        }
        out.extend_from_slice(frame);
        Ok(())
    }
}
