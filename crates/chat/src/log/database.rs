//! The file of the history: its tables, and what is written into it.
//!
//! ```text
//! meta    epoch (of the log), starts (how often it was opened), last_seq (where rows are gone)
//! stream  a room by its name in small letters; people have the empty name
//! entry   what happened, in its order; class 0: said, 1: state, 2: passing
//! words   the words of what was said (FTS5), without a second copy of the text
//! ```
//!
//! An event is kept as JSON. One that this version does not know stays, and is passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::names::Names;
use super::storage::{self, Durability};
use super::words;
use crate::proto::{Class, Entry, Event};
use crate::{Error, Result};

/// "Skye", in the file's head.
const APPLICATION_ID: i32 = 0x536b_7965;
/// The tables as they are below. A change of them is a step in `open`.
const SCHEMA_VERSION: i32 = 1;
/// Readers of other processes are waited for so long.
const BUSY: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 5000 });

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE stream (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL) STRICT;
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, stream INTEGER NOT NULL, class INTEGER NOT NULL,
    unix_ms INTEGER NOT NULL, node INTEGER NOT NULL, number INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX by_place ON entry (stream, seq);
CREATE INDEX by_time ON entry (stream, unix_ms);
CREATE INDEX said ON entry (stream, seq) WHERE class = 0;
CREATE INDEX state ON entry (seq) WHERE class = 1;
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2');
";

/// The open file, for the one who writes.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    streams: BTreeMap<String, i64>,
    /// Everything up to here was looked at for its age.
    aged: u64,
}

/// What a log goes on from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) epoch: u64,
    pub(super) node: u64,
    pub(super) last_seq: u64,
}

/// The number of a class in the file.
pub(super) fn code(class: Class) -> Option<i64> {
    match class {
        Class::Said => Some(0),
        Class::State => Some(1),
        Class::Passing => Some(2),
        Class::Fleeting => None,
    }
}

