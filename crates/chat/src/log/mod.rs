//! The log in a file: SQLite, one thread that writes and one that reads.
//!
//! Rules:
//! 1. The loop never waits for the disk. It hands an event over and goes on; a `Waker` tells it
//!    when something was kept or found.
//! 2. Nothing comes out of `poll_committed` before it is kept: handed to the system
//!    ([`Durability::Normal`]: it outlives the process) or synced to the disk
//!    ([`Durability::Full`]: it outlives the power). So nobody has seen what is lost in a crash.
//! 3. Positions go on where they ended; each start is a node of its own, so that ids are never used
//!    twice.

mod archive;
mod database;
mod names;
mod query;
mod reader;
mod storage;
mod words;
mod writer;

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use sockeye_socket::Waker;

use self::database::{Database, Origin};
use self::names::Names;
use self::reader::{Reader, Reading};
use self::writer::{Outcome, Writer};
use crate::proto::{Answer, Append, Entry, Log, Order, Page, Pos, Question, Recent, RoomName};
use crate::{Error, Result};

pub use self::archive::{Archive, Record};
pub use self::storage::{Durability, Storage};

/// A history that is open, before its threads run.
pub(crate) struct Opened {
    storage: Storage,
    database: Database,
    reading: Reading,
    names: Names,
    origin: Origin,
    recent: Recent,
    lock: File,
    /// What has changed what rooms and accounts are, in its order.
    pub(crate) state: Vec<Entry>,
}

impl Opened {
    /// Opens the history of a folder, or makes it, and locks the folder. The last `lines_max` lines
    /// of each room are read.
    ///
    /// # Errors
    /// The folder is in use or cannot be had, or its history cannot be read.
    pub(crate) fn open(storage: Storage, rooms: &[RoomName], lines_max: usize) -> Result<Opened> {
        let lock = storage::occupy(&storage.dir)?;
        let mut database = Database::open(&storage.dir, storage.durability)?;
        let origin = database.start()?;
        storage::sync_names(&storage.dir)?;
        let names = Names::new(rooms.to_vec());
        let reading = Reading::open(&storage, names.clone(), origin.epoch)?;
        let mut recent = Recent::new(lines_max);
        let path = storage::database(&storage.dir);
        let failed = |source| Error::History { path: path.clone(), source };
        for stream in names.streams() {
            let (after, before, lines) = (None, None, lines_max);
            let page = Page { stream, after, before, lines, last: true, changes: false };
            reading.page(&page).map_err(failed)?.iter().for_each(|entry| recent.push(entry));
        }
        let rows = query::state(&reading.connection).map_err(failed)?;
        let state = rows.into_iter().filter_map(|row| row.entry(origin.epoch, &names)).collect();
        Ok(Opened { storage, database, reading, names, origin, recent, lock, state })
    }

    /// Tells this start from all others.
    pub(crate) fn node(&self) -> u64 {
        self.origin.node
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub(crate) fn start(self, waker: &Waker) -> Result<SqliteLog> {
        let Opened { storage, database, reading, names, origin, recent, lock, .. } = self;
        let last = Pos { epoch: origin.epoch, seq: origin.last_seq };
        Ok(SqliteLog {
            order: Order::after(last),
            recent,
            waiting: VecDeque::new(),
            refused: VecDeque::new(),
            queue_max: storage.queue_max,
            reader: Reader::start(reading, storage.questions_max, waker.clone())?,
            writer: Writer::start(database, names, &storage, waker.clone())?,
            _lock: lock,
        })
    }
}

/// See the module's documentation. Dropping it waits until what was appended is kept.
pub(crate) struct SqliteLog {
    order: Order,
    recent: Recent,
    waiting: VecDeque<Arc<Entry>>,
    refused: VecDeque<Append>,
    queue_max: usize,
    reader: Reader,
    writer: Writer,
    /// Goes last.
    _lock: File,
}

impl Log for SqliteLog {
    fn append(&mut self, append: Append) {
        if let Some(entry) = self.order.place(append) {
            self.waiting.push_back(Arc::clone(&entry));
            self.writer.push(entry);
        }
    }

    fn poll_committed(&mut self) -> Option<Arc<Entry>> {
        loop {
            let first = self.waiting.front()?;
            let outcome = self.writer.outcome(first.pos.seq);
            if matches!(outcome, Outcome::Pending) {
                return None;
            }
            let entry = self.waiting.pop_front()?;
            if matches!(outcome, Outcome::Kept) {
                self.recent.push(&entry);
                return Some(entry);
            }
            self.refused.push_back(entry.append.clone());
        }
    }

    fn poll_refused(&mut self) -> Option<Append> {
        self.refused.pop_front()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= self.queue_max
    }

    fn has_pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn trouble(&self) -> Option<String> {
        self.writer.trouble()
    }

    fn tail(&self, room: &RoomName, after: Pos) -> Vec<Arc<Entry>> {
        self.recent.tail(room, after)
    }

    fn before_last(&self, room: &RoomName, lines: usize) -> Pos {
        self.recent.before_last(room, lines, self.order.last())
    }

    fn ask(&mut self, ticket: u64, question: Question) {
        self.reader.ask(ticket, question);
    }

    fn poll_answer(&mut self) -> Option<Answer> {
        self.reader.poll_answer()
    }
}

#[cfg(test)]
mod tests;
