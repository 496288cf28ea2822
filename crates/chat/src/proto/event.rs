//! What happens in the rooms, and its place in the order of all that happened.
//!
//! An event is kept as JSON: `{"kind":"topic","who":{"nick":"anna",..},"text":"hi"}`. A field that
//! is not known is passed over, a missing one has to have a default, and an event of a kind that is
//! not known is left alone: so a log outlives the version that wrote it.
//!
//! Rule: an event is data that owns everything it speaks of. Who does it is told twice: by the
//! [`ClientId`] of the connection, which ends with the server, and by an [`Identity`], which makes
//! sense for ever.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{ClientId, Credentials, Identity, Nick, RoomName, Text};

/// The time, as the driver sees it: one clock for deadlines, one for the log.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// Milliseconds since 1970 (UTC), for the log.
    pub unix_ms: u64,
}

/// What is ordered together, and asked for together when somebody reads what was said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// What happens in one room.
    Room(RoomName),
    /// What two say to each other; the parties' keys, the smaller first.
    Direct(Arc<str>, Arc<str>),
    /// What concerns a person everywhere: names, accounts.
    People,
}

impl Stream {
    /// The stream of two parties.
    pub fn direct(one: &Arc<str>, other: &Arc<str>) -> Stream {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Stream::Direct(Arc::clone(first), Arc::clone(second))
    }
}

/// An event's place in the log. The epoch changes when a log begins anew.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Pos {
    /// Which log.
    pub epoch: u64,
    /// The place in it (`1..`; 0 is before everything).
    pub seq: u64,
}

/// The id by which clients know what was said: it tells the place, so it needs no index.
impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.epoch, self.seq)
    }
}

impl Pos {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Pos> {
        let (epoch, seq) = text.split_once('-')?;
        let read = |digits| u64::from_str_radix(digits, 16).ok();
        let pos = Pos { epoch: read(epoch)?, seq: read(seq)? };
        (pos.to_string() == text).then_some(pos)
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `<nick> text`
    Line,
    /// `* nick text`
    Action,
    /// `-nick- text`: nobody answers it by machine.
    Notice,
    /// Tags alone: typing, reactions. The text is empty.
    Tags,
}

/// To whom something is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All in a room.
    Room(RoomName),
    /// Those in a room who have this rank (`@`, `+`) or a higher one.
    Ranked(char, RoomName),
    /// One person.
    Person(ClientId, Nick),
}

/// Why somebody left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Was put out by an operator.
    Killed,
    /// The server stops.
    Stopping,
}

/// One change of a room's modes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChange {
    /// Set or taken.
    pub set: bool,
    /// The mode's letter.
    pub mode: char,
    /// What it is set to, as it is shown.
    pub value: Option<Arc<str>>,
    /// Whose rank changes, where the mode is one.
    pub member: Option<ClientId>,
}

/// Something that happened. Only [`super::Hub::apply`] gives it effect.
///
/// `client` and `who` are whoever does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields that each variant has in common are told above")]
pub enum Event {
    /// An IRC client is there, in no room yet. The name may be taken by then.
    Arrived { client: ClientId, who: Arc<Identity>, real: Text },
    /// Is in the stream's room; a plain client comes by this alone, and gets another name where the
    /// proposed one is taken by then.
    Joined { client: ClientId, who: Arc<Identity> },
    /// Went out of the stream's room.
    Left { client: ClientId, who: Arc<Identity>, why: Why, text: Option<Text> },
    /// Is nowhere any more.
    Gone { client: ClientId, who: Arc<Identity>, why: Why, text: Option<Text> },
    /// Takes another name: the one that is asked for.
    Renamed { client: ClientId, who: Arc<Identity>, nick: Nick },
    /// Said something. Tags are those that clients make up (`+draft/reply=..;+typing=..`).
    Said {
        client: ClientId,
        who: Arc<Identity>,
        to: Target,
        text: Text,
        style: Style,
        tags: Arc<str>,
    },
    /// Said several lines at once; `true`: the line goes on from the last one without a break.
    SaidLines {
        client: ClientId,
        who: Arc<Identity>,
        to: Target,
        lines: Arc<[(bool, Text)]>,
        style: Style,
        tags: Arc<str>,
    },
    /// Said something without being in the room (by a page's form).
    Posted { nick: Nick, text: Text },
    /// The server says something.
    Notice { text: Text },
    /// Bytes in the classic room.
    Raw { client: ClientId, bytes: Arc<[u8]> },
    /// Says what the room is about; nothing where the text is empty.
    Topic { client: ClientId, who: Arc<Identity>, text: Text },
    /// Puts somebody out of the room.
    Kicked { client: ClientId, who: Arc<Identity>, target: ClientId, nick: Nick, text: Text },
    /// Asks somebody into the room.
    Invited { client: ClientId, who: Arc<Identity>, target: ClientId, nick: Nick },
    /// Changes the room's modes.
    Modes { client: ClientId, who: Arc<Identity>, changes: Vec<ModeChange> },
    /// Changes its own modes.
    OwnModes { client: ClientId, who: Arc<Identity>, changes: Vec<(bool, char)> },
    /// Is away, or back.
    Away { client: ClientId, who: Arc<Identity>, text: Option<Text> },
    /// Gives another real name.
    RealName { client: ClientId, who: Arc<Identity>, text: Text },
    /// Is logged in to an account, or in to none.
    Account { client: ClientId, who: Arc<Identity>, account: Option<Arc<str>> },
    /// There is a new account.
    AccountMade { client: ClientId, name: Arc<str>, credentials: Arc<Credentials> },
    /// An account has another password.
    PasswordSet { client: ClientId, name: Arc<str>, credentials: Arc<Credentials> },
    /// The stream's room belongs to an account; to none where there is none.
    Founded { client: ClientId, who: Arc<Identity>, account: Option<Arc<str>> },
    /// An operator puts somebody out of the server.
    Killed { client: ClientId, who: Arc<Identity>, target: ClientId, nick: Nick, text: Text },
    /// An operator speaks to those who listen.
    Wallops { client: ClientId, who: Arc<Identity>, text: Text },
    /// Takes back what was said at this place in the stream.
    Redacted { client: ClientId, who: Arc<Identity>, to: Target, at: Pos, text: Option<Text> },
    /// Has read a conversation up to a time.
    MarkedRead { client: ClientId, owner: Arc<str>, target: Arc<str>, unix_ms: u64 },
}

