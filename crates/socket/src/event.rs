//! A descriptor that is readable from the moment somebody says so until it is cleared: what wakes a
//! poll. An eventfd on Linux, a pair of unix sockets elsewhere.

use std::os::fd::{AsFd, BorrowedFd};

#[cfg(not(target_os = "linux"))]
pub(crate) use pair::Event;

#[cfg(target_os = "linux")]
pub(crate) use counter::Event;

#[cfg(target_os = "linux")]
mod counter {
    use std::os::fd::OwnedFd;

    use rustix::event::{EventfdFlags, eventfd};

    use crate::error::{Error, Result};

    #[derive(Debug)]
    pub(crate) struct Event(pub(super) OwnedFd);

    impl Event {
        pub(crate) fn new() -> Result<Self> {
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map(Self)
                .map_err(|error| Error::os("eventfd", error.raw_os_error()))
        }

        /// Makes it readable. Many times count as one.
        pub(crate) fn set(&self) {
            // A counter that is full (EAGAIN) is readable as well.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        /// Makes it unreadable until it is set again.
        pub(crate) fn clear(&self) {
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
mod pair {
    use std::os::fd::OwnedFd;

    use socket2::{Domain, Socket, Type};

    use crate::error::{Error, Result};

    #[derive(Debug)]
    pub(crate) struct Event(pub(super) OwnedFd, OwnedFd);

    impl Event {
        pub(crate) fn new() -> Result<Self> {
            let fail = |error: std::io::Error| Error::io("socketpair", &error);
            let (read, write) = Socket::pair(Domain::UNIX, Type::STREAM, None).map_err(fail)?;
            read.set_nonblocking(true).map_err(fail)?;
            write.set_nonblocking(true).map_err(fail)?;
            Ok(Self(read.into(), write.into()))
        }

        pub(crate) fn set(&self) {
            // Full is readable as well.
            let _ = rustix::io::write(&self.1, &[1]);
        }

        pub(crate) fn clear(&self) {
            while rustix::io::read(&self.0, &mut [0; 64]).is_ok_and(|n| n > 0) {}
        }
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::{AsFd, OwnedFd};

    fn is_readable(fd: &OwnedFd) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    macro_rules! is_readable_while_set {
        ($($module:ident)*) => {$(
            #[test]
            fn $module() {
                let event = super::$module::Event::new().unwrap();
                assert!(!is_readable(&event.0));
                for _ in 0..1000 {
                    event.set();
                }
                assert!(is_readable(&event.0));
                event.clear();
                assert!(!is_readable(&event.0));
                event.set();
                assert!(is_readable(&event.0));
            }
        )*};
    }

    #[cfg(target_os = "linux")]
    is_readable_while_set!(counter);
    is_readable_while_set!(pair);
}
