//! The commands with a `/`, and what each of them does.

use super::super::limits::ROOMS_MAX;
use super::super::room::{Kind, Place};
use super::super::search::Search;
use super::super::state::{Dialect, Mode, State};

/// A command: its name, what it takes, what it does.
struct Command {
    name: &'static str,
    takes: &'static str,
    does: &'static str,
}

const fn command(name: &'static str, takes: &'static str, does: &'static str) -> Command {
    Command { name, takes, does }
}

/// All of them, as `/help` shows them.
const COMMANDS: &[Command] = &[
    command("join", "#room [key]", "come into a room"),
    command("part", "[why]", "leave this room"),
    command("query", "name [text]", "talk to one person"),
    command("msg", "name text", "say something to a person or a room"),
    command("me", "text", "say what you do"),
    command("notice", "name text", "say something as a notice"),
    command("nick", "name", "have another name"),
    command("topic", "[text]", "show or set what this room is about"),
    command("names", "", "show who is here"),
    command("who", "[name]", "show more about who is here"),
    command("whois", "name", "show who somebody is"),
    command("list", "[pattern]", "show the rooms of the server"),
    command("away", "[text]", "be away, or back"),
    command("invite", "name", "ask somebody into this room"),
    command("kick", "name [why]", "send somebody out of this room"),
    command("mode", "[modes]", "show or set the modes of this room"),
    command("search", "[text]", "look for a text in this room (Ctrl-F)"),
    command("clear", "", "forget the lines of this room here"),
    command("close", "", "leave this room and close it"),
    command("raw", "line", "send a line as it is"),
    command("reconnect", "", "make the connection anew"),
    command("quit", "[why]", "leave"),
    command("help", "", "show this"),
];

/// The names for completion.
pub(in super::super) const NAMES: &[&str] = &[
    "join",
    "part",
    "query",
    "msg",
    "me",
    "notice",
    "nick",
    "topic",
    "names",
    "who",
    "whois",
    "list",
    "away",
    "invite",
    "kick",
    "mode",
    "search",
    "clear",
    "close",
    "raw",
    "reconnect",
    "quit",
    "help",
];

const KEYS: &[&str] = &[
    "Alt-1 to Alt-9, Alt-Left, Alt-Right, Ctrl-N, Ctrl-P: another room; Alt-A: where there is news",
    "PageUp, PageDown: what was said before; Ctrl-Home, Ctrl-End: the first line, the last",
    "Tab: names, rooms, commands; Up, Down: what you typed before; Ctrl-F: look for a text",
    "F1: this; F2, F3: the lists of rooms and of people; Ctrl-L: draw anew; Ctrl-C: leave",
];

