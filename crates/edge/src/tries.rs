//! How often an address may guess wrong. Rule: a try is counted before it is judged, so that many
//! at once are no way around, and taken back where it was right.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::subscriber;

/// After so long the wrong tries of an address are forgotten.
pub const WINDOW: Duration = Duration::from_secs(60);
/// So many addresses are remembered; above that, those whose time is over are forgotten, and then
/// all.
pub const ADDRESSES_MAX: u32 = 4096;

/// Counts wrong tries of each address; an IPv6 address counts as its /64, and peers without one (of
/// unix sockets) count together.
#[derive(Debug)]
pub struct Tries {
    max: u32,
    counted: Mutex<HashMap<Option<IpAddr>, Counted>>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    tries: u32,
    since: Instant,
}

impl Counted {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= WINDOW
    }
}

impl Tries {
    /// Allows so many wrong tries of one address in a [`WINDOW`].
    #[must_use]
    pub fn new(max: u32) -> Tries {
        Tries { max, counted: Mutex::default() }
    }

    /// Counts a try of `peer` that begins at `now`.
    ///
    /// # Errors
    /// There were too many: how long the peer has to wait. Nothing is counted.
    pub fn begin(&self, peer: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let mut counted = self.lock();
        if counted.len() >= usize::try_from(ADDRESSES_MAX).unwrap_or(usize::MAX) {
            counted.retain(|_, counted| !counted.is_over(now));
        }
        if counted.len() >= usize::try_from(ADDRESSES_MAX).unwrap_or(usize::MAX) {
            counted.clear();
        }
        let fresh = Counted { tries: 0, since: now };
        let counted = counted.entry(peer.map(subscriber)).or_insert(fresh);
        if counted.is_over(now) {
            *counted = fresh;
        }
        if counted.tries >= self.max {
            return Err(WINDOW.saturating_sub(now.duration_since(counted.since)));
        }
        counted.tries += 1;
        Ok(())
    }

    /// The try that `peer` has begun was right: it does not count.
    pub fn forgive(&self, peer: Option<IpAddr>) {
        let mut counted = self.lock();
        let peer = peer.map(subscriber);
        if let Some(found) = counted.get_mut(&peer) {
            found.tries = found.tries.saturating_sub(1);
            if found.tries == 0 {
                counted.remove(&peer);
            }
        }
    }

    /// A thread that panicked left whole counts.
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn guessing_is_slow_and_costs_no_one_else() {
        let tries = Tries::new(3);
        let (near, far, start) = (ip("10.0.0.1"), ip("10.0.0.2"), Instant::now());
        for second in 0..3 {
            assert_eq!(tries.begin(near, start + Duration::from_secs(second)), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(tries.begin(near, later), Err(Duration::from_secs(40)));
        assert_eq!(tries.begin(ip("::ffff:10.0.0.1"), later), Err(Duration::from_secs(40)));
        assert_eq!(tries.begin(far, later), Ok(()));
        assert_eq!(tries.begin(None, later), Ok(()));
        assert_eq!(tries.begin(near, start + WINDOW), Ok(()));
    }

    #[test]
    fn what_was_right_does_not_count() {
        let (tries, peer, now) = (Tries::new(2), ip("2001:db8::1"), Instant::now());
        for _ in 0..10 {
            assert_eq!(tries.begin(peer, now), Ok(()));
            tries.forgive(ip("2001:db8::2"));
        }
        assert!(tries.lock().is_empty());
        tries.forgive(peer);
        assert_eq!(tries.begin(peer, now), Ok(()));
        assert_eq!(tries.begin(peer, now), Ok(()));
        assert!(tries.begin(peer, now).is_err(), "two that are not judged yet");
    }

    #[test]
    fn the_memory_of_guessers_is_bounded() {
        let (tries, now) = (Tries::new(10), Instant::now());
        for number in 0..10_000_u32 {
            let peer = std::net::Ipv4Addr::from_bits(number);
            assert_eq!(tries.begin(Some(peer.into()), now), Ok(()));
        }
        assert!(tries.lock().len() <= ADDRESSES_MAX.try_into().unwrap());
    }
}
