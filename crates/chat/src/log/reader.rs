//! The thread that reads: questions in, answers out, and the loop is woken.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sockeye_socket::Waker;

use super::names::Names;
use super::query::{self, Row};
use super::storage::{self, Storage};
use crate::proto::{Answer, Entry, Page, Question, Unanswered};
use crate::{Error, Result};

/// The clock is looked at each so many steps of SQLite's machine.
const STEPS: i32 = 10_000;

/// A connection that only reads.
pub(super) struct Reading {
    pub(super) connection: Connection,
    names: Names,
    epoch: u64,
    lines_max: usize,
    time: Duration,
}

impl Reading {
    /// Opens the history a second time.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(storage: &Storage, names: Names, epoch: u64) -> Result<Reading> {
        let path = storage::database(&storage.dir);
        let connection =
            open(&path).map_err(|source| Error::History { path: path.clone(), source })?;
        let (lines_max, time) = (storage.answer_lines_max, storage.answer_time);
        Ok(Reading { connection, names, epoch, lines_max, time })
    }

    /// A piece of one stream.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn page(&self, page: &Page) -> rusqlite::Result<Vec<Arc<Entry>>> {
        let (key, _) = self.names.key(&page.stream);
        let rows = query::page(&self.connection, &key, page, self.epoch)?;
        Ok(self.entries(rows))
    }

    fn entries(&self, rows: Vec<Row>) -> Vec<Arc<Entry>> {
        rows.into_iter()
            .filter_map(|row| row.entry(self.epoch, &self.names))
            .map(Arc::new)
            .collect()
    }

    fn answer(&mut self, question: &Question) -> std::result::Result<Vec<Arc<Entry>>, Unanswered> {
        let (started, time) = (Instant::now(), self.time);
        let late = move || started.elapsed() > time;
        let watched = self.connection.progress_handler(STEPS, Some(late));
        watched.and_then(|()| self.find(question)).map_err(|error| {
            match error.sqlite_error_code() {
                Some(ErrorCode::OperationInterrupted) => Unanswered::Slow,
                _ => Unanswered::Broken(error.to_string()),
            }
        })
    }

    fn find(&self, question: &Question) -> rusqlite::Result<Vec<Arc<Entry>>> {
        match question {
            Question::Page(page) => {
                let lines = page.lines.min(self.lines_max);
                self.page(&Page { lines, ..page.clone() })
            }
            Question::Search { stream, words, lines } => {
                let key = stream.as_ref().map(|stream| self.names.key(stream).0);
                let lines = (*lines).min(self.lines_max);
                let rows = query::search(&self.connection, key.as_deref(), words, lines)?;
                Ok(self.entries(rows))
            }
            Question::Conversations { key } => {
                Ok(self.entries(query::conversations(&self.connection, key)?))
            }
        }
    }
}

/// Opens a history for reading alone.
///
/// # Errors
/// It cannot be opened.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// The thread, from outside.
pub(super) struct Reader {
    questions: Option<SyncSender<(u64, Question)>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts the thread; so many questions may wait for it.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(reading: Reading, questions_max: usize, waker: Waker) -> Result<Reader> {
        let (questions, asked) = sync_channel(questions_max);
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let found = Arc::clone(&answers);
        let thread = std::thread::Builder::new()
            .name("chat-reader".to_owned())
            .spawn(move || run(reading, &asked, &found, &waker))
            .map_err(|source| Error::Thread { source })?;
        Ok(Reader { questions: Some(questions), answers, thread: Some(thread) })
    }

    /// Asks; where too many wait already, that is the answer.
    pub(super) fn ask(&mut self, ticket: u64, question: Question) {
        let Some(questions) = &self.questions else { return };
        let why = match questions.try_send((ticket, question)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => Unanswered::Busy,
            Err(TrySendError::Disconnected(_)) => Unanswered::Broken("it has ended".to_owned()),
        };
        lock(&self.answers).push_back(Answer { ticket, found: Err(why) });
    }

    /// Gives the next answer.
    pub(super) fn poll_answer(&mut self) -> Option<Answer> {
        lock(&self.answers).pop_front()
    }
}

impl Drop for Reader {
    /// Waits for the answer that is being looked for.
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was shown by itself.
            let _ = thread.join();
        }
    }
}

fn run(
    mut reading: Reading,
    asked: &Receiver<(u64, Question)>,
    answers: &Mutex<VecDeque<Answer>>,
    waker: &Waker,
) {
    while let Ok((ticket, question)) = asked.recv() {
        let found = reading.answer(&question);
        lock(answers).push_back(Answer { ticket, found });
        waker.wake();
    }
}

fn lock(answers: &Mutex<VecDeque<Answer>>) -> MutexGuard<'_, VecDeque<Answer>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}
