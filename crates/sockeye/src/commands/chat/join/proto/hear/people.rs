//! Who comes, goes, and is what in a room.

use super::super::message::Message;
use super::super::room::{Kind, Line, Place};
use super::super::state::State;
use super::super::when;

impl State {
    /// A line that the server's time belongs to.
    fn dated(&self, message: &Message, kind: Kind, nick: &str, text: &str) -> Line {
        Line { at_ms: self.time_of(message), ..self.line(kind, nick, text) }
    }

    fn tell_of(&mut self, at: usize, message: &Message, kind: Kind, text: &str) {
        let line = self.dated(message, kind, "", text);
        self.rooms.append(at, line);
    }

    /// Somebody comes into a room, or oneself.
    pub(in super::super) fn hear_join(&mut self, message: &Message) {
        let (nick, name) = (message.nick().to_owned(), message.param(0).to_owned());
        let fold = self.fold(&name);
        if !self.is_own(&nick) {
            if let Some(at) = self.rooms.find(&fold) {
                let member = self.fold(&nick);
                self.rooms.room_mut(at).meet(member, &nick, "");
                self.tell_of(at, message, Kind::Came, &format!("{nick} joined"));
            }
            return;
        }
        if let Some((_, mask)) = message.source.split_once('!') {
            self.link.mask = Some(mask.to_owned());
        }
        let Some(at) = self.rooms.open(&name, &fold, Place::Room) else {
            self.tell(0, Kind::Alert, &format!("too many rooms are open for {name}"));
            self.link.send(&format!("PART {name}"));
            return;
        };
        self.come_back(at);
        let room = self.rooms.room_mut(at);
        room.joined = true;
        room.wanted.get_or_insert_default();
        room.members.clear();
        room.naming = true;
        self.tell_of(at, message, Kind::Came, "you joined");
        if self.go_to.as_ref().is_some_and(|wanted| *wanted == fold) {
            self.go_to = None;
            self.rooms.go(at);
        }
    }

    /// Asks for what was said while one was away; where nobody can be asked, it shows that.
    fn come_back(&mut self, at: usize) {
        let room = self.rooms.room(at);
        let last = room.last_known().map(|line| (line.at_ms, line.msgid.is_some()));
        let name = room.name.clone();
        if self.link.has_history() {
            match last {
                Some((_, named)) => self.catch_up(at, !named),
                None => self.ask_latest(&name, at),
            }
        } else if self.link.epoch > 1
            && let Some(last) = room.lines.back()
        {
            let (from, until) = (self.minute(last.at_ms), self.minute(self.now.unix_ms));
            let text = format!("what was said from {from} to {until} is not here");
            self.tell(at, Kind::Gap, &text);
        }
    }

