//! Frames that all have one length.

use super::{Codec, Decoded, FrameError};

/// Frames of exactly so many bytes.
#[derive(Debug, Clone)]
pub struct Fixed {
    len: usize,
}

impl Fixed {
    /// Frames of `frame_bytes` bytes.
    ///
    /// # Panics
    /// Frames of no bytes would never end: that is a mistake in the program.
    #[must_use]
    pub fn new(frame_bytes: usize) -> Self {
        assert!(frame_bytes > 0, "a frame has at least one byte");
        Self { len: frame_bytes }
    }
}

impl Codec for Fixed {
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError> {
        let whole = buf.len() >= self.len;
        Ok(whole.then_some(Decoded { consumed: self.len, frame: 0..self.len }))
    }

    fn finish(&self, rest: &[u8]) -> Result<(), FrameError> {
        if rest.is_empty() {
            return Ok(());
        }
        Err(FrameError::Truncated { have: rest.len(), need: self.len })
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.len() != self.len {
            return Err(FrameError::BadLength { len: frame.len(), need: self.len });
        }
        out.extend_from_slice(frame);
        Ok(())
    }
}
