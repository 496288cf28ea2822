//! SCRAM-SHA-256 from the client's side: the password is never sent, and the server has to show
//! that it knows it as well.
//!
//! # Source
//! RFC 5802, RFC 7677

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::limits::{SCRAM_ROUNDS_MAX, SCRAM_ROUNDS_MIN};

/// An exchange that has begun.
#[derive(Debug)]
pub(crate) struct Scram {
    first: String,
    nonce: String,
    password: String,
    /// What the server has to answer in the end.
    expected: Option<Vec<u8>>,
    /// It has.
    verified: bool,
}

impl Scram {
    /// Begins one; `nonce` must be unguessable, without commas.
    pub(crate) fn new(account: &str, password: &str, nonce: String) -> Scram {
        let account = account.replace('=', "=3D").replace(',', "=2C");
        Scram {
            first: format!("n={account},r={nonce}"),
            nonce,
            password: password.to_owned(),
            expected: None,
            verified: false,
        }
    }

    /// What is sent first.
    pub(crate) fn first(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// What is sent upon the server's first message.
    pub(crate) fn answer(&mut self, server: &str) -> Result<String, &'static str> {
        let nonce = field(server, "r").ok_or("its first message has no nonce")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its nonce does not belong to ours");
        }
        let salt = field(server, "s").and_then(|salt| BASE64.decode(salt).ok());
        let salt = salt.ok_or("its first message has no salt")?;
        let rounds = field(server, "i").and_then(|rounds| rounds.parse().ok());
        let rounds: u32 = rounds.ok_or("its first message has no number of rounds")?;
        if !(SCRAM_ROUNDS_MIN..=SCRAM_ROUNDS_MAX).contains(&rounds) {
            return Err("it asks for too few or too many rounds");
        }
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &salt, rounds, &mut salted);
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{server},{without_proof}", self.first);
        let client_key = mac(&salted, b"Client Key");
        let signature = mac(&Sha256::digest(&client_key), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(k, s)| k ^ s).collect();
        self.expected = Some(mac(&mac(&salted, b"Server Key"), signed.as_bytes()));
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)))
    }

    /// Whether the server's last message shows that it knows the password.
    pub(crate) fn finish(&mut self, server: &str) -> Result<(), &'static str> {
        if field(server, "e").is_some() {
            return Err("the server refuses it");
        }
        let signature = field(server, "v").and_then(|value| BASE64.decode(value).ok());
        match (&self.expected, signature) {
            (Some(expected), Some(signature)) if *expected == signature => {
                self.verified = true;
                Ok(())
            }
            _ => Err("the server does not know the password itself"),
        }
    }

    /// Whether the server has shown that it knows the password.
    pub(crate) fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether the server's first message has been answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.expected.is_some()
    }
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A nonce out of a secret and a number.
pub(crate) fn nonce(seed: &[u8; 32], number: u64) -> String {
    BASE64.encode(&mac(seed, &number.to_be_bytes())[..18])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                          s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun() -> Scram {
        Scram::new("user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned())
    }

    #[test]
    fn the_example_of_rfc_7677() {
        let mut scram = begun();
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let answer = scram.answer(SERVER).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(!scram.is_verified());
        assert_eq!(scram.finish("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
        assert!(scram.is_verified());
        assert!(scram.finish("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
        assert!(scram.finish("e=invalid-proof").is_err());
    }

    #[test]
    fn a_server_that_cheats_gets_no_proof() {
        for bad in [
            SERVER.replace("rOpr", "xOpr"),
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".to_owned(),
            SERVER.replace("4096", "1"),
            SERVER.replace("4096", "4000000000"),
            SERVER.replace("s=", "s=?"),
            String::new(),
        ] {
            assert!(begun().answer(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nonces_differ_and_names_are_escaped() {
        assert_ne!(nonce(&[1; 32], 1), nonce(&[1; 32], 2));
        assert_eq!(Scram::new("a=b,c", "", "n".into()).first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
