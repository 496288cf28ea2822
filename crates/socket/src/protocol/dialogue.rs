//! A dialogue of lines: each line that comes is answered by a closure.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Buffer, Close, Protocol};
use crate::frame::{Codec, Lines};

/// How much is received at a time.
const CHUNK_BYTES: usize = 4 * 1024;
/// Of a peer that does not read its answers, no more lines are answered above this.
const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// Answers lines, LF or CRLF at their ends. A line that is too long ends the dialogue; one that the
/// end of the stream cuts off is not answered. Asked to stop, it answers what has come and ends.
///
/// ```
/// use sockeye_socket::protocol::{Dialogue, Memory};
/// use std::ops::ControlFlow;
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut memory = Memory::new(Dialogue::new(512, |line, answer| {
///     answer.push(line);
///     answer.push(b"!\n");
///     if line == b"bye" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// }));
/// memory.feed(b"hel", now);
/// memory.feed(b"lo\r\nbye\nnobody hears this\n", now);
/// assert_eq!(memory.take(100, now), b"hello!\nbye!\n");
/// assert!(memory.is_ended());
/// ```
pub struct Dialogue<F> {
    answer: F,
    codec: Lines,
    input: Buffer,
    answers: Buffer,
    idle: Option<Duration>,
    deadline: Option<Instant>,
    /// No more lines will come.
    last: bool,
    close: Option<Close>,
}

impl<F> Dialogue<F>
where
    F: FnMut(&[u8], &mut Buffer) -> ControlFlow<()>,
{
    /// A dialogue with lines of at most `line_bytes_max` bytes, their ends not counted. `answer`
    /// gets each line without its end and appends what is to be sent; a `Break` ends the dialogue
    /// after that.
    pub fn new(line_bytes_max: usize, answer: F) -> Self {
        Self {
            answer,
            codec: Lines::new(line_bytes_max),
            input: Buffer::new(),
            answers: Buffer::new(),
            idle: None,
            deadline: None,
            last: false,
            close: None,
        }
    }

    /// Ends the dialogue when nothing has come or gone for `timeout`: by a reset where answers
    /// wait that the peer does not read.
    #[must_use]
    pub fn idle(mut self, timeout: Duration, now: Instant) -> Self {
        self.idle = Some(timeout);
        self.moved(now);
        self
    }

    fn moved(&mut self, now: Instant) {
        self.deadline = self.idle.and_then(|idle| now.checked_add(idle));
    }

    /// Answers the lines that have come, as long as their answers have room.
    fn answer_lines(&mut self) {
        while self.close.is_none() && self.answers.len() < ANSWERS_BYTES_MAX {
            match self.codec.decode(self.input.as_slice()) {
                Ok(Some(line)) => {
                    let text = &self.input.as_slice()[line.frame];
                    if (self.answer)(text, &mut self.answers).is_break() {
                        self.close = Some(Close::Finish);
                    }
                    self.input.consume(line.consumed);
                }
                Ok(None) if !self.last => return,
                Ok(None) | Err(_) => self.close = Some(Close::Finish),
            }
        }
    }
}

impl<F> Protocol for Dialogue<F>
where
    F: FnMut(&[u8], &mut Buffer) -> ControlFlow<()>,
{
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.input.space(CHUNK_BYTES)
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        self.input.commit(bytes);
        self.moved(now);
        self.answer_lines();
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.last = true;
        self.answer_lines();
    }

    fn poll_transmit(&self) -> &[u8] {
        self.answers.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, now: Instant) {
        self.answers.consume(bytes);
        self.moved(now);
        self.answer_lines();
    }

    fn poll_close(&self) -> Option<Close> {
        self.close
    }

    fn want_read(&self) -> bool {
        self.answers.len() < ANSWERS_BYTES_MAX
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let stuck = !self.answers.is_empty();
            self.close = Some(if stuck { Close::Abort } else { Close::Finish });
            self.deadline = None;
        }
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.last = true;
        self.answer_lines();
    }
}

impl<F> fmt::Debug for Dialogue<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialogue")
            .field("input", &self.input)
            .field("answers", &self.answers)
            .field("close", &self.close)
            .finish_non_exhaustive()
    }
}
