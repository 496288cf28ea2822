//! A room as the client knows it: who is there, what was said, what of it is new.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::limits::{MEMBERS_MAX, TYPING_MAX};

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody said it.
    Said,
    /// Somebody does it.
    Action,
    /// A notice.
    Notice,
    /// Somebody came.
    Came,
    /// Somebody went.
    Went,
    /// Something else has changed, or is answered.
    Info,
    /// Something went wrong.
    Alert,
    /// Something is missing here, or may be.
    Gap,
}

impl Kind {
    /// Whether people talk in it.
    pub(crate) fn is_talk(self) -> bool {
        matches!(self, Kind::Said | Kind::Action | Kind::Notice)
    }
}

/// What is known about one's own line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is in the room, or somebody else's.
    #[default]
    Done,
    /// It was sent with this label; the server has not shown it yet.
    Waiting(u64),
    /// The connection was lost before the server showed it.
    Lost,
    /// The server did not take it.
    Refused,
}

/// A line of a room.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its number; given by the room's list.
    pub(crate) id: u64,
    /// Milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// What it is.
    pub(crate) kind: Kind,
    /// Who said or did it; empty where nobody did.
    pub(crate) nick: String,
    /// As it came: not for a terminal yet.
    pub(crate) text: String,
    /// The server's name for it.
    pub(crate) msgid: Option<String>,
    /// One's own.
    pub(crate) own: bool,
    /// It speaks to one.
    pub(crate) mention: bool,
    /// For one's own lines.
    pub(crate) delivery: Delivery,
    /// It came in the connection of this number as it happened, not as history.
    pub(crate) live: Option<u32>,
}

impl Line {
    /// Bytes that it keeps.
    fn bytes(&self) -> usize {
        let msgid = self.msgid.as_ref().map_or(0, String::len);
        std::mem::size_of::<Line>() + self.nick.len() + self.text.len() + 2 * msgid
    }

    /// Whether both are the same thing said, for servers that give lines no names.
    fn is_same(&self, other: &Line) -> bool {
        self.at_ms == other.at_ms
            && self.kind == other.kind
            && self.nick == other.nick
            && self.text == other.text
    }
}

/// What kind of place a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The server itself.
    Server,
    /// A room.
    Room,
    /// One person.
    Person,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// As the server writes it.
    pub(crate) nick: String,
    /// The signs of its modes, such as `@+`.
    pub(crate) signs: String,
    /// It is away.
    pub(crate) away: bool,
    /// When it last said something, for completion.
    pub(crate) spoke_ms: i64,
}

/// How far the room's history has been had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum History {
    /// There may be more.
    #[default]
    More,
    /// A page is on its way.
    Asked,
    /// There is none before.
    All,
}

/// How far what was missed has been had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CatchUp {
    /// So many pages were asked for.
    pub(crate) pages: u32,
    /// The server does not know its own names of lines any more.
    pub(crate) by_time: bool,
}

/// Where the last row of what is shown is, while one reads further up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// The line.
    pub(crate) id: u64,
    /// So many of its rows are below the last one that is shown.
    pub(crate) hidden: usize,
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    /// As it is shown.
    pub(crate) name: String,
    /// What names that are the same have in common.
    pub(crate) fold: String,
    /// What it is.
    pub(crate) place: Place,
    /// What it is about.
    pub(crate) topic: String,
    /// One is in it.
    pub(crate) joined: bool,
    /// One wants to be in it, with this key: after a lost connection it is joined again.
    pub(crate) wanted: Option<String>,
    /// Who is there, by folded name.
    pub(crate) members: BTreeMap<String, Member>,
    /// The list of members is on its way.
    pub(crate) naming: bool,
    /// Lines, oldest first.
    pub(crate) lines: VecDeque<Line>,
    /// Bytes of the lines.
    pub(crate) bytes: usize,
    msgids: BTreeSet<String>,
    /// Lines of others that were not seen.
    pub(crate) unread: usize,
    /// Those of them that speak to one.
    pub(crate) mentions: usize,
    /// The last line that was seen when one looked away.
    pub(crate) seen: Option<u64>,
    /// Up to when it was read, here or elsewhere.
    pub(crate) read_ms: i64,
    /// Where one reads; `None` is at the end.
    pub(crate) anchor: Option<Anchor>,
    /// How far its history was had.
    pub(crate) history: History,
    /// What was said while the connection was lost is being asked for.
    pub(crate) catch_up: Option<CatchUp>,
    typing: BTreeMap<String, Instant>,
}

impl Room {
    /// An empty one.
    pub(crate) fn new(name: &str, fold: String, place: Place) -> Room {
        Room {
            name: name.to_owned(),
            fold,
            place,
            topic: String::new(),
            joined: false,
            wanted: None,
            members: BTreeMap::new(),
            naming: false,
            lines: VecDeque::new(),
            bytes: 0,
            msgids: BTreeSet::new(),
            unread: 0,
            mentions: 0,
            seen: None,
            read_ms: 0,
            anchor: None,
            history: History::More,
            catch_up: None,
            typing: BTreeMap::new(),
        }
    }

    /// Whether a line with the server's name for it is there.
    pub(crate) fn has(&self, msgid: &str) -> bool {
        self.msgids.contains(msgid)
    }

    /// Puts a line at the end.
    pub(crate) fn append(&mut self, line: Line) {
        self.bytes += line.bytes();
        self.msgids.extend(line.msgid.clone());
        self.lines.push_back(line);
    }

