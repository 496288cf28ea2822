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
use crate::proto::irc::{self, Lookup};
use crate::proto::{
    Answer, Append, Class, Entry, Event as RoomEvent, MsgId, Now, Question, Unanswered,
};

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
    lookups: BTreeMap<u64, Waiting>,
}

/// A client's lookup: the first of its tickets names it.
struct Waiting {
    lookup: Lookup,
    answers: BTreeMap<u64, Option<Vec<Arc<Entry>>>>,
}

impl Loop {
    /// Events go into the log, and what the log has ordered takes effect.
    pub(super) fn decide(&mut self, now: Now) {
        for (id, outcome) in self.pool.take() {
            self.board.handle_worked(id, outcome, now);
        }
        loop {
            self.commit(now);
            if self.log.is_full() {
                break;
            }
            match self.board.poll_append(now) {
                Some(append) => self.log.append(append),
                None if self.look_up(now) => {}
                None => break,
            }
        }
        while let Some((id, task)) = self.board.poll_task() {
            self.pool.give(id, task);
        }
    }

    /// Asks the log what clients want to know; whether some of them know it now.
    fn look_up(&mut self, now: Now) -> bool {
        while let Some(lookup) = self.board.poll_lookup() {
            let first = self.keeping.tickets + 1;
            for question in lookup.questions() {
                self.keeping.tickets += 1;
                self.log.ask(self.keeping.tickets, question.clone());
            }
            let answers = BTreeMap::new();
            self.keeping.lookups.insert(first, Waiting { lookup, answers });
        }
        self.pass_answers(now)
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
        let event = &entry.append.event;
        if event.class() == Class::Said || matches!(event, RoomEvent::Raw { .. }) {
            self.report.lines += 1;
        }
        self.board.handle_committed(entry, now);
        while let Some(replay) = self.board.poll_replay() {
            let after = self.log.before_last(&replay.room, replay.lines);
            let entries = self.log.tail(&replay.room, after);
            self.board.handle_history(replay, &entries);
        }
        // Whoever has posted may have gone.
        if let Some(answer) = self.keeping.posts.remove(&entry.append.id) {
            let _ = answer.try_send(Ok(()));
        }
    }

    fn refuse(&mut self) {
        while let Some(append) = self.log.poll_refused() {
            self.board.handle_refused(&append);
            let Append { id, .. } = append;
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

    /// What the log has found goes to whoever asked; whether clients are among them.
    pub(super) fn pass_answers(&mut self, now: Now) -> bool {
        let mut clients = false;
        while let Some(answer) = self.log.poll_answer() {
            match self.keeping.asked.remove(&answer.ticket) {
                Some(asker) => {
                    let _ = asker.try_send(answer.found);
                }
                None => clients |= self.pass_to_client(answer, now),
            }
        }
        clients
    }

    fn pass_to_client(&mut self, answer: Answer, now: Now) -> bool {
        let Some((first, waiting)) = self.keeping.lookups.range_mut(..=answer.ticket).next_back()
        else {
            return false;
        };
        let first = *first;
        waiting.answers.insert(answer.ticket, answer.found.ok());
        if waiting.answers.len() < waiting.lookup.questions().len() {
            return false;
        }
        let Some(waiting) = self.keeping.lookups.remove(&first) else { return false };
        let all: Option<Vec<Vec<Arc<Entry>>>> = waiting.answers.into_values().collect();
        let found = irc::Found(all.map(|all| all.concat()));
        self.board.handle_found(waiting.lookup, &found, now);
        true
    }
}
