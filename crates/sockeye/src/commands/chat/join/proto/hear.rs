//! What a server of IRC says: each message goes to what it is about.

mod history;
mod numerics;
mod people;
mod talk;

use super::link::Phase;
use super::message::Message;
use super::room::Kind;
use super::state::{Dialect, State};

impl State {
    /// Takes a line of the server.
    pub(super) fn hear(&mut self, line: &str) {
        // What comes once a connection was given up is not for the next one.
        if !matches!(self.link.phase, Phase::Login | Phase::Ready | Phase::Leaving)
            || self.dialect != Dialect::Irc
        {
            return;
        }
        let Some(message) = Message::parse(line) else { return };
        self.link.is_irc |= matches!(message.command.as_str(), "NOTICE" | "PING" | "CAP" | "020");
        if message.command != "BATCH" && self.keep_for_batch(&message) {
            return;
        }
        self.hear_message(&message);
    }

    /// Takes a message, of a batch or not.
    pub(super) fn hear_message(&mut self, message: &Message) {
        match message.command.as_str() {
            "PING" => self.link.send(&format!("PONG :{}", message.last())),
            "PONG" => self.hear_pong(),
            "CAP" => self.hear_cap(message),
            "AUTHENTICATE" => self.hear_authenticate(message),
            "ERROR" => self.hear_error(message),
            "BATCH" => self.hear_batch(message),
            "PRIVMSG" | "NOTICE" => self.hear_talk(message),
            "TAGMSG" => self.hear_typing(message),
            "MARKREAD" => self.hear_read(message),
            "JOIN" => self.hear_join(message),
            "PART" => self.hear_part(message),
            "KICK" => self.hear_kick(message),
            "QUIT" => self.hear_quit(message),
            "NICK" => self.hear_nick(message),
            "MODE" => self.hear_mode(message),
            "TOPIC" => self.hear_topic(message),
            "AWAY" => self.hear_away(message),
            "CHGHOST" => self.hear_host(message),
            "INVITE" => self.hear_invite(message),
            "ACCOUNT" | "SETNAME" | "ACK" => {}
            "FAIL" | "WARN" | "NOTE" => self.hear_standard_reply(message),
            command if command.len() == 3 && command.bytes().all(|b| b.is_ascii_digit()) => {
                self.hear_numeric(message);
            }
            _ => self.tell(0, Kind::Info, &format!("{} {}", message.command, message.from(0))),
        }
    }

    /// The server ends the connection, and says why.
    fn hear_error(&mut self, message: &Message) {
        if self.link.phase == Phase::Login && self.may_be_plain() {
            self.speak_lines("the server does not speak IRC");
            return;
        }
        if self.link.phase != Phase::Leaving {
            self.tell(0, Kind::Alert, message.last());
        }
    }

    fn hear_standard_reply(&mut self, message: &Message) {
        if message.param(0) == "CHATHISTORY" && message.command == "FAIL" {
            self.hear_no_history(message);
            return;
        }
        if let Some(label) = message.tag("label") {
            self.refuse_line(label);
        }
        let kind = if message.command == "FAIL" { Kind::Alert } else { Kind::Info };
        let at = self.room_in(message).unwrap_or_else(|| self.rooms.at());
        self.tell(at, kind, message.last());
    }

    /// A line that was sent with this label was not taken.
    pub(super) fn refuse_line(&mut self, label: &str) {
        if let Ok(label) = label.parse() {
            for room in self.rooms.iter_mut() {
                room.refuse(label);
            }
        }
    }

    /// The first room that a message names.
    pub(super) fn room_in(&self, message: &Message) -> Option<usize> {
        let but_last = message.params.len().saturating_sub(1);
        let names = message.params.iter().take(but_last);
        names.filter(|name| !name.is_empty()).find_map(|name| self.rooms.find(&self.fold(name)))
    }

    /// The room that a message names in one of its places.
    pub(super) fn room_at(&self, message: &Message, param: usize) -> Option<usize> {
        let name = self.link.support.room_of(message.param(param));
        self.rooms.find(&self.fold(name)).filter(|_| !name.is_empty())
    }
}
