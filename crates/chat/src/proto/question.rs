//! What is asked of a log about the past, and what it answers.

use std::sync::Arc;

use super::{Class, Entry, Pos, Stream};

/// A place in the log or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A place.
    At(Pos),
    /// A moment, in milliseconds since 1970 (UTC).
    Time(u64),
}

impl Point {
    /// Whether an entry comes after this.
    pub fn is_before(self, entry: &Entry) -> bool {
        match self {
            Point::At(pos) => entry.pos > pos,
            Point::Time(unix_ms) => entry.append.unix_ms > unix_ms,
        }
    }

    /// Whether an entry comes before this.
    pub fn is_after(self, entry: &Entry) -> bool {
        match self {
            Point::At(pos) => entry.pos < pos,
            Point::Time(unix_ms) => entry.append.unix_ms < unix_ms,
        }
    }
}

/// A piece of what is kept of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Of which stream.
    pub stream: Stream,
    /// Only what comes after this.
    pub after: Option<Point>,
    /// Only what comes before this.
    pub before: Option<Point>,
    /// So many entries at most.
    pub lines: usize,
    /// Of those the last ones, else the first.
    pub last: bool,
    /// What changed, too; else only what was said.
    pub changes: bool,
}

impl Page {
    /// Whether an entry of the stream may be on this page.
    pub fn covers(&self, entry: &Entry) -> bool {
        let after = self.after.is_none_or(|point| point.is_before(entry));
        let before = self.before.is_none_or(|point| point.is_after(entry));
        after && before && (self.changes || entry.append.event.class() == Class::Said)
    }
}

/// A question about the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A piece of one stream, the oldest first.
    Page(Page),
    /// What has all these words, the newest first.
    Search {
        /// In one stream, or in all.
        stream: Option<Stream>,
        /// The words, with spaces between them; nothing in them is a command.
        words: String,
        /// So many entries at most.
        lines: usize,
    },
    /// The last thing that was said in each conversation of this party ([`Stream::Direct`]), in the
    /// log's order.
    Conversations {
        /// The party's key.
        key: Arc<str>,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Too many questions wait already.
    #[error("too many others ask for the history just now")]
    Busy,
    /// It took too long.
    #[error("that took too long; ask for less")]
    Slow,
    /// What is kept cannot be read.
    #[error("the history cannot be read: {0}")]
    Broken(String),
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the question was given with.
    pub ticket: u64,
    /// What was found.
    pub found: Result<Vec<Arc<Entry>>, Unanswered>,
}
