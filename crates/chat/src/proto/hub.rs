//! The rooms and the people in them.
//!
//! Rules:
//! 1. [`Hub::decide`] judges and never changes anything; [`Hub::apply`] changes and never refuses:
//!    what has become impossible between the two (a name that was taken meanwhile) is settled
//!    there, from the state alone, so that every node that applies the same log comes to the same
//!    end.
//! 2. Whoever hears a line is decided when it is applied: nobody hears what comes after his
//!    leaving.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::{Line, Reply};
use super::{
    Append, ClientId, Command, Entry, Event, MsgId, Nick, Now, Pos, RoomId, RoomName, Stream,
    Style, Text, Why,
};

/// `/who` names so many at most.
const WHO_NAMES_MAX: usize = 200;

/// What comes of a command.
#[derive(Debug)]
pub enum Decision {
    /// These happen, once they are in the log.
    Events(Vec<(Stream, Event)>),
    /// Only its author hears an answer.
    Reply(Reply),
    /// Its author leaves.
    Quit,
    /// Nothing.
    Nothing,
}

/// Who is told what.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// All in a room, save one.
    Room {
        /// The room.
        room: RoomId,
        /// Who does not hear it.
        except: Option<ClientId>,
        /// What.
        line: Line,
    },
    /// One client.
    One {
        /// The client.
        to: ClientId,
        /// What.
        line: Line,
    },
    /// One client hears what was said before it came, then the line.
    Earlier {
        /// The client.
        to: ClientId,
        /// The room.
        room: RoomId,
        /// The place of its coming.
        before: Pos,
        /// What it hears after that.
        line: Line,
    },
}

/// Somebody who is here, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Under which name.
    pub nick: String,
    /// In which room.
    pub room: String,
    /// Since when, in milliseconds since 1970 (UTC).
    pub since_unix_ms: u64,
}

#[derive(Debug)]
struct Room {
    name: RoomName,
    members: Vec<ClientId>,
}

#[derive(Debug)]
struct Person {
    nick: Nick,
    room: Option<RoomId>,
    since_unix_ms: u64,
}

/// The rooms, the people, and who has which name.
#[derive(Debug)]
pub struct Hub {
    node: u64,
    appended: u64,
    rooms: Vec<Room>,
    people: BTreeMap<ClientId, Person>,
    nicks: BTreeMap<String, ClientId>,
    plain_next: u64,
}

impl Hub {
    /// Opens the rooms. `node` tells this hub from others that write to the same log.
    pub fn new(rooms: &[RoomName], node: u64) -> Hub {
        let open = |name: &RoomName| Room { name: name.clone(), members: Vec::new() };
        Hub {
            node,
            appended: 0,
            rooms: rooms.iter().map(open).collect(),
            people: BTreeMap::new(),
            nicks: BTreeMap::new(),
            plain_next: 1,
        }
    }

    /// Who is in a room, in no order.
    pub fn members(&self, room: RoomId) -> &[ClientId] {
        self.place(room).map_or(&[], |room| &room.members)
    }

    /// The name of somebody who is here.
    pub fn nick(&self, client: ClientId) -> Option<&Nick> {
        self.people.get(&client).map(|person| &person.nick)
    }

    /// The name of a room.
    pub fn room_name(&self, room: RoomId) -> Option<&RoomName> {
        self.place(room).map(|room| &room.name)
    }

    /// All who are here.
    pub fn present(&self) -> Vec<Present> {
        let room = |person: &Person| {
            let name = person.room.and_then(|room| self.room_name(room));
            name.map_or_else(String::new, ToString::to_string)
        };
        let show = |person: &Person| Present {
            nick: person.nick.to_string(),
            room: room(person),
            since_unix_ms: person.since_unix_ms,
        };
        self.people.values().map(show).collect()
    }

    /// Gives an event its id.
    pub fn append(&mut self, stream: Stream, event: Event, now: Now) -> Append {
        self.appended += 1;
        let id = MsgId { node: self.node, number: self.appended };
        Append { stream, id, unix_ms: now.unix_ms, event }
    }

    /// Judges that a client comes in by the first room.
    pub fn decide_arrival(&self, client: ClientId) -> (Stream, Event) {
        let nick = Nick::plain(self.plain_next);
        (Stream::Room(RoomId(0)), Event::Joined { client, nick })
    }

    /// Judges that a client leaves the room that it is in.
    pub fn decide_leave(&self, client: ClientId, why: Why) -> (Stream, Event) {
        let room = self.people.get(&client).and_then(|person| person.room).unwrap_or(RoomId(0));
        (Stream::Room(room), Event::Left { client, why })
    }

