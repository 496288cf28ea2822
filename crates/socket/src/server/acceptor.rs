//! An accept loop that survives having no descriptors left.

use std::fmt;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::addr::{Address, Family};
use crate::errno;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::shutdown::Shutdown;
use crate::socket::Socket;
use crate::socket::wait::{has_ended, poll_until};

/// What one try to accept gave.
#[derive(Debug)]
pub enum Accept {
    /// A client: blocking, close-on-exec, and where it is from.
    Connection(Socket, Address),
    /// Nobody waits.
    Empty,
    /// Descriptors or memory ran out: the clients stay queued. Try again then and not before, and
    /// do not wait for the listener meanwhile, since it stays readable.
    Paused {
        /// When to try again.
        until: Instant,
    },
}

/// The first pause after running out, doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause: within a second of descriptors coming free clients are served again.
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// How many clients that were gone before they were accepted one try passes over.
const GONE_MAX: usize = 128;

/// Accepts clients, come what may.
///
/// - A client that is gone already (`ECONNABORTED` and network errors) is passed over.
/// - Out of descriptors or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), it pauses and the
///   clients wait in the queue; none is dropped. One descriptor is held in reserve and let go
///   while it pauses, so that the connections there are can still open a file; it is taken back
///   before the next client is.
///
/// ```
/// use sockeye_socket::{Acceptor, Shutdown, create_server};
/// use std::time::Duration;
///
/// let mut acceptor = Acceptor::new(create_server("127.0.0.1:0").bind()?)?;
/// let shutdown = Shutdown::new()?;
/// shutdown.start(Duration::ZERO);
/// while let Some((socket, peer)) = acceptor.accept(&shutdown)? {
///     println!("{peer} is here");
///     drop(socket);
/// }
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct Acceptor {
    listener: Socket,
    reserve: Option<Event>,
    pause: Duration,
    until: Option<Instant>,
    #[cfg(feature = "tokio")]
    pub(crate) readiness: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Acceptor {
    /// Takes a listening socket over and makes it nonblocking.
    ///
    /// # Errors
    /// No descriptor left for the reserve.
    pub fn new(listener: Socket) -> Result<Self> {
        listener.setblocking(false)?;
        Ok(Self {
            listener,
            reserve: Some(Event::new()?),
            pause: PAUSE_MIN,
            until: None,
            #[cfg(feature = "tokio")]
            readiness: None,
        })
    }

    /// The listening socket.
    #[must_use]
    pub fn listener(&self) -> &Socket {
        &self.listener
    }

    /// Takes the next client if there is one; never waits. `now` is the caller's clock.
    ///
    /// # Errors
    /// The listener itself is broken (closed, shut down, not listening).
    pub fn try_accept(&mut self, now: Instant) -> Result<Accept> {
        if let Some(until) = self.until.filter(|until| now < *until) {
            return Ok(Accept::Paused { until });
        }
        self.until = None;
        if self.reserve.is_none() {
            match Event::new() {
                Ok(fd) => self.reserve = Some(fd),
                Err(_) => return Ok(self.pause(now)),
            }
        }
        let mut gone = 0;
        loop {
            let error = match self.listener.accept() {
                Ok((socket, addr)) => {
                    self.pause = PAUSE_MIN;
                    return Ok(Accept::Connection(socket, addr));
                }
                Err(error) => error,
            };
            match error.errno() {
                Some(errno::EAGAIN) if self.is_shut_down() => {
                    return Err(Error::os("accept", errno::EINVAL));
                }
                Some(errno::EAGAIN) => return Ok(Accept::Empty),
                Some(errno::EMFILE | errno::ENFILE | errno::ENOBUFS | errno::ENOMEM) => {
                    return Ok(self.pause(now));
                }
                Some(errno) if is_gone(errno) && gone < GONE_MAX => gone += 1,
                _ => return Err(error),
            }
        }
    }

    /// Waits for the next client; `None` once `shutdown` is started.
    ///
    /// # Errors
    /// As [`try_accept`](Self::try_accept).
    pub fn accept(&mut self, shutdown: &Shutdown) -> Result<Option<(Socket, Address)>> {
        loop {
            if shutdown.is_started() {
                return Ok(None);
            }
            let stop = PollFd::new(shutdown, PollFlags::IN);
            match self.try_accept(Instant::now())? {
                Accept::Connection(socket, addr) => return Ok(Some((socket, addr))),
                Accept::Empty => {
                    let listener = PollFd::new(&self.listener, PollFlags::IN);
                    poll_until("accept", &mut [stop, listener], None)?;
                }
                Accept::Paused { until } => {
                    poll_until("accept", &mut [stop], Some(until))?;
                }
            }
        }
    }

    /// Whether nobody can come any more. Of a unix listener that was shut down the system says for
    /// ever that it is readable, and that nobody waits; of others it says what they are.
    fn is_shut_down(&self) -> bool {
        self.listener.family() == Family::Unix && has_ended(self.listener.as_fd())
    }

    fn pause(&mut self, now: Instant) -> Accept {
        self.reserve = None;
        let until = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.until = Some(until);
        Accept::Paused { until }
    }
}

/// Errors that are about the client, whose place in the queue is free again.
///
/// # Source
/// accept(2), "Error handling", and `EPERM` from a firewall.
fn is_gone(errno: i32) -> bool {
    #[cfg(target_os = "linux")]
    if errno == errno::ENONET {
        return true;
    }
    matches!(
        errno,
        errno::ECONNABORTED
            | errno::ECONNRESET
            | errno::EPROTO
            | errno::EPERM
            | errno::ENETDOWN
            | errno::ENOPROTOOPT
            | errno::EHOSTDOWN
            | errno::EHOSTUNREACH
            | errno::ENETUNREACH
            | errno::ETIMEDOUT
    )
}

impl AsFd for Acceptor {
    /// The listener's descriptor, readable when a client waits.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paused = self.until.is_some();
        f.debug_struct("Acceptor")
            .field("listener", &self.listener)
            .field("paused", &paused)
            .finish_non_exhaustive()
    }
}