impl Database {
    /// Opens the history of a folder, which is made where there is none.
    ///
    /// # Errors
    /// It cannot be opened, is something else, or was written by a newer version.
    pub(super) fn open(dir: &Path, durability: Durability) -> Result<Database> {
        let path = storage::database(dir);
        let failed = |source| Error::History { path: path.clone(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        let is_new = is_new(&connection).map_err(failed)?;
        if !is_new {
            check(&connection, &path)?;
        }
        prepare(&connection, durability, is_new).map_err(failed)?;
        Ok(Database { connection, path, streams: BTreeMap::new(), aged: 0 })
    }

    /// Counts this start, and tells what the log goes on from.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(super) fn start(&mut self) -> Result<Origin> {
        let path = self.path.clone();
        self.try_start().map_err(|source| Error::History { path, source })
    }

    fn try_start(&mut self) -> rusqlite::Result<Origin> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO meta VALUES ('starts', 1)
             ON CONFLICT DO UPDATE SET value = value + 1",
            [],
        )?;
        let meta = |key: &str| {
            let sql = "SELECT value FROM meta WHERE key = ?1";
            Ok::<u64, rusqlite::Error>(
                transaction.query_row(sql, [key], |row| row.get(0)).optional()?.unwrap_or(0),
            )
        };
        let sql = "SELECT coalesce(max(seq), 0) FROM entry";
        let last: u64 = transaction.query_row(sql, [], |row| row.get(0))?;
        let origin = Origin {
            epoch: meta("epoch")?,
            node: meta("starts")?,
            last_seq: last.max(meta("last_seq")?),
        };
        transaction.commit()?;
        Ok(origin)
    }

    /// Keeps the first of these entries in one commit: as many as can be gathered in `time`, and at
    /// least one. Gives their number.
    ///
    /// # Errors
    /// Nothing was kept.
    pub(super) fn write(
        &mut self,
        entries: &[Arc<Entry>],
        names: &Names,
        time: Duration,
    ) -> rusqlite::Result<usize> {
        let written = self.try_write(entries, names, time);
        if written.is_err() {
            // What has been rolled back may have named a stream.
            self.streams.clear();
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        written
    }

    fn try_write(
        &mut self,
        entries: &[Arc<Entry>],
        names: &Names,
        time: Duration,
    ) -> rusqlite::Result<usize> {
        let until = Instant::now() + time;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut count = 0;
        for entry in entries {
            self.insert(entry, names)?;
            count += 1;
            if Instant::now() >= until {
                break;
            }
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(count)
    }

    fn insert(&mut self, entry: &Entry, names: &Names) -> rusqlite::Result<()> {
        let append = &entry.append;
        let Some(class) = code(append.event.class()) else { return Ok(()) };
        let (key, name) = names.key(&append.stream);
        let stream = self.stream(&key, &name)?;
        let json = serde_json::to_string(&append.event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let sql = "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = self.connection.prepare_cached(sql)?;
        let (seq, id) = (entry.pos.seq, append.id);
        insert.execute(params![seq, stream, class, append.unix_ms, id.node, id.number, json])?;
        if let Event::Redacted { at, .. } = &append.event {
            self.take_back(at.seq, stream)?;
        }
        if let Some(text) = append.event.words() {
            let sql = "INSERT INTO words (rowid, text) VALUES (?1, ?2)";
            let mut insert = self.connection.prepare_cached(sql)?;
            insert.execute(params![seq, words::spaced(&text)])?;
        }
        Ok(())
    }

    /// What was taken back is nowhere any more.
    fn take_back(&self, seq: u64, stream: i64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM entry WHERE seq = ?1 AND stream = ?2";
        if self.connection.prepare_cached(sql)?.execute(params![seq, stream])? > 0 {
            let sql = "DELETE FROM words WHERE rowid = ?1";
            self.connection.prepare_cached(sql)?.execute([seq])?;
        }
        Ok(())
    }

    fn stream(&mut self, key: &str, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.streams.get(key) {
            return Ok(*id);
        }
        let mut find = self.connection.prepare_cached("SELECT id FROM stream WHERE key = ?1")?;
        let found: Option<i64> = find.query_row([key], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO stream (key, name) VALUES (?1, ?2)";
                self.connection.execute(sql, [key, name])?;
                self.connection.last_insert_rowid()
            }
        };
        self.streams.insert(key.to_owned(), id);
        Ok(id)
    }

    /// Tells whether the file can be written to just now.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn probe(&mut self) -> rusqlite::Result<()> {
        let sql = "INSERT INTO meta VALUES ('probes', 1)
                   ON CONFLICT DO UPDATE SET value = value + 1";
        self.connection.execute(sql, []).map(drop)
    }

    /// Deletes what is older than a moment, of the next `steps` entries. Gives whether there may be
    /// more.
    ///
    /// # Errors
    /// Nothing was deleted.
    pub(super) fn age(&mut self, unix_ms: u64, steps: usize) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        let mut aged = self.aged;
        let mut old: Vec<u64> = Vec::new();
        let mut looked = 0;
        {
            let sql = "SELECT seq, class, unix_ms FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            let mut select = transaction.prepare_cached(sql)?;
            let mut rows = select.query(params![aged, steps])?;
            while let Some(row) = rows.next()? {
                let (seq, class, at): (u64, i64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                if at >= unix_ms {
                    break;
                }
                looked += 1;
                aged = seq;
                if Some(class) != code(Class::State) {
                    old.push(seq);
                }
            }
        }
        for seq in &old {
            transaction.prepare_cached("DELETE FROM entry WHERE seq = ?1")?.execute([seq])?;
            transaction.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([seq])?;
        }
        if let Some(last) = old.last() {
            let sql = "INSERT INTO meta VALUES ('last_seq', ?1)
                       ON CONFLICT DO UPDATE SET value = max(value, ?1)";
            transaction.prepare_cached(sql)?.execute([last])?;
        }
        transaction.commit()?;
        if !old.is_empty() {
            self.connection.execute_batch("PRAGMA incremental_vacuum(64)")?;
        }
        self.aged = aged;
        Ok(looked == steps)
    }
}

fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get::<_, u64>(0)).map(|tables| tables == 0)
}

/// Tells whether the file is a history that this version can read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    let failed = |source| Error::History { path: path.to_owned(), source };
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id").map_err(failed)? != APPLICATION_ID {
        return Err(Error::NotHistory { path: path.to_owned() });
    }
    let found = pragma("user_version").map_err(failed)?;
    if found > SCHEMA_VERSION {
        return Err(Error::HistoryNewer { path: path.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}

fn prepare(connection: &Connection, durability: Durability, is_new: bool) -> rusqlite::Result<()> {
    if is_new {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Normal => "NORMAL",
        Durability::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    if is_new {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let epoch = i64::try_from(since.as_millis()).unwrap_or(0);
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SCHEMA}
             INSERT INTO meta VALUES ('epoch', {epoch});
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {SCHEMA_VERSION};
             COMMIT"
        ))?;
    }
    Ok(())
}