    /// Puts a line of history where it belongs by its time. `false` where it is there already.
    pub(crate) fn insert(&mut self, line: Line, epoch: u32) -> bool {
        if line.msgid.as_ref().is_some_and(|msgid| self.has(msgid)) {
            return false;
        }
        if line.own {
            self.forget_lost(&line);
        }
        let later = |other: &Line| {
            other.at_ms > line.at_ms || (other.at_ms == line.at_ms && other.live == Some(epoch))
        };
        let later_count = self.lines.iter().rev().take_while(|other| later(other)).count();
        let at = self.lines.len() - later_count;
        let before = self.lines.iter().take(at).rev();
        let mut equal = before
            .take_while(|other| other.at_ms == line.at_ms)
            .chain(self.lines.iter().skip(at).take_while(|other| other.at_ms == line.at_ms));
        if line.msgid.is_none() && equal.any(|other| other.is_same(&line)) {
            return false;
        }
        self.bytes += line.bytes();
        self.msgids.extend(line.msgid.clone());
        self.lines.insert(at, line);
        true
    }

    /// A line that was taken for lost is in the room after all.
    fn forget_lost(&mut self, line: &Line) {
        let lost = self
            .lines
            .iter()
            .position(|other| matches!(other.delivery, Delivery::Lost) && other.text == line.text);
        if let Some(at) = lost {
            self.remove(at);
        }
    }

    /// Takes out the first line that waits for the server and is it; gives its place.
    pub(crate) fn confirm(&mut self, label: Option<u64>, text: &str) -> bool {
        let is_it = |line: &Line| match (line.delivery, label) {
            (Delivery::Waiting(own), Some(label)) => own == label,
            (Delivery::Waiting(_), None) => line.text == text,
            _ => false,
        };
        let found = self.lines.iter().position(is_it);
        if let Some(at) = found {
            self.remove(at);
        }
        found.is_some()
    }

    /// Says of what waits that it may be lost.
    pub(crate) fn lose_waiting(&mut self) {
        for line in &mut self.lines {
            if matches!(line.delivery, Delivery::Waiting(_)) {
                line.delivery = Delivery::Lost;
            }
        }
    }

    /// Says of a line that the server refused it.
    pub(crate) fn refuse(&mut self, label: u64) {
        let waits = |line: &&mut Line| line.delivery == Delivery::Waiting(label);
        if let Some(line) = self.lines.iter_mut().find(waits) {
            line.delivery = Delivery::Refused;
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(line) = self.lines.remove(at) {
            self.account_for(&line);
        }
    }

    /// Forgets the oldest line.
    pub(crate) fn forget_oldest(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.account_for(&line);
            if self.anchor.is_some_and(|anchor| anchor.id == line.id) {
                self.anchor = self.lines.front().map(|line| Anchor { id: line.id, hidden: 0 });
            }
        }
    }

    fn account_for(&mut self, gone: &Line) {
        self.bytes -= gone.bytes();
        if let Some(msgid) = &gone.msgid {
            self.msgids.remove(msgid);
        }
    }

    /// Forgets all lines.
    pub(crate) fn clear(&mut self) {
        while !self.lines.is_empty() {
            self.forget_oldest();
        }
        self.anchor = None;
        self.seen = None;
    }

    /// The last line that is in the server's history, as far as is known.
    pub(crate) fn last_known(&self) -> Option<&Line> {
        let known = |line: &&Line| line.kind.is_talk() && line.delivery == Delivery::Done;
        self.lines.iter().rev().find(known)
    }

    /// The first line that people talk in.
    pub(crate) fn first_known(&self) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind.is_talk() && line.delivery == Delivery::Done)
    }

    /// Somebody is there. More than `MEMBERS_MAX` are not known.
    pub(crate) fn meet(&mut self, fold: String, nick: &str, signs: &str) {
        if let Some(member) = self.members.get_mut(&fold) {
            nick.clone_into(&mut member.nick);
            if !signs.is_empty() {
                signs.clone_into(&mut member.signs);
            }
        } else if self.members.len() < MEMBERS_MAX {
            let (nick, signs) = (nick.to_owned(), signs.to_owned());
            self.members.insert(fold, Member { nick, signs, away: false, spoke_ms: 0 });
        }
    }

    /// Somebody types, or has stopped.
    pub(crate) fn types(&mut self, nick: &str, until: Option<Instant>) {
        match until {
            None => drop(self.typing.remove(nick)),
            Some(until) if self.typing.len() < TYPING_MAX || self.typing.contains_key(nick) => {
                self.typing.insert(nick.to_owned(), until);
            }
            Some(_) => {}
        }
    }

    /// Who types.
    pub(crate) fn typing(&self) -> impl Iterator<Item = &str> {
        self.typing.keys().map(String::as_str)
    }

    /// When the first of them counts as having stopped.
    pub(crate) fn typing_ends(&self) -> Option<Instant> {
        self.typing.values().min().copied()
    }

    /// Forgets who has stopped typing.
    pub(crate) fn forget_typing(&mut self, now: Instant) {
        self.typing.retain(|_, until| *until > now);
    }

    /// All that a connection told and that ends with it.
    pub(crate) fn disconnect(&mut self) {
        self.joined = false;
        self.members.clear();
        self.typing.clear();
        self.naming = false;
        self.catch_up = None;
        self.history = History::More;
        self.lose_waiting();
    }
}

/// How long somebody counts as typing after saying so.
pub(crate) fn typing_lasts(state: &str) -> Option<Duration> {
    match state {
        "active" => Some(Duration::from_secs(6)),
        "paused" => Some(Duration::from_secs(30)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
