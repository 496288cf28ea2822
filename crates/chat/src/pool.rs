//! Passwords are checked here, on a thread that nobody else waits for.
//!
//! Rule: at most so many wait; what does not fit is answered as a failure at once, so that guessing
//! costs the guesser, not the room.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sockeye_edge::password::PasswordHash;
use sockeye_socket::Waker;

use crate::proto::irc::{Outcome, Task, derive};
use crate::proto::{ClientId, Credentials};

/// SCRAM mixes a password so often (RFC 7677 asks for 4096 at least).
const SCRAM_ITERATIONS: u32 = 4096;

type Done = Arc<Mutex<Vec<(ClientId, Outcome)>>>;

/// The thread for passwords; it starts with the first of them.
pub(crate) struct Pool {
    tasks: Option<SyncSender<(ClientId, Task)>>,
    done: Done,
    waker: Waker,
    tasks_max: usize,
}

impl Pool {
    pub(crate) fn new(waker: Waker, tasks_max: usize) -> Pool {
        Pool { tasks: None, done: Done::default(), waker, tasks_max }
    }

    /// Gives it something to do.
    pub(crate) fn give(&mut self, client: ClientId, task: Task) {
        let (done, waker, most) = (Arc::clone(&self.done), self.waker.clone(), self.tasks_max);
        let tasks = self.tasks.get_or_insert_with(|| {
            let (tasks, waiting) = sync_channel(most);
            thread::spawn(move || work(&waiting, &done, &waker));
            tasks
        });
        if let Err(error) = tasks.try_send((client, task)) {
            let (TrySendError::Full((_, task)) | TrySendError::Disconnected((_, task))) = error;
            push(&self.done, client, refused(&task));
            self.waker.wake();
        }
    }

    /// What is done.
    pub(crate) fn take(&mut self) -> Vec<(ClientId, Outcome)> {
        if self.tasks.is_none() {
            return Vec::new();
        }
        std::mem::take(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn push(done: &Done, client: ClientId, outcome: Outcome) {
    done.lock().unwrap_or_else(PoisonError::into_inner).push((client, outcome));
}

fn work(waiting: &Receiver<(ClientId, Task)>, done: &Done, waker: &Waker) {
    while let Ok((client, task)) = waiting.recv() {
        push(done, client, outcome(&task));
        waker.wake();
    }
}

fn refused(task: &Task) -> Outcome {
    match task {
        Task::Verify { .. } => Outcome::Verified(false),
        Task::Derive { .. } => Outcome::Derived(None),
    }
}

/// Does it.
fn outcome(task: &Task) -> Outcome {
    match task {
        Task::Verify { hash, password } => {
            Outcome::Verified(hash.parse::<PasswordHash>().is_ok_and(|hash| hash.is_of(password)))
        }
        Task::Derive { password } => {
            let hash = PasswordHash::make(password).ok().map(|hash| hash.to_string());
            let salt = random()[..16].to_vec();
            Outcome::Derived(hash.map(|hash| {
                Arc::new(Credentials { hash, scram: derive(password, salt, SCRAM_ITERATIONS) })
            }))
        }
    }
}

/// Bytes that nobody can guess. Where the system has none there is nothing to fall back on.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    assert_eq!(filled, Ok(bytes.len()), "the system has randomness");
    bytes
}
