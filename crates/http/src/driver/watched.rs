//! A socket with deadlines, plain or with TLS. Only a wait costs anything: a call that is done at
//! once never touches the timer, and the timer is moved only where it would ring too late.

use std::future::{Future, poll_fn};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use sockeye_socket::{How, Socket, aio, opt};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use super::encrypted::Encrypted;

/// Why a wait ended without what was waited for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The deadline passed.
    TimedOut,
    /// The peer has gone, or the system ended it.
    Gone,
    /// The file cannot be read as far as its facts said.
    Cut,
}

/// How fast a peer must be at least: so many bytes in so much time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The time.
    pub(crate) timeout: Duration,
    /// The bytes.
    pub(crate) bytes_min: u64,
}

/// Lends memory to receive into.
pub(crate) trait Memory {
    /// Lends it; it is not empty.
    fn lend(&mut self) -> &mut [u8];
    /// Has it back: nothing has come yet.
    fn take_back(&mut self) {}
}

impl Memory for &mut [u8] {
    fn lend(&mut self) -> &mut [u8] {
        self
    }
}

/// What bytes come from and go to.
pub(crate) enum Stream {
    /// The socket itself.
    Plain(aio::Socket),
    /// TLS on a socket.
    Tls(Box<Encrypted>),
}

pub(crate) struct Watched {
    stream: Stream,
    timer: Pin<Box<Sleep>>,
    pace: Pace,
    /// Until when the peer must have moved the bytes of its pace; set by the first wait.
    pace_deadline: Option<Instant>,
    pace_bytes: u64,
    has_waited: bool,
}

impl Watched {
    pub(crate) fn new(stream: Stream, pace: Pace) -> Watched {
        let timer = Box::pin(tokio::time::sleep(pace.timeout));
        Watched { stream, timer, pace, pace_deadline: None, pace_bytes: 0, has_waited: false }
    }

