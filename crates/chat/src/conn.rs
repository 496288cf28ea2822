//! One connection: what is done to its socket on the way in and on the way out.

use std::io;
use std::time::{Duration, Instant};

use sockeye_edge::caps::Permit;
use sockeye_socket::{Address, Events, Socket, opt};

use crate::wire::Wire;

/// How many unanswered questions end a silent connection, and the time between two.
const KEEPALIVE_PROBES: u32 = 4;
const KEEPALIVE_INTERVAL: u32 = 15;
/// So long a closed client's last bytes are waited for, so that what it was sent is not reset away.
const LINGER: Duration = Duration::from_secs(1);
/// So much of them is read.
const LINGER_BYTES: usize = 256 << 10;

/// A connection and what the loop waits for on it.
pub(crate) struct Conn {
    pub(crate) wire: Wire,
    pub(crate) events: Events,
    pub(crate) peer: Address,
    /// Its place among the clients that may be here.
    pub(crate) permit: Permit,
}

/// A connection that ends: its last bytes are sent, then its input is read and thrown away until it
/// ends.
pub(crate) struct Lingering {
    wire: Wire,
    pub(crate) until: Instant,
    rest: Vec<u8>,
    sent: usize,
    /// Nothing more is sent.
    shut: bool,
    /// Nothing more comes.
    ended: bool,
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

impl Lingering {
    /// Ends a connection after these bytes, which may take until `until`.
    pub(crate) fn new((wire, permit): (Wire, Permit), rest: Vec<u8>, until: Instant) -> Lingering {
        Lingering {
            wire,
            until,
            rest,
            sent: 0,
            shut: false,
            ended: false,
            left: LINGER_BYTES,
            _permit: permit,
        }
    }

    pub(crate) fn socket(&self) -> &Socket {
        self.wire.socket()
    }

    /// What is waited for.
    pub(crate) fn events(&self) -> Events {
        let read = if self.ended { Events::NONE } else { Events::READ };
        let write = if self.shut { Events::NONE } else { Events::WRITE };
        read | write
    }

    /// Whether something is still to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.shut
    }

    /// Sends and reads what can be; whether more may happen.
    pub(crate) fn go_on(&mut self, now: Instant, scratch: &mut [u8]) -> bool {
        match self.send() {
            Ok(true) if !self.shut => {
                self.shut = true;
                self.until = now + LINGER;
                if self.wire.shut().is_err() {
                    return false;
                }
            }
            Ok(_) => {}
            Err(_) => return false,
        }
        self.drain(scratch);
        !(self.ended && self.shut)
    }

    /// Whether all is sent.
    fn send(&mut self) -> io::Result<bool> {
        if self.shut {
            return Ok(true);
        }
        while self.sent < self.rest.len() {
            let sent = self.wire.send(&self.rest[self.sent..])?;
            self.sent += sent.count;
            if sent.blocked {
                return Ok(false);
            }
        }
        self.wire.say_goodbye();
        self.wire.flush()
    }

    fn drain(&mut self, scratch: &mut [u8]) {
        while !self.ended {
            match self.wire.socket().recv_into(scratch) {
                Ok(count) if count > 0 && count <= self.left => self.left -= count,
                Err(error) if error.would_block() => return,
                Ok(_) | Err(_) => self.ended = true,
            }
        }
    }
}
