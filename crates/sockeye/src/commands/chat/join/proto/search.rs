//! Looking for a text in what was said.

use super::format::without_codes;
use super::room::{Anchor, Line};
use super::state::{Mode, State};
use super::text::finds;

/// What is looked for, and where it was found.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// As it is typed.
    pub(crate) text: String,
    /// The line in which it was found.
    pub(crate) hit: Option<u64>,
    /// Where one had been reading.
    before: Option<Anchor>,
}

impl Search {
    /// Nothing is looked for yet.
    pub(crate) fn new(before: Option<Anchor>) -> Search {
        Search { before, ..Search::default() }
    }

    /// What is looked for in small letters.
    pub(crate) fn needle(&self) -> String {
        self.text.to_lowercase()
    }
}

impl State {
    /// What is looked for, if anything.
    pub(super) fn needle(&self) -> Option<String> {
        match &self.mode {
            Mode::Search(search) => Some(search.needle()).filter(|needle| !needle.is_empty()),
            _ => None,
        }
    }

    /// One more letter of what is looked for.
    pub(super) fn search_type(&mut self, c: char) {
        if let Mode::Search(search) = &mut self.mode
            && !super::text::is_hostile(c)
            && search.text.len() < 200
        {
            search.text.push(c);
            search.hit = None;
        }
        self.search_on(true);
    }

    /// One letter less.
    pub(super) fn search_erase(&mut self) {
        if let Mode::Search(search) = &mut self.mode {
            search.text.pop();
            search.hit = None;
        }
        self.search_on(true);
    }

    /// Goes to the next line further up in which it is found, or further down.
    pub(super) fn search_on(&mut self, up: bool) {
        let (Some(needle), Mode::Search(search)) = (self.needle(), &self.mode) else { return };
        let lines = &self.rooms.current().lines;
        let at = search.hit.and_then(|id| lines.iter().position(|line| line.id == id));
        let has = |line: &Line| {
            !finds(&without_codes(&line.text), &needle).is_empty()
                || !finds(&line.nick, &needle).is_empty()
        };
        let found = match (up, at) {
            (true, Some(at)) => lines.iter().take(at).rposition(has),
            (true, None) => lines.iter().rposition(has),
            (false, Some(at)) => {
                lines.iter().skip(at + 1).position(has).map(|further| at + 1 + further)
            }
            (false, None) => None,
        };
        let Some(found) = found else {
            if up && at.is_some() {
                self.ask_before();
            }
            return;
        };
        let id = lines[found].id;
        let below = (found + self.page_rows() / 3).min(lines.len() - 1);
        let anchor = Anchor { id: lines[below].id, hidden: 0 };
        let is_end = below == lines.len() - 1;
        if let Mode::Search(search) = &mut self.mode {
            search.hit = Some(id);
        }
        self.rooms.current_mut().anchor = (!is_end).then_some(anchor);
    }

    /// Stops looking: stays where it was found, or goes back.
    pub(super) fn end_search(&mut self, stays: bool) {
        if let Mode::Search(search) = std::mem::take(&mut self.mode)
            && !stays
        {
            self.rooms.current_mut().anchor = search.before;
        }
    }
}