impl State {
    /// Does what a line without its `/` asks for. `false` where it is to be kept.
    pub(super) fn command(&mut self, line: &str) -> bool {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, rest) = (name.to_lowercase(), rest.trim());
        match name.as_str() {
            "quit" | "exit" | "bye" => self.quit(rest),
            "help" | "h" => self.help(),
            "clear" => self.rooms.current_mut().clear(),
            "search" | "s" => self.begin_search(rest),
            "reconnect" => self.connect_now(),
            "close" | "wc" => return self.close(rest),
            _ if self.dialect == Dialect::Lines => return self.command_plain(&name, line),
            _ => return self.can_send() && self.command_irc(&name, rest),
        }
        true
    }

    fn command_irc(&mut self, name: &str, rest: &str) -> bool {
        match name {
            "join" | "j" => return self.join(rest),
            "part" | "leave" => return self.part(rest),
            "query" | "q" => return self.query(rest),
            "msg" | "m" => return self.tell_somebody(rest, Kind::Said),
            "notice" => return self.tell_somebody(rest, Kind::Notice),
            "me" => {
                return self.rooms.at() > 0 && self.say_in(self.rooms.at(), rest, Kind::Action);
            }
            "nick" if !rest.is_empty() => self.link.send(&format!("NICK {rest}")),
            "away" if rest.is_empty() => self.link.send("AWAY"),
            "away" => self.link.send(&format!("AWAY :{rest}")),
            "raw" | "quote" if !rest.is_empty() => self.link.send(rest),
            "list" => self.link.send(format!("LIST {rest}").trim_end()),
            "whois" if !rest.is_empty() => self.link.send(&format!("WHOIS {rest}")),
            "topic" | "names" | "who" | "invite" | "kick" | "mode" => {
                return self.ask_of_room(name, rest);
            }
            _ => return self.unknown(name),
        }
        true
    }

    fn unknown(&mut self, name: &str) -> bool {
        match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => self.note(&format!("/{name} {}: {}", command.takes, command.does)),
            None => {
                let name = State::short(name);
                self.note(&format!("there is no command /{name}: /help shows those there are"));
            }
        }
        false
    }

    fn help(&mut self) {
        for command in COMMANDS {
            let takes = if command.takes.is_empty() { "" } else { " " };
            self.note(&format!("/{}{takes}{}  {}", command.name, command.takes, command.does));
        }
        KEYS.iter().for_each(|keys| self.note(keys));
    }

    fn begin_search(&mut self, text: &str) {
        let search = Search::new(self.rooms.current().anchor);
        self.mode = Mode::Search(search);
        text.chars().for_each(|c| self.search_type(c));
    }

    fn join(&mut self, rest: &str) -> bool {
        let (names, key) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some(first) = names.split(',').next().filter(|name| !name.is_empty()) else {
            return self.unknown("join");
        };
        let first = match self.link.support.is_room(first) {
            true => first.to_owned(),
            false => format!("#{first}"),
        };
        if self.rooms.iter().len() >= ROOMS_MAX {
            self.note("too many rooms are open: /close some");
            return false;
        }
        let fold = self.fold(&first);
        if let Some(at) = self.rooms.find(&fold) {
            self.rooms.room_mut(at).wanted = Some(key.to_owned());
            if self.rooms.room(at).joined {
                self.rooms.go(at);
                return true;
            }
        } else if !key.is_empty()
            && let Some(at) = self.rooms.open(&first, &fold, Place::Room)
        {
            self.rooms.room_mut(at).wanted = Some(key.to_owned());
        }
        self.go_to = Some(fold);
        let others = names.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"));
        self.link.send(format!("JOIN {first}{others} {key}").trim_end());
        true
    }

    fn part(&mut self, rest: &str) -> bool {
        let (name, why) = match rest.split_once(' ') {
            Some((name, why)) if self.link.support.is_room(name) => (name.to_owned(), why),
            None if self.link.support.is_room(rest) => (rest.to_owned(), ""),
            _ => (self.rooms.current().name.clone(), rest),
        };
        if !self.link.support.is_room(&name) {
            return self.unknown("part");
        }
        self.link.send(format!("PART {name} :{why}").trim_end_matches(" :"));
        true
    }

    /// Closes the room that is looked at.
    fn close(&mut self, why: &str) -> bool {
        let room = self.rooms.current();
        if room.joined && self.dialect == Dialect::Irc {
            let line = format!("PART {} :{why}", room.name);
            self.link.send(line.trim_end_matches(" :"));
        }
        self.rooms.close(self.rooms.at());
        true
    }

    fn query(&mut self, rest: &str) -> bool {
        let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
        if name.is_empty() || self.link.support.is_room(name) {
            return self.unknown("query");
        }
        let fold = self.fold(name);
        let Some(at) = self.rooms.open(name, &fold, Place::Person) else { return false };
        self.rooms.go(at);
        if self.link.has_history() && self.rooms.room(at).lines.is_empty() {
            self.ask_latest(name, at);
        }
        text.is_empty() || self.say_in(at, text, Kind::Said)
    }

    fn tell_somebody(&mut self, rest: &str, kind: Kind) -> bool {
        let Some((name, text)) = rest.split_once(' ') else { return self.unknown("msg") };
        let at = self.rooms.find(&self.fold(name));
        self.send_talk(at, name, text, kind);
        if at != Some(self.rooms.at()) {
            // Services are told passwords.
            let is_service = name.to_ascii_lowercase().ends_with("serv");
            let shown = if is_service { "(not shown)" } else { text };
            self.note(&format!("to {}: {shown}", State::short(name)));
        }
        true
    }

    /// What is asked of, or set in, the room that is looked at.
    fn ask_of_room(&mut self, name: &str, rest: &str) -> bool {
        let room = self.rooms.current().name.clone();
        let in_room = self.rooms.current().place == Place::Room;
        match name {
            "who" if !rest.is_empty() => self.link.send(&format!("WHO {rest}")),
            _ if !in_room => return self.unknown(name),
            "who" => self.link.send(&format!("WHO {room}")),
            "names" => self.show_names(),
            "topic" if rest.is_empty() => self.link.send(&format!("TOPIC {room}")),
            "topic" => self.link.send(&format!("TOPIC {room} :{rest}")),
            "mode" => self.link.send(format!("MODE {room} {rest}").trim_end()),
            _ if rest.is_empty() => return self.unknown(name),
            "invite" => self.link.send(&format!("INVITE {rest} {room}")),
            _ => {
                let (who, why) = rest.split_once(' ').unwrap_or((rest, ""));
                self.link.send(format!("KICK {room} {who} :{why}").trim_end_matches(" :"));
            }
        }
        true
    }

    fn show_names(&mut self) {
        let members = self.members();
        let names: Vec<String> = members.iter().map(|m| format!("{}{}", m.signs, m.nick)).collect();
        self.note(&format!("{} here: {}", names.len(), names.join(" ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_completed() {
        let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        assert_eq!(names, NAMES);
    }
}
