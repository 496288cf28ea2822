//! The rooms and the people in them.
//!
//! Rules:
//! 1. Judging never changes anything: [`Hub::decide`] for plain clients, the commands of IRC for
//!    theirs. [`Hub::apply`] changes and never refuses: what has become impossible between the two
//!    (a name that was taken meanwhile) is settled there, from the state alone, so that every node
//!    that applies the same log comes to the same end.
//! 2. Whoever hears a line is decided when it is applied: nobody hears what comes after his
//!    leaving.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::frame::{Line, Reply};
use super::{Append, ClientId, Event, Identity, MsgId, Nick, Now, Pos, RoomName, Stream, fold};

mod accounts;
mod apply;
mod person;
mod plain;
mod room;

pub(crate) use self::accounts::Accounts;
pub(crate) use self::apply::shown;
pub(crate) use self::person::Person;
pub use self::room::Barred;
pub(crate) use self::room::{
    FLAGS, HALF_OPERATORS, OPERATORS, RANKS, Room, at_least, rank_bit, signs,
};

/// `/who` names so many at most.
const WHO_NAMES_MAX: usize = 200;
/// So many who have gone are remembered.
pub(crate) const GONE_MAX: usize = 1000;

/// What comes of a plain client's command.
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
    /// All in a room, save one (who may hear it all the same, as an echo).
    Room {
        /// The room.
        room: RoomName,
        /// Who does not hear it.
        except: Option<ClientId>,
        /// Only who has one of these ranks hears it; 0: everyone.
        ranks: u8,
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
    /// The author, where it wants to hear itself.
    Echo {
        /// The client.
        to: ClientId,
        /// What.
        line: Line,
    },
    /// Several, each once.
    Many {
        /// The clients.
        to: Vec<ClientId>,
        /// What.
        line: Line,
    },
    /// Those who watch a name, whether they share a room with it or not.
    Watchers {
        /// The folded name.
        name: String,
        /// Of those only who watch for more than coming and going.
        extended: bool,
        /// Who has heard it already.
        except: Vec<ClientId>,
        /// What.
        line: Line,
    },
    /// One client hears what was said before it came, then the line.
    Earlier {
        /// The client.
        to: ClientId,
        /// The room.
        room: RoomName,
        /// The place of its coming.
        before: Pos,
        /// What it hears after that.
        line: Line,
    },
    /// An IRC client is here, and is to be greeted; its name, or none where it was taken.
    Greeted {
        /// The client.
        to: ClientId,
        /// Under which name.
        nick: Result<Nick, Nick>,
    },
    /// An IRC client is in a room, and is to be shown it.
    Entered {
        /// The client.
        to: ClientId,
        /// The room.
        room: RoomName,
    },
    /// Is put out of the server: its connection ends.
    Ended {
        /// The client.
        to: ClientId,
        /// What it is told.
        words: Arc<str>,
    },
}

/// Somebody who is here, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Under which name.
    pub nick: String,
    /// In which room; the first, where there are several.
    pub room: String,
    /// Since when, in milliseconds since 1970 (UTC).
    pub since_unix_ms: u64,
}

/// Somebody who was here.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) who: Arc<Identity>,
    pub(crate) real: super::Text,
    pub(crate) unix_ms: u64,
}

/// The rooms, the people, and who has which name.
#[derive(Debug)]
pub struct Hub {
    node: u64,
    appended: u64,
    first: RoomName,
    rooms: BTreeMap<RoomName, Room>,
    people: BTreeMap<ClientId, Person>,
    nicks: BTreeMap<String, ClientId>,
    past: VecDeque<Past>,
    accounts: Accounts,
    plain_next: u64,
    people_max: usize,
    now_unix_ms: u64,
}

impl Hub {
    /// Opens the rooms; plain clients land in the first. `node` tells this hub from others that
    /// write to the same log.
    ///
    /// # Panics
    /// There is no room.
    pub fn new(rooms: &[RoomName], node: u64) -> Hub {
        let open = |name: &RoomName| (name.clone(), Room::new(name.clone(), true, 0));
        Hub {
            node,
            appended: 0,
            first: rooms.first().expect("a room").clone(),
            rooms: rooms.iter().map(open).collect(),
            people: BTreeMap::new(),
            nicks: BTreeMap::new(),
            past: VecDeque::new(),
            accounts: Accounts::default(),
            plain_next: 1,
            people_max: 0,
            now_unix_ms: 0,
        }
    }

    /// Where plain clients land.
    pub fn first_room(&self) -> &RoomName {
        &self.first
    }

    /// Who is in a room, in no order.
    pub fn members(&self, room: &RoomName) -> &[ClientId] {
        self.rooms.get(room).map_or(&[], |room| &room.members)
    }

    /// The name of somebody who is here.
    pub fn nick(&self, client: ClientId) -> Option<&Nick> {
        self.people.get(&client).map(|person| &person.who.nick)
    }

    /// All who are here.
    pub fn present(&self) -> Vec<Present> {
        let show = |person: &Person| Present {
            nick: person.who.nick.to_string(),
            room: person.rooms.first().map_or_else(String::new, ToString::to_string),
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

    /// The number of the last event of this node.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    pub(crate) fn person(&self, client: ClientId) -> Option<&Person> {
        self.people.get(&client)
    }

    /// Finds somebody by name.
    pub(crate) fn named(&self, nick: &str) -> Option<&Person> {
        self.people.get(self.nicks.get(&fold(nick))?)
    }

    /// Finds a room by name.
    pub(crate) fn room(&self, name: &str) -> Option<&Room> {
        self.rooms.get(&name.parse().ok()?)
    }

    pub(crate) fn place(&self, name: &RoomName) -> Option<&Room> {
        self.rooms.get(name)
    }

    /// All rooms, by name.
    pub(crate) fn all_rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// All people, by connection.
    pub(crate) fn all_people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// How many people there were at once at most.
    pub(crate) fn people_max(&self) -> usize {
        self.people_max
    }

    /// Who was here, the last first.
    pub(crate) fn past(&self) -> impl Iterator<Item = &Past> {
        self.past.iter()
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Those who share a room with somebody, each once, without himself.
    pub(crate) fn peers(&self, person: &Person) -> Vec<ClientId> {
        let rooms = person.rooms.iter().filter_map(|room| self.rooms.get(room));
        let mut peers: Vec<ClientId> =
            rooms.flat_map(|room| room.members.iter().copied()).collect();
        peers.sort_unstable();
        peers.dedup();
        peers.retain(|peer| *peer != person.client);
        peers
    }
}

#[cfg(test)]
mod tests;
