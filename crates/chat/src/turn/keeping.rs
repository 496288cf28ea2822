//! The side of the loop that faces the log: what happens goes in, what was kept takes effect.
//!
//! Rules:
//! 1. Nobody hears of what the log has not kept, and who is refused is told.
//! 2. A full log stops the taking of new lines, not the loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::Loop;
use crate::Event;
use crate::proto::{Append, Entry, Event as RoomEvent, MsgId, Now, Question, Unanswered};

/// What a question about the past is answered with.
pub(crate) type Found = Result<Vec<Arc<Entry>>, Unanswered>;

/// Who waits for what of the log.
#[derive(Default)]
pub(crate) struct Keeping {
    /// The log has more than the turn could take.
    pub(super) unapplied: bool,
    /// Why nothing can be kept, as everyone was told.
    trouble: Option<String>,
    posts: BTreeMap<MsgId, SyncSender<Result<(), String>>>,
    tickets: u64,
    asked: BTreeMap<u64, SyncSender<Found>>,
}

impl Loop {
    /// Events go into the log, and what the log has ordered takes effect.
    pub(super) fn decide(&mut self, now: Now) {
        loop {
            self.commit(now);
            if self.log.is_full() {
                return;
            }
            let Some(append) = self.board.poll_append(now) else { return };
            self.log.append(append);
        }
    }

    /// What the log has ordered takes effect.
    pub(super) fn commit(&mut self, now: Now) {
        while self.board.can_deliver(now) {
            let Some(entry) = self.log.poll_committed() else {
                self.keeping.unapplied = false;
                self.refuse();
                self.watch();
                return;
            };
            self.take_effect(&entry, now);
        }
        self.keeping.unapplied = true;
    }

    fn take_effect(&mut self, entry: &Entry, now: Now) {
        if matches!(
            entry.append.event,
            RoomEvent::Said { .. } | RoomEvent::Posted { .. } | RoomEvent::Raw { .. }
        ) {
            self.report.lines += 1;
        }
        self.board.handle_committed(entry, now);
        while let Some(replay) = self.board.poll_replay() {
            let after = self.log.before_last(replay.room, replay.lines);
            let entries = self.log.tail(replay.room, after);
            self.board.handle_history(replay, &entries);
        }
        // Whoever has posted may have gone.
        if let Some(answer) = self.keeping.posts.remove(&entry.append.id) {
            let _ = answer.try_send(Ok(()));
        }
    }

    fn refuse(&mut self) {
        while let Some(Append { id, event, .. }) = self.log.poll_refused() {
            self.board.handle_refused(&event);
            if let Some(answer) = self.keeping.posts.remove(&id) {
                let why = self.log.trouble().unwrap_or_else(|| "try again".to_owned());
                let _ = answer.try_send(Err(format!("that could not be kept: {why}")));
            }
        }
    }

    /// Tells everyone when messages cannot be kept, and when they can again.
    fn watch(&mut self) {
        let trouble = self.log.trouble();
        if trouble == self.keeping.trouble {
            return;
        }
        match &trouble {
            Some(why) if self.keeping.trouble.is_none() => {
                self.board.tell(&format!("nothing can be said for now, only read: {why}"));
            }
            Some(_) => {}
            None => self.board.tell("messages are kept again: go on"),
        }
        (self.sink)(&Event::HistoryTrouble { error: trouble.clone() });
        self.keeping.trouble = trouble;
    }

    /// A line for the room from outside: its author is answered when it is kept.
    pub(super) fn post(
        &mut self,
        nick: &str,
        text: &str,
        answer: SyncSender<Result<(), String>>,
        now: Now,
    ) {
        match self.board.post(nick, text, now) {
            Ok(id) => {
                self.keeping.posts.insert(id, answer);
            }
            Err(why) => {
                let _ = answer.try_send(Err(why));
            }
        }
    }

    /// A question about the past.
    pub(super) fn ask_log(&mut self, question: Question, answer: SyncSender<Found>) {
        self.keeping.tickets += 1;
        self.keeping.asked.insert(self.keeping.tickets, answer);
        self.log.ask(self.keeping.tickets, question);
    }

    /// What the log has found goes to whoever asked.
    pub(super) fn pass_answers(&mut self) {
        while let Some(answer) = self.log.poll_answer() {
            if let Some(asker) = self.keeping.asked.remove(&answer.ticket) {
                let _ = asker.try_send(answer.found);
            }
        }
    }
}
