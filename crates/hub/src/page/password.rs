//! The one password of the hub, by HTTP's Basic scheme; the name that goes with it is not looked
//! at. After so many wrong guesses in a minute an address is not listened to for the rest of it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use sockeye_edge::password::Secret;
use sockeye_edge::tries::Tries;
use sockeye_http::Credentials;

use super::Limits;

/// What comes of a request's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    Ask,
    Wait(Duration),
}

pub(super) struct Lock {
    secret: Secret,
    tries: Tries,
}

impl Lock {
    pub(super) fn new(secret: &str, limits: Limits) -> Lock {
        Lock { secret: Secret::new(secret), tries: Tries::new(limits.wrong_passwords_max) }
    }

    /// Judges an `Authorization`.
    pub(super) fn judge(&self, field: Option<&[u8]>, peer: Option<IpAddr>) -> Verdict {
        let Some(field) = field else { return Verdict::Ask };
        if let Err(wait) = self.tries.begin(peer, Instant::now()) {
            return Verdict::Wait(wait);
        }
        let guess = Credentials::basic(field);
        if guess.is_some_and(|guess| self.secret.is(guess.password())) {
            self.tries.forgive(peer);
            return Verdict::Open;
        }
        Verdict::Ask
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
        let (good, bad) = (basic(":secret"), basic(":guess"));
        for _ in 0..10 {
            assert_eq!(lock.judge(Some(&good), near), Verdict::Open);
            assert_eq!(lock.judge(Some(&bad), near), Verdict::Ask);
        }
        assert!(matches!(lock.judge(Some(&good), near), Verdict::Wait(_)));
        assert_eq!(lock.judge(Some(&good), far), Verdict::Open);
    }
}
