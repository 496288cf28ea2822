//! The last that happened in each room and conversation, in memory: what who comes in is shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Class, Entry, Event, Page, Pos, RoomName, Stream};

/// So many conversations of two are kept; the one that rests longest goes first.
const DIRECT_MAX: usize = 1000;

/// Keeps the last lines that were said in each stream.
#[derive(Debug)]
pub(crate) struct Recent {
    lines_max: usize,
    streams: BTreeMap<Stream, Kept>,
    direct: usize,
}

/// What is kept of one stream: what was said and what changed, in order, each with its own share.
#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Arc<Entry>>,
    said: usize,
}

impl Kept {
    fn push(&mut self, entry: Arc<Entry>, most: usize) {
        let said = is_said(&entry);
        let count = if said { self.said } else { self.entries.len() - self.said };
        if count == most
            && let Some(oldest) = self.entries.iter().position(|other| is_said(other) == said)
        {
            self.remove(oldest);
        }
        self.said += usize::from(said);
        self.entries.push_back(entry);
    }

    fn remove(&mut self, place: usize) {
        if let Some(entry) = self.entries.remove(place) {
            self.said -= usize::from(is_said(&entry));
        }
    }
}

impl<'a> IntoIterator for &'a Kept {
    type Item = &'a Arc<Entry>;
    type IntoIter = std::collections::vec_deque::Iter<'a, Arc<Entry>>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

fn is_said(entry: &Entry) -> bool {
    entry.append.event.class() == Class::Said
}

impl Recent {
    /// Keeps nothing yet, and at most `lines_max` lines of each stream.
    pub(crate) fn new(lines_max: usize) -> Recent {
        Recent { lines_max, streams: BTreeMap::new(), direct: 0 }
    }

    /// Keeps an entry that somebody may ask for; the oldest one goes, and what was taken back.
    pub(crate) fn push(&mut self, entry: &Arc<Entry>) {
        let stream = &entry.append.stream;
        let fleeting = entry.append.event.class() == Class::Fleeting;
        if fleeting || self.lines_max == 0 || *stream == Stream::People {
            return;
        }
        if matches!(stream, Stream::Direct(..)) && !self.streams.contains_key(stream) {
            self.direct += 1;
            self.forget_a_conversation();
        }
        let kept = self.streams.entry(stream.clone()).or_default();
        if let Event::Redacted { at, .. } = &entry.append.event
            && let Some(place) = kept.entries.iter().position(|entry| entry.pos == *at)
        {
            kept.remove(place);
        }
        kept.push(Arc::clone(entry), self.lines_max);
    }

    fn forget_a_conversation(&mut self) {
        if self.direct <= DIRECT_MAX {
            return;
        }
        let direct = self.streams.iter().filter(|(key, _)| matches!(key, Stream::Direct(..)));
        let oldest = direct.min_by_key(|(_, kept)| kept.entries.back().map(|entry| entry.pos));
        if let Some(stream) = oldest.map(|(stream, _)| stream.clone()) {
            self.streams.remove(&stream);
            self.direct -= 1;
        }
    }

    fn said(&self, room: &RoomName) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        let kept = self.streams.get(&Stream::Room(room.clone()));
        kept.into_iter().flatten().filter(|entry| entry.append.event.class() == Class::Said)
    }

    /// What was said in a room after a place.
    pub(crate) fn tail(&self, room: &RoomName, after: Pos) -> Vec<Arc<Entry>> {
        self.said(room).filter(|entry| entry.pos > after).cloned().collect()
    }

    /// The place after which exactly the last `lines` were said in a room; `last`, the last of all,
    /// where that is none.
    pub(crate) fn before_last(&self, room: &RoomName, lines: usize, last: Pos) -> Pos {
        if lines == 0 || self.said(room).next().is_none() {
            return last;
        }
        self.said(room).rev().nth(lines).map_or_else(Pos::default, |entry| entry.pos)
    }

    /// The last thing that was said in each conversation of a party.
    pub(crate) fn conversations(&self, key: &str) -> Vec<Arc<Entry>> {
        let of = |stream: &Stream| match stream {
            Stream::Direct(one, other) => **one == *key || **other == *key,
            _ => false,
        };
        let kept = self.streams.iter().filter(|(stream, _)| of(stream));
        let said = |entry: &&Arc<Entry>| entry.append.event.class() == Class::Said;
        let mut last: Vec<Arc<Entry>> =
            kept.filter_map(|(_, kept)| kept.entries.iter().rev().find(said).cloned()).collect();
        last.sort_by_key(|entry| entry.pos);
        last
    }

    /// A piece of what is kept, the oldest first.
    pub(crate) fn page(&self, page: &Page) -> Vec<Arc<Entry>> {
        let kept = self.streams.get(&page.stream).into_iter().flatten();
        let fits = kept.filter(|entry| page.covers(entry)).cloned();
        if !page.last {
            return fits.take(page.lines).collect();
        }
        let mut found: Vec<Arc<Entry>> = fits.collect();
        found.split_off(found.len().saturating_sub(page.lines))
    }

    /// What has all these words, the newest first.
    pub(crate) fn search(
        &self,
        stream: Option<&Stream>,
        words: &str,
        lines: usize,
    ) -> Vec<Arc<Entry>> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let has = |entry: &&Arc<Entry>| {
            let said = entry.append.event.class() == Class::Said;
            let text = entry.append.event.words();
            let text = text.map(|text| text.to_lowercase()).unwrap_or_default();
            said && words.iter().all(|word| text.contains(word.as_str()))
        };
        let streams =
            self.streams.iter().filter(|(key, _)| stream.is_none_or(|stream| stream == *key));
        let mut found: Vec<Arc<Entry>> =
            streams.flat_map(|(_, kept)| kept).filter(has).cloned().collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.pos));
        found.truncate(if words.is_empty() { 0 } else { lines });
        found
    }
}
