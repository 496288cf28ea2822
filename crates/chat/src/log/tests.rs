//! Both logs keep one contract; the file keeps what is its own besides.

mod contract;
mod file;
mod model;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sockeye_socket::Selector;

use super::{Durability, Opened, Storage};
use crate::proto::{
    Answer, Append, ClientId, Entry, Event, Identity, Log, MemoryLog, MsgId, Nick, Page, Pos,
    Question, RoomName, Stream, Style, Target, Text, Unanswered, Why,
};

/// No test waits longer for anything.
const HANG: Duration = Duration::from_secs(60);
const LINES_MAX: usize = 100;

/// A log, and what wakes whoever waits for it.
struct Rig {
    log: Box<dyn Log>,
    selector: Selector<()>,
    node: u64,
    number: u64,
    tickets: u64,
    answers: BTreeMap<u64, Result<Vec<Arc<Entry>>, Unanswered>>,
}

fn rooms() -> Vec<RoomName> {
    ["#lobby", "#Games"].map(|room| room.parse().unwrap()).to_vec()
}

/// A room by its place among those that are open.
fn room(place: u32) -> RoomName {
    let place = usize::try_from(place).unwrap();
    rooms().into_iter().nth(place).unwrap_or_else(|| format!("#{place}").parse().unwrap())
}

fn storage(dir: &Path) -> Storage {
    Storage { retention: None, ..Storage::new(dir) }
}

impl Rig {
    fn memory() -> Rig {
        Rig::of(Box::new(MemoryLog::new(5, LINES_MAX)), Selector::new().unwrap(), 1)
    }

    fn file(storage: Storage) -> Rig {
        let opened = Opened::open(storage, &rooms(), LINES_MAX).unwrap();
        let node = opened.node();
        let selector = Selector::new().unwrap();
        let log = opened.start(&selector.waker()).unwrap();
        Rig::of(Box::new(log), selector, node)
    }

    fn of(log: Box<dyn Log>, selector: Selector<()>, node: u64) -> Rig {
        Rig { log, selector, node, number: 0, tickets: 0, answers: BTreeMap::new() }
    }

    fn wait(&mut self) {
        drop(self.selector.select(Some(HANG)).unwrap());
    }

    fn say(&mut self, place: u32, text: &str, unix_ms: u64) {
        self.put(Stream::Room(room(place)), said(text), unix_ms);
    }

    fn put(&mut self, stream: Stream, event: Event, unix_ms: u64) {
        self.number += 1;
        let id = MsgId { node: self.node, number: self.number };
        self.log.append(Append { stream, id, unix_ms, event });
    }

    /// Waits until all is decided; gives what was kept.
    fn settle(&mut self) -> Vec<Arc<Entry>> {
        let mut kept = Vec::new();
        loop {
            kept.extend(std::iter::from_fn(|| self.log.poll_committed()));
            if !self.log.has_pending() {
                return kept;
            }
            self.wait();
        }
    }

    fn ask(&mut self, question: Question) -> Result<Vec<Arc<Entry>>, Unanswered> {
        self.tickets += 1;
        self.log.ask(self.tickets, question);
        loop {
            while let Some(Answer { ticket, found }) = self.log.poll_answer() {
                assert!(self.answers.insert(ticket, found).is_none(), "answered twice");
            }
            if let Some(found) = self.answers.remove(&self.tickets) {
                return found;
            }
            self.wait();
        }
    }

    fn all(&mut self, place: u32) -> Vec<String> {
        let stream = Stream::Room(room(place));
        let (after, before, lines) = (None, None, usize::MAX);
        let page = Page { stream, after, before, lines, last: false, changes: false };
        texts(&self.ask(Question::Page(page)).unwrap())
    }

    fn search(&mut self, words: &str) -> Vec<String> {
        let words = words.to_owned();
        texts(&self.ask(Question::Search { stream: None, words, lines: 100 }).unwrap())
    }
}

fn who() -> Arc<Identity> {
    Arc::new(Identity::plain(Nick::plain(1)))
}

fn said(text: &str) -> Event {
    Event::Said {
        client: ClientId::NOBODY,
        who: who(),
        to: Target::Room(room(0)),
        text: Text::new(text),
        style: Style::Line,
        tags: "".into(),
    }
}

fn left() -> Event {
    Event::Left { client: ClientId::NOBODY, who: who(), why: Why::Gone, text: None }
}

fn texts(entries: &[Arc<Entry>]) -> Vec<String> {
    entries.iter().filter_map(|entry| Some(entry.append.event.words()?.into_owned())).collect()
}

/// Runs a test on a log in memory and on one in a fresh folder, synced and not.
fn on_both(test: impl Fn(Rig)) {
    test(Rig::memory());
    for durability in [Durability::Normal, Durability::Full] {
        let dir = tempfile::tempdir().unwrap();
        test(Rig::file(Storage { durability, ..storage(dir.path()) }));
    }
}
