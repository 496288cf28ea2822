//! Bytes in, frames out: what every reader of frames keeps, whatever the stream. No I/O in it.

use std::ops::Range;

use super::{Codec, FrameError};

/// How much room a receive gets at least.
const ROOM_BYTES: usize = 16 * 1024;

/// Cuts what is received into frames. Bytes stay until their frame is whole, so that a reader that
/// stops in the middle goes on later and loses nothing.
///
/// ```
/// use sockeye_socket::frame::{Deframer, Lines};
///
/// let mut lines = Deframer::new(Lines::new(512));
/// for part in [&b"one\ntw"[..], b"o\n"] {
///     lines.recv_buffer()[..part.len()].copy_from_slice(part);
///     lines.handle_received(part.len());
/// }
/// assert_eq!(lines.poll_frame()?, Some(&b"one"[..]));
/// assert_eq!(lines.poll_frame()?, Some(&b"two"[..]));
/// assert_eq!(lines.poll_frame()?, None);
/// lines.handle_eof()?;
/// # Ok::<(), sockeye_socket::frame::FrameError>(())
/// ```
#[derive(Debug)]
pub struct Deframer<C> {
    codec: C,
    /// What came and was not given out is between `start` and `end`; behind it is room.
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl<C> Deframer<C> {
    /// Frames by `codec`. Takes no memory before the first byte comes.
    #[must_use]
    pub fn new(codec: C) -> Self {
        Self { codec, buf: Vec::new(), start: 0, end: 0 }
    }

    /// The codec.
    #[must_use]
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// Room for what is received next, never empty; say how much came with
    /// [`handle_received`](Self::handle_received). Take out the frames in between: the room grows
    /// with what nobody takes.
    pub fn recv_buffer(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < ROOM_BYTES {
            self.buf.resize(self.end + ROOM_BYTES, 0);
        }
        &mut self.buf[self.end..]
    }

    /// Takes the first `n` bytes of the room as received.
    ///
    /// # Panics
    /// The room has fewer bytes: that is a mistake in the program.
    pub fn handle_received(&mut self, n: usize) {
        assert!(n <= self.buf.len() - self.end, "no more can come than there is room for");
        self.end += n;
    }

    /// What came and belongs to no frame that was given out.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// Gives the memory back where nothing waits in it: for connections that are idle.
    pub fn shrink(&mut self) {
        if self.start == self.end {
            (self.buf, self.start, self.end) = (Vec::new(), 0, 0);
        }
    }
}

impl<C: Codec> Deframer<C> {
    /// The next frame; `None` until more has come.
    ///
    /// # Errors
    /// What came cannot be a frame: the stream is over.
    pub fn poll_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        Ok(self.advance()?.map(|place| self.frame(place)))
    }

    /// Takes the next frame out; gives where it is until the next
    /// [`recv_buffer`](Self::recv_buffer).
    pub(crate) fn advance(&mut self) -> Result<Option<Range<usize>>, FrameError> {
        let decoded = self.codec.decode(&self.buf[self.start..self.end])?;
        Ok(decoded.map(|decoded| {
            let place = self.start + decoded.frame.start..self.start + decoded.frame.end;
            self.start += decoded.consumed;
            place
        }))
    }

    pub(crate) fn frame(&self, place: Range<usize>) -> &[u8] {
        &self.buf[place]
    }

    /// The stream has ended: that is good between two frames only.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside of a frame.
    pub fn handle_eof(&self) -> Result<(), FrameError> {
        self.codec.finish(self.rest())
    }
}
