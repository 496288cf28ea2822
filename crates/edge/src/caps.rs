//! How many connections there may be, in all and of one address. Rule: a connection holds a
//! [`Permit`] for as long as it lives, and dropping the permit is the only way to give it back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::subscriber;

/// Counters that every clone shares.
#[derive(Clone, Debug)]
pub struct Caps(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    max_per_ip: Option<usize>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many connections as allowed are open.
    #[error("too many connections")]
    Full,
    /// As many connections as one address may have are open.
    #[error("too many connections from this address")]
    PerAddress,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    caps: Arc<Inner>,
    ip: Option<IpAddr>,
}

impl Caps {
    /// Allows `max` connections in all, and `max_per_ip` from one [`subscriber`].
    #[must_use]
    pub fn new(max: usize, max_per_ip: Option<usize>) -> Self {
        Caps(Arc::new(Inner { max, max_per_ip, held: Mutex::default() }))
    }

    /// Takes a permit; `None` is a peer without an address (a unix socket), which counts towards
    /// the whole only.
    ///
    /// # Errors
    /// The cap that is reached.
    pub fn take(&self, ip: Option<IpAddr>) -> Result<Permit, Refusal> {
        let ip = ip.map(subscriber);
        let mut held = self.0.lock();
        if held.all >= self.0.max {
            return Err(Refusal::Full);
        }
        if let (Some(ip), Some(max)) = (ip, self.0.max_per_ip) {
            if held.by_ip.get(&ip).is_some_and(|count| *count >= max) || max == 0 {
                return Err(Refusal::PerAddress);
            }
            *held.by_ip.entry(ip).or_default() += 1;
        }
        held.all += 1;
        let ip = ip.filter(|_| self.0.max_per_ip.is_some());
        Ok(Permit { caps: Arc::clone(&self.0), ip })
    }

    /// Counts the permits that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.lock().all
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.caps.lock();
        held.all -= 1;
        let Some(ip) = self.ip else { return };
        if let Some(count) = held.by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                held.by_ip.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_whole_is_capped_and_comes_back() {
        let caps = Caps::new(2, None);
        let first = caps.take(ip("10.0.0.1")).unwrap();
        let _second = caps.clone().take(None).unwrap();
        assert_eq!(caps.take(None).unwrap_err(), Refusal::Full);
        drop(first);
        assert_eq!(caps.held(), 1);
        assert!(caps.take(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn one_address_is_capped_and_forgotten_when_it_has_gone() {
        let caps = Caps::new(9, Some(1));
        let held = caps.take(ip("2001:db8::1")).unwrap();
        assert_eq!(caps.take(ip("2001:db8::ffff")).unwrap_err(), Refusal::PerAddress);
        let other = caps.take(ip("2001:db8:0:1::1")).unwrap();
        let v4 = caps.take(ip("10.0.0.1")).unwrap();
        assert_eq!(caps.take(ip("::ffff:10.0.0.1")).unwrap_err(), Refusal::PerAddress);
        assert_eq!(caps.held(), 3, "a refusal takes nothing");
        drop((held, other, v4));
        assert_eq!(caps.held(), 0);
        assert!(caps.0.lock().by_ip.is_empty());
    }
}
