//! Frames before a mark: lines, and any other delimiter.

use super::{Codec, Decoded, FrameError, check_len, too_long};

/// Lines that end with LF or CR LF, whose frames have neither. A CR elsewhere is part of its line.
///
/// ```
/// use sockeye_socket::frame::{Codec, Lines};
///
/// let mut lines = Lines::new(512);
/// let buf = b"hello\r\nwor";
/// let decoded = lines.decode(buf)?.unwrap();
/// assert_eq!(&buf[decoded.frame], b"hello");
/// assert_eq!(lines.decode(&buf[decoded.consumed..])?, None);
/// # Ok::<(), sockeye_socket::frame::FrameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lines {
    max: usize,
    crlf: bool,
    /// How many bytes are known to have no LF.
    seen: usize,
}

impl Lines {
    /// Lines of at most `line_bytes_max` bytes, the ending not counted; sent with LF.
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { max: line_bytes_max, crlf: false, seen: 0 }
    }

    /// Sends lines with CR LF.
    #[must_use]
    pub fn crlf(mut self) -> Self {
        self.crlf = true;
        self
    }
}

impl Codec for Lines {
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError> {
        let seen = self.seen.min(buf.len());
        let found = buf[seen..].iter().position(|&byte| byte == b'\n').map(|at| seen + at);
        // The line so far; a CR at its end may belong to the ending.
        let so_far = &buf[..found.unwrap_or(buf.len())];
        let line = so_far.strip_suffix(b"\r").unwrap_or(so_far);
        if line.len() > self.max {
            return Err(too_long(self.max));
        }
        self.seen = if found.is_some() { 0 } else { buf.len() };
        Ok(found.map(|at| Decoded { consumed: at + 1, frame: 0..line.len() }))
    }

    fn finish(&self, rest: &[u8]) -> Result<(), FrameError> {
        if rest.is_empty() {
            return Ok(());
        }
        Err(FrameError::Truncated { have: rest.len(), need: rest.len() + 1 })
    }

    fn encode(&self, line: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check_len(line, self.max)?;
        // A CR at the end of a line would be read as part of its ending.
        if line.contains(&b'\n') || line.ends_with(b"\r") {
            return Err(FrameError::Delimiter);
        }
        out.extend_from_slice(line);
        out.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
        Ok(())
    }
}

/// Frames that end with a mark of one or more bytes, which is not part of them.
#[derive(Debug, Clone)]
pub struct Delimiter {
    mark: Vec<u8>,
    max: usize,
    /// Before here no mark begins.
    seen: usize,
}

impl Delimiter {
    /// Frames of at most `frame_bytes_max` bytes before each `mark`.
    ///
    /// # Panics
    /// An empty mark ends nothing: that is a mistake in the program.
    #[must_use]
    pub fn new(mark: &[u8], frame_bytes_max: usize) -> Self {
        assert!(!mark.is_empty(), "a delimiter has at least one byte");
        Self { mark: mark.to_vec(), max: frame_bytes_max, seen: 0 }
    }

    /// How many bytes at the end of `buf` are a beginning of the mark.
    fn begun(&self, buf: &[u8]) -> usize {
        let most = (self.mark.len() - 1).min(buf.len());
        (0..=most).rev().find(|&n| buf.ends_with(&self.mark[..n])).unwrap_or(0)
    }
}

impl Codec for Delimiter {
    fn decode(&mut self, buf: &[u8]) -> Result<Option<Decoded>, FrameError> {
        let seen = self.seen.min(buf.len());
        let found = buf[seen..].windows(self.mark.len()).position(|window| window == self.mark);
        let found = found.map(|at| seen + at);
        // Without a mark the frame has every byte that is surely none of the mark's.
        let frame = found.unwrap_or_else(|| buf.len() - self.begun(buf));
        if frame > self.max {
            return Err(too_long(self.max));
        }
        self.seen = if found.is_some() { 0 } else { frame };
        Ok(found.map(|at| Decoded { consumed: at + self.mark.len(), frame: 0..at }))
    }

    fn finish(&self, rest: &[u8]) -> Result<(), FrameError> {
        if rest.is_empty() {
            return Ok(());
        }
        let need = rest.len() + self.mark.len() - self.begun(rest);
        Err(FrameError::Truncated { have: rest.len(), need })
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check_len(frame, self.max)?;
        let start = out.len();
        out.extend_from_slice(frame);
        out.extend_from_slice(&self.mark);
        // The mark must not begin earlier, across the border either.
        let first = out[start..].windows(self.mark.len()).position(|window| window == self.mark);
        if first != Some(frame.len()) {
            out.truncate(start);
            return Err(FrameError::Delimiter);
        }
        Ok(())
    }
}
