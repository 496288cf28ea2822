//! How other threads reach a running server: a queue, and a waker that makes the loop look at it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockeye_socket::{Socket, Waker};

use crate::proto::{self, Present, Said};
use crate::turn::Found;

/// How long a question waits for the loop's answer.
const ANSWER: Duration = Duration::from_secs(2);
/// So many connections may wait to be taken over.
const ATTACHED_MAX: usize = 1024;
/// So many questions may wait to be answered.
const QUESTIONS_MAX: usize = 1024;

/// What waits for the loop.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) announcements: VecDeque<String>,
    pub(crate) attached: VecDeque<Attached>,
    pub(crate) questions: VecDeque<Question>,
    over: bool,
}

/// A connection that is handed over.
pub(crate) struct Attached {
    pub(crate) socket: Socket,
    /// What answers the upgrade of a WebSocket; `None` for a connection that speaks lines.
    pub(crate) greeting: Option<Vec<u8>>,
    pub(crate) leftover: Vec<u8>,
}

/// What another thread wants to know.
pub(crate) enum Question {
    Present(SyncSender<Vec<Present>>),
    Recent(usize, SyncSender<Vec<Said>>),
    Post { nick: String, text: String, answer: SyncSender<Result<(), String>> },
    Log(proto::Question, SyncSender<Found>),
}

/// Why a line was not said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The room does not take it, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The server has ended or does not answer.
    #[error("the room does not answer")]
    Over,
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
        self.hand_over(Attached { socket, greeting: None, leftover })
    }

    /// Hands a connection over that asked for a WebSocket and was not answered yet. `greeting` is
    /// the answer; it goes out first, or a 503 in its place where the room is full. Not for a
    /// classic room.
    ///
    /// # Errors
    /// The socket, where the server has ended or too many wait already.
    pub fn attach_websocket(
        &self,
        socket: Socket,
        greeting: Vec<u8>,
        leftover: Vec<u8>,
    ) -> Result<(), Socket> {
        self.hand_over(Attached { socket, greeting: Some(greeting), leftover })
    }

    fn hand_over(&self, attached: Attached) -> Result<(), Socket> {
        let mut inbox = self.lock();
        if inbox.over || inbox.attached.len() >= ATTACHED_MAX {
            return Err(attached.socket);
        }
        inbox.attached.push_back(attached);
        self.waker.wake();
        Ok(())
    }

    /// All who are in the rooms; `None` where the server has ended or does not answer.
    pub fn present(&self) -> Option<Vec<Present>> {
        self.ask(Question::Present)
    }

    /// The last things that were said in the first room, the oldest first, at most `lines` and at
    /// most what the server keeps; `None` where it has ended or does not answer.
    pub fn recent(&self, lines: usize) -> Option<Vec<Said>> {
        self.ask(|answer| Question::Recent(lines, answer))
    }

    /// Asks the log about the past; `None` where the server has ended or does not answer in time.
    pub fn ask_log(&self, question: proto::Question) -> Option<Found> {
        self.ask(|answer| Question::Log(question, answer))
    }

    /// Says a line in the first room under a name that nobody in the rooms has.
    ///
    /// # Errors
    /// The room does not take the name or the line, or does not answer.
    pub fn post(&self, nick: &str, text: &str) -> Result<(), PostError> {
        let (nick, text) = (nick.to_owned(), text.to_owned());
        self.ask(|answer| Question::Post { nick, text, answer })
            .ok_or(PostError::Over)?
            .map_err(PostError::Refused)
    }

    /// Puts a question to the loop and waits for its answer.
    fn ask<T>(&self, question: impl FnOnce(SyncSender<T>) -> Question) -> Option<T> {
        let (answer, answered) = sync_channel(1);
        {
            let mut inbox = self.lock();
            if inbox.over || inbox.questions.len() >= QUESTIONS_MAX {
                return None;
            }
            inbox.questions.push_back(question(answer));
            self.waker.wake();
        }
        answered.recv_timeout(ANSWER).ok()
    }

    /// What makes the loop look.
    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
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
