//! How other threads reach a running server: a queue, and a waker that makes the loop look at it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockeye_socket::{Socket, Waker};

use crate::proto::Present;

/// How long [`Handle::present`] waits for the loop.
const ANSWER: Duration = Duration::from_secs(2);
/// So many connections may wait to be taken over.
const ATTACHED_MAX: usize = 1024;

/// What waits for the loop.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) announcements: VecDeque<String>,
    pub(crate) attached: VecDeque<(Socket, Vec<u8>)>,
    pub(crate) questions: Vec<SyncSender<Vec<Present>>>,
    over: bool,
}

/// A running server, for other threads. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Mutex<Inbox>>,
    waker: Waker,
    announcements_max: usize,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    pub(crate) fn new(waker: Waker, announcements_max: usize) -> Handle {
        Handle { inbox: Arc::default(), waker, announcements_max }
    }

    /// Says a line in the first room, as the server (`* line`). Whether it was taken: not where the
    /// server has ended or too many lines wait already.
    pub fn announce(&self, line: &str) -> bool {
        let mut inbox = self.lock();
        let room = !inbox.over && inbox.announcements.len() < self.announcements_max;
        if room {
            inbox.announcements.push_back(line.to_owned());
            self.waker.wake();
        }
        room
    }

    /// Hands a connection over, with the bytes that were read from it already. It is treated as if
    /// it had come by a listener, the limits of clients included.
    ///
    /// # Errors
    /// The socket, where the server has ended or too many wait already.
    pub fn attach(&self, socket: Socket, leftover: Vec<u8>) -> Result<(), Socket> {
        let mut inbox = self.lock();
        if inbox.over || inbox.attached.len() >= ATTACHED_MAX {
            return Err(socket);
        }
        inbox.attached.push_back((socket, leftover));
        self.waker.wake();
        Ok(())
    }

    /// All who are in the rooms; `None` where the server has ended or does not answer.
    pub fn present(&self) -> Option<Vec<Present>> {
        let (answer, answered) = sync_channel(1);
        {
            let mut inbox = self.lock();
            if inbox.over {
                return None;
            }
            inbox.questions.push(answer);
            self.waker.wake();
        }
        answered.recv_timeout(ANSWER).ok()
    }

    /// Takes out what waits.
    pub(crate) fn take(&self) -> Inbox {
        let mut inbox = self.lock();
        let over = inbox.over;
        std::mem::replace(&mut inbox, Inbox { over, ..Inbox::default() })
    }

    /// Nothing is taken any more; who still waits is told by the end of his channel.
    pub(crate) fn end(&self) {
        *self.lock() = Inbox { over: true, ..Inbox::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