    /// Judges what a client typed.
    pub fn decide(&self, client: ClientId, command: Command) -> Decision {
        let Some(person) = self.people.get(&client) else { return Decision::Nothing };
        let Some(room) = person.room else { return Decision::Nothing };
        let nick = person.nick.clone();
        let say = |text, style| {
            Decision::Events(vec![(Stream::Room(room), Event::Said { client, nick, text, style })])
        };
        match command {
            Command::Say(text) => say(text, Style::Line),
            Command::Act(text) => say(text, Style::Action),
            Command::Raw(bytes) => {
                let event = Event::Raw { client, bytes: bytes.into() };
                Decision::Events(vec![(Stream::Room(room), event)])
            }
            Command::Nick(name) => self.decide_nick(client, &name),
            Command::Join(name) => self.decide_move(client, room, person, &name),
            Command::Who => Decision::Reply(self.who(room)),
            Command::Rooms => {
                let show = |room: &Room| (room.name.clone(), room.members.len());
                Decision::Reply(Reply::Rooms(self.rooms.iter().map(show).collect()))
            }
            Command::Help => Decision::Reply(Reply::Help),
            Command::Unknown(word) => Decision::Reply(Reply::Unknown(Text::new(&word))),
            Command::Incomplete(usage) => Decision::Reply(Reply::Incomplete(usage)),
            Command::Quit => Decision::Quit,
        }
    }

    /// Judges what somebody says who is not in the room; who is there cannot be spoken for.
    ///
    /// # Errors
    /// What to answer.
    pub fn decide_post(&self, name: &str, text: &str) -> Result<(Stream, Event), Reply> {
        let nick = Nick::new(name).map_err(Reply::NickRefused)?;
        if self.nicks.contains_key(&nick.fold()) {
            return Err(Reply::NickTaken(nick));
        }
        let text = Text::new(text);
        if text.is_blank() {
            return Err(Reply::Incomplete("with something in it"));
        }
        Ok((Stream::Room(RoomId(0)), Event::Posted { nick, text }))
    }

    fn decide_nick(&self, client: ClientId, name: &str) -> Decision {
        let nick = match Nick::new(name) {
            Ok(nick) => nick,
            Err(error) => return Decision::Reply(Reply::NickRefused(error)),
        };
        match self.nicks.get(&nick.fold()) {
            Some(holder) if *holder != client => Decision::Reply(Reply::NickTaken(nick)),
            Some(_) if self.nick(client) == Some(&nick) => Decision::Reply(Reply::YouAre(nick)),
            _ => Decision::Events(vec![(Stream::People, Event::Renamed { client, nick })]),
        }
    }

    fn decide_move(&self, client: ClientId, from: RoomId, person: &Person, name: &str) -> Decision {
        let folded = name.to_lowercase();
        let found = (0_u32..).zip(&self.rooms).find(|(_, room)| room.name.fold() == folded);
        match found.map(|(place, _)| RoomId(place)) {
            None => Decision::Reply(Reply::NoRoom(Text::new(name))),
            Some(to) if to == from => Decision::Reply(self.who(to)),
            Some(to) => {
                let nick = person.nick.clone();
                Decision::Events(vec![
                    (Stream::Room(from), Event::Left { client, why: Why::Moved }),
                    (Stream::Room(to), Event::Joined { client, nick }),
                ])
            }
        }
    }

    fn who(&self, room: RoomId) -> Reply {
        let Some(place) = self.place(room) else { return Reply::Rooms(Vec::new()) };
        let (names, count) = self.names(place);
        Reply::Who { room: place.name.clone(), names, count }
    }

    fn names(&self, place: &Room) -> (Vec<Nick>, usize) {
        let mut names: Vec<Nick> =
            place.members.iter().filter_map(|client| self.nick(*client).cloned()).collect();
        let count = names.len();
        names.sort_by_key(|nick| (nick.as_str().len(), nick.clone()));
        names.truncate(WHO_NAMES_MAX);
        (names, count)
    }

    /// What a page is told on coming in, with the number of lines that follow.
    pub fn here(&self, client: ClientId, earlier: usize) -> Option<Reply> {
        let person = self.people.get(&client)?;
        let place = self.place(person.room?)?;
        let (members, count) = self.names(place);
        let (nick, room) = (person.nick.clone(), place.name.clone());
        Some(Reply::Here { nick, room, members, count, earlier })
    }

    fn place(&self, room: RoomId) -> Option<&Room> {
        self.rooms.get(usize::try_from(room.0).ok()?)
    }

    fn place_mut(&mut self, room: RoomId) -> Option<&mut Room> {
        self.rooms.get_mut(usize::try_from(room.0).ok()?)
    }

