//! What happens in the rooms, and its place in the order of all that happened.

use std::sync::Arc;
use std::time::Instant;

use super::{ClientId, Nick, Text};

/// The time, as the driver sees it: one clock for deadlines, one for the log.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// Milliseconds since 1970 (UTC), for the log.
    pub unix_ms: u64,
}

/// A room, by its place in the configuration (`0..`; 0 is where plain clients land).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u32);

/// What is ordered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// What happens in one room.
    Room(RoomId),
    /// What concerns a person in every room: names.
    People,
}

/// An event's place in the log. The epoch changes when a log begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pos {
    /// Which log.
    pub epoch: u64,
    /// The place in it (`1..`; 0 is before everything).
    pub seq: u64,
}

/// Names an event before it has a place, so that a log can tell a repetition from a second event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MsgId {
    /// The node that made it.
    pub node: u64,
    /// The node's count.
    pub number: u64,
}

/// How something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `<nick> text`
    Line,
    /// `* nick text`
    Action,
}

/// Why somebody left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// By `/quit`.
    Quit,
    /// The connection ended or broke.
    Gone,
    /// Too much was waiting to be read.
    Slow,
    /// Spoke a protocol that is not served here.
    Refused,
    /// Went to another room.
    Moved,
    /// The server stops.
    Stopping,
}

/// Something that happened. Only [`super::Hub::apply`] gives it effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Came in; the name is the hub's proposal, and another where that is taken by then.
    Joined {
        /// Who.
        client: ClientId,
        /// Under which name.
        nick: Nick,
    },
    /// Went out of the room.
    Left {
        /// Who.
        client: ClientId,
        /// For what reason.
        why: Why,
    },
    /// Takes another name.
    Renamed {
        /// Who.
        client: ClientId,
        /// The name that is asked for.
        nick: Nick,
    },
    /// Said something.
    Said {
        /// Who.
        client: ClientId,
        /// Under which name, for those who read it later.
        nick: Nick,
        /// What.
        text: Text,
        /// How.
        style: Style,
    },
    /// Said something without being in the room (by a page's form).
    Posted {
        /// Under which name.
        nick: Nick,
        /// What.
        text: Text,
    },
    /// The server says something.
    Notice {
        /// What.
        text: Text,
    },
    /// Bytes in the classic room.
    Raw {
        /// Who.
        client: ClientId,
        /// What.
        bytes: Arc<[u8]>,
    },
}

impl Event {
    /// Whose doing it is.
    pub fn client(&self) -> Option<ClientId> {
        match self {
            Event::Joined { client, .. }
            | Event::Left { client, .. }
            | Event::Renamed { client, .. }
            | Event::Said { client, .. }
            | Event::Raw { client, .. } => Some(*client),
            Event::Posted { .. } | Event::Notice { .. } => None,
        }
    }
}

/// An event on its way to the log.
#[derive(Debug, Clone)]
pub struct Append {
    /// Where it belongs.
    pub stream: Stream,
    /// Its name; a log takes each id once.
    pub id: MsgId,
    /// When it was decided, in milliseconds since 1970 (UTC).
    pub unix_ms: u64,
    /// What happened.
    pub event: Event,
}

/// An event with its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place.
    pub pos: Pos,
    /// What was appended.
    pub append: Append,
}
