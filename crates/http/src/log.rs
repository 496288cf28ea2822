//! The access log: a line for each answer, written by a thread of its own. Peers decide what
//! stands in a line, so every field is escaped; they also decide how many lines there are, so the
//! queue is bounded and what does not fit is counted, not waited for. A query string may hold a
//! secret: it is left out, of the request as of the referrer.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sockeye_edge::printable::Printable;

use crate::config::{AccessLog, LogFormat};
use crate::event::{Event, Sink};
use crate::proto::date;

/// One answer.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// Who asked, where that has an address.
    pub(crate) peer: Option<IpAddr>,
    /// By which name it has shown to know the password.
    pub(crate) user: Option<String>,
    /// Seconds since 1970 when the request had arrived.
    pub(crate) time: u64,
    /// The request line, or what came in its place.
    pub(crate) line: &'a [u8],
    /// The status code.
    pub(crate) status: u16,
    /// Bytes of the body that were sent.
    pub(crate) bytes: u64,
    /// How long the answer took, sending included.
    pub(crate) duration: Duration,
    /// The `Referer` field.
    pub(crate) referrer: Option<&'a [u8]>,
    /// The `User-Agent` field.
    pub(crate) agent: Option<&'a [u8]>,
}

/// The sending end; cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    format: LogFormat,
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    lost: u64,
    closed: bool,
}

impl Queue {
    /// A thread that panicked left whole lines.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Writes what is left, and says how many lines were lost.
    pub(crate) fn finish(self) -> u64 {
        self.queue.lock().closed = true;
        self.queue.changed.notify_one();
        // A writer that panicked has written what it could.
        let _ = self.thread.join();
        self.queue.lock().lost
    }
}

/// Starts the thread that writes.
///
/// # Errors
/// The system has no thread left.
pub(crate) fn start(
    log: AccessLog,
    bytes_max: usize,
    sink: Sink,
) -> std::io::Result<(Log, Writer)> {
    let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), bytes_max });
    let (reader, mut writer) = (Arc::clone(&queue), log.writer);
    let run = move || write_all(&reader, writer.as_mut(), &sink);
    let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn(run)?;
    Ok((Log { format: log.format, queue: Arc::clone(&queue) }, Writer { queue, thread }))
}

fn write_all(queue: &Queue, writer: &mut dyn Write, sink: &Sink) {
    let mut lines = Vec::new();
    let mut failed = false;
    loop {
        let mut state = queue.lock();
        while state.lines.is_empty() && !state.closed {
            state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.lines.is_empty() {
            return;
        }
        lines.clear();
        std::mem::swap(&mut lines, &mut state.lines);
        drop(state);
        match writer.write_all(&lines).and_then(|()| writer.flush()) {
            Ok(()) => failed = false,
            Err(error) => {
                let lost = lines.iter().filter(|byte| **byte == b'\n').count();
                queue.lock().lost += u64::try_from(lost).unwrap_or(u64::MAX);
                // Said once for each time that it starts to fail.
                if !failed {
                    sink(&Event::LogFailed { why: error.to_string() });
                }
                failed = true;
            }
        }
    }
}

impl Log {
    /// Queues the line of `record`.
    pub(crate) fn write(&self, record: &Record<'_>) {
        let line = record.line(self.format);
        let mut state = self.queue.lock();
        if state.lines.len() + line.len() > self.queue.bytes_max {
            state.lost += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line.as_bytes());
        drop(state);
        if was_empty {
            self.queue.changed.notify_one();
        }
    }
}

impl Record<'_> {
    fn line(&self, format: LogFormat) -> String {
        let peer = self.peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
        match format {
            LogFormat::Common => self.common(&peer) + "\n",
            LogFormat::Combined => {
                let referrer = self.referrer.map(without_query);
                let (referrer, agent) = (quoted(referrer.as_deref()), quoted(self.agent));
                format!("{} {referrer} {agent}\n", self.common(&peer))
            }
            LogFormat::Json => self.json(&peer) + "\n",
        }
    }

    fn common(&self, peer: &str) -> String {
        let time = date::common_log(self.time);
        let line = quoted(Some(&without_query(self.line)));
        let user = self.user.as_deref().map_or(Cow::Borrowed("-"), one_word);
        format!("{peer} - {user} [{time}] {line} {} {}", self.status, self.bytes)
    }

    fn json(&self, peer: &str) -> String {
        let text = |field: &[u8]| Printable::new(field).to_string();
        serde_json::json!({
            "time": date::iso(self.time),
            "peer": peer,
            "user": self.user.as_deref().map(|name| text(name.as_bytes())),
            "request": text(&without_query(self.line)),
            "status": self.status,
            "bytes": self.bytes,
            "duration_us": u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            "referrer": self.referrer.map(|field| text(&without_query(field))),
            "user_agent": self.agent.map(text),
        })
        .to_string()
    }
}

/// Without what stands between a `?` and the next space: of a request line or of a URL.
fn without_query(field: &[u8]) -> Cow<'_, [u8]> {
    let Some(start) = field.iter().position(|byte| *byte == b'?') else { return field.into() };
    let (kept, query) = field.split_at(start);
    let end = query.iter().position(|byte| *byte == b' ').unwrap_or(query.len());
    [kept, &query[end..]].concat().into()
}

/// A name as a field that stands without quotes: those who read the log cut it at spaces.
fn one_word(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if name.bytes().all(plain) { name.into() } else { quoted(Some(name.as_bytes())).into() }
}

/// In quotes, with quotes, backslashes and everything that does not print escaped.
fn quoted(field: Option<&[u8]>) -> String {
    let Some(field) = field else { return "\"-\"".to_owned() };
    let mut text = String::from("\"");
    for piece in field.split_inclusive(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, special) = match piece.split_last() {
            Some((last @ (b'"' | b'\\'), plain)) => (plain, Some(char::from(*last))),
            _ => (piece, None),
        };
        text.push_str(&Printable::new(plain).to_string());
        if let Some(special) = special {
            text.push('\\');
            text.push(special);
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
