//! What happens in the rooms, and its place in the order of all that happened.
//!
//! An event is kept as JSON: `{"kind":"said","nick":"anna","text":"hi","style":"line"}`. A field
//! that is not known is passed over, a missing one has to have a default, and an event of a kind
//! that is not known is left alone: so a log outlives the version that wrote it.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `<nick> text`
    Line,
    /// `* nick text`
    Action,
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
    /// The server stops.
    Stopping,
}

/// Something that happened. Only [`super::Hub::apply`] gives it effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
    /// What a log makes of it.
    pub fn class(&self) -> Class {
        match self {
            Event::Said { .. } | Event::Posted { .. } | Event::Notice { .. } => Class::Said,
            Event::Joined { .. } | Event::Left { .. } | Event::Renamed { .. } => Class::Passing,
            Event::Raw { .. } => Class::Fleeting,
        }
    }

    /// The words by which it is found.
    pub fn words(&self) -> Option<&str> {
        match self {
            Event::Said { text, .. } | Event::Posted { text, .. } | Event::Notice { text } => {
                Some(text.as_str())
            }
            _ => None,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Roster;

    #[test]
    fn events_are_kept_as_json_without_the_connection() {
        let client = Roster::default().insert(());
        let nick = Nick::new("anna").expect("a nick");
        let text = Text::new("h\u{1b}i \u{2028}");
        let said = Event::Said { client, nick: nick.clone(), text, style: Style::Action };
        let json = serde_json::to_string(&said).expect("JSON");
        assert_eq!(
            json,
            "{\"kind\":\"said\",\"client\":null,\"nick\":\"anna\",\
             \"text\":\"h\\u001bi \u{2028}\",\"style\":\"action\"}"
        );
        let read: Event = serde_json::from_str(&json).expect("an event");
        assert_eq!(read.client(), Some(ClientId::NOBODY));
        assert_eq!(read.words(), said.words());
        let left = Event::Left { client, why: Why::Gone };
        let json = serde_json::to_string(&left).expect("JSON");
        let nobody = Event::Left { client: ClientId::NOBODY, why: Why::Gone };
        assert_eq!(serde_json::from_str::<Event>(&json).expect("an event"), nobody);
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_no_version_writes_is_refused() {
        let newer = r#"{"kind":"posted","nick":"bo","text":"hi","mood":"good"}"#;
        let nick = Nick::new("bo").expect("a nick");
        let posted = Event::Posted { nick, text: Text::new("hi") };
        assert_eq!(serde_json::from_str::<Event>(newer).expect("an event"), posted);
        for bad in [
            r#"{"kind":"levitated","by":"bo"}"#,
            r#"{"kind":"posted","nick":"b o","text":"hi"}"#,
            r#"{"kind":"posted","nick":"","text":"hi"}"#,
            r#"{"kind":"posted","nick":"bo"}"#,
            r#"{"nick":"bo"}"#,
            "[]",
            "",
        ] {
            assert!(serde_json::from_str::<Event>(bad).is_err(), "{bad}");
        }
        let broken = r#"{"kind":"notice","text":"a\r\nQUIT\u0000"}"#;
        let read: Event = serde_json::from_str(broken).expect("an event");
        assert_eq!(read.words(), Some("aQUIT"));
    }
}
