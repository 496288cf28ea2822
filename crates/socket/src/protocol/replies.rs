//! What a dialogue answers with: bytes as they are, or frames.

use std::fmt;
use std::ops::ControlFlow;

use super::Buffer;
use crate::frame::{Codec, FrameError};

/// Answers one frame.
pub trait Answer<C> {
    /// Appends what is to be sent to `out`; a `Break` ends the dialogue after that.
    fn answer(&mut self, frame: &[u8], codec: &C, out: &mut Buffer) -> ControlFlow<()>;
}

impl<F, C> Answer<C> for F
where
    F: FnMut(&[u8], &mut Buffer) -> ControlFlow<()>,
{
    fn answer(&mut self, frame: &[u8], _codec: &C, out: &mut Buffer) -> ControlFlow<()> {
        self(frame, out)
    }
}

/// A closure that answers with frames: of
/// [`Dialogue::with_codec`](super::Dialogue::with_codec).
#[derive(Debug)]
pub struct Frames<F>(pub(super) F);

impl<F, C> Answer<C> for Frames<F>
where
    F: FnMut(&[u8], &mut Replies<'_>) -> ControlFlow<()>,
    C: Codec,
{
    fn answer(&mut self, frame: &[u8], codec: &C, out: &mut Buffer) -> ControlFlow<()> {
        (self.0)(frame, &mut Replies { codec, out })
    }
}

/// Where the answers to a frame go: frames, too, by the same codec.
pub struct Replies<'a> {
    codec: &'a dyn Codec,
    out: &'a mut Buffer,
}

impl Replies<'_> {
    /// Appends one frame.
    ///
    /// # Errors
    /// The codec has no such frame, since it is too long or has the delimiter inside: nothing is
    /// appended.
    pub fn push(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        self.out.push_with(|bytes| self.codec.encode(frame, bytes))
    }

    /// How many bytes wait to be sent. No further frame is answered before they are fewer than
    /// 64 KiB.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.out.len()
    }
}

impl fmt::Debug for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("len_bytes", &self.len_bytes()).finish_non_exhaustive()
    }
}
