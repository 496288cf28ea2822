//! Places for connections: numbered, reused, and never mistaken for the one that was there before.

/// Things by keys; a key of something that is gone finds nothing.
pub(super) struct Places<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

struct Place<T> {
    generation: u32,
    what: Option<T>,
}

impl<T> Places<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The key of what is put next.
    pub(super) fn next_key(&self) -> u64 {
        match self.free.last() {
            Some(index) => key(*index, self.place(*index).map_or(0, |place| place.generation)),
            None => key(u32::try_from(self.places.len()).unwrap_or(u32::MAX), 0),
        }
    }

    /// Puts `what` under [`next_key`](Self::next_key).
    pub(super) fn put(&mut self, what: T) -> u64 {
        let key = self.next_key();
        match self.free.pop().and_then(|index| self.places.get_mut(slot(index))) {
            Some(place) => place.what = Some(what),
            None => self.places.push(Place { generation: 0, what: Some(what) }),
        }
        key
    }

    pub(super) fn find(&mut self, key: u64) -> Option<&mut T> {
        let (index, generation) = parts(key);
        let place = self.places.get_mut(slot(index))?;
        if place.generation == generation { place.what.as_mut() } else { None }
    }

    pub(super) fn take(&mut self, key: u64) -> Option<T> {
        let what = self.find(key).is_some();
        let (index, _) = parts(key);
        let place = self.places.get_mut(slot(index)).filter(|_| what)?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(index);
        place.what.take()
    }

    /// The keys of all that are there.
    pub(super) fn keys(&self) -> Vec<u64> {
        let numbered = (0..).zip(&self.places);
        let there = numbered.filter(|(_, place)| place.what.is_some());
        there.map(|(index, place)| key(index, place.generation)).collect()
    }

    fn place(&self, index: u32) -> Option<&Place<T>> {
        self.places.get(slot(index))
    }
}

fn slot(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn key(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index)
}

/// The index and the generation.
fn parts(key: u64) -> (u32, u32) {
    let low = u32::try_from(key & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (low, u32::try_from(key >> 32).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_old_keys_find_nothing() {
        let mut places = Places::new();
        let (a, b) = (places.put("a"), places.put("b"));
        assert_eq!((places.len(), places.keys()), (2, vec![a, b]));
        assert_eq!(places.take(a), Some("a"));
        assert_eq!(places.take(a), None);
        let promised = places.next_key();
        let c = places.put("c");
        assert_eq!((c, parts(c).0), (promised, parts(a).0));
        assert!(places.find(a).is_none());
        assert_eq!(places.find(c), Some(&mut "c"));
        assert_eq!(places.find(b), Some(&mut "b"));
        assert_eq!(places.find(u64::MAX), None);
        assert_eq!((places.len(), places.keys()), (2, vec![c, b]));
    }
}
