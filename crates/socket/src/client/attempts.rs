//! A race with its sockets, nonblocking: it starts what is due and looks at what has ended. It
//! never waits by itself: blocking, with a selector and on tokio that is done in three ways.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::net::{getpeername, sockopt::socket_error};

use crate::addr::{Address, Family};
use crate::errno;
use crate::error::{Error, Result};
use crate::happy::{AttemptId, Race};
use crate::socket::wait::{Patience, poll_until};
use crate::socket::{Kind, Socket};

/// A unix listener with a full queue cannot be waited for: it is asked again so often.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

/// A race and the sockets of its attempts, each held as an `S`.
#[derive(Debug)]
pub(crate) struct Attempts<S> {
    race: Race,
    source: Option<Address>,
    /// Makes an `S` of a socket whose connect has begun.
    hold: fn(Socket) -> Result<S>,
    under_way: Vec<Attempt<S>>,
    winner: Option<S>,
}

#[derive(Debug)]
struct Attempt<S> {
    id: AttemptId,
    addr: Address,
    held: Held<S>,
}

#[derive(Debug)]
enum Held<S> {
    Connecting(S),
    /// The queue of the unix listener was full; the next try is then.
    Queued(Socket, Instant),
}

/// Whether only one socket can have this source: it has a port or a name of its own.
pub(crate) fn is_for_one(source: Option<&Address>) -> bool {
    source.is_some_and(|source| source.port() != Some(0))
}

impl<S> Attempts<S> {
    pub(crate) fn new(race: Race, source: Option<Address>, hold: fn(Socket) -> Result<S>) -> Self {
        Self { race, source, hold, under_way: Vec::new(), winner: None }
    }

    pub(crate) fn race_mut(&mut self) -> &mut Race {
        &mut self.race
    }

    /// The sockets whose connect is under way: each becomes writable at its end.
    pub(crate) fn connecting(&self) -> impl Iterator<Item = &S> {
        self.under_way.iter().filter_map(|attempt| match &attempt.held {
            Held::Connecting(socket) => Some(socket),
            Held::Queued(..) => None,
        })
    }

    /// Gives up everything that is under way, and starts nothing any more. What is over goes to
    /// `close`.
    pub(crate) fn cancel(&mut self, mut close: impl FnMut(S)) {
        self.race.cancel();
        self.close_cancelled(&mut close);
    }

    /// When to come again even if no socket has ended.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let queued = self.under_way.iter().filter_map(|attempt| match attempt.held {
            Held::Queued(_, at) => Some(at),
            Held::Connecting(_) => None,
        });
        queued.chain(self.race.poll_timeout()).min()
    }

    fn connected(&mut self, id: AttemptId, socket: S) {
        self.race.handle_connected(id);
        self.winner = Some(socket);
    }

    fn close_cancelled(&mut self, close: &mut impl FnMut(S)) {
        while let Some(id) = self.race.poll_cancel() {
            let index = self.under_way.iter().position(|attempt| attempt.id == id);
            if let Some(Held::Connecting(socket)) = index.map(|i| self.under_way.remove(i).held) {
                close(socket);
            }
        }
    }
}

impl<S: AsFd> Attempts<S> {
    /// Looks at what has ended and starts what is due. Gives the winner, or the error of the whole
    /// race; `None` while it goes on. Sockets that are over go to `close`, before another one is
    /// made that may need their port.
    pub(crate) fn advance(&mut self, now: Instant, mut close: impl FnMut(S)) -> Result<Option<S>> {
        let mut ready = self.ready(now)?.into_iter();
        for attempt in std::mem::take(&mut self.under_way) {
            let Attempt { id, addr, held } = attempt;
            match held {
                Held::Connecting(socket) if ready.next() == Some(true) => {
                    match result_of(&socket) {
                        Ok(()) if !self.race.is_over() => self.connected(id, socket),
                        Ok(()) => close(socket),
                        Err(error) => {
                            close(socket);
                            self.race.handle_failed(id, error.at(&addr), now);
                        }
                    }
                }
                Held::Queued(socket, at) if at <= now && !self.race.is_over() => {
                    self.go_on(id, addr, socket, now);
                }
                held => self.under_way.push(Attempt { id, addr, held }),
            }
        }
        self.start(now, &mut close);
        match self.race.poll_outcome() {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Ok(self.winner.take()),
        }
    }

    /// Starts what is due.
    fn start(&mut self, now: Instant, close: &mut impl FnMut(S)) {
        loop {
            self.race.handle_timeout(now);
            self.close_cancelled(close);
            let Some((id, addr)) = self.race.poll_attempt(now) else { return };
            match nonblocking(addr.family(), self.source.as_ref()) {
                Ok(socket) => self.go_on(id, addr, socket, now),
                Err(error) => self.race.handle_failed(id, error, now),
            }
        }
    }

    /// Waits until a socket has ended or it is time to come again.
    pub(crate) fn wait(&self) -> Result<()> {
        let mut fds: Vec<_> = self.connecting().map(poll_fd).collect();
        poll_until("connect", &mut fds, self.poll_timeout()).map(|_| ())
    }

    /// Which of the sockets that are connecting have ended.
    fn ready(&self, now: Instant) -> Result<Vec<bool>> {
        let mut fds: Vec<_> = self.connecting().map(poll_fd).collect();
        if !fds.is_empty() {
            poll_until("connect", &mut fds, Some(now))?;
        }
        Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
    }

    /// Begins a connect, or asks a unix listener again.
    fn go_on(&mut self, id: AttemptId, addr: Address, socket: Socket, now: Instant) {
        let held = match socket.connect_by(&addr, Patience::Never) {
            Err(error) if error.errno() == Some(errno::EAGAIN) && addr.family() == Family::Unix => {
                let later = now.checked_add(QUEUE_RETRY).unwrap_or(now);
                Ok(Held::Queued(socket, later))
            }
            // EAGAIN too: the call was interrupted, and goes on in the kernel.
            Err(error) if error.would_block() => (self.hold)(socket).map(Held::Connecting),
            Err(error) => Err(error.at(&addr)),
            Ok(()) => match (self.hold)(socket) {
                Ok(socket) => return self.connected(id, socket),
                Err(error) => Err(error),
            },
        };
        match held {
            Ok(held) => self.under_way.push(Attempt { id, addr, held }),
            Err(error) => self.race.handle_failed(id, error, now),
        }
    }
}

fn poll_fd<S: AsFd>(socket: &S) -> PollFd<'_> {
    PollFd::new(socket, PollFlags::OUT)
}

/// Whether a socket has room to send, or an error, at this moment.
#[cfg(feature = "tokio")]
pub(crate) fn is_writable(socket: &impl AsFd) -> Result<bool> {
    poll_until("connect", &mut [poll_fd(socket)], Some(Instant::now()))
}

fn nonblocking(family: Family, source: Option<&Address>) -> Result<Socket> {
    let socket = Socket::new(family, Kind::Stream, 0)?;
    if let Some(source) = source {
        socket.bind(source)?;
    }
    socket.setblocking(false)?;
    Ok(socket)
}

/// How a connect ended whose socket is ready. One that has no error and no peer never began.
fn result_of(socket: &impl AsFd) -> Result<()> {
    let fail = |error: rustix::io::Errno| Error::os("connect", error.raw_os_error());
    socket_error(socket).map_err(fail)?.map_err(fail)?;
    getpeername(socket).map_err(fail).map(|_| ())
}
