//! Waiting by epoll (Linux): one system call a wait, whatever the number of descriptors.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, epoll};
use rustix::io::Errno;

use super::Events;
use crate::error::{Error, Result};
use crate::socket::wait::{Call, poll_until, timespec};

/// How many events one wait reports at most; the others wait for the next one.
const EVENTS_MAX: usize = 1024;
/// epoll counts in milliseconds; waits up to this long with a fraction are timed by ppoll.
const FINE_MAX: Duration = Duration::from_millis(20);

pub(super) struct Backend {
    epoll: OwnedFd,
}

fn fail(op: &'static str, error: Errno) -> Error {
    Error::os(op, error.raw_os_error())
}

fn wanted(events: Events) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, events.is_readable());
    flags.set(epoll::EventFlags::OUT, events.is_writable());
    flags
}

fn happened(flags: epoll::EventFlags) -> Events {
    let mut events = Events::NONE;
    for (flag, event) in [
        (epoll::EventFlags::HUP | epoll::EventFlags::ERR, Events::CLOSED),
        (epoll::EventFlags::IN, Events::READ),
        (epoll::EventFlags::OUT, Events::WRITE),
    ] {
        if flags.intersects(flag) {
            events |= event;
        }
    }
    events
}

impl Backend {
    pub(super) fn new() -> Result<Self> {
        let created = epoll::create(epoll::CreateFlags::CLOEXEC);
        created.map(|epoll| Self { epoll }).map_err(|error| fail("epoll_create", error))
    }

    pub(super) fn add(&mut self, fd: BorrowedFd<'_>, key: u64, events: Events) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), wanted(events))
            .map_err(|error| fail("register", error))
    }

    pub(super) fn modify(&mut self, fd: BorrowedFd<'_>, key: u64, events: Events) -> Result<()> {
        epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(key), wanted(events))
            .map_err(|error| fail("modify", error))
    }

    pub(super) fn delete(&mut self, fd: BorrowedFd<'_>) -> Result<()> {
        match epoll::delete(&self.epoll, fd) {
            // Closed and opened anew: the kernel has forgotten the old one by itself.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(fail("unregister", error)),
        }
    }

    /// One wait, which may end early and with nothing; `out` gets what happened.
    pub(super) fn wait(
        &mut self,
        call: Call<'_>,
        left: Option<Duration>,
        out: &mut Vec<(u64, Events)>,
    ) -> Result<()> {
        let mut left = left;
        if let Some(time) = left.filter(|time| is_fine(*time)) {
            let mut fds = [PollFd::from_borrowed_fd(self.epoll.as_fd(), PollFlags::IN)];
            poll_until(call, &mut fds, Instant::now().checked_add(time))?;
            left = Some(Duration::ZERO);
        }
        // The kernel takes no more than i32::MAX milliseconds; the caller asks again.
        let time = left.map(|time| timespec(time.min(Duration::from_secs(86_400))));
        let mut space = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        match epoll::wait(&self.epoll, &mut space, time.as_ref()) {
            Ok((events, _)) => {
                let pair = |event: &mut epoll::Event| (event.data.u64(), happened(event.flags));
                out.extend(events.iter_mut().map(pair));
                Ok(())
            }
            Err(Errno::INTR) => call.ask(),
            Err(error) => Err(fail("select", error)),
        }
    }
}

impl AsFd for Backend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Whether epoll's milliseconds are too coarse for it.
fn is_fine(time: Duration) -> bool {
    time < FINE_MAX && time.subsec_nanos() % 1_000_000 != 0
}
