//! How long a call waits: one deadline for the whole of it, however often it is interrupted.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::errno;
use crate::error::{Error, Result};

/// How long a call rests that may send and cannot, first and at most: it doubles.
const PAUSE_MIN: Duration = Duration::from_micros(100);
const PAUSE_MAX: Duration = Duration::from_millis(10);

/// Tells whether an interrupted call goes on.
pub(crate) type GoOn<'h> = &'h (dyn Fn() -> bool + Sync);

/// A call under way: its name for errors, and whom to ask whether it goes on after a signal.
#[derive(Clone, Copy)]
pub(crate) struct Call<'h> {
    op: &'static str,
    go_on: Option<GoOn<'h>>,
}

impl<'h> Call<'h> {
    pub(crate) fn new(op: &'static str, go_on: Option<GoOn<'h>>) -> Self {
        Self { op, go_on }
    }

    /// Asks whether to go on after an interruption: `EINTR` if not.
    pub(crate) fn ask(self) -> Result<()> {
        match self.go_on {
            Some(go_on) if !go_on() => Err(Error::os(self.op, errno::EINTR)),
            _ => Ok(()),
        }
    }
}

impl From<&'static str> for Call<'_> {
    fn from(op: &'static str) -> Self {
        Self::new(op, None)
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op)
    }
}

/// How long one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as it takes.
    Forever,
    /// Not at all: `WouldBlock`.
    Never,
    /// Until then: `TimedOut`.
    Until(Instant),
}

impl Patience {
    /// So long from now; what the clock cannot count is for ever.
    pub(crate) fn lasting(time: Duration) -> Self {
        Instant::now().checked_add(time).map_or(Self::Forever, Self::Until)
    }

    /// Fails if the time is over.
    pub(crate) fn check(self, op: &'static str, now: Instant) -> Result<()> {
        match self {
            Self::Until(deadline) if now >= deadline => Err(Error::timed_out(op)),
            _ => Ok(()),
        }
    }

    /// Waits until `fd` is ready for one of `events` (or has an error).
    pub(crate) fn wait<'h>(
        self,
        call: impl Into<Call<'h>>,
        fd: BorrowedFd<'_>,
        events: PollFlags,
    ) -> Result<()> {
        self.wait_or_end(call, fd, events).map(drop)
    }

    /// As [`wait`](Self::wait); tells whether nothing more can be received.
    fn wait_or_end<'h>(
        self,
        call: impl Into<Call<'h>>,
        fd: BorrowedFd<'_>,
        events: PollFlags,
    ) -> Result<bool> {
        let call = call.into();
        let deadline = match self {
            Self::Forever => None,
            Self::Never => return Err(Error::os(call.op, errno::EAGAIN)),
            Self::Until(deadline) => Some(deadline),
        };
        let ends = if events.contains(PollFlags::IN) { END } else { PollFlags::empty() };
        let mut fds = [PollFd::from_borrowed_fd(fd, events | ends)];
        if !poll_until(call, &mut fds, deadline)? {
            return Err(Error::timed_out(call.op));
        }
        Ok(fds[0].revents().intersects(ends))
    }

    /// Sleeps for `time`, and no longer than the patience lasts.
    fn sleep(self, call: Call<'_>, time: Duration) -> Result<()> {
        let awake = Instant::now() + time;
        let awake = if let Self::Until(deadline) = self { deadline.min(awake) } else { awake };
        poll_until(call, &mut [], Some(awake)).map(drop)
    }

    /// Nothing will ever come: a blocking call says so at once, and one with a deadline sleeps
    /// until then, as in Python.
    fn outlast(self, call: Call<'_>) -> Error {
        let Self::Until(deadline) = self else { return Error::os(call.op, errno::ESHUTDOWN) };
        let slept = poll_until(call, &mut [], Some(deadline));
        slept.err().unwrap_or_else(|| Error::timed_out(call.op))
    }
}

/// What poll says of a socket that was shut down for receiving.
#[cfg(target_os = "linux")]
const END: PollFlags = PollFlags::RDHUP.union(PollFlags::HUP);
#[cfg(not(target_os = "linux"))]
const END: PollFlags = PollFlags::HUP;

/// Whether a socket was shut down for receiving, or both directions are over.
pub(crate) fn has_ended(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, END)];
    let polled = poll_until("poll", &mut fds, Some(Instant::now()));
    polled.is_ok() && fds[0].revents().intersects(END)
}

/// Waits until one of `fds` is ready; `false` if the deadline comes first.
pub(crate) fn poll_until<'h>(
    call: impl Into<Call<'h>>,
    fds: &mut [PollFd<'_>],
    deadline: Option<Instant>,
) -> Result<bool> {
    let call = call.into();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match poll(fds, left.map(timespec).as_ref()) {
            Ok(0) if left == Some(Duration::ZERO) => return Ok(false),
            // The clock decides: a wait that ends early goes on.
            Ok(0) => {}
            Err(Errno::INTR) => call.ask()?,
            Ok(_) => return Ok(true),
            Err(error) => return Err(Error::os(call.op, error.raw_os_error())),
        }
    }
}

