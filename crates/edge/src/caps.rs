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
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    max: usize,
    max_per_ip: Option<usize>,
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
        let held = Held { max, max_per_ip, ..Held::default() };
        Caps(Arc::new(Inner { held: Mutex::new(held) }))
    }

    /// Takes a permit; `None` is a peer without an address (a unix socket), which counts towards
    /// the whole only.
    ///
    /// # Errors
    /// The cap that is reached.
    pub fn take(&self, ip: Option<IpAddr>) -> Result<Permit, Refusal> {
        let ip = ip.map(subscriber);
        let mut held = self.0.lock();
        if held.all >= held.max {
            return Err(Refusal::Full);
        }
        held.count(ip)?;
        held.all += 1;
        Ok(Permit { caps: Arc::clone(&self.0), ip })
    }

    /// Allows so many from now on. Permits that are held stay.
    pub fn set(&self, max: usize, max_per_ip: Option<usize>) {
        let mut held = self.0.lock();
        (held.max, held.max_per_ip) = (max, max_per_ip);
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

impl Held {
    /// Counts one more of an address.
    fn count(&mut self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(ip) = ip else { return Ok(()) };
        let count = self.by_ip.get(&ip).copied().unwrap_or_default();
        if self.max_per_ip.is_some_and(|max| count >= max) {
            return Err(Refusal::PerAddress);
        }
        self.by_ip.insert(ip, count + 1);
        Ok(())
    }

    fn uncount(&mut self, ip: Option<IpAddr>) {
        let Some(ip) = ip else { return };
        if let Some(count) = self.by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.by_ip.remove(&ip);
            }
        }
    }
}

impl Permit {
    /// Counts the connection to another address from now on: to that for which a proxy stands.
    ///
    /// # Errors
    /// The address has as many as it may have; it counts where it did.
    pub fn move_to(&mut self, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let ip = ip.map(subscriber);
        let mut held = self.caps.lock();
        held.count(ip)?;
        held.uncount(self.ip);
        drop(held);
        self.ip = ip;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.caps.lock();
        held.all -= 1;
        held.uncount(self.ip);
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

    #[test]
    fn a_proxys_client_counts_as_itself() {
        let caps = Caps::new(9, Some(1));
        let mut first = caps.take(None).unwrap();
        let mut second = caps.take(None).unwrap();
        first.move_to(ip("10.0.0.1")).unwrap();
        assert_eq!(second.move_to(ip("10.0.0.1")), Err(Refusal::PerAddress));
        second.move_to(ip("10.0.0.2")).unwrap();
        second.move_to(ip("10.0.0.3")).unwrap();
        let third = caps.take(ip("10.0.0.2")).unwrap();
        drop((first, second, third));
        assert!(caps.0.lock().by_ip.is_empty());
    }

    #[test]
    fn caps_may_change_while_permits_are_held() {
        let caps = Caps::new(9, None);
        let held: Vec<Permit> = (0..3).map(|_| caps.take(ip("10.0.0.1")).unwrap()).collect();
        caps.set(4, Some(2));
        assert_eq!(caps.take(ip("10.0.0.1")).unwrap_err(), Refusal::PerAddress);
        let other = caps.take(ip("10.0.0.2")).unwrap();
        assert_eq!(caps.take(ip("10.0.0.3")).unwrap_err(), Refusal::Full);
        caps.set(9, None);
        assert!(caps.take(ip("10.0.0.1")).is_ok());
        drop((held, other));
        assert!(caps.0.lock().by_ip.is_empty());
    }
}
