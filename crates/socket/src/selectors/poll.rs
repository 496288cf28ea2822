//! Waiting by poll(2), for systems without epoll: each wait costs as much as there are descriptors.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::Events;
use crate::errno;
use crate::error::{Error, Result};
use crate::socket::wait::Call;
use crate::sys::{self, PollEntry};

#[derive(Default)]
pub(super) struct Backend {
    entries: Vec<PollEntry>,
    /// The key of the entry at the same place.
    keys: Vec<u64>,
}

impl Backend {
    pub(super) fn new() -> Result<Self> {
        Ok(Self::default())
    }

    fn place(&self, fd: BorrowedFd<'_>) -> Option<usize> {
        self.entries.iter().position(|entry| entry.fd() == fd.as_raw_fd())
    }

    pub(super) fn add(&mut self, fd: BorrowedFd<'_>, key: u64, events: Events) -> Result<()> {
        if self.place(fd).is_some() {
            return Err(Error::os("register", errno::EEXIST));
        }
        self.entries.push(PollEntry::new(fd, events));
        self.keys.push(key);
        Ok(())
    }

    pub(super) fn modify(&mut self, fd: BorrowedFd<'_>, key: u64, events: Events) -> Result<()> {
        let place = self.place(fd).ok_or_else(|| Error::os("modify", errno::ENOENT))?;
        self.entries[place] = PollEntry::new(fd, events);
        self.keys[place] = key;
        Ok(())
    }

    pub(super) fn delete(&mut self, fd: BorrowedFd<'_>) -> Result<()> {
        let place = self.place(fd).ok_or_else(|| Error::os("unregister", errno::ENOENT))?;
        self.entries.swap_remove(place);
        self.keys.swap_remove(place);
        Ok(())
    }

    /// One wait, which may end early and with nothing; `out` gets what happened.
    pub(super) fn wait(
        &mut self,
        call: Call<'_>,
        left: Option<Duration>,
        out: &mut Vec<(u64, Events)>,
    ) -> Result<()> {
        match sys::poll_entries(&mut self.entries, left) {
            Err(error) if error.raw_os_error() == Some(errno::EINTR) => return call.ask(),
            done => done.map_err(|error| Error::io("select", &error))?,
        }
        for (entry, key) in self.entries.iter().zip(&self.keys) {
            let mut events = Events::NONE;
            for (is, event) in [
                (entry.is_readable(), Events::READ),
                (entry.is_writable(), Events::WRITE),
                (entry.is_closed(), Events::CLOSED),
            ] {
                if is {
                    events |= event;
                }
            }
            if events != Events::NONE {
                out.push((*key, events));
            }
        }
        Ok(())
    }
}
