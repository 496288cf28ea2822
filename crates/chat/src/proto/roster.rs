//! Who is connected: a table whose keys are never used twice, so that a late event cannot hit
//! another.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One connection, for the life of the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId {
    slot: u32,
    generation: u32,
}

impl ClientId {
    /// A client of an earlier run: it finds nothing.
    pub const NOBODY: ClientId = ClientId { slot: u32::MAX, generation: u32::MAX };

    /// The place in a table that runs beside the roster (`0..`, reused after a removal).
    pub fn slot(self) -> usize {
        usize::try_from(self.slot).unwrap_or(usize::MAX)
    }
}

/// A connection means nothing to a later run, so it is kept as nothing.
impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClientId, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Ok(ClientId::NOBODY)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by [`ClientId`]. A removed id finds nothing, also after its slot was given again.
#[derive(Debug)]
pub struct Roster<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    count: usize,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Roster { slots: Vec::new(), free: Vec::new(), count: 0 }
    }
}

impl<T> Roster<T> {
    /// Takes a value in; its id is new.
    pub fn insert(&mut self, value: T) -> ClientId {
        self.count += 1;
        if let Some(slot) = self.free.pop() {
            let mut id = ClientId { slot, generation: 0 };
            let place = &mut self.slots[id.slot()];
            place.value = Some(value);
            id.generation = place.generation;
            return id;
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer clients than u32::MAX");
        self.slots.push(Slot { generation: 0, value: Some(value) });
        ClientId { slot, generation: 0 }
    }

    /// Finds a value.
    pub fn get(&self, id: ClientId) -> Option<&T> {
        let slot = self.slots.get(id.slot())?;
        if slot.generation == id.generation { slot.value.as_ref() } else { None }
    }

    /// Finds a value, to change it.
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot())?;
        if slot.generation == id.generation { slot.value.as_mut() } else { None }
    }

    /// Takes a value out. A slot whose generations are used up is never given again.
    pub fn remove(&mut self, id: ClientId) -> Option<T> {
        let slot = self.slots.get_mut(id.slot())?;
        if slot.generation != id.generation {
            return None;
        }
        let value = slot.value.take()?;
        self.count -= 1;
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(id.slot);
        }
        Some(value)
    }

    /// How many are in.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All that are in, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, &T)> {
        (0_u32..).zip(&self.slots).filter_map(|(slot, place)| {
            let id = ClientId { slot, generation: place.generation };
            place.value.as_ref().map(|value| (id, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_finds_nothing() {
        let mut roster = Roster::default();
        let first = roster.insert("a");
        let second = roster.insert("b");
        assert_eq!(roster.remove(first), Some("a"));
        assert_eq!(roster.remove(first), None);
        let third = roster.insert("c");
        assert_eq!(third.slot(), first.slot());
        assert_ne!(third, first);
        assert_eq!(roster.get(first), None);
        assert_eq!(roster.get_mut(third), Some(&mut "c"));
        let all: Vec<_> = roster.iter().collect();
        assert_eq!(all, [(third, &"c"), (second, &"b")]);
        assert_eq!(roster.len(), 2);
        assert!(!roster.is_empty());
    }
}
