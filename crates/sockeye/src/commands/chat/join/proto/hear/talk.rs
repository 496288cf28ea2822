//! What people say, that they type, and up to where was read.

use super::super::message::Message;
use super::super::room::{Delivery, Kind, Line, Place, typing_lasts};
use super::super::state::State;
use super::super::when;

/// What is between `\x01` in a message.
enum Inside<'a> {
    /// Nothing: it is a text.
    Text(&'a str),
    /// What somebody does.
    Action(&'a str),
    /// A question of one program to another.
    Question(&'a str),
}

fn inside(text: &str) -> Inside<'_> {
    let Some(rest) = text.strip_prefix('\x01') else { return Inside::Text(text) };
    let rest = rest.strip_suffix('\x01').unwrap_or(rest);
    match rest.split_once(' ') {
        Some(("ACTION", action)) => Inside::Action(action),
        None if rest == "ACTION" => Inside::Action(""),
        _ => Inside::Question(rest),
    }
}

impl State {
    /// Somebody says something.
    pub(in super::super) fn hear_talk(&mut self, message: &Message) {
        let Some(at) = self.room_for(message) else {
            let line = self.talk_line(message, "");
            // What a service answers is read where it was asked.
            let from_server = message.source.is_empty() || message.nick().contains('.');
            let at = if from_server { 0 } else { self.rooms.at() };
            self.rooms.append(at, line);
            return;
        };
        let line = self.talk_line(message, message.last());
        let text = line.text.clone();
        let room = self.rooms.room_mut(at);
        room.types(&line.nick, None);
        if line.msgid.as_ref().is_some_and(|msgid| room.has(msgid)) {
            return;
        }
        if line.own {
            let label = message.tag("label").and_then(|label| label.parse().ok());
            room.confirm(label, &text);
        }
        self.spoke(at, &line.nick, line.at_ms);
        self.count_new(at, &line);
        self.rooms.append(at, line);
        if at == self.rooms.at() {
            self.mark_soon();
        }
    }

    /// Those who spoke last are completed first.
    fn spoke(&mut self, at: usize, nick: &str, at_ms: i64) {
        let fold = self.fold(nick);
        if let Some(member) = self.rooms.room_mut(at).members.get_mut(&fold) {
            member.spoke_ms = at_ms;
        }
    }

    fn count_new(&mut self, at: usize, line: &Line) {
        let is_seen = at == self.rooms.at();
        let room = self.rooms.room_mut(at);
        if is_seen || line.own || line.at_ms <= room.read_ms || at == 0 {
            return;
        }
        room.unread += 1;
        if line.mention || (room.place == Place::Person && line.kind != Kind::Notice) {
            room.mentions += 1;
        }
    }

    /// The room in which a message is shown; it is made for somebody who speaks to one alone.
    fn room_for(&mut self, message: &Message) -> Option<usize> {
        let from_server = message.source.is_empty() || !message.source.contains('!');
        let target = self.link.support.room_of(message.param(0)).to_owned();
        if self.link.support.is_room(&target) {
            return self.rooms.find(&self.fold(&target));
        }
        let own = self.is_own(message.nick());
        let other = if own { target } else { message.nick().to_owned() };
        let fold = self.fold(&other);
        if let Some(at) = self.rooms.find(&fold) {
            return Some(at);
        }
        // Notices of servers and services make no room.
        if message.command == "NOTICE" || (from_server && !own) || other.is_empty() {
            return None;
        }
        self.rooms.open(&other, &fold, Place::Person)
    }

    /// A message as a line. `text` is empty where it has no room of its own, and is then told with
    /// where it came from.
    pub(super) fn talk_line(&self, message: &Message, text: &str) -> Line {
        let said = message.last();
        let nick = message.nick();
        let (kind, text) = match inside(said) {
            Inside::Action(action) => (Kind::Action, action.to_owned()),
            Inside::Question(question) => (Kind::Info, format!("{nick} asks for {question}")),
            Inside::Text(said) if message.command == "NOTICE" => (Kind::Notice, said.to_owned()),
            Inside::Text(_) if text.is_empty() && message.param(0) != self.link.nick => {
                (Kind::Said, format!("[{}] {said}", message.param(0)))
            }
            Inside::Text(said) => (Kind::Said, said.to_owned()),
        };
        let own = self.is_own(nick) && kind != Kind::Info;
        let nick = if kind == Kind::Info { "" } else { nick };
        Line {
            at_ms: self.time_of(message),
            msgid: message.tag("msgid").filter(|id| !id.is_empty()).map(str::to_owned),
            own,
            mention: !own && kind.is_talk() && calls(&text, &self.link.nick),
            delivery: Delivery::Done,
            ..self.line(kind, nick, &text)
        }
    }

    /// When a message was sent, in milliseconds since 1970.
    pub(in super::super) fn time_of(&self, message: &Message) -> i64 {
        message.tag("time").and_then(when::parse).unwrap_or(self.now.unix_ms)
    }

    /// Somebody types.
    pub(in super::super) fn hear_typing(&mut self, message: &Message) {
        let Some(state) = message.tag("+typing").or_else(|| message.tag("+draft/typing")) else {
            return;
        };
        let nick = message.nick();
        if self.is_own(nick) {
            return;
        }
        let by_room = self.room_at(message, 0);
        let at = by_room.or_else(|| self.rooms.find(&self.fold(nick)));
        let until = typing_lasts(state).map(|lasts| self.now.at + lasts);
        if let Some(at) = at {
            self.rooms.room_mut(at).types(nick, until);
        }
    }

    /// It was read up to there, here or elsewhere.
    pub(in super::super) fn hear_read(&mut self, message: &Message) {
        let until = message.param(1).strip_prefix("timestamp=").and_then(when::parse);
        let (Some(at), Some(until)) = (self.room_at(message, 0), until) else { return };
        let room = self.rooms.room_mut(at);
        if until <= room.read_ms {
            return;
        }
        room.read_ms = until;
        let new = room.lines.iter().filter(|line| {
            line.kind.is_talk() && !line.own && line.at_ms > until && room.unread > 0
        });
        let person = room.place == Place::Person;
        let (unread, mentions) = new.fold((0, 0), |(unread, mentions), line| {
            (unread + 1, mentions + usize::from(line.mention || person))
        });
        room.unread = room.unread.min(unread);
        room.mentions = room.mentions.min(mentions);
    }
}

/// Whether a text speaks of a name, as a word, whatever the case.
fn calls(text: &str, nick: &str) -> bool {
    let nick = nick.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric() && !"-_[]\\`^{}|".contains(c))
        .any(|word| word.to_lowercase() == nick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_called_by_a_whole_word() {
        assert!(calls("hi Anna, come", "anna"));
        assert!(!calls("hannah", "anna"));
    }

    #[test]
    fn what_programs_ask_is_no_text() {
        assert!(matches!(inside("\x01ACTION waves\x01"), Inside::Action("waves")));
        assert!(matches!(inside("\x01VERSION\x01"), Inside::Question("VERSION")));
        assert!(matches!(inside("hi\x01"), Inside::Text("hi\x01")));
    }
}