    /// Gives an event its effect, and says who is told what. The only way in which the hub changes.
    pub fn apply(&mut self, entry: &Entry, out: &mut Vec<Output>) {
        let append = &entry.append;
        match (&append.event, append.stream) {
            (Event::Joined { client, nick }, Stream::Room(room)) => {
                self.apply_joined((*client, nick), room, entry, out);
            }
            (Event::Left { client, why }, _) => self.apply_left(*client, *why, out),
            (Event::Renamed { client, nick }, _) => self.apply_renamed(*client, nick, out),
            (Event::Said { client, text, style, .. }, Stream::Room(room)) => {
                if let Some(nick) = self.speaker(*client, room) {
                    let line = Line::Said { nick, text: text.clone(), style: *style };
                    out.push(Output::Room { room, except: Some(*client), line });
                }
            }
            (Event::Raw { client, bytes }, Stream::Room(room)) => {
                if self.speaker(*client, room).is_some() {
                    let line = Line::Raw(Arc::clone(bytes));
                    out.push(Output::Room { room, except: Some(*client), line });
                }
            }
            (Event::Posted { nick, text }, Stream::Room(room)) => {
                let style = Style::Line;
                let line = Line::Said { nick: nick.clone(), text: text.clone(), style };
                out.push(Output::Room { room, except: None, line });
            }
            (Event::Notice { text }, Stream::Room(room)) => {
                out.push(Output::Room { room, except: None, line: Line::Notice(text.clone()) });
            }
            (Event::Joined { .. } | Event::Said { .. }, Stream::People)
            | (Event::Raw { .. } | Event::Notice { .. } | Event::Posted { .. }, Stream::People) => {
            }
        }
    }

    /// The name of a client that is in this room.
    fn speaker(&self, client: ClientId, room: RoomId) -> Option<Nick> {
        let person = self.people.get(&client)?;
        (person.room == Some(room)).then(|| person.nick.clone())
    }

    fn apply_joined(
        &mut self,
        (client, proposed): (ClientId, &Nick),
        room: RoomId,
        entry: &Entry,
        out: &mut Vec<Output>,
    ) {
        if self.place(room).is_none() || self.people.get(&client).is_some_and(|p| p.room.is_some())
        {
            return;
        }
        if !self.people.contains_key(&client) {
            let taken = self.nicks.contains_key(&proposed.fold());
            let nick = if taken { Nick::plain(self.plain_next) } else { proposed.clone() };
            self.plain_next += 1;
            self.nicks.insert(nick.fold(), client);
            let since_unix_ms = entry.append.unix_ms;
            self.people.insert(client, Person { nick, room: None, since_unix_ms });
        }
        let Some(person) = self.people.get_mut(&client) else { return };
        person.room = Some(room);
        let nick = person.nick.clone();
        let Some(place) = self.place_mut(room) else { return };
        let others = place.members.len();
        place.members.push(client);
        let welcome = Reply::Welcome { nick: nick.clone(), room: place.name.clone(), others };
        let line = Line::Reply(welcome);
        out.push(Output::Earlier { to: client, room, before: entry.pos, line });
        out.push(Output::Room { room, except: Some(client), line: Line::Joined(nick) });
    }

    fn apply_left(&mut self, client: ClientId, why: Why, out: &mut Vec<Output>) {
        let Some(person) = self.people.get_mut(&client) else { return };
        let nick = person.nick.clone();
        let room = person.room.take();
        if why != Why::Moved {
            self.people.remove(&client);
            self.nicks.remove(&nick.fold());
        }
        let Some(room) = room else { return };
        if let Some(place) = self.place_mut(room)
            && let Some(at) = place.members.iter().position(|member| *member == client)
        {
            place.members.swap_remove(at);
        }
        out.push(Output::Room { room, except: None, line: Line::Left(nick, why) });
    }

    fn apply_renamed(&mut self, client: ClientId, nick: &Nick, out: &mut Vec<Output>) {
        let to = client;
        if self.nicks.get(&nick.fold()).is_some_and(|holder| *holder != client) {
            let line = Line::Reply(Reply::NickTaken(nick.clone()));
            out.push(Output::One { to, line });
            return;
        }
        let Some(person) = self.people.get_mut(&client) else { return };
        let from = std::mem::replace(&mut person.nick, nick.clone());
        let room = person.room;
        self.nicks.remove(&from.fold());
        self.nicks.insert(nick.fold(), client);
        out.push(Output::One { to, line: Line::Reply(Reply::YouAre(nick.clone())) });
        if let Some(room) = room {
            let line = Line::Renamed { from, to: nick.clone() };
            out.push(Output::Room { room, except: Some(client), line });
        }
    }
}

#[cfg(test)]
mod tests;