/// The system's form of a time span; what it cannot hold is its longest.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// Runs `work` until it is done: again at once after EINTR, after waiting where it says EAGAIN.
/// The patience is asked for at the first wait, which is as good as the start of the call. Its end
/// is looked for at every further one: some sockets count as ready and have nothing to give (a
/// datagram socket that was shut down), and waiting alone would never end. Others count as ready
/// and take nothing (a unix datagram socket, where the receiver's queue is full): they are tried
/// again after a pause.
pub(crate) fn retry<'h, T>(
    call: impl Into<Call<'h>>,
    fd: BorrowedFd<'_>,
    events: PollFlags,
    patience: impl Fn() -> Patience,
    mut work: impl FnMut() -> io::Result<T>,
) -> Result<T> {
    let call = call.into();
    let (mut started, mut over, mut pause) = (None, false, PAUSE_MIN);
    loop {
        match work() {
            Ok(done) => return Ok(done),
            Err(error) => match error.raw_os_error() {
                Some(errno::EINTR) => call.ask()?,
                Some(errno::EAGAIN) => {
                    let again = started.is_some();
                    let patience = *started.get_or_insert_with(&patience);
                    if over {
                        return Err(patience.outlast(call));
                    }
                    if again {
                        patience.check(call.op, Instant::now())?;
                    }
                    if again && events == PollFlags::OUT {
                        patience.sleep(call, pause)?;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                    over = patience.wait_or_end(call, fd, events)?;
                }
                _ => return Err(Error::io(call.op, &error)),
            },
        }
    }
}

/// Calls `some` with how much is done until all of `total` is, within one patience: a peer that
/// takes or gives little at a time cannot draw it out. The error says how much was done.
pub(crate) fn whole<'h>(
    call: impl Into<Call<'h>>,
    total: usize,
    patience: Patience,
    now: impl Fn() -> Instant,
    mut some: impl FnMut(usize) -> Result<usize>,
) -> Result<()> {
    let call = call.into();
    let mut done = 0;
    while done < total {
        done += some(done).map_err(|error| error.after(done))?;
        if done < total {
            // A blocking call that a signal interrupts gives what it has, and no error.
            let next = call.ask().and_then(|()| patience.check(call.op, now()));
            next.map_err(|error| error.after(done))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::os::fd::AsFd;

    use sockeye_testkit::Clock;

    /// Runs `whole` with a peer that moves `bytes` in each step of so many milliseconds.
    fn stepping(
        total: usize,
        patience: impl Fn(Instant) -> Patience,
        bytes: usize,
        ms: u64,
    ) -> (Result<()>, Duration) {
        let clock = RefCell::new(Clock::new());
        let some = |_| {
            clock.borrow_mut().advance(Duration::from_millis(ms));
            Ok(bytes)
        };
        let now = || clock.borrow().now();
        let done = whole("recv_exact", total, patience(now()), now, some);
        (done, clock.borrow().elapsed())
    }

    #[test]
    fn a_peer_that_drips_does_not_draw_a_deadline_out() {
        let second = |now| Patience::Until(now + Duration::from_secs(1));
        let (done, took) = stepping(1 << 20, second, 1, 100);
        let error = done.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!((error.received(), took), (10, Duration::from_secs(1)));
        // Without a deadline it takes as long as it takes, and the last bytes may come late.
        stepping(1000, |_| Patience::Forever, 1, 3_600_000).0.unwrap();
        stepping(5, second, 5, 2_000).0.unwrap();
    }

    #[test]
    fn calls_are_repeated_after_interruption_only() {
        let (a, _b) = crate::socketpair().unwrap();
        let mut answers = vec![Ok(7), Err(errno::EINTR), Err(errno::EINTR)];
        let call = || answers.pop().unwrap().map_err(io::Error::from_raw_os_error);
        assert_eq!(retry("x", a.as_fd(), PollFlags::IN, || Patience::Never, call).unwrap(), 7);
        let call = || Err::<(), _>(io::Error::from_raw_os_error(errno::EPIPE));
        let error = retry("x", a.as_fd(), PollFlags::IN, || Patience::Forever, call).unwrap_err();
        assert_eq!(error.errno(), Some(errno::EPIPE));
    }

    #[test]
    fn one_deadline_covers_many_waits() {
        let (a, _b) = crate::socketpair().unwrap();
        // Never ready to read, always to write, and always EAGAIN: only the deadline ends it.
        for events in [PollFlags::IN, PollFlags::OUT] {
            let start = Instant::now();
            let patience = || Patience::lasting(Duration::from_millis(30));
            let call = || {
                assert!(start.elapsed() < Duration::from_secs(60), "the deadline does not end it");
                Err::<(), _>(io::Error::from_raw_os_error(errno::EAGAIN))
            };
            let error = retry("x", a.as_fd(), events, patience, call).unwrap_err();
            assert!(error.is_timeout() && !error.would_block());
            assert!(start.elapsed() >= Duration::from_millis(30));
        }
    }

    #[test]
    fn what_may_send_and_cannot_is_not_tried_without_a_pause() {
        let (a, _b) = crate::socketpair().unwrap();
        let mut tries = 0;
        let call = || {
            tries += 1;
            Err::<(), _>(io::Error::from_raw_os_error(errno::EAGAIN))
        };
        let patience = || Patience::lasting(Duration::from_millis(100));
        assert!(retry("x", a.as_fd(), PollFlags::OUT, patience, call).unwrap_err().is_timeout());
        // Two at once, seven while the pause doubles, ten after pauses of 10 ms.
        assert!(tries < 25, "{tries} tries in 100 ms");
    }

    #[test]
    fn what_the_clock_cannot_count_is_for_ever() {
        assert_eq!(Patience::lasting(Duration::MAX), Patience::Forever);
        assert_eq!(timespec(Duration::MAX).tv_sec, i64::MAX);
    }
}
