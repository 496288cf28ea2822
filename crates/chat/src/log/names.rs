//! The names of streams in the file.
//!
//! ```text
//! key = "" / "#" room / "@" party SP party     ; people, a room (folded), a conversation
//! ```

use crate::proto::{RoomName, Stream};

/// The rooms that are always open: their last lines are read at the start.
#[derive(Debug, Clone)]
pub(super) struct Names {
    rooms: Vec<RoomName>,
}

impl Names {
    pub(super) fn new(rooms: Vec<RoomName>) -> Names {
        Names { rooms }
    }

    /// The key of a stream, and its name as it is shown.
    pub(super) fn key(&self, stream: &Stream) -> (String, String) {
        match stream {
            Stream::People => (String::new(), String::new()),
            Stream::Room(room) => (room.folded().to_string(), room.to_string()),
            Stream::Direct(one, other) => {
                let key = format!("@{one} {other}");
                (key.clone(), key)
            }
        }
    }

    /// The stream of a key, with the room's name as it is shown; `None` for what is no key.
    pub(super) fn stream(&self, key: &str, name: &str) -> Option<Stream> {
        if key.is_empty() {
            return Some(Stream::People);
        }
        if let Some(parties) = key.strip_prefix('@') {
            let (one, other) = parties.split_once(' ')?;
            return Some(Stream::Direct(one.into(), other.into()));
        }
        Some(Stream::Room(name.parse().ok()?))
    }

    /// Every stream that is always open.
    pub(super) fn streams(&self) -> impl Iterator<Item = Stream> {
        self.rooms.iter().cloned().map(Stream::Room)
    }
}