    /// Somebody leaves a room, or oneself.
    pub(in super::super) fn hear_part(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 0) else { return };
        let nick = message.nick();
        let why = reason(message.param(1));
        if self.is_own(nick) {
            self.left(at, message, &format!("you left{why}"));
        } else {
            self.gone(at, message, &format!("{nick} left{why}"), nick);
        }
    }

    /// Somebody is sent out of a room.
    pub(in super::super) fn hear_kick(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 0) else { return };
        let (by, nick) = (message.nick(), message.param(1));
        let why = reason(message.param(2));
        if self.is_own(nick) {
            self.left(at, message, &format!("you were sent out by {by}{why}"));
        } else {
            self.gone(at, message, &format!("{nick} was sent out by {by}{why}"), nick);
        }
    }

    fn left(&mut self, at: usize, message: &Message, text: &str) {
        let room = self.rooms.room_mut(at);
        room.joined = false;
        room.wanted = None;
        room.members.clear();
        self.tell_of(at, message, Kind::Went, text);
    }

    fn gone(&mut self, at: usize, message: &Message, text: &str, nick: &str) {
        let fold = self.fold(nick);
        self.rooms.room_mut(at).members.remove(&fold);
        self.tell_of(at, message, Kind::Went, text);
    }

    /// The rooms in which somebody is.
    fn rooms_with(&self, nick: &str) -> Vec<usize> {
        let fold = self.fold(nick);
        let is_there = |at: &usize| {
            let room = self.rooms.room(*at);
            room.members.contains_key(&fold) || (room.place == Place::Person && room.fold == fold)
        };
        (1..self.rooms.iter().len()).filter(is_there).collect()
    }

    /// Somebody goes altogether.
    pub(in super::super) fn hear_quit(&mut self, message: &Message) {
        let nick = message.nick().to_owned();
        let why = reason(message.param(0));
        for at in self.rooms_with(&nick) {
            self.gone(at, message, &format!("{nick} is gone{why}"), &nick);
        }
    }

    /// Somebody has another name, or oneself.
    pub(in super::super) fn hear_nick(&mut self, message: &Message) {
        let (old, new) = (message.nick().to_owned(), message.param(0).to_owned());
        if new.is_empty() {
            return;
        }
        let own = self.is_own(&old);
        let (old_fold, new_fold) = (self.fold(&old), self.fold(&new));
        let text = if own { format!("you are now {new}") } else { format!("{old} is now {new}") };
        for at in self.rooms_with(&old) {
            let taken = self.rooms.find(&new_fold).is_some();
            let room = self.rooms.room_mut(at);
            if let Some(mut member) = room.members.remove(&old_fold) {
                member.nick.clone_from(&new);
                room.members.insert(new_fold.clone(), member);
            }
            if room.place == Place::Person && room.fold == old_fold && !taken {
                room.name.clone_from(&new);
                room.fold.clone_from(&new_fold);
            }
            self.tell_of(at, message, Kind::Info, &text);
        }
        if own {
            self.link.nick = new;
            self.tell_of(0, message, Kind::Info, &text);
        }
    }

    /// Modes of a room or of oneself.
    pub(in super::super) fn hear_mode(&mut self, message: &Message) {
        let by = message.nick();
        let modes = message.from(1);
        let Some(at) = self.room_at(message, 0) else {
            self.tell_of(0, message, Kind::Info, &format!("{by} sets {modes}"));
            return;
        };
        let mut params = message.params.iter().skip(2);
        let mut adds = true;
        for mode in message.param(1).chars() {
            match mode {
                '+' => adds = true,
                '-' => adds = false,
                mode if self.link.support.has_param(mode, adds) => {
                    let param = params.next().cloned().unwrap_or_default();
                    if let Some(sign) = self.link.support.sign_of(mode) {
                        self.set_sign(at, &param, sign, adds);
                    }
                }
                _ => {}
            }
        }
        self.tell_of(at, message, Kind::Info, &format!("{by} sets {modes}"));
    }

    fn set_sign(&mut self, at: usize, nick: &str, sign: char, adds: bool) {
        let fold = self.fold(nick);
        let support = &self.link.support;
        if let Some(member) = self.rooms.room_mut(at).members.get_mut(&fold) {
            let mut signs: Vec<char> = member.signs.chars().filter(|s| *s != sign).collect();
            if adds {
                signs.push(sign);
            }
            signs.sort_by_key(|sign| support.rank_of(*sign));
            member.signs = signs.into_iter().collect();
        }
    }

    /// What a room is about has changed.
    pub(in super::super) fn hear_topic(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 0) else { return };
        message.param(1).clone_into(&mut self.rooms.room_mut(at).topic);
        let (by, topic) = (message.nick(), message.param(1));
        let text = match topic {
            "" => format!("{by} takes the topic away"),
            topic => format!("{by} sets the topic: {topic}"),
        };
        self.tell_of(at, message, Kind::Info, &text);
    }

    /// Somebody is away, or back.
    pub(in super::super) fn hear_away(&mut self, message: &Message) {
        let fold = self.fold(message.nick());
        let away = !message.param(0).is_empty();
        for room in self.rooms.iter_mut() {
            if let Some(member) = room.members.get_mut(&fold) {
                member.away = away;
            }
        }
    }

    /// Somebody has another host, or oneself.
    pub(in super::super) fn hear_host(&mut self, message: &Message) {
        if self.is_own(message.nick()) {
            self.link.mask = Some(format!("{}@{}", message.param(0), message.param(1)));
        }
    }

    /// Somebody asks somebody into a room.
    pub(in super::super) fn hear_invite(&mut self, message: &Message) {
        let (by, who, room) = (message.nick(), message.param(0), message.param(1));
        if self.is_own(who) {
            let text = format!("{by} asks you into {room}: /join {room}");
            let at = self.rooms.at();
            self.tell_of(at, message, Kind::Info, &text);
        } else if let Some(at) = self.room_at(message, 1) {
            self.tell_of(at, message, Kind::Info, &format!("{by} asks {who} into the room"));
        }
    }

    /// When and by whom a topic was set: 333.
    pub(super) fn hear_topic_by(&mut self, message: &Message) {
        let Some(at) = self.room_at(message, 1) else { return };
        let by = message.param(2).split('!').next().unwrap_or_default().to_owned();
        let seconds: Option<i64> = message.param(3).parse().ok();
        let at_ms = seconds.and_then(|seconds| seconds.checked_mul(1000));
        let date = at_ms
            .filter(|ms| (0..i64::MAX / 2).contains(ms))
            .map(|ms| format!(" on {}", when::date(when::day(ms, &self.settings.zone))));
        self.tell(at, Kind::Info, &format!("set by {by}{}", date.unwrap_or_default()));
    }
}

/// A reason in brackets, where there is one.
fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}
