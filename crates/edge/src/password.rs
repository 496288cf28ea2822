//! Passwords: hashes that may lie about in files and command lines, and secrets that only this
//! process knows. Rule: nothing here keeps or shows a password, and no comparison tells by its time
//! how near a guess was.
//!
//! ```text
//! hash = "$argon2id$v=19$m=" KiB ",t=" passes ",p=" lanes "$" salt "$" digest
//! ```
//! # Source
//! RFC 9106 (Argon2); the PHC string format; OWASP's cheat sheet for the cost: 19 MiB, two passes.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use siphasher::sip128::{Hasher128, SipHasher24};

/// A check may take so much memory at most, in KiB.
pub const MEMORY_KIB_MAX: u32 = 1 << 20;
/// A check may go over its memory so often at most.
pub const PASSES_MAX: u32 = 64;
/// A check may have so many lanes at most.
pub const LANES_MAX: u32 = 64;

/// The hash of a password, of the kind that takes an attacker time and memory for each guess.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Phc);

/// Why a text is no hash that can be checked here, or none can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It does not look like one.
    #[error("this is no argon2id hash; `sockeye passwd` makes one")]
    Malformed,
    /// A check would take too much.
    #[error(
        "the hash asks for more than {MEMORY_KIB_MAX} KiB, {PASSES_MAX} passes or {LANES_MAX} lanes"
    )]
    TooDear,
    /// The system has no randomness or memory.
    #[error("the system has no randomness or no memory for a hash")]
    System,
}

impl PasswordHash {
    /// Makes the hash of `password`, with a salt of its own. Takes tens of milliseconds and 19 MiB.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn make(password: &str) -> Result<PasswordHash, PasswordError> {
        let made = Argon2::default().hash_password(password.as_bytes());
        made.map(PasswordHash).map_err(|_| PasswordError::System)
    }

    /// Tells whether `guess` is the password. Takes as long as the hash asks for, on purpose: never
    /// on a thread that others wait for.
    #[must_use]
    pub fn is_of(&self, guess: &str) -> bool {
        Argon2::default().verify_password(guess.as_bytes(), &self.0).is_ok()
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<PasswordHash, PasswordError> {
        let malformed = PasswordError::Malformed;
        let hash = Phc::new(text).map_err(|_| malformed)?;
        let is_argon2id_19 = hash.algorithm.as_str() == "argon2id" && hash.version == Some(19);
        if !is_argon2id_19 || hash.salt.is_none() || hash.hash.is_none() {
            return Err(malformed);
        }
        let params = Params::try_from(&hash).map_err(|_| malformed)?;
        let is_dear = params.m_cost() > MEMORY_KIB_MAX
            || params.t_cost() > PASSES_MAX
            || params.p_cost() > LANES_MAX;
        if is_dear { Err(PasswordError::TooDear) } else { Ok(PasswordHash(hash)) }
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A password as this process knows it: its digest under a key that nobody else has. A check takes
/// no time worth speaking of.
#[derive(Clone)]
pub struct Secret {
    hasher: SipHasher24,
    digest: u128,
}

impl Secret {
    /// Keeps what tells `password` from others.
    #[must_use]
    pub fn new(password: &str) -> Secret {
        let random = || RandomState::new().build_hasher().finish();
        let hasher = SipHasher24::new_with_keys(random(), random());
        let digest = digest(hasher, password);
        Secret { hasher, digest }
    }

    /// Tells whether `guess` is the password: the time depends on the length of `guess` alone.
    #[must_use]
    pub fn is(&self, guess: &str) -> bool {
        digest(self.hasher, guess) == self.digest
    }
}

fn digest(mut hasher: SipHasher24, password: &str) -> u128 {
    hasher.write(password.as_bytes());
    hasher.finish128().as_u128()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made of `password` and `somesalt` by the reference implementation (argon2-cffi of PyPI).
    const KNOWN: &str =
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI";

    #[test]
    fn a_hash_is_of_its_password_alone() {
        let hash = PasswordHash::make("grün: x").unwrap();
        assert!(hash.is_of("grün: x"));
        for wrong in ["", "grün: ", "Grün: x", "grün: x "] {
            assert!(!hash.is_of(wrong), "{wrong:?}");
        }
        let again = PasswordHash::make("grün: x").unwrap();
        assert_ne!(hash, again, "each has its own salt");
        let text = hash.to_string();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_eq!(text.parse(), Ok(hash));
    }

    #[test]
    fn only_hashes_that_can_be_checked_are_read() {
        let dear = |from: &str, to: &str| KNOWN.replace(from, to).parse::<PasswordHash>();
        let known: PasswordHash = KNOWN.parse().unwrap();
        assert!(known.is_of("password") && !known.is_of("passwort"));
        assert_eq!(dear("m=64", "m=1048577"), Err(PasswordError::TooDear));
        assert_eq!(dear("t=2", "t=65"), Err(PasswordError::TooDear));
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("argon2id", "scrypt"),
            ("$v=19", ""),
            ("$v=19", "$v=16"),
            ("$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI", ""),
            ("m=64", "m=1"),
            ("m=64", "m=-64"),
            ("t=2", "t=0"),
            ("c29tZXNhbHQ", "c2"),
            ("$argon2id", "argon2id"),
            ("TOSSI", "TOSSI$"),
        ] {
            assert_eq!(dear(from, to), Err(PasswordError::Malformed), "{from} -> {to}");
        }
        for text in ["", "$", "secret", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(text.parse::<PasswordHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_itself_and_shows_nothing() {
        let secret = Secret::new("grün: x");
        assert!(secret.is("grün: x") && secret.clone().is("grün: x"));
        for wrong in ["", "grün: ", "Grün: x", "grün: x\0"] {
            assert!(!secret.is(wrong), "{wrong:?}");
        }
        assert_ne!(secret.digest, Secret::new("grün: x").digest, "each has a key of its own");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|\\$argon2id\\$v=19\\$[a-z0-9=,$+/]{0,60}") {
            if let Ok(hash) = text.parse::<PasswordHash>() {
                proptest::prop_assert_eq!(hash.to_string(), text);
            }
        }
    }
}
