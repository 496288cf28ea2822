//! The one password of the hub, by HTTP's Basic scheme; the name that goes with it is not looked
//! at.
//!
//! Rules: a comparison takes as long whatever the guess; after so many wrong guesses in a minute an
//! address is not listened to for the rest of it.
//!
//! # Source
//! RFC 7617.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Limits;

const MINUTE: Duration = Duration::from_secs(60);
/// So many addresses are remembered; above that, those whose minute is over are forgotten, and
/// then all.
const ADDRESSES_MAX: usize = 4096;

/// What comes of a request's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    Ask,
    Wait,
}

pub(super) struct Lock {
    secret: String,
    keys: RandomState,
    wrong_max: u32,
    wrong: Mutex<BTreeMap<Option<IpAddr>, (u32, Instant)>>,
}

impl Lock {
    pub(super) fn new(secret: &str, limits: Limits) -> Lock {
        Lock {
            secret: secret.to_owned(),
            keys: RandomState::new(),
            wrong_max: limits.wrong_passwords_max,
            wrong: Mutex::default(),
        }
    }

    /// Judges an `Authorization`.
    pub(super) fn judge(&self, field: Option<&[u8]>, peer: Option<IpAddr>) -> Verdict {
        self.judge_at(field, peer.map(network), Instant::now())
    }

    fn judge_at(&self, field: Option<&[u8]>, peer: Option<IpAddr>, now: Instant) -> Verdict {
        let Some(field) = field else { return Verdict::Ask };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = wrong.get(&peer).filter(|(_, since)| now.duration_since(*since) < MINUTE);
        let tries = tries.copied();
        if tries.is_some_and(|(count, _)| count >= self.wrong_max) {
            return Verdict::Wait;
        }
        if guess(field).is_some_and(|guess| self.is_right(&guess)) {
            return Verdict::Open;
        }
        if wrong.len() >= ADDRESSES_MAX {
            wrong.retain(|_, (_, since)| now.duration_since(*since) < MINUTE);
        }
        if wrong.len() >= ADDRESSES_MAX {
            wrong.clear();
        }
        let (count, since) = tries.unwrap_or((0, now));
        wrong.insert(peer, (count + 1, since));
        Verdict::Ask
    }

    /// Compares keyed hashes first, so that the time tells nothing of where a guess goes wrong.
    fn is_right(&self, guess: &str) -> bool {
        let same = self.keys.hash_one(guess) == self.keys.hash_one(&self.secret);
        same && guess == self.secret
    }
}

/// The password in an `Authorization`.
fn guess(field: &[u8]) -> Option<String> {
    let (scheme, coded) = std::str::from_utf8(field).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// One guesser: an IPv4 address, or an IPv6 /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(pair)).into_bytes()
    }

    #[test]
    fn the_password_opens_whatever_the_name() {
        let lock = Lock::new("grün: x", Limits::default());
        let judge = |field: &[u8]| lock.judge(Some(field), None);
        assert_eq!(judge(&basic("anna:grün: x")), Verdict::Open);
        assert_eq!(judge(&basic(":grün: x")), Verdict::Open);
        let coded = STANDARD.encode(":grün: x");
        assert_eq!(judge(format!("bAsIc  {coded} ").as_bytes()), Verdict::Open);
        assert_eq!(lock.judge(None, None), Verdict::Ask);
        for bad in ["anna:grün", "grün: x", "", "anna:Grün: x"] {
            assert_eq!(judge(&basic(bad)), Verdict::Ask, "{bad}");
        }
        assert_eq!(judge(b"Bearer x"), Verdict::Ask);
        assert_eq!(judge(b"Basic \xff"), Verdict::Ask);
    }

    #[test]
    fn guessing_is_slow_and_costs_no_one_else() {
        let lock = Lock::new("secret", Limits::default());
        let (near, far) = (Some("10.0.0.1".parse().unwrap()), Some("10.0.0.2".parse().unwrap()));
        let now = Instant::now();
        let (good, bad) = (basic(":secret"), basic(":guess"));
        for _ in 0..10 {
            assert_eq!(lock.judge_at(Some(&bad), near, now), Verdict::Ask);
        }
        assert_eq!(lock.judge_at(Some(&good), near, now), Verdict::Wait);
        assert_eq!(lock.judge_at(Some(&good), far, now), Verdict::Open);
        assert_eq!(lock.judge_at(Some(&good), near, now + MINUTE), Verdict::Open);
    }

    #[test]
    fn the_memory_of_guessers_is_bounded() {
        let lock = Lock::new("secret", Limits::default());
        let now = Instant::now();
        for number in 0..10_000_u32 {
            let peer = std::net::Ipv4Addr::from_bits(number);
            lock.judge_at(Some(&basic(":guess")), Some(peer.into()), now);
        }
        assert!(lock.wrong.lock().unwrap().len() <= ADDRESSES_MAX);
        let (a, b) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert_eq!(network(a), network(b));
    }
}
