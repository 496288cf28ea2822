//! A history for reading alone, by people: while a server runs on it, or when none does.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::query::{self, Row};
use super::{database, reader, storage};
use crate::proto::{Event, Pos, fold};
use crate::{Error, Result};

/// So many entries are read at once.
const PAGE: u64 = 1000;

/// A history that is open for reading.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    path: PathBuf,
    epoch: u64,
}

/// Something that happened, as it was kept.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place.
    pub pos: Pos,
    /// The room, as it was first called; empty for what concerns people everywhere.
    pub room: String,
    /// When, in milliseconds since 1970 (UTC).
    pub unix_ms: u64,
    /// What; `None` where this version does not know it.
    pub event: Option<Event>,
    /// The event as it was written: JSON.
    pub json: String,
}

impl Archive {
    /// Opens the history in a folder.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Archive> {
        let path = storage::database(dir);
        let failed = |source| Error::History { path: path.clone(), source };
        if !path.is_file() {
            return Err(Error::NoHistory { path: dir.to_owned() });
        }
        let connection = reader::open(&path).map_err(failed)?;
        database::check(&connection, &path)?;
        let sql = "SELECT value FROM meta WHERE key = 'epoch'";
        let epoch = connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
        Ok(Archive { connection, path, epoch })
    }

    /// The rooms of which something is kept, by name.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn rooms(&self) -> Result<Vec<String>> {
        let sql = "SELECT name FROM stream WHERE key LIKE '#%' ORDER BY key";
        let rooms = || -> rusqlite::Result<Vec<String>> {
            self.connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        rooms().map_err(|source| self.failed(source))
    }

    /// Gives everything that is kept of a room, in its order, until `take` says that it is enough.
    /// Gives whether there is such a room.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn export(&self, room: &str, mut take: impl FnMut(Record) -> bool) -> Result<bool> {
        let failed = |source| self.failed(source);
        let sql = "SELECT id FROM stream WHERE key = ?1";
        let find = self.connection.query_row(sql, [fold(room)], |row| row.get(0));
        let Some(stream) = find.optional().map_err(failed)? else { return Ok(false) };
        let stream: i64 = stream;
        let mut last = 0;
        // Page by page, so that a long export keeps no server from tidying up its file.
        loop {
            let rows = self.after(stream, last).map_err(failed)?;
            let Some(end) = rows.last().map(|row| row.seq) else { return Ok(true) };
            last = end;
            for row in rows {
                if !take(self.record(row)) {
                    return Ok(true);
                }
            }
        }
    }

    fn after(&self, stream: i64, seq: u64) -> rusqlite::Result<Vec<Row>> {
        let sql = "SELECT e.seq, s.key, s.name, e.node, e.number, e.unix_ms, e.event
                   FROM entry e INDEXED BY by_place CROSS JOIN stream s ON s.id = e.stream
                   WHERE e.stream = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3";
        let mut select = self.connection.prepare_cached(sql)?;
        select.query_map(params![stream, seq, PAGE], Row::of)?.collect()
    }

    /// What has all these words, the newest first: in one room, or in all.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn search(&self, words: &str, room: Option<&str>, lines: usize) -> Result<Vec<Record>> {
        let key = room.map(fold);
        let rows = query::search(&self.connection, key.as_deref(), words, lines);
        let rows = rows.map_err(|source| self.failed(source))?;
        Ok(rows.into_iter().map(|row| self.record(row)).collect())
    }

    fn record(&self, row: Row) -> Record {
        Record {
            pos: Pos { epoch: self.epoch, seq: row.seq },
            room: row.name,
            unix_ms: row.unix_ms,
            event: serde_json::from_str(&row.event).ok(),
            json: row.event,
        }
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::History { path: self.path.clone(), source }
    }
}
