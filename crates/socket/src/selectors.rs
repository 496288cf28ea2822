//! Waiting for many sockets at once, level-triggered. How the system does it is in `epoll` and
//! `poll`, by the same method names.

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(any(not(target_os = "linux"), test))]
mod poll;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::errno;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::socket::wait::Call;
#[cfg(target_os = "linux")]
use epoll::Backend;
#[cfg(not(target_os = "linux"))]
use poll::Backend;

/// What to wait for and what happened: a set of [`READ`](Self::READ) and [`WRITE`](Self::WRITE).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Events(u8);

impl Events {
    /// Nothing (errors and hang-ups are reported all the same).
    pub const NONE: Self = Self(0);
    /// Bytes, a client, or the end of the stream is there.
    pub const READ: Self = Self(1);
    /// There is room to send, or a connect has ended.
    pub const WRITE: Self = Self(2);
    const CLOSED: Self = Self(4);

    /// Whether a receive (or an accept) would not wait.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self.contains(Self::READ)
    }

    /// Whether a send would not wait.
    #[must_use]
    pub fn is_writable(self) -> bool {
        self.contains(Self::WRITE)
    }

    /// Whether there is an error or both directions are over. Whatever was asked for counts as
    /// ready then, so that the next call finds out.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.contains(Self::CLOSED)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What it means to one who asked for `wanted`.
    fn for_one_who(self, wanted: Self) -> Self {
        if self.is_closed() { self | wanted } else { self }
    }
}

impl BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::READ, "READ"), (Self::WRITE, "WRITE"), (Self::CLOSED, "CLOSED")];
        let names = names.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| name);
        f.debug_set().entries(names).finish()
    }
}

/// Wakes a [`Selector`] from another thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Event>);

impl Waker {
    /// Makes the select that is under way, or the next one, return. Many calls count as one.
    pub fn wake(&self) {
        self.0.set();
    }
}

struct Entry<T> {
    data: T,
    wanted: Events,
    generation: u32,
}

/// Waits for many descriptors; each carries a `T` (a token, an index) that says what it is.
///
/// The descriptor stays its owner's: unregister it before it is closed.
///
/// ```
/// use sockeye_socket::{Events, Selector, socketpair};
/// use std::time::Duration;
///
/// let (a, b) = socketpair()?;
/// let mut selector = Selector::new()?;
/// selector.register(&a, Events::READ, "a")?;
/// assert_eq!(selector.select(Some(Duration::ZERO))?.count(), 0);
/// b.sendall(b"hello")?;
/// for (name, events) in selector.select(None)? {
///     assert!(*name == "a" && events.is_readable());
/// }
/// assert_eq!(selector.unregister(&a)?, "a");
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
pub struct Selector<T> {
    backend: Backend,
    waker: Waker,
    /// By descriptor number: the system gives the lowest free ones.
    entries: Vec<Option<Entry<T>>>,
    generation: u32,
    /// What happened in the last wait, by key.
    events: Vec<(u64, Events)>,
}

/// The key of the waker; no descriptor has this number.
const WAKER: u64 = u64::MAX;

