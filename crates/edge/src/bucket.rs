//! Token buckets: how much may come at once, and how much each second after that.
//!
//! A bucket needs 16 bytes: it remembers only when it will be full again. Time is an argument.
//!
//! # Source
//! The virtual scheduling algorithm of ITU-T I.371 (GCRA).

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::subscriber;

/// How many parts the table of all addresses has, each with a lock of its own.
const SHARDS: usize = 64;
/// So many addresses are remembered; above that, those whose buckets are full again are forgotten,
/// and further ones share one bucket.
pub const ADDRESSES_MAX: u32 = 65_536;

/// How much may come: `burst` at once, then `per_second`. Written `5:2/s`, or `2/s` where both are
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What may come at once after a silence (`1..`).
    pub burst: u32,
    /// What may come each second after that (`1..`).
    pub per_second: u32,
}

/// What is wrong with the text of a [`Rate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected RATE/s or BURST:RATE/s such as 5:2/s, with numbers from 1, but got '{text}'")]
pub struct RateError {
    text: String,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let error = || RateError { text: text.to_owned() };
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|n| *n > 0);
        let rest = text.strip_suffix("/s").ok_or_else(error)?;
        let (burst, per_second) = rest.split_once(':').unwrap_or((rest, rest));
        let (burst, per_second) = number(burst).zip(number(per_second)).ok_or_else(error)?;
        Ok(Rate { burst, per_second })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/s", self.burst, self.per_second)
    }
}

impl Rate {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    fn tolerance(self) -> Duration {
        self.interval() * self.burst.saturating_sub(1)
    }
}

/// One client's bucket.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one token.
    ///
    /// # Errors
    /// The moment at which there will be one; nothing is taken.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let tolerance = rate.tolerance();
        if full_at > now + tolerance {
            return Err(full_at - tolerance);
        }
        self.full_at = Some(full_at + rate.interval());
        Ok(())
    }

    /// Whether the whole burst is there again.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

/// A bucket for each address (for each /64 of IPv6), for several threads.
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    keys: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<IpAddr, Bucket>,
    /// Of all addresses for which there was no room.
    others: Bucket,
    /// Before this no room is looked for again.
    full_until: Option<Instant>,
}

impl Buckets {
    /// Buckets that nobody has taken from.
    #[must_use]
    pub fn new(rate: Rate) -> Buckets {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Buckets { rate, keys: RandomState::new(), shards }
    }

    /// Takes a token of `ip`.
    ///
    /// # Errors
    /// How long it is until there will be one; nothing is taken.
    pub fn take(&self, ip: IpAddr, now: Instant) -> Result<(), Duration> {
        let ip = subscriber(ip);
        let index = usize::try_from(self.keys.hash_one(ip) % 64).unwrap_or(0);
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        let taken = shard.bucket(ip, now).take(self.rate, now);
        taken.map_err(|at| at.saturating_duration_since(now))
    }
}

impl Shard {
    const BUCKETS_MAX: usize = 1024;

    fn bucket(&mut self, ip: IpAddr, now: Instant) -> &mut Bucket {
        let is_full = self.buckets.len() >= Self::BUCKETS_MAX;
        if is_full && self.full_until.is_none_or(|until| until <= now) {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            self.full_until = Some(now + Duration::from_secs(1));
        }
        if self.buckets.len() >= Self::BUCKETS_MAX && !self.buckets.contains_key(&ip) {
            return &mut self.others;
        }
        self.buckets.entry(ip).or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_rate_is_read_and_written() {
        assert_eq!("5:2/s".parse(), Ok(Rate { burst: 5, per_second: 2 }));
        assert_eq!("2/s".parse(), Ok(Rate { burst: 2, per_second: 2 }));
        assert_eq!(Rate { burst: 5, per_second: 2 }.to_string(), "5:2/s");
        for bad in
            ["", "5", "5:2", "/s", ":/s", "0/s", "0:2/s", "5:0/s", "5:2/m", "-1:2/s", "5:2/s "]
        {
            assert!(bad.parse::<Rate>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_burst_passes_then_the_rate() {
        let rate = Rate { burst: 3, per_second: 2 };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        let next = bucket.take(rate, start).expect_err("the burst is used up");
        assert_eq!(next, start + Duration::from_millis(500));
        assert!(bucket.take(rate, next - Duration::from_millis(1)).is_err());
        assert_eq!(bucket.take(rate, next), Ok(()));
        assert!(bucket.take(rate, next).is_err());
        assert!(!bucket.is_full(start + Duration::from_secs(1)));
        assert!(bucket.is_full(start + Duration::from_secs(2)));
    }

    #[test]
    fn over_a_long_time_the_rate_is_exact() {
        let rate = Rate { burst: 5, per_second: 2 };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let mut passed = 0;
        for tick in 0..10_000_u64 {
            let now = start + Duration::from_millis(tick * 10);
            passed += u32::from(bucket.take(rate, now).is_ok());
        }
        assert!((204..=205).contains(&passed), "{passed}");
    }

    #[test]
    fn each_address_has_a_bucket_of_its_own() {
        let buckets = Buckets::new(Rate { burst: 2, per_second: 1 });
        let now = Instant::now();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for ip in ["10.0.0.1", "10.0.0.2", "2001:db8::1"].map(ip) {
            assert_eq!(buckets.take(ip, now), Ok(()));
            assert_eq!(buckets.take(ip, now), Ok(()));
            assert_eq!(buckets.take(ip, now), Err(Duration::from_secs(1)));
        }
        assert!(buckets.take(ip("2001:db8::ffff"), now).is_err(), "the same /64");
        assert!(buckets.take(ip("::ffff:10.0.0.1"), now).is_err(), "the same address");
        assert!(buckets.take(ip("2001:db8:0:1::1"), now).is_ok());
        assert_eq!(buckets.take(ip("10.0.0.1"), now + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_empties_itself() {
        let buckets = Buckets::new(Rate { burst: 2, per_second: 1 });
        let start = Instant::now();
        let len = || -> usize {
            buckets.shards.iter().map(|shard| shard.lock().unwrap().buckets.len()).sum()
        };
        let many = |now| {
            (0..3 * ADDRESSES_MAX)
                .filter(|number| buckets.take(Ipv4Addr::from_bits(*number).into(), now).is_ok())
                .count()
        };
        let passed = many(start);
        let max = usize::try_from(ADDRESSES_MAX).unwrap();
        assert_eq!(len(), max, "every part is full");
        assert!((max..max + 3 * SHARDS).contains(&passed), "the others share: {passed}");
        let later = start + Duration::from_secs(60);
        assert!(buckets.take(Ipv4Addr::from_bits(u32::MAX).into(), later).is_ok());
        assert!(len() < max, "one part was emptied");
    }
}
