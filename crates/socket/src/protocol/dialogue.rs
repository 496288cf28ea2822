//! A dialogue: each line or frame that comes is answered by a closure.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::replies::{Answer, Frames, Replies};
use super::{Buffer, Close, Protocol};
use crate::frame::{Codec, Lines};

/// How much is received at a time: at least, and of a long frame at most.
const CHUNK_BYTES: usize = 4 * 1024;
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Of a peer that does not read its answers, no more lines are answered above this.
const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// Answers lines, LF or CRLF at their ends, or the frames of
/// [any codec](Self::with_codec). A line that is too long ends the dialogue; one that the end of
/// the stream cuts off is not answered. Asked to stop, it answers what has come and ends.
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
pub struct Dialogue<F, C = Lines> {
    answer: F,
    codec: C,
    input: Buffer,
    answers: Buffer,
    idle: Option<Duration>,
    deadline: Option<Instant>,
    line_timeout: Option<Duration>,
    /// When the line that has begun must be whole.
    line_deadline: Option<Instant>,
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
        Self::of(Lines::new(line_bytes_max), answer)
    }
}

impl<F, C> Dialogue<Frames<F>, C>
where
    F: FnMut(&[u8], &mut Replies<'_>) -> ControlFlow<()>,
    C: Codec,
{
    /// A dialogue in the frames of `codec`. `answer` gets each frame that comes and pushes the
    /// frames that are to be sent, any number; a `Break` ends the dialogue after that. Bytes that
    /// are no frame end it too.
    ///
    /// ```
    /// use sockeye_socket::frame::{BE, LengthPrefix};
    /// use sockeye_socket::protocol::{Arrival, Dialogue, Protocol, Replies};
    /// use sockeye_socket::server::ThreadingServer;
    /// use sockeye_socket::{Shutdown, create_connection, create_server};
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    ///
    /// /// Every frame comes back in capitals, behind a length of two bytes as it came.
    /// fn capitals(arrival: Arrival) -> impl Protocol + Send {
    ///     let answer = |frame: &[u8], replies: &mut Replies| {
    ///         match replies.push(&frame.to_ascii_uppercase()) {
    ///             Ok(()) => ControlFlow::Continue(()),
    ///             Err(_) => ControlFlow::Break(()),
    ///         }
    ///     };
    ///     Dialogue::with_codec(LengthPrefix::<u16, BE>::new(1024), answer)
    ///         .idle(Duration::from_secs(60), arrival.now)
    ///         .line_timeout(Duration::from_secs(10))
    /// }
    ///
    /// let server = ThreadingServer::new(create_server("127.0.0.1:0").bind()?)?;
    /// let addr = server.addresses().remove(0);
    /// let shutdown = Shutdown::new()?;
    /// let stop = shutdown.clone();
    /// let serving = std::thread::spawn(move || server.serve(&stop, capitals));
    ///
    /// let client = create_connection(&addr).open()?;
    /// client.sendall(b"\0\x05hello")?;
    /// let mut answer = [0; 7];
    /// client.recv_exact(&mut answer)?;
    /// assert_eq!(&answer, b"\0\x05HELLO");
    /// drop(client);
    /// shutdown.start(Duration::from_secs(1));
    /// assert_eq!(serving.join().unwrap()?.finished, 1);
    /// # Ok::<(), sockeye_socket::Error>(())
    /// ```
    pub fn with_codec(codec: C, answer: F) -> Self {
        Self::of(codec, Frames(answer))
    }
}

impl<F, C> Dialogue<F, C> {
    fn of(codec: C, answer: F) -> Self {
        Self {
            answer,
            codec,
            input: Buffer::new(),
            answers: Buffer::new(),
            idle: None,
            deadline: None,
            line_timeout: None,
            line_deadline: None,
            last: false,
            close: None,
        }
    }

    /// Ends the dialogue when nothing has come or gone for `timeout`: by a reset where answers
    /// wait that the peer does not read. Every byte begins it anew, so that a peer that sends one
    /// now and then stays: see [`line_timeout`](Self::line_timeout).
    #[must_use]
    pub fn idle(mut self, timeout: Duration, now: Instant) -> Self {
        self.idle = Some(timeout);
        self.moved(now);
        self
    }

    /// Ends the dialogue when a line or frame that has begun is not whole within `timeout`, however
    /// its bytes drip in; the answers to those before are still sent. Between two lines it does not
    /// count, nor while answers that the peer does not read keep us from reading: that is for
    /// [`idle`](Self::idle).
    #[must_use]
    pub fn line_timeout(mut self, timeout: Duration) -> Self {
        self.line_timeout = Some(timeout);
        self
    }

    fn moved(&mut self, now: Instant) {
        self.deadline = self.idle.and_then(|idle| now.checked_add(idle));
    }

    /// A part of a line is here, or none.
    fn begun(&mut self, now: Instant) {
        if self.input.is_empty() {
            self.line_deadline = None;
        } else if self.line_deadline.is_none() {
            self.line_deadline = self.line_timeout.and_then(|timeout| now.checked_add(timeout));
        }
    }

    fn end(&mut self, close: Close) {
        self.close = Some(close);
        self.line_deadline = None;
    }
}

impl<F: Answer<C>, C: Codec> Dialogue<F, C> {
    /// Answers the lines that have come, as long as their answers have room.
    fn answer_lines(&mut self, now: Instant) {
        while self.close.is_none() && self.answers.len() < ANSWERS_BYTES_MAX {
            match self.codec.decode(self.input.as_slice()) {
                Ok(Some(line)) => {
                    let text = &self.input.as_slice()[line.frame];
                    let flow = self.answer.answer(text, &self.codec, &mut self.answers);
                    self.input.consume(line.consumed);
                    self.line_deadline = None;
                    if flow.is_break() {
                        self.end(Close::Finish);
                    }
                }
                Ok(None) if !self.last => return self.begun(now),
                Ok(None) | Err(_) => self.end(Close::Finish),
            }
        }
    }
}

impl<F: Answer<C>, C: Codec> Protocol for Dialogue<F, C> {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.input.space(self.input.len().clamp(CHUNK_BYTES, CHUNK_BYTES_MAX))
    }

    fn handle_received(&mut self, bytes: usize, now: Instant) {
        self.input.commit(bytes);
        self.moved(now);
        self.answer_lines(now);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.last = true;
        self.answer_lines(now);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.answers.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, now: Instant) {
        self.answers.consume(bytes);
        self.moved(now);
        self.answer_lines(now);
    }

    fn poll_close(&self) -> Option<Close> {
        self.close
    }

    fn want_read(&self) -> bool {
        self.answers.len() < ANSWERS_BYTES_MAX
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.deadline, self.line_deadline].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if due(self.line_deadline) {
            self.end(Close::Finish);
        }
        if due(self.deadline) {
            let stuck = !self.answers.is_empty();
            self.end(if stuck { Close::Abort } else { Close::Finish });
            self.deadline = None;
        }
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.last = true;
        self.answer_lines(now);
    }
}

impl<F, C> fmt::Debug for Dialogue<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialogue")
            .field("input", &self.input)
            .field("answers", &self.answers)
            .field("close", &self.close)
            .finish_non_exhaustive()
    }
}