/// What a log makes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It was said, and is shown, searched and exported later.
    Said,
    /// It changes what a room or an account is, and is applied again when the log is opened.
    State,
    /// It changes who is here: it is kept for who asks, but has no effect on a later run.
    Passing,
    /// It is not kept.
    Fleeting,
}

impl Event {
    /// Whose doing it is.
    pub fn client(&self) -> Option<ClientId> {
        match self {
            Event::Arrived { client, .. }
            | Event::Joined { client, .. }
            | Event::Left { client, .. }
            | Event::Gone { client, .. }
            | Event::Renamed { client, .. }
            | Event::Said { client, .. }
            | Event::SaidLines { client, .. }
            | Event::Raw { client, .. }
            | Event::Topic { client, .. }
            | Event::Kicked { client, .. }
            | Event::Invited { client, .. }
            | Event::Modes { client, .. }
            | Event::OwnModes { client, .. }
            | Event::Away { client, .. }
            | Event::RealName { client, .. }
            | Event::Account { client, .. }
            | Event::AccountMade { client, .. }
            | Event::PasswordSet { client, .. }
            | Event::Founded { client, .. }
            | Event::Killed { client, .. }
            | Event::Wallops { client, .. }
            | Event::Redacted { client, .. }
            | Event::MarkedRead { client, .. } => Some(*client),
            Event::Posted { .. } | Event::Notice { .. } => None,
        }
    }

    /// What a log makes of it.
    pub fn class(&self) -> Class {
        match self {
            Event::Said { style: Style::Tags, tags, .. } if tags.contains("persist") => {
                Class::Passing
            }
            Event::Said { style: Style::Tags, .. } => Class::Fleeting,
            Event::Said { .. }
            | Event::SaidLines { .. }
            | Event::Posted { .. }
            | Event::Notice { .. } => Class::Said,
            Event::Topic { .. }
            | Event::Modes { .. }
            | Event::AccountMade { .. }
            | Event::PasswordSet { .. }
            | Event::Founded { .. }
            | Event::Redacted { .. }
            | Event::MarkedRead { .. } => Class::State,
            Event::Joined { .. }
            | Event::Left { .. }
            | Event::Kicked { .. }
            | Event::Gone { .. }
            | Event::Renamed { .. } => Class::Passing,
            Event::Raw { .. }
            | Event::Arrived { .. }
            | Event::Invited { .. }
            | Event::OwnModes { .. }
            | Event::Away { .. }
            | Event::RealName { .. }
            | Event::Account { .. }
            | Event::Killed { .. }
            | Event::Wallops { .. } => Class::Fleeting,
        }
    }

    /// The words by which it is found.
    pub fn words(&self) -> Option<Cow<'_, str>> {
        match self {
            Event::Said { text, .. } | Event::Posted { text, .. } | Event::Notice { text } => {
                Some(Cow::Borrowed(text.as_str()))
            }
            Event::SaidLines { lines, .. } => {
                let lines: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
                Some(Cow::Owned(lines.join(" ")))
            }
            _ => None,
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

#[cfg(test)]
mod tests;
