//! What is read from the file, by whoever reads: the server's reader, and `export` and `search`.

use rusqlite::{Connection, params};

use super::names::Names;
use super::words;
use crate::proto::{Append, Entry, Event, MsgId, Page, Point, Pos};

const ROW: &str = "SELECT e.seq, s.key, s.name, e.node, e.number, e.unix_ms, e.event FROM ";

/// An entry as the file has it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) id: MsgId,
    pub(super) unix_ms: u64,
    pub(super) event: String,
}

impl Row {
    pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        Ok(Row {
            seq: row.get(0)?,
            key: row.get(1)?,
            name: row.get(2)?,
            id: MsgId { node: row.get(3)?, number: row.get(4)? },
            unix_ms: row.get(5)?,
            event: row.get(6)?,
        })
    }

    /// The entry, where its room is open and its event is one that this version knows.
    pub(super) fn entry(self, epoch: u64, names: &Names) -> Option<Entry> {
        let stream = names.stream(&self.key, &self.name)?;
        let event: Event = serde_json::from_str(&self.event).ok()?;
        let append = Append { stream, id: self.id, unix_ms: self.unix_ms, event };
        Some(Entry { pos: Pos { epoch, seq: self.seq }, append })
    }
}

/// Between which places and which times something is looked for.
struct Bounds {
    seq: (u64, u64),
    time: (Option<u64>, Option<u64>),
}

/// No place and no time is beyond this: the file's numbers have a sign.
const END: u64 = i64::MAX.unsigned_abs();

impl Bounds {
    fn of(page: &Page, epoch: u64) -> Bounds {
        let mut bounds = Bounds { seq: (0, END), time: (None, None) };
        // Places of an earlier log are before everything, those of a later one after everything.
        let place = |pos: Pos| match pos.epoch.cmp(&epoch) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => pos.seq.min(END),
            std::cmp::Ordering::Greater => END,
        };
        match page.after {
            Some(Point::At(pos)) => bounds.seq.0 = place(pos),
            Some(Point::Time(at)) => bounds.time.0 = Some(at.min(END)),
            None => {}
        }
        match page.before {
            Some(Point::At(pos)) => bounds.seq.1 = place(pos),
            Some(Point::Time(at)) => bounds.time.1 = Some(at.min(END)),
            None => {}
        }
        bounds
    }
}

/// A piece of one stream, the oldest first. Where a moment bounds it, those next to it count as
/// next by their times.
///
/// # Errors
/// The file cannot be read.
pub(super) fn page(
    connection: &Connection,
    key: &str,
    page: &Page,
    epoch: u64,
) -> rusqlite::Result<Vec<Row>> {
    let Bounds { seq, time } = Bounds::of(page, epoch);
    let by_time = time.0.is_some() || time.1.is_some();
    let down = if page.last { " DESC" } else { "" };
    let (index, order) = match (by_time, page.changes) {
        (true, _) => ("by_time", format!("e.unix_ms{down}, e.seq{down}")),
        (false, true) => ("by_place", format!("e.seq{down}")),
        (false, false) => ("said", format!("e.seq{down}")),
    };
    let class = if page.changes { "" } else { " AND e.class = 0" };
    // A bound that is not there would still be looked at in each row.
    let after = if time.0.is_some() { " AND e.unix_ms > ?5" } else { " AND ?5 IS NULL" };
    let before = if time.1.is_some() { " AND e.unix_ms < ?6" } else { " AND ?6 IS NULL" };
    let sql = format!(
        "{ROW} entry e INDEXED BY {index} CROSS JOIN stream s ON s.id = e.stream
         WHERE e.stream = (SELECT id FROM stream WHERE key = ?1)
         AND e.seq > ?2 AND e.seq < ?3{class}{after}{before} ORDER BY {order} LIMIT ?4"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let lines = u64::try_from(page.lines).unwrap_or(END).min(END);
    let rows = select.query_map(params![key, seq.0, seq.1, lines, time.0, time.1], Row::of)?;
    let mut rows: Vec<Row> = rows.collect::<rusqlite::Result<_>>()?;
    rows.sort_by_key(|row| row.seq);
    Ok(rows)
}

/// What has all these words, the newest first; in one stream, or in all.
///
/// # Errors
/// The file cannot be read.
pub(super) fn search(
    connection: &Connection,
    key: Option<&str>,
    words: &str,
    lines: usize,
) -> rusqlite::Result<Vec<Row>> {
    let Some(query) = words::query(words) else { return Ok(Vec::new()) };
    let sql = format!(
        "{ROW} words CROSS JOIN entry e ON e.seq = words.rowid
         CROSS JOIN stream s ON s.id = e.stream
         WHERE words MATCH ?1 AND (?2 IS NULL OR s.key = ?2)
         ORDER BY words.rowid DESC LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_map(params![query, key, lines], Row::of)?.collect()
}

/// The last thing that was said in each conversation of a party, in order.
///
/// # Errors
/// The file cannot be read.
pub(super) fn conversations(connection: &Connection, party: &str) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "{ROW} stream s CROSS JOIN entry e
         ON e.seq = (SELECT max(seq) FROM entry WHERE stream = s.id AND class = 0)
         WHERE substr(s.key, 1, length(?1)) = ?1
         OR (substr(s.key, 1, 1) = '@' AND substr(s.key, -length(?2)) = ?2) ORDER BY e.seq"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let (first, second) = (format!("@{party} "), format!(" {party}"));
    select.query_map(params![first, second], Row::of)?.collect()
}

/// What has changed what rooms and accounts are, in its order.
///
/// # Errors
/// The file cannot be read.
pub(super) fn state(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "{ROW} entry e INDEXED BY state CROSS JOIN stream s ON s.id = e.stream
         WHERE e.class = 1 ORDER BY e.seq"
    );
    connection.prepare(&sql)?.query_map([], Row::of)?.collect()
}
