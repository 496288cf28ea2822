//! The last lines of each room, in memory: what who comes in is shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Class, Entry, Page, Pos, RoomId, Stream};

/// Keeps the last lines that were said in each stream.
#[derive(Debug)]
pub(crate) struct Recent {
    lines_max: usize,
    streams: BTreeMap<Stream, VecDeque<Arc<Entry>>>,
}

impl Recent {
    /// Keeps nothing yet, and at most `lines_max` lines of each stream.
    pub(crate) fn new(lines_max: usize) -> Recent {
        Recent { lines_max, streams: BTreeMap::new() }
    }

    /// Keeps an entry if it was said; the oldest one goes.
    pub(crate) fn push(&mut self, entry: &Arc<Entry>) {
        if entry.append.event.class() != Class::Said || self.lines_max == 0 {
            return;
        }
        let kept = self.streams.entry(entry.append.stream).or_default();
        if kept.len() == self.lines_max {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(entry));
    }

    /// What was said in a room after a place.
    pub(crate) fn tail(&self, room: RoomId, after: Pos) -> Vec<Arc<Entry>> {
        let kept = self.streams.get(&Stream::Room(room));
        kept.into_iter().flatten().filter(|entry| entry.pos > after).cloned().collect()
    }

    /// The place after which exactly the last `lines` were said in a room; `last`, the last of all,
    /// where that is none.
    pub(crate) fn before_last(&self, room: RoomId, lines: usize, last: Pos) -> Pos {
        let Some(kept) = self.streams.get(&Stream::Room(room)) else { return last };
        if lines == 0 {
            return last;
        }
        let place = kept.len().checked_sub(lines + 1);
        place.and_then(|at| kept.get(at)).map_or_else(Pos::default, |entry| entry.pos)
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
        stream: Option<Stream>,
        words: &str,
        lines: usize,
    ) -> Vec<Arc<Entry>> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let has = |entry: &&Arc<Entry>| {
            let text = entry.append.event.words().map(str::to_lowercase).unwrap_or_default();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let streams = self.streams.iter().filter(|(key, _)| stream.is_none_or(|s| s == **key));
        let mut found: Vec<Arc<Entry>> =
            streams.flat_map(|(_, kept)| kept).filter(has).cloned().collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.pos));
        found.truncate(if words.is_empty() { 0 } else { lines });
        found
    }
}
