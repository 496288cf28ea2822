//! One connection's socket: what is done to it on the way in and on the way out.

use std::time::{Duration, Instant};

use sockeye_edge::caps::Permit;
use sockeye_socket::{Address, Events, How, Socket, opt};

/// How many unanswered questions end a silent connection, and the time between two.
const KEEPALIVE_PROBES: u32 = 4;
const KEEPALIVE_INTERVAL: u32 = 15;
/// So long a closed client's last bytes are waited for, so that what it was sent is not reset away.
const LINGER: Duration = Duration::from_secs(1);
/// So much of them is read.
const LINGER_BYTES: usize = 256 << 10;

/// A connection and what the loop waits for on it.
pub(crate) struct Conn {
    pub(crate) socket: Socket,
    pub(crate) events: Events,
    pub(crate) peer: Address,
    /// Its place among the clients that may be here.
    pub(crate) permit: Permit,
}

/// A connection on which nothing more is sent; its input is read and thrown away until it ends.
pub(crate) struct Lingering {
    pub(crate) socket: Socket,
    pub(crate) until: Instant,
    left: usize,
    _permit: Permit,
}

/// Makes a socket fit for the loop. What a family does not have is left as it is.
///
/// # Errors
/// It cannot be made nonblocking.
pub(crate) fn prepare(socket: &Socket, keepalive: Duration) -> sockeye_socket::Result<()> {
    socket.setblocking(false)?;
    let idle = u32::try_from(keepalive.as_secs()).unwrap_or(u32::MAX).max(1);
    // A unix socket has none of these, and needs none.
    let _ = socket.setsockopt(opt::TCP_NODELAY, true);
    if socket.setsockopt(opt::SO_KEEPALIVE, true).is_ok() {
        let _ = socket.setsockopt(opt::TCP_KEEPIDLE, idle);
        let _ = socket.setsockopt(opt::TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
        let _ = socket.setsockopt(opt::TCP_KEEPCNT, KEEPALIVE_PROBES);
    }
    Ok(())
}

impl Conn {
    /// Ends the sending side. `None` where the peer has ended too, or is gone.
    pub(crate) fn finish(self, now: Instant, scratch: &mut [u8]) -> Option<Lingering> {
        let Conn { socket, permit, .. } = self;
        socket.shutdown(How::Write).ok()?;
        let until = now + LINGER;
        let mut lingering = Lingering { socket, until, left: LINGER_BYTES, _permit: permit };
        lingering.drain(scratch).then_some(lingering)
    }
}

impl Lingering {
    /// Reads what is there; whether more may come.
    pub(crate) fn drain(&mut self, scratch: &mut [u8]) -> bool {
        loop {
            match self.socket.recv_into(scratch) {
                Ok(0) => return false,
                Ok(count) if count > self.left => return false,
                Ok(count) => self.left -= count,
                Err(error) => return error.would_block(),
            }
        }
    }
}
