//! The thread that writes: it commits what waits as soon as its last commit has ended, so that a
//! slow disk makes larger commits and not a longer line.
//!
//! Where a commit fails, nothing of it has happened. What was said is refused then, so that its
//! author knows; who comes and goes is let through, unkept; and once in a while it is tried again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::ErrorCode;
use sockeye_socket::Waker;

use super::database::Database;
use super::names::Names;
use super::storage::Storage;
use crate::proto::{Class, Entry};
use crate::{Error, Result};

/// After a failure it is tried again so often.
const RETRY: Duration = Duration::from_secs(1);
/// Old entries are looked for so often.
const AGING: Duration = Duration::from_secs(60);
/// So many of them are looked at between two commits, and so long there is then at least until the
/// next ones.
const AGING_STEPS: usize = 200;
const AGING_PAUSE: Duration = Duration::from_millis(20);

/// What loop and thread share.
#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Entry>>,
    /// All up to this place are kept or refused.
    decided: u64,
    refused: BTreeSet<u64>,
    trouble: Option<String>,
    is_idle: bool,
    is_over: bool,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    waker: Waker,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread, from outside.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How an entry came out.
pub(super) enum Outcome {
    Kept,
    Refused,
    Pending,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(
        database: Database,
        names: Names,
        storage: &Storage,
        waker: Waker,
    ) -> Result<Writer> {
        let (state, work) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { state, work, waker });
        let now = Instant::now();
        let writing = Writing {
            database,
            names,
            storage: storage.clone(),
            shared: Arc::clone(&shared),
            aging_at: storage.retention.map(|_| now),
            retry_at: None,
        };
        let thread = std::thread::Builder::new()
            .name("chat-writer".to_owned())
            .spawn(move || writing.run())
            .map_err(|source| Error::Thread { source })?;
        Ok(Writer { shared, thread: Some(thread) })
    }

    /// Gives an entry to the thread.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut state = self.shared.lock();
        state.queue.push_back(entry);
        if std::mem::take(&mut state.is_idle) {
            self.shared.work.notify_one();
        }
    }

    /// Tells what became of an entry. To be asked in the order of the entries.
    pub(super) fn outcome(&self, seq: u64) -> Outcome {
        let mut state = self.shared.lock();
        if state.decided < seq {
            return Outcome::Pending;
        }
        if state.refused.remove(&seq) { Outcome::Refused } else { Outcome::Kept }
    }

    /// Why nothing can be kept.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }
}

impl Drop for Writer {
    /// Waits until what was given is kept.
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.is_over = true;
            self.shared.work.notify_one();
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was shown by itself.
            let _ = thread.join();
        }
    }
}

/// The thread, from inside.
struct Writing {
    database: Database,
    names: Names,
    storage: Storage,
    shared: Arc<Shared>,
    aging_at: Option<Instant>,
    retry_at: Option<Instant>,
}

impl Writing {
    fn run(mut self) {
        while let Some(batch) = self.wait() {
            let now = Instant::now();
            let may_try = self.retry_at.is_none_or(|at| at <= now);
            if !batch.is_empty() && may_try {
                self.write(&batch);
            } else if !batch.is_empty() {
                self.give_up(&batch);
            } else if self.retry_at.is_some() && may_try {
                let probed = self.database.probe();
                self.conclude(probed.map(|()| 0), &[]);
            }
            if self.retry_at.is_none() && self.aging_at.is_some_and(|at| at <= now) {
                self.age(now);
            }
        }
    }

    /// Waits for the next entries, or until something else is due (then there are none); `None`
    /// when all is done.
    fn wait(&self) -> Option<Vec<Arc<Entry>>> {
        let due = [self.aging_at, self.retry_at].into_iter().flatten().min();
        let mut state = self.shared.lock();
        while state.queue.is_empty() && !state.is_over {
            let Some(due) = due else {
                state.is_idle = true;
                state = self.shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Vec::new());
            }
            state.is_idle = true;
            let waited = self.shared.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_idle = false;
        if state.queue.is_empty() {
            return None;
        }
        let count = state.queue.len().min(self.storage.batch_max.max(1));
        Some(state.queue.drain(..count).collect())
    }

    fn write(&mut self, batch: &[Arc<Entry>]) {
        let mut left = batch;
        while !left.is_empty() {
            let written = self.database.write(left, &self.names, self.storage.batch_time);
            let count = written.as_ref().copied().unwrap_or(left.len());
            let (done, rest) = left.split_at(count);
            self.conclude(written, done);
            left = rest;
            if self.retry_at.is_some() && !left.is_empty() {
                return self.give_up(left);
            }
        }
    }

    /// Tells the loop how it went.
    fn conclude(&mut self, written: rusqlite::Result<usize>, done: &[Arc<Entry>]) {
        match written {
            Ok(_) => {
                self.retry_at = None;
                self.publish(done, false, None);
            }
            Err(error) => {
                self.retry_at = Some(Instant::now() + RETRY);
                self.publish(done, true, Some(in_words(&error)));
            }
        }
    }

    /// It is not yet time to try again.
    fn give_up(&mut self, batch: &[Arc<Entry>]) {
        let why = self.shared.lock().trouble.clone();
        self.publish(batch, true, why);
    }

    fn publish(&self, done: &[Arc<Entry>], failed: bool, trouble: Option<String>) {
        let mut state = self.shared.lock();
        if failed {
            let kept = [Class::Said, Class::State];
            let lost = |entry: &&Arc<Entry>| kept.contains(&entry.append.event.class());
            state.refused.extend(done.iter().filter(lost).map(|entry| entry.pos.seq));
        }
        if let Some(last) = done.last() {
            state.decided = last.pos.seq;
        }
        state.trouble = trouble;
        drop(state);
        self.shared.waker.wake();
    }

    /// Deletes some of what is too old. A failure is one of the disk, and seen by the next commit.
    fn age(&mut self, now: Instant) {
        let Some(retention) = self.storage.retention else { return };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let oldest = u64::try_from(since.saturating_sub(retention).as_millis()).unwrap_or(0);
        let more = self.database.age(oldest, AGING_STEPS).unwrap_or(false);
        self.aging_at = Some(now + if more { AGING_PAUSE } else { AGING });
    }
}

fn in_words(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        _ => format!("the disk does not take it ({error})"),
    }
}
