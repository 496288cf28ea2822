//! What was said before: batches of history, asked for when one comes in, comes back, or reads up.
//!
//! # Source
//! ircv3.net/specs/extensions/batch, chathistory

use super::super::limits::{BATCHES_MAX, CATCH_UP_PAGES_MAX};
use super::super::link::Batch;
use super::super::message::Message;
use super::super::room::{CatchUp, History, Kind};
use super::super::state::State;
use super::super::when;

/// So many messages of a batch are kept at most; a page has fewer.
const BATCH_MESSAGES_MAX: usize = 1000;

impl State {
    /// Whether a message belongs to a batch that is open, and is kept until it ends.
    pub(super) fn keep_for_batch(&mut self, message: &Message) -> bool {
        let batch = message.tag("batch").and_then(|name| self.link.batches.get_mut(name));
        let Some(batch) = batch else { return false };
        if batch.messages.len() < BATCH_MESSAGES_MAX {
            batch.messages.push(message.clone());
        }
        true
    }

    /// A batch begins or ends.
    pub(super) fn hear_batch(&mut self, message: &Message) {
        let name = message.param(0);
        if let Some(name) = name.strip_prefix('+') {
            if self.link.batches.len() < BATCHES_MAX {
                let (kind, target) = (message.param(1).to_owned(), message.param(2).to_owned());
                let batch = Batch { kind, target, messages: Vec::new() };
                self.link.batches.insert(name.to_owned(), batch);
            }
        } else if let Some(batch) = name.strip_prefix('-').and_then(|n| self.link.batches.remove(n))
        {
            match batch.kind.as_str() {
                "chathistory" | "draft/chathistory" => self.take_page(&batch),
                _ => batch.messages.iter().for_each(|message| self.hear_message(message)),
            }
        }
    }

    /// Puts a page of history into its room.
    fn take_page(&mut self, batch: &Batch) {
        let fold = self.fold(&batch.target);
        let Some(at) = self.rooms.find(&fold) else { return };
        let mut added = 0;
        for message in &batch.messages {
            if !matches!(message.command.as_str(), "PRIVMSG" | "NOTICE") {
                continue;
            }
            let mut line = self.talk_line(message, message.last());
            line.live = None;
            if self.rooms.insert(at, line, self.link.epoch) {
                added += 1;
            }
        }
        let was_asked = self.rooms.room(at).history == History::Asked;
        match self.rooms.room(at).catch_up {
            Some(catch_up) => self.go_on_catching_up(at, catch_up, batch.messages.len()),
            None if was_asked => {
                let all = added == 0;
                let history = if all { History::All } else { History::More };
                self.rooms.room_mut(at).history = history;
            }
            None => {}
        }
        self.count_missed(at, added);
    }

    /// What was said while one was away is new.
    fn count_missed(&mut self, at: usize, added: usize) {
        if at == self.rooms.at() || added == 0 {
            return;
        }
        let room = self.rooms.room_mut(at);
        let read_ms = room.read_ms;
        let seen = room.seen.and_then(|id| room.lines.iter().find(|line| line.id == id));
        let since = seen.map_or(read_ms, |line| line.at_ms.max(read_ms));
        if since > 0 {
            let new = |line: &&super::super::room::Line| {
                line.kind.is_talk() && !line.own && line.at_ms > since
            };
            room.unread = room.lines.iter().filter(new).count();
            room.mentions = room.lines.iter().filter(new).filter(|line| line.mention).count();
        }
    }

    fn go_on_catching_up(&mut self, at: usize, catch_up: CatchUp, came: usize) {
        let page = self.link.support.history_page();
        if came < page {
            self.rooms.room_mut(at).catch_up = None;
        } else if catch_up.pages >= CATCH_UP_PAGES_MAX {
            self.stop_catching_up(at, "more was said than is asked for");
        } else {
            self.ask_after(at);
        }
    }

    fn stop_catching_up(&mut self, at: usize, why: &str) {
        self.rooms.room_mut(at).catch_up = None;
        self.tell(at, Kind::Gap, &format!("something may be missing here: {why}"));
    }

    /// Asks for all that was said since the last line that is known.
    pub(super) fn catch_up(&mut self, at: usize, by_time: bool) {
        self.rooms.room_mut(at).catch_up = Some(CatchUp { pages: 0, by_time });
        self.ask_after(at);
    }

    fn ask_after(&mut self, at: usize) {
        let page = self.link.support.history_page();
        let epoch = self.link.epoch;
        let room = self.rooms.room_mut(at);
        let Some(catch_up) = &mut room.catch_up else { return };
        catch_up.pages += 1;
        let by_time = catch_up.by_time;
        // What comes live meanwhile is not what is asked from.
        let known = room.lines.iter().rev().find(|line| {
            line.kind.is_talk() && line.delivery == Default::default() && line.live != Some(epoch)
        });
        let Some(known) = known else {
            room.catch_up = None;
            return;
        };
        let from = point(known.msgid.as_deref().filter(|_| !by_time), known.at_ms);
        let line = format!("CHATHISTORY AFTER {} {from} {page}", room.name);
        self.link.send(&line);
    }

    /// Asks for the last lines of a room that is new here.
    pub(in super::super) fn ask_latest(&mut self, name: &str, at: usize) {
        let page = self.link.support.history_page().min(50);
        self.rooms.room_mut(at).history = History::Asked;
        self.link.send(&format!("CHATHISTORY LATEST {name} * {page}"));
    }

    /// Asks for what is before the first line.
    pub(in super::super) fn ask_before(&mut self) {
        let at = self.rooms.at();
        let page = self.link.support.history_page();
        let room = self.rooms.room(at);
        if room.history != History::More || at == 0 || !self.link.has_history() {
            return;
        }
        if self.rooms.is_full(at) {
            return;
        }
        let from = match room.first_known() {
            Some(first) => point(first.msgid.as_deref(), first.at_ms),
            None => point(None, self.now.unix_ms),
        };
        let line = format!("CHATHISTORY BEFORE {} {from} {page}", room.name);
        self.rooms.room_mut(at).history = History::Asked;
        self.link.send(&line);
    }

    /// The server has no such history.
    pub(super) fn hear_no_history(&mut self, message: &Message) {
        let Some(at) = self.room_in(message) else {
            self.tell(0, Kind::Alert, message.last());
            return;
        };
        let room = self.rooms.room_mut(at);
        match room.catch_up {
            Some(CatchUp { by_time: false, .. }) => self.catch_up(at, true),
            Some(_) => self.stop_catching_up(at, message.last()),
            None => room.history = History::All,
        }
    }
}

/// A place in the history: a line's name, or a time.
fn point(msgid: Option<&str>, at_ms: i64) -> String {
    match msgid.filter(|msgid| !msgid.contains([' ', '\r', '\n'])) {
        Some(msgid) => format!("msgid={msgid}"),
        None => format!("timestamp={}", when::write(at_ms)),
    }
}
