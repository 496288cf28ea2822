//! The names of streams in the file: a later run may have its rooms in another order.

use crate::proto::{RoomId, RoomName, Stream};

/// The rooms by their places.
#[derive(Debug, Clone)]
pub(super) struct Names {
    rooms: Vec<RoomName>,
}

impl Names {
    pub(super) fn new(rooms: Vec<RoomName>) -> Names {
        Names { rooms }
    }

    /// The key of a stream, and its name as it is shown.
    pub(super) fn key(&self, stream: Stream) -> (String, String) {
        let Stream::Room(RoomId(place)) = stream else { return (String::new(), String::new()) };
        let room = usize::try_from(place).ok().and_then(|place| self.rooms.get(place));
        room.map_or_else(
            || (format!("#{place}"), format!("#{place}")),
            |room| (room.fold(), room.to_string()),
        )
    }

    /// The stream of a key; `None` for a room that is not open.
    pub(super) fn stream(&self, key: &str) -> Option<Stream> {
        if key.is_empty() {
            return Some(Stream::People);
        }
        let found = (0_u32..).zip(&self.rooms).find(|(_, room)| room.fold() == key);
        found.map(|(place, _)| Stream::Room(RoomId(place)))
    }

    /// Every stream that is open.
    pub(super) fn streams(&self) -> impl Iterator<Item = Stream> {
        (0_u32..).zip(&self.rooms).map(|(place, _)| Stream::Room(RoomId(place)))
    }
}
