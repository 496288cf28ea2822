//! What the person says: texts, and commands with a `/`.

mod commands;

use super::link::Phase;
use super::room::{Delivery, Kind, Line, Place};
use super::state::{Action, Dialect, State};
use super::text::{cut, shown};

pub(super) use self::commands::NAMES;

/// So many lines of a paste are sent at most.
pub(super) const PASTE_LINES_MAX: usize = 500;

impl State {
    /// Enter was pressed.
    pub(super) fn enter(&mut self) {
        let line = self.editor.text().to_owned();
        if line.trim().is_empty() {
            return;
        }
        if self.say(&line) {
            self.editor.take();
        }
    }

    /// Says a text or does what a command asks for. `false` where it is to be kept.
    pub(crate) fn say(&mut self, line: &str) -> bool {
        match line.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => self.command(rest),
            Some(rest) => self.say_text(rest),
            None => self.say_text(line),
        }
    }

    /// Whether something can be sent; says so where not.
    pub(super) fn can_send(&mut self) -> bool {
        let why = match self.link.phase {
            Phase::Ready if self.link.is_held_up() => "the server does not take what was said",
            Phase::Ready => return true,
            _ => "not connected",
        };
        let at = self.rooms.at();
        self.tell(at, Kind::Alert, &format!("{why}; what you typed is kept"));
        false
    }

    /// Tells the person something in the room that is looked at.
    pub(super) fn note(&mut self, text: &str) {
        let at = self.rooms.at();
        self.tell(at, Kind::Info, text);
    }

    /// Says a text in the room that is looked at.
    pub(super) fn say_text(&mut self, text: &str) -> bool {
        if self.rooms.at() == 0 {
            self.note("nobody is here to talk to: /join #room or /query name");
            return false;
        }
        self.say_in(self.rooms.at(), text, Kind::Said)
    }

    /// Says or does something in a room.
    pub(super) fn say_in(&mut self, at: usize, text: &str, kind: Kind) -> bool {
        if !self.can_send() {
            return false;
        }
        let room = self.rooms.room(at);
        if self.dialect == Dialect::Irc && room.place == Place::Room && !room.joined {
            let text = format!("you are not in {}: /join {0}", room.name);
            self.tell(at, Kind::Alert, &text);
            return false;
        }
        match self.dialect {
            Dialect::Lines => self.send_plain(at, text, kind),
            Dialect::Irc => {
                let name = self.rooms.room(at).name.clone();
                self.send_talk(Some(at), &name, text, kind);
            }
        }
        self.rooms.room_mut(at).anchor = None;
        true
    }

    /// Sends a text to a room or a person, in as many messages as it needs.
    pub(super) fn send_talk(&mut self, at: Option<usize>, target: &str, text: &str, kind: Kind) {
        let command = if kind == Kind::Notice { "NOTICE" } else { "PRIVMSG" };
        let action = if kind == Kind::Action { "\x01ACTION \x01".len() } else { 0 };
        let around = command.len() + 1 + target.len() + 2 + action;
        for part in parts(text, self.link.text_bytes_max(around)) {
            let said = match kind {
                Kind::Action => format!("\x01ACTION {part}\x01"),
                _ => part.to_owned(),
            };
            let label = self.link.label();
            let labels = self.link.has("labeled-response") && self.link.echoes();
            let tags = if labels { format!("@label={label} ") } else { String::new() };
            self.link.send(&format!("{tags}{command} {target} :{said}"));
            let Some(at) = at else { continue };
            let waits = self.link.echoes();
            let delivery = if waits { Delivery::Waiting(label) } else { Delivery::Done };
            let nick = self.link.nick.clone();
            let line = Line { own: true, delivery, ..self.line(kind, &nick, part) };
            self.rooms.append(at, line);
        }
    }

    /// Says the lines of a paste.
    pub(super) fn say_lines(&mut self, lines: &[String]) -> bool {
        let lines = lines.iter().filter(|line| !line.trim().is_empty());
        lines.take(PASTE_LINES_MAX).all(|line| self.say_text(line))
    }

    /// The program is left.
    pub(super) fn quit(&mut self, why: &str) {
        let connected = matches!(self.link.phase, Phase::Login | Phase::Ready);
        self.leave(if why.is_empty() { "bye" } else { why });
        self.act(if connected { Action::Close } else { Action::Quit });
        self.act(Action::Quit);
    }

    /// A name as it can be told.
    pub(super) fn short(name: &str) -> String {
        cut(&shown(name), 40)
    }
}

/// Cuts a text into parts of at most so many bytes, at spaces where there are some.
pub(super) fn parts(text: &str, bytes_max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > bytes_max {
        let mut end = bytes_max;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let space = rest[..end].rfind(' ').filter(|space| *space > bytes_max / 2);
        let end = space.unwrap_or(end.max(1));
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(rest);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_texts_are_cut_at_spaces() {
        assert_eq!(parts("one two three", 8), ["one two", "three"]);
        assert_eq!(parts("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(parts("", 4), [""]);
    }

    proptest! {
        #[test]
        fn no_part_is_too_long(text in "[a-z你 é]{0,300}", max in 8usize..50) {
            let parts = parts(&text, max);
            prop_assert!(parts.iter().all(|part| part.len() <= max));
            prop_assert_eq!(parts.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
