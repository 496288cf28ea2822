//! Rooms of plain lines (docs/chat.md): `<name> text`, `* name joined`, everything else as it is.

use super::limits::MEMBERS_MAX;
use super::link::Phase;
use super::room::{Kind, Line, Place};
use super::state::{Dialect, State};

impl State {
    /// The connection is there; the room lets in whoever comes.
    pub(super) fn begin_lines(&mut self) {
        self.link.phase = Phase::Ready;
        self.link.nick = "me".to_owned();
        if self.settings.nick_is_chosen {
            self.link.nick.clone_from(&self.settings.nick);
            let line = format!("/nick {}", self.settings.nick);
            self.link.send(&line);
        }
    }

    /// Takes a line of the room.
    pub(super) fn hear_plain(&mut self, line: &str) {
        if self.dialect != Dialect::Lines || self.link.phase != Phase::Ready {
            return;
        }
        self.link.tries = 0;
        if let Some((nick, text)) = line.strip_prefix('<').and_then(|rest| rest.split_once("> ")) {
            self.hear_plain_talk(Kind::Said, nick, text);
            return;
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["*", "you", "are", "now", nick] => (*nick).clone_into(&mut self.link.nick),
            ["*", "you", "are", nick, "in", room, ..] => self.come_into(nick, room),
            ["*", nick, "joined"] => {
                self.meet_plain(nick);
                return self.tell_plain(Kind::Came, &line[2..]);
            }
            ["*", nick, "left", ..] => {
                self.leave_plain(nick);
                return self.tell_plain(Kind::Went, &line[2..]);
            }
            ["*", from, "is", "now", to] => {
                self.leave_plain(from);
                self.meet_plain(to);
            }
            ["*", "in", _, _, names @ ..] => names.iter().for_each(|name| self.meet_plain(name)),
            ["*", nick, _, ..] if self.is_known(nick) => {
                let text = line[2 + nick.len()..].trim_start();
                return self.hear_plain_talk(Kind::Action, nick, text);
            }
            _ => {}
        }
        self.tell_plain(Kind::Info, line.strip_prefix("* ").unwrap_or(line));
    }

    /// The one room that there is, or that of the server where it has not told its name.
    fn plain_room(&self) -> usize {
        (1..self.rooms.iter().len()).find(|at| self.rooms.room(*at).joined).unwrap_or(0)
    }

    fn tell_plain(&mut self, kind: Kind, text: &str) {
        self.tell(self.plain_room(), kind, text);
    }

    fn come_into(&mut self, nick: &str, room: &str) {
        nick.clone_into(&mut self.link.nick);
        let name = room.trim_end_matches([';', ',', '.', ':']);
        for room in self.rooms.iter_mut() {
            room.joined = false;
            room.members.clear();
        }
        let fold = self.fold(name);
        if let Some(at) = self.rooms.open(name, &fold, Place::Room) {
            if self.link.epoch > 1 && !self.rooms.room(at).lines.is_empty() {
                self.tell(at, Kind::Gap, "the connection was lost: something may be missing here");
            }
            self.rooms.room_mut(at).joined = true;
            self.rooms.go(at);
            let own = self.link.nick.clone();
            self.meet_plain(&own);
        }
    }

    fn meet_plain(&mut self, nick: &str) {
        let (at, fold) = (self.plain_room(), self.fold(nick));
        if self.rooms.room(at).members.len() < MEMBERS_MAX && !nick.is_empty() {
            self.rooms.room_mut(at).meet(fold, nick, "");
        }
    }

    fn leave_plain(&mut self, nick: &str) {
        let (at, fold) = (self.plain_room(), self.fold(nick));
        self.rooms.room_mut(at).members.remove(&fold);
    }

    fn is_known(&self, nick: &str) -> bool {
        self.rooms.room(self.plain_room()).members.contains_key(&self.fold(nick))
    }

    fn hear_plain_talk(&mut self, kind: Kind, nick: &str, text: &str) {
        self.meet_plain(nick);
        let at = self.plain_room();
        let line = self.plain_line(kind, nick, text);
        if at != self.rooms.at() && at != 0 {
            let room = self.rooms.room_mut(at);
            room.unread += 1;
            room.mentions += usize::from(line.mention);
        }
        self.rooms.append(at, line);
    }

    fn plain_line(&self, kind: Kind, nick: &str, text: &str) -> Line {
        let own = self.is_own(nick);
        let words = |c: char| !c.is_alphanumeric() && !"-_[]\\`^{}|".contains(c);
        let mention = !own && text.split(words).any(|word| self.is_own(word));
        Line { own, mention, ..self.line(kind, nick, text) }
    }

    /// Says something; the room does not send it back.
    pub(super) fn send_plain(&mut self, at: usize, text: &str, kind: Kind) {
        let slash = if text.starts_with('/') { "/" } else { "" };
        match kind {
            Kind::Action => self.link.send(&format!("/me {text}")),
            _ => self.link.send(&format!("{slash}{text}")),
        }
        let nick = self.link.nick.clone();
        let line = self.plain_line(kind, &nick, text);
        self.rooms.append(at, line);
    }

    /// A command that the room knows.
    pub(super) fn command_plain(&mut self, name: &str, line: &str) -> bool {
        if !self.can_send() {
            return false;
        }
        if name == "me" {
            let text = line.split_once(' ').map_or("", |(_, text)| text).to_owned();
            self.send_plain(self.rooms.at(), &text, Kind::Action);
        } else {
            self.link.send(&format!("/{line}"));
        }
        true
    }
}
