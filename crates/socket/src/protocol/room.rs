//! A room: what one connection says, all others hear. The smallest protocol that talks across
//! connections, and the example of how to do that with [`Wake`].
//!
//! Lock order: the members of the room, then one inbox; neither is held while bytes move.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Buffer, Close, Protocol, Wake};
use crate::frame::{Codec, Lines};

/// How much is received at a time.
const CHUNK_BYTES: usize = 4 * 1024;
/// So many bytes of an inbox are made ready to be sent at a time.
const READY_BYTES: usize = 64 * 1024;

/// A room for any number of members, bounded in what it keeps for each: one that does not read is
/// thrown out once `queue_bytes_max` bytes wait for it, and the others never wait.
///
/// ```no_run
/// use sockeye_socket::protocol::Room;
/// use sockeye_socket::server::SelectServer;
/// use sockeye_socket::{Shutdown, create_server};
///
/// let room = Room::new(512, 64 * 1024);
/// let server = SelectServer::new(create_server("[::]:7777").dualstack(true).bind()?)?;
/// server.serve(&Shutdown::new()?, |arrival| room.join(arrival.wake))?;
/// # Ok::<(), sockeye_socket::Error>(())
/// ```
#[derive(Clone)]
pub struct Room(Arc<Shared>);

struct Shared {
    line_bytes_max: usize,
    queue_bytes_max: usize,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Seat>,
}

struct Seat {
    wake: Wake,
    inbox: Arc<Mutex<Inbox>>,
}

/// What was said and not yet made ready to be sent.
#[derive(Default)]
struct Inbox {
    lines: VecDeque<Arc<[u8]>>,
    bytes: usize,
    overflows: bool,
}

impl Room {
    /// A room with lines of at most `line_bytes_max` bytes, their ends not counted.
    #[must_use]
    pub fn new(line_bytes_max: usize, queue_bytes_max: usize) -> Self {
        let seats = Mutex::default();
        Self(Arc::new(Shared { line_bytes_max, queue_bytes_max, seats }))
    }

    /// A new member. It leaves when it is dropped.
    #[must_use]
    pub fn join(&self, wake: Wake) -> Member {
        let inbox = Arc::default();
        let mut seats = lock(&self.0.seats);
        let id = seats.next;
        seats.next += 1;
        seats.taken.insert(id, Seat { wake, inbox: Arc::clone(&inbox) });
        drop(seats);
        Member {
            room: self.clone(),
            id,
            inbox,
            codec: Lines::new(self.0.line_bytes_max),
            input: Buffer::new(),
            ready: Buffer::new(),
            more: false,
            close: None,
        }
    }

    /// How many are here.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.0.seats).taken.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `line` into every inbox but the author's.
    fn say(&self, author: u64, line: &[u8]) {
        let line: Arc<[u8]> = [line, b"\n"].concat().into();
        for (id, seat) in &lock(&self.0.seats).taken {
            if *id != author {
                lock(&seat.inbox).put(&line, self.0.queue_bytes_max);
                seat.wake.wake();
            }
        }
    }
}

impl Inbox {
    fn put(&mut self, line: &Arc<[u8]>, bytes_max: usize) {
        self.overflows |= self.bytes + line.len() > bytes_max;
        if self.overflows {
            (self.lines, self.bytes) = (VecDeque::new(), 0);
        } else {
            self.lines.push_back(Arc::clone(line));
            self.bytes += line.len();
        }
    }

    /// Moves lines into `ready` while that is short; whether more are left.
    fn take_into(&mut self, ready: &mut Buffer) -> bool {
        while ready.len() < READY_BYTES {
            let Some(line) = self.lines.pop_front() else { return false };
            self.bytes -= line.len();
            ready.push(&line);
        }
        !self.lines.is_empty()
    }
}

/// A thread that panicked has left what is locked here whole: every change is a push or a removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection of a [`Room`]: each line that it says goes to all others.
pub struct Member {
    room: Room,
    id: u64,
    inbox: Arc<Mutex<Inbox>>,
    codec: Lines,
    input: Buffer,
    ready: Buffer,
    /// The inbox holds what `ready` had no room for.
    more: bool,
    close: Option<Close>,
}

impl Member {
    fn say_lines(&mut self) {
        while self.close.is_none() {
            match self.codec.decode(self.input.as_slice()) {
                Ok(Some(line)) => {
                    self.room.say(self.id, &self.input.as_slice()[line.frame]);
                    self.input.consume(line.consumed);
                }
                Ok(None) => return,
                Err(_) => self.close = Some(Close::Finish),
            }
        }
    }

    fn look_into_inbox(&mut self) {
        let mut inbox = lock(&self.inbox);
        if inbox.overflows {
            self.close = Some(Close::Abort);
        }
        self.more = inbox.take_into(&mut self.ready);
    }
}

impl Protocol for Member {
    fn recv_buffer(&mut self) -> &mut [u8] {
        self.input.space(CHUNK_BYTES)
    }

    fn handle_received(&mut self, bytes: usize, _now: Instant) {
        self.input.commit(bytes);
        self.say_lines();
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.close = Some(Close::Finish);
    }

    fn poll_transmit(&self) -> &[u8] {
        self.ready.as_slice()
    }

    fn handle_transmitted(&mut self, bytes: usize, _now: Instant) {
        self.ready.consume(bytes);
        if self.more {
            self.look_into_inbox();
        }
    }

    fn poll_close(&self) -> Option<Close> {
        self.close
    }

    fn handle_wake(&mut self, _now: Instant) {
        self.look_into_inbox();
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.close = Some(Close::Finish);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let seat = lock(&self.room.0.seats).taken.remove(&self.id);
        // Not under the lock: whatever the waker owns may end with it.
        drop(seat);
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("members", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("ready", &self.ready).finish_non_exhaustive()
    }
}
