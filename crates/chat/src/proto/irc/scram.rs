//! SCRAM-SHA-256: a password is proved without being sent.
//!
//! ```text
//! client-first = ( "n" / "y" ) "," [ "a=" name ] "," bare      bare  = "n=" name ",r=" nonce
//! server-first = "r=" nonce ",s=" base64 ",i=" iterations
//! client-final = "c=" base64 ",r=" nonce ",p=" base64          server-final = "v=" base64
//! ```
//!
//! # Source
//! RFC 5802, RFC 7677.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::ScramKeys;

const BLOCK: usize = 64;

/// HMAC with SHA-256.
///
/// # Source
/// RFC 2104.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    inner.update(message);
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Makes the keys of a password. Takes milliseconds, on purpose.
pub fn derive(password: &str, salt: Vec<u8>, iterations: u32) -> ScramKeys {
    let key = password.as_bytes();
    let mut salted = salt.clone();
    salted.extend_from_slice(&1_u32.to_be_bytes());
    let mut last = hmac(key, &salted);
    let mut sum = last;
    for _ in 1..iterations {
        last = hmac(key, &last);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    let stored = Sha256::digest(hmac(&sum, b"Client Key")).into();
    ScramKeys { salt, iterations, stored, server: hmac(&sum, b"Server Key") }
}

/// What a client says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) name: String,
    pub(super) nonce: String,
    /// The part that is proved.
    pub(super) bare: String,
    /// The head, which comes again at the end.
    pub(super) head: String,
}

impl First {
    pub(super) fn parse(text: &str) -> Option<First> {
        let mut parts = text.splitn(3, ',');
        let (flag, asked, bare) = (parts.next()?, parts.next()?, parts.next()?);
        if !matches!(flag, "n" | "y") || !(asked.is_empty() || asked.starts_with("a=")) {
            return None;
        }
        let mut fields = bare.split(',');
        let name = fields.next()?.strip_prefix("n=")?.replace("=2C", ",").replace("=3D", "=");
        let nonce = fields.next()?.strip_prefix("r=")?;
        if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let head = format!("{flag},{asked},");
        Some(First { name, nonce: nonce.to_owned(), bare: bare.to_owned(), head })
    }
}

/// A conversation whose last word is the client's.
#[derive(Debug)]
pub(super) struct Challenge {
    nonce: String,
    head: String,
    first: String,
    keys: ScramKeys,
}

impl Challenge {
    /// Begins one; gives the server's first words.
    pub(super) fn new(first: First, keys: ScramKeys, own_nonce: &str) -> (Challenge, String) {
        let nonce = first.nonce + own_nonce;
        let salt = STANDARD.encode(&keys.salt);
        let words = format!("r={nonce},s={salt},i={}", keys.iterations);
        let (head, first) = (first.head, format!("{},{words}", first.bare));
        (Challenge { nonce, head, first, keys }, words)
    }

    /// Judges the client's last words; gives the server's, where the proof is right.
    pub(super) fn judge(&self, text: &str) -> Option<String> {
        let (without, proof) = text.rsplit_once(",p=")?;
        let mut fields = without.split(',');
        let channel = fields.next()?.strip_prefix("c=")?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        if STANDARD.decode(channel).ok()? != self.head.as_bytes() || nonce != self.nonce {
            return None;
        }
        let message = format!("{},{without}", self.first);
        let proof: [u8; 32] = STANDARD.decode(proof).ok()?.try_into().ok()?;
        let mut key = hmac(&self.keys.stored, message.as_bytes());
        key.iter_mut().zip(proof).for_each(|(byte, other)| *byte ^= other);
        let found: [u8; 32] = Sha256::digest(key).into();
        let differs = found.iter().zip(self.keys.stored).fold(0, |sum, (a, b)| sum | (a ^ b));
        (differs == 0)
            .then(|| format!("v={}", STANDARD.encode(hmac(&self.keys.server, message.as_bytes()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = derive("pencil", salt, 4096);
        let first = First::parse("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        let own = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (challenge, words) = Challenge::new(first, keys, own);
        assert_eq!(
            words,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let end = challenge.judge(last);
        assert_eq!(end.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert_eq!(challenge.judge(&last.replace("p=dH", "p=dI")), None);
        assert_eq!(challenge.judge(&last.replace("c=biws", "c=eSws")), None);
        assert_eq!(challenge.judge("c=biws"), None);
    }

    #[test]
    fn what_is_no_first_word_is_none() {
        for text in ["", "n,,", "p=tls-unique,,n=a,r=b", "n,x,n=a,r=b", "n,,r=b,n=a", "n,,n=a,r="] {
            assert_eq!(First::parse(text), None, "{text}");
        }
        let first = First::parse("y,a=me,n=a=2Cb,r=x,ext=1").unwrap();
        assert_eq!((first.name.as_str(), first.head.as_str()), ("a,b", "y,a=me,"));
    }
}
