//! A token bucket that needs 16 bytes a client: it remembers only when it will be full again.
//!
//! # Source
//! The virtual scheduling algorithm of ITU-T I.371 (GCRA), with the time as an argument.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How much may come: `burst` at once, then `per_second`. Written `5:2/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What may come at once after a silence (`1..`).
    pub burst: u32,
    /// What may come each second after that (`1..`).
    pub per_second: u32,
}

/// What is wrong with the text of a [`Rate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected BURST:RATE/s such as 5:2/s, with numbers from 1, but got '{text}'")]
pub struct RateError {
    text: String,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let error = || RateError { text: text.to_owned() };
        let (burst, rest) = text.split_once(':').ok_or_else(error)?;
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|n| *n > 0);
        let per_second = rest.strip_suffix("/s").and_then(number).ok_or_else(error)?;
        let burst = number(burst).ok_or_else(error)?;
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
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_written() {
        assert_eq!("5:2/s".parse(), Ok(Rate { burst: 5, per_second: 2 }));
        assert_eq!(Rate { burst: 5, per_second: 2 }.to_string(), "5:2/s");
        for bad in ["", "5", "5:2", "0:2/s", "5:0/s", "5:2/m", "-1:2/s", "5:2/s "] {
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
}