impl<T> Selector<T> {
    /// A selector of nothing. Takes two descriptors.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> Result<Self> {
        let mut backend = Backend::new()?;
        let wake = Event::new()?;
        backend.add(wake.as_fd(), WAKER, Events::READ)?;
        Ok(Self {
            backend,
            waker: Waker(Arc::new(wake)),
            entries: Vec::new(),
            generation: 0,
            events: Vec::new(),
        })
    }

    /// Waits for `events` of `fd` from now on. A second registration of a descriptor number
    /// replaces one whose descriptor was closed, and is refused (`EEXIST`) otherwise.
    ///
    /// # Errors
    /// Registered already, a descriptor that cannot be waited for (a file: `EPERM`), or no memory.
    pub fn register(&mut self, fd: &impl AsFd, events: Events, data: T) -> Result<()> {
        let fd = fd.as_fd();
        let (index, generation) = (index(fd), self.generation.wrapping_add(1));
        self.backend.add(fd, key(fd, generation), events)?;
        self.generation = generation;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        self.entries[index] = Some(Entry { data, wanted: events, generation });
        Ok(())
    }

    /// Waits for other events of `fd`; its data stays ([`get_mut`](Self::get_mut) changes it).
    ///
    /// # Errors
    /// Not registered (`ENOENT`).
    pub fn modify(&mut self, fd: &impl AsFd, events: Events) -> Result<()> {
        let fd = fd.as_fd();
        let entry = self.entries.get_mut(index(fd)).and_then(Option::as_mut);
        let entry = entry.ok_or_else(|| Error::os("modify", errno::ENOENT))?;
        if entry.wanted == events {
            return Ok(());
        }
        self.backend.modify(fd, key(fd, entry.generation), events)?;
        entry.wanted = events;
        Ok(())
    }

    /// Forgets `fd` and gives its data back.
    ///
    /// # Errors
    /// Not registered (`ENOENT`).
    pub fn unregister(&mut self, fd: &impl AsFd) -> Result<T> {
        let fd = fd.as_fd();
        let entry = self.entries.get_mut(index(fd)).and_then(Option::take);
        let entry = entry.ok_or_else(|| Error::os("unregister", errno::ENOENT))?;
        self.backend.delete(fd)?;
        Ok(entry.data)
    }

    /// The data of `fd`, if it is registered.
    pub fn get_mut(&mut self, fd: &impl AsFd) -> Option<&mut T> {
        let entry = self.entries.get_mut(index(fd.as_fd()))?.as_mut()?;
        Some(&mut entry.data)
    }

    /// How many descriptors are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().flatten().next().is_none()
    }

    /// What wakes this selector; it may be cloned and sent to other threads.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits until something happens, `timeout` passes (`None`: for ever) or somebody wakes, and
    /// gives what happened: nothing after a timeout or a wake. Interruptions are waited through,
    /// and fractions of a millisecond count.
    ///
    /// # Errors
    /// The system refuses (no memory).
    pub fn select(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = (&T, Events)>> {
        self.wait("select".into(), timeout)?;
        Ok(self.happened())
    }

    /// As [`select`](Self::select), but a signal may end it: whenever one interrupts the wait,
    /// `go_on` is asked, and where it says `false` the error is `EINTR`.
    ///
    /// # Errors
    /// Ended by a signal, or as [`select`](Self::select).
    pub fn select_interruptible(
        &mut self,
        timeout: Option<Duration>,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<impl Iterator<Item = (&T, Events)>> {
        self.wait(Call::new("select", Some(go_on)), timeout)?;
        Ok(self.happened())
    }

    /// What the last wait found.
    fn happened(&self) -> impl Iterator<Item = (&T, Events)> {
        self.events.iter().filter_map(|(key, events)| {
            let entry = entry_of(&self.entries, *key)?;
            Some((&entry.data, events.for_one_who(entry.wanted)))
        })
    }

    /// As [`select`](Self::select) for data that is cloned: `out` is cleared and filled. For loops
    /// that register or unregister, which `select` does not let them.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_into(
        &mut self,
        timeout: Option<Duration>,
        out: &mut Vec<(T, Events)>,
    ) -> Result<()>
    where
        T: Clone,
    {
        out.clear();
        out.extend(self.select(timeout)?.map(|(data, events)| (data.clone(), events)));
        Ok(())
    }

    /// Fills `events`; takes the wakes out.
    fn wait(&mut self, call: Call<'_>, timeout: Option<Duration>) -> Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut left = timeout;
        loop {
            self.events.clear();
            self.backend.wait(call, left, &mut self.events)?;
            if !self.events.is_empty() {
                break;
            }
            left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || timeout == Some(Duration::ZERO) {
                break;
            }
        }
        if self.events.iter().any(|(key, _)| *key == WAKER) {
            self.waker.0.clear();
        }
        Ok(())
    }
}

/// A server is bound on one thread and run on another, its selector with it.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Selector<u32>>();
};

/// Descriptors are small numbers that are not negative.
fn index(fd: BorrowedFd<'_>) -> usize {
    usize::try_from(fd.as_raw_fd()).unwrap_or(usize::MAX)
}

/// The descriptor's number and the registration's, so that an old one's events are told apart.
fn key(fd: BorrowedFd<'_>, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(fd.as_raw_fd().unsigned_abs())
}

fn entry_of<T>(entries: &[Option<Entry<T>>], key: u64) -> Option<&Entry<T>> {
    if key == WAKER {
        return None;
    }
    let index = usize::try_from(key & u64::from(u32::MAX)).ok()?;
    let entry = entries.get(index)?.as_ref()?;
    (u64::from(entry.generation) == key >> 32).then_some(entry)
}

/// Readable when something happened (Linux).
#[cfg(target_os = "linux")]
impl<T> AsFd for Selector<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.backend.as_fd()
    }
}

impl<T> fmt::Debug for Selector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("registered", &self.len()).finish_non_exhaustive()
    }
}
