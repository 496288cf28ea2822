//! Waiting for many sockets at once: epoll, level-triggered, one system call a wait.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, epoll, eventfd};
use rustix::io::Errno;

use crate::errno;
use crate::error::{Error, Result};
use crate::socket::wait::{Call, poll_until, timespec};

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

    fn wanted(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, self.is_readable());
        flags.set(epoll::EventFlags::OUT, self.is_writable());
        flags
    }

    /// What `flags` mean to one who asked for `wanted`.
    fn happened(flags: epoll::EventFlags, wanted: Self) -> Self {
        let mut events = Self::NONE;
        if flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            events |= Self::CLOSED | wanted;
        }
        if flags.contains(epoll::EventFlags::IN) {
            events |= Self::READ;
        }
        if flags.contains(epoll::EventFlags::OUT) {
            events |= Self::WRITE;
        }
        events
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
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Makes the select that is under way, or the next one, return. Many calls count as one.
    pub fn wake(&self) {
        // A counter that is full (EAGAIN) wakes as well.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
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
    epoll: OwnedFd,
    waker: Waker,
    /// By descriptor number: the system gives the lowest free ones.
    entries: Vec<Option<Entry<T>>>,
    generation: u32,
    /// Keys and flags, not the kernel's events: those hold a union that no other thread may have.
    events: Vec<(u64, epoll::EventFlags)>,
}

/// The key of the waker; no descriptor has this number.
const WAKER: u64 = u64::MAX;
/// How many events one select reports at most; the others wait for the next one.
const EVENTS_MAX: usize = 1024;
/// epoll counts in milliseconds; waits up to this long with a fraction are timed by ppoll.
const FINE_MAX: Duration = Duration::from_millis(20);

fn fail(op: &'static str, error: Errno) -> Error {
    Error::os(op, error.raw_os_error())
}

impl<T> Selector<T> {
    /// A selector of nothing. Takes two descriptors.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> Result<Self> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| fail("epoll_create", e))?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|e| fail("eventfd", e))?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKER), epoll::EventFlags::IN)
            .map_err(|e| fail("register", e))?;
        Ok(Self {
            epoll,
            waker: Waker(Arc::new(wake)),
            entries: Vec::new(),
            generation: 0,
            events: Vec::with_capacity(EVENTS_MAX),
        })
    }

    /// Waits for `events` of `fd` from now on. A second registration of a descriptor number
    /// replaces one whose descriptor was closed, and is refused (`EEXIST`) otherwise.
    ///
    /// # Errors
    /// Registered already, a descriptor that cannot be waited for (a file: `EPERM`), or no memory.
    pub fn register(&mut self, fd: &impl AsFd, events: Events, data: T) -> Result<()> {
        let fd = fd.as_fd();
        let (index, key) = (index(fd), self.generation.wrapping_add(1));
        let flags = events.wanted();
        epoll::add(&self.epoll, fd, event_data(fd, key), flags)
            .map_err(|error| fail("register", error))?;
        self.generation = key;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        self.entries[index] = Some(Entry { data, wanted: events, generation: key });
        Ok(())
    }

    /// Waits for other events of `fd`.
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
        let data = event_data(fd, entry.generation);
        epoll::modify(&self.epoll, fd, data, events.wanted())
            .map_err(|error| fail("modify", error))?;
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
        match epoll::delete(&self.epoll, fd) {
            // Closed and opened anew: the kernel has forgotten the old one by itself.
            Ok(()) | Err(Errno::NOENT) => Ok(entry.data),
            Err(error) => Err(fail("unregister", error)),
        }
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
        self.events.iter().filter_map(|(key, flags)| {
            let entry = entry_of(&self.entries, *key)?;
            Some((&entry.data, Events::happened(*flags, entry.wanted)))
        })
    }

    /// As [`select`](Self::select) for data that is copied: `out` is cleared and filled.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_into(
        &mut self,
        timeout: Option<Duration>,
        out: &mut Vec<(T, Events)>,
    ) -> Result<()>
    where
        T: Copy,
    {
        out.clear();
        out.extend(self.select(timeout)?.map(|(data, events)| (*data, events)));
        Ok(())
    }

    /// Fills `events`; takes the wakes out.
    fn wait(&mut self, call: Call<'_>, timeout: Option<Duration>) -> Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut left = timeout;
        loop {
            self.wait_once(call, left)?;
            if !self.events.is_empty() {
                break;
            }
            left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || timeout == Some(Duration::ZERO) {
                break;
            }
        }
        if self.events.iter().any(|(key, _)| *key == WAKER) {
            // Nobody else reads it; EAGAIN cannot be.
            let _ = rustix::io::read(&*self.waker.0, &mut [0; 8]);
        }
        Ok(())
    }

    /// One wait: may end early, or with nothing.
    fn wait_once(&mut self, call: Call<'_>, left: Option<Duration>) -> Result<()> {
        self.events.clear();
        let mut left = left;
        if let Some(time) = left.filter(|time| is_fine(*time)) {
            let mut fds = [PollFd::from_borrowed_fd(self.epoll.as_fd(), PollFlags::IN)];
            let deadline = Instant::now().checked_add(time);
            poll_until(call, &mut fds, deadline)?;
            left = Some(Duration::ZERO);
        }
        // The kernel takes no more than i32::MAX milliseconds; the caller asks again.
        let time = left.map(|time| timespec(time.min(Duration::from_secs(86_400))));
        let mut space = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        match epoll::wait(&self.epoll, &mut space, time.as_ref()) {
            Ok((happened, _)) => {
                let pair = |event: &mut epoll::Event| (event.data.u64(), event.flags);
                self.events.extend(happened.iter_mut().map(pair));
                Ok(())
            }
            Err(Errno::INTR) => call.ask(),
            Err(error) => Err(fail("select", error)),
        }
    }
}

/// A server is bound on one thread and run on another, its selector with it.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Selector<u32>>();
};

/// Whether epoll's milliseconds are too coarse for it.
fn is_fine(time: Duration) -> bool {
    time < FINE_MAX && time.subsec_nanos() % 1_000_000 != 0
}

/// Descriptors are small numbers that are not negative.
fn index(fd: BorrowedFd<'_>) -> usize {
    usize::try_from(fd.as_raw_fd()).unwrap_or(usize::MAX)
}

/// The descriptor's number and the registration's, so that an old one's events are told apart.
fn event_data(fd: BorrowedFd<'_>, generation: u32) -> epoll::EventData {
    let fd = u64::from(fd.as_raw_fd().unsigned_abs());
    epoll::EventData::new_u64(u64::from(generation) << 32 | fd)
}

fn entry_of<T>(entries: &[Option<Entry<T>>], key: u64) -> Option<&Entry<T>> {
    if key == WAKER {
        return None;
    }
    let index = usize::try_from(key & u64::from(u32::MAX)).ok()?;
    let entry = entries.get(index)?.as_ref()?;
    (u64::from(entry.generation) == key >> 32).then_some(entry)
}

impl<T> AsFd for Selector<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl<T> fmt::Debug for Selector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("registered", &self.len()).finish_non_exhaustive()
    }
}