    /// Receives into `buffer`; 0 bytes is the end of the stream.
    pub(crate) async fn recv(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<usize, Failure> {
        let mut memory = buffer;
        self.recv_by(&mut memory, deadline).await
    }

    /// Receives into what `memory` lends, which has it back for as long as nothing comes.
    pub(crate) async fn recv_by(
        &mut self,
        memory: &mut impl Memory,
        deadline: Instant,
    ) -> Result<usize, Failure> {
        let stream = &mut self.stream;
        let read = poll_fn(|cx| {
            let mut read = ReadBuf::new(memory.lend());
            let polled = match stream {
                Stream::Plain(socket) => Pin::new(socket).poll_read(cx, &mut read),
                Stream::Tls(tls) => tls.poll_recv(cx, &mut read),
            };
            match polled {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(read.filled().len())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => {
                    memory.take_back();
                    Poll::Pending
                }
            }
        });
        within(&mut self.timer, || deadline, read).await
    }

    /// Whether a call had to wait since this was asked last.
    pub(crate) fn take_waited(&mut self) -> bool {
        std::mem::take(&mut self.has_waited)
    }

    /// Starts a new account of the peer's pace.
    pub(crate) fn start_pace(&mut self) {
        self.pace_deadline = None;
        self.pace_bytes = 0;
    }

    /// Receives as [`Watched::recv`], from a peer that must keep its pace.
    pub(crate) async fn recv_paced(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let timeout = self.pace.timeout;
        let deadline = *self.pace_deadline.get_or_insert_with(|| Instant::now() + timeout);
        let received = self.recv(buffer, deadline).await?;
        self.moved(received);
        Ok(received)
    }

    /// Sends all of `bytes`; `more` says that other bytes follow at once.
    pub(crate) async fn send_all(&mut self, bytes: &[u8], more: bool) -> Result<(), Failure> {
        match &mut self.stream {
            Stream::Plain(_) => {}
            Stream::Tls(tls) if more => {
                tls.hold(bytes);
                return Ok(());
            }
            Stream::Tls(_) => return self.send_encrypted(bytes).await,
        }
        let mut sent = 0;
        while sent < bytes.len() {
            let rest = &bytes[sent..];
            let call = |socket: &Socket| match more {
                true => socket.send_more(rest),
                false => socket.send(rest),
            };
            sent += self.send_by(call).await?;
        }
        Ok(())
    }

    /// Sends at most `count` bytes of `file` from `offset`, in one call; says how many went.
    pub(crate) async fn send_file(
        &mut self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> Result<usize, Failure> {
        if let Stream::Tls(tls) = &mut self.stream {
            let read = tls.hold_file(&file, offset, count).map_err(|_| Failure::Cut)?;
            self.send_encrypted(&[]).await?;
            return Ok(read);
        }
        self.send_by(|socket| socket.sendfile_some(&file, offset, count)).await
    }

    /// Makes a call that sends: at once where it can be done, else when the socket takes more.
    async fn send_by(
        &mut self,
        call: impl Fn(&Socket) -> sockeye_socket::Result<usize>,
    ) -> Result<usize, Failure> {
        let sent = match (call(self.socket()), &self.stream) {
            (Err(error), Stream::Plain(socket)) if error.would_block() => {
                self.has_waited = true;
                let deadline = pace_deadline(&mut self.pace_deadline, self.pace.timeout);
                within(&mut self.timer, deadline, socket.when_writable(call)).await?
            }
            (done, _) => done.map_err(|_| Failure::Gone)?,
        };
        self.moved(sent);
        Ok(sent)
    }

    /// Encrypts and sends what was held and `bytes`, all of it.
    async fn send_encrypted(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut sent = 0;
        loop {
            let Stream::Tls(tls) = &mut self.stream else { return Err(Failure::Gone) };
            let waited = &mut self.has_waited;
            let send = poll_fn(|cx| {
                let polled = tls.poll_send(cx, &bytes[sent..]);
                *waited |= polled.is_pending();
                polled
            });
            let deadline = pace_deadline(&mut self.pace_deadline, self.pace.timeout);
            match within(&mut self.timer, deadline, send).await? {
                0 => return Ok(()),
                count => {
                    sent += count;
                    self.moved(count);
                }
            }
        }
    }

    /// Whether there is TLS, whose end has to be said.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn shut_sending(&mut self) {
        match &mut self.stream {
            // A peer that has gone already needs no word of it.
            Stream::Plain(socket) => drop(socket.get_ref().shutdown(How::Write)),
            Stream::Tls(tls) => {
                let shut = poll_fn(|cx| tls.poll_shut(cx));
                let mut deadline = None;
                let deadline = pace_deadline(&mut deadline, self.pace.timeout);
                let _ = within(&mut self.timer, deadline, shut).await;
            }
        }
    }

    /// Makes the close a reset, so that nobody takes it for the end of what was sent.
    pub(crate) fn reset_on_close(&self) {
        // Where it fails the connection has gone already.
        let _ = self.socket().setsockopt(opt::SO_LINGER, Some(Duration::ZERO));
    }

    /// Gives the stream away.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    fn socket(&self) -> &Socket {
        match &self.stream {
            Stream::Plain(socket) => socket.get_ref(),
            Stream::Tls(tls) => tls.socket(),
        }
    }

    fn moved(&mut self, bytes: usize) {
        self.pace_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.pace_bytes >= self.pace.bytes_min {
            self.start_pace();
        }
    }
}

fn pace_deadline(
    deadline: &mut Option<Instant>,
    timeout: Duration,
) -> impl FnMut() -> Instant + use<'_> {
    move || *deadline.get_or_insert_with(|| Instant::now() + timeout)
}

/// Runs `call` until it is done or the deadline has passed. The deadline is only asked for where
/// the call has to wait.
async fn within<T, E>(
    timer: &mut Pin<Box<Sleep>>,
    mut deadline: impl FnMut() -> Instant,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let mut call = std::pin::pin!(call);
    poll_fn(|cx| {
        if let Poll::Ready(done) = call.as_mut().poll(cx) {
            return Poll::Ready(done.map_err(|_| Failure::Gone));
        }
        let deadline = tokio::time::Instant::from_std(deadline());
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        // It may ring early, for a deadline that has moved away since.
        while timer.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= deadline {
                return Poll::Ready(Err(Failure::TimedOut));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}
