//! Stopping everything at once, gracefully: one flag, one deadline, one descriptor that becomes
//! readable, and the sockets to shut down when the deadline passes. No runtime is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::error::Result;
use crate::event::Event;
use crate::socket::dup;
use crate::socket::wait::poll_until;

/// A request to stop that everybody shares: clone it freely.
///
/// [`start`](Self::start) asks for an end within a grace period: nobody takes new work from then
/// on, and what is under way is finished. When the period is over every
/// [registered](Self::register) socket is shut down, so that threads blocked in it come back.
/// [`now`](Self::now) does that at once.
///
/// ```
/// use sockeye_socket::{Shutdown, socketpair};
/// use std::time::Duration;
///
/// let shutdown = Shutdown::new()?;
/// let (a, _b) = socketpair()?;
/// let registration = shutdown.register(&a)?;
/// let stopper = shutdown.clone();
/// let thread = std::thread::spawn(move || stopper.start(Duration::ZERO));
/// // Blocks until the deadline ends it.
/// assert_eq!(a.recv(1)?, b"");
/// assert!(shutdown.is_started() && shutdown.is_expired());
/// thread.join().unwrap();
/// # drop(registration);
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
///
/// Ctrl-C ends a program gracefully, and a second one ends it at once. A signal handler may do next
/// to nothing, so a thread waits for the signals ([`start`](Self::start) says why), here that of
/// the `signal-hook` crate:
///
/// ```
/// use signal_hook::consts::{SIGINT, SIGTERM};
/// use signal_hook::iterator::Signals;
/// use sockeye_socket::Shutdown;
/// use std::time::Duration;
///
/// let shutdown = Shutdown::new()?;
/// let stop = shutdown.clone();
/// let mut signals = Signals::new([SIGINT, SIGTERM])?;
/// std::thread::spawn(move || {
///     for (before, _signal) in signals.forever().enumerate() {
///         match before {
///             0 => stop.start(Duration::from_secs(10)),
///             _ => stop.now(),
///         }
///     }
/// });
/// // Somebody presses Ctrl-C; a server that serves with `shutdown` comes back.
/// signal_hook::low_level::raise(SIGINT)?;
/// assert!(shutdown.wait(None) && !shutdown.is_expired());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Shutdown(Arc<Inner>);

struct Inner {
    started: AtomicBool,
    state: Mutex<State>,
    /// Told when the deadline moves.
    moved: Condvar,
    event: Event,
    #[cfg(feature = "tokio")]
    notify: tokio::sync::Notify,
}

#[derive(Default)]
struct State {
    deadline: Option<Instant>,
    expired: bool,
    watched: bool,
    next: u64,
    sockets: BTreeMap<u64, OwnedFd>,
}

