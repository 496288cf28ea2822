//! Connecting: once asked for it goes on in the kernel, so after an interruption or in a timed
//! connect the answer is waited for and read from `SO_ERROR`; connect is never called again.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::wait::{Call, Patience, poll_until};
use super::{Socket, View};
use crate::addr::{Address, Family, ToAddress};
use crate::error::{Error, Result};
use crate::{errno, opt};

/// A unix listener with a full queue cannot be waited for with poll: look again so often.
const UNIX_RETRY: Duration = Duration::from_millis(5);

impl Socket {
    /// Connects to `addr`; for datagrams this only sets the peer.
    ///
    /// # Errors
    /// Refused, unreachable, timed out. A nonblocking socket gives an error that
    /// [`would_block`](Error::would_block) while the connection is made: wait until it is
    /// writable, then read [`opt::SO_ERROR`].
    pub fn connect(&self, addr: impl ToAddress) -> Result<()> {
        self.view().connect(addr)
    }

    /// Connects and gives the errno, 0 where all is well: `EINPROGRESS` on a nonblocking socket,
    /// `EAGAIN` where the timeout passed (as in Python), `EINVAL` where `addr` is no address
    /// or a name that cannot be looked up (Python raises there).
    pub fn connect_ex(&self, addr: impl ToAddress) -> i32 {
        self.view().connect_ex(addr)
    }

    pub(crate) fn connect_by(&self, addr: &Address, patience: Patience) -> Result<()> {
        self.connect_call("connect".into(), addr, patience)
    }

    fn connect_call(&self, call: Call<'_>, addr: &Address, patience: Patience) -> Result<()> {
        let sys_addr = addr.to_sys().map_err(|error| Error::io("connect", &error))?;
        loop {
            let Err(error) = self.inner().connect(&sys_addr) else { return Ok(()) };
            match error.raw_os_error() {
                // A unix connect that is interrupted has not begun; another one goes on.
                Some(errno::EINTR) if self.family() == Family::Unix => call.ask()?,
                Some(errno::EINTR) => {
                    call.ask()?;
                    return self.await_connection(call, patience);
                }
                Some(errno::EINPROGRESS) if patience != Patience::Never => {
                    return self.await_connection(call, patience);
                }
                Some(errno::EAGAIN) if self.family() == Family::Unix => {
                    await_queue(call, patience)?;
                }
                _ => return Err(Error::io("connect", &error)),
            }
        }
    }

    /// Waits for the end of a connect that is under way, and says how it ended.
    fn await_connection(&self, call: Call<'_>, patience: Patience) -> Result<()> {
        patience.wait(call, self.as_fd(), PollFlags::OUT)?;
        match self.getsockopt(opt::SO_ERROR)? {
            0 => Ok(()),
            errno => Err(Error::os("connect", errno)),
        }
    }
}

impl View<'_> {
    /// As [`Socket::connect`].
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub fn connect(&self, addr: impl ToAddress) -> Result<()> {
        let addr = addr.to_address(self.socket().family())?;
        self.keep_from_blocking("connect")?;
        let call = self.call("connect");
        self.socket().connect_call(call, &addr, self.patience()).map_err(|error| error.at(&addr))
    }

    /// As [`Socket::connect_ex`].
    pub fn connect_ex(&self, addr: impl ToAddress) -> i32 {
        match self.connect(addr) {
            Ok(()) => 0,
            Err(error) if error.is_timeout() => error.errno().unwrap_or(errno::EAGAIN),
            Err(error) => error.errno().unwrap_or(errno::EINVAL),
        }
    }
}

/// Waits for room in the queue of a unix listener.
fn await_queue(call: Call<'_>, patience: Patience) -> Result<()> {
    patience.check("connect", Instant::now())?;
    let pause = match patience {
        Patience::Never => return Err(Error::os("connect", errno::EAGAIN)),
        Patience::Forever => Instant::now() + UNIX_RETRY,
        Patience::Until(deadline) => deadline.min(Instant::now() + UNIX_RETRY),
    };
    poll_until(call, &mut [], Some(pause)).map(|_| ())
}