impl Shutdown {
    /// One that nobody has started. Takes one descriptor.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> Result<Self> {
        let event = Event::new()?;
        Ok(Self(Arc::new(Inner {
            started: AtomicBool::new(false),
            state: Mutex::default(),
            moved: Condvar::new(),
            event,
            #[cfg(feature = "tokio")]
            notify: tokio::sync::Notify::new(),
        })))
    }

    /// Asks for an end within `grace`. Called again it can bring the deadline nearer, never move
    /// it away. Starts a thread that keeps the deadline.
    ///
    /// It takes locks and may start that thread, and [`now`](Self::now) takes locks too: call
    /// neither from a signal handler, but from a thread that waits for the signal, as in the
    /// example above.
    pub fn start(&self, grace: Duration) {
        let asked = Instant::now().checked_add(grace);
        let mut state = self.0.lock();
        state.deadline = match (state.deadline, asked) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
        // A grace that the clock cannot count has no deadline: nothing to watch.
        let watch = !state.watched && !state.expired && state.deadline.is_some();
        state.watched |= watch;
        drop(state);
        self.announce();
        self.0.moved.notify_all();
        if watch && !self.spawn_watch() {
            // Without a thread nobody could keep the deadline: it is now.
            self.now();
        }
    }

    /// Ends the grace: the deadline is now, and every registered socket is shut down.
    pub fn now(&self) {
        let mut state = self.0.lock();
        let now = Instant::now();
        state.deadline = Some(state.deadline.map_or(now, |old| old.min(now)));
        drop(state);
        self.announce();
        self.0.expire();
        self.0.moved.notify_all();
    }

    /// Whether somebody asked for an end.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.started.load(Ordering::Acquire)
    }

    /// Whether the grace is over.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.is_started() && self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// When everything must be over; `None` before the start.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.lock().deadline
    }

    /// Has `socket` shut down when the grace is over (at once, if it is already). Keeps a duplicate
    /// of the descriptor until the registration is dropped.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn register(&self, socket: impl AsFd) -> Result<Registration> {
        let copy = dup(socket)?;
        let mut state = self.0.lock();
        if state.expired {
            end(&copy);
        }
        let id = state.next;
        state.next += 1;
        state.sockets.insert(id, copy);
        Ok(Registration { inner: Arc::clone(&self.0), id })
    }

    /// Waits until somebody asks for an end; `false` if `timeout` passes before.
    #[must_use]
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut fds = [PollFd::new(&self.0.event, PollFlags::IN)];
        let _ = poll_until("wait", &mut fds, deadline);
        self.is_started()
    }

    /// As [`wait`](Self::wait), for ever, for a task of tokio. Takes no descriptor.
    #[cfg(feature = "tokio")]
    pub async fn wait_async(&self) {
        let notified = self.0.notify.notified();
        // Created before the look: a start between the two is not lost.
        if !self.is_started() {
            notified.await;
        }
    }

    fn announce(&self) {
        if !self.0.started.swap(true, Ordering::AcqRel) {
            self.0.event.set();
            #[cfg(feature = "tokio")]
            self.0.notify.notify_waiters();
        }
    }

    fn spawn_watch(&self) -> bool {
        let inner = Arc::clone(&self.0);
        let builder = std::thread::Builder::new().name("shutdown".to_owned());
        builder.spawn(move || inner.watch()).is_ok()
    }
}

impl Inner {
    /// A thread that panicked left the state whole: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut state = self.lock();
        while let Some(deadline) = state.deadline.filter(|_| !state.expired) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return self.expire();
            }
            let waited = self.moved.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn expire(&self) {
        let mut state = self.lock();
        state.expired = true;
        state.sockets.values().for_each(end);
    }
}

/// Both directions; a socket that is not connected any more needs it no more.
fn end(socket: &OwnedFd) {
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
}

/// A socket that a [`Shutdown`] ends at its deadline; dropped, it is forgotten.
#[must_use = "dropped, the socket is forgotten"]
pub struct Registration {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.inner.lock().sockets.remove(&self.id);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AsFd for Shutdown {
    /// Readable for good once the end is asked for: register it in a
    /// [`Selector`](crate::Selector).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("started", &self.is_started()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_only_comes_nearer() {
        let shutdown = Shutdown::new().unwrap();
        assert!(!shutdown.is_started() && shutdown.deadline().is_none());
        assert!(!shutdown.wait(Some(Duration::ZERO)));
        shutdown.start(Duration::from_secs(3600));
        let first = shutdown.deadline().unwrap();
        shutdown.start(Duration::from_secs(7200));
        assert_eq!(shutdown.deadline(), Some(first));
        shutdown.start(Duration::from_secs(1800));
        assert!(shutdown.deadline().unwrap() < first);
        assert!(shutdown.wait(None) && !shutdown.is_expired());
        shutdown.now();
        assert!(shutdown.is_expired());
    }

    #[test]
    fn a_socket_registered_too_late_is_ended_at_once() {
        let shutdown = Shutdown::new().unwrap();
        shutdown.now();
        let (a, b) = crate::socketpair().unwrap();
        let registration = shutdown.register(&a).unwrap();
        assert_eq!(b.recv(1).unwrap(), b"");
        drop(registration);
    }

    #[test]
    fn a_forgotten_socket_lives_on() {
        let shutdown = Shutdown::new().unwrap();
        let (a, b) = crate::socketpair().unwrap();
        drop(shutdown.register(&a).unwrap());
        shutdown.now();
        a.sendall(b"x").unwrap();
        assert_eq!(b.recv(1).unwrap(), b"x");
    }
}
