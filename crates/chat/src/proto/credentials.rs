//! What the server keeps of a password: enough to check it, too little to use it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The keys of SCRAM-SHA-256.
///
/// # Source
/// RFC 5802, section 3.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScramKeys {
    /// What the password was mixed with.
    pub salt: Vec<u8>,
    /// How often.
    pub iterations: u32,
    /// Checks a client's proof.
    pub stored: [u8; 32],
    /// Proves the server.
    pub server: [u8; 32],
}

/// What tells an account's owner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The hash of the password (argon2id, as the PHC format writes it).
    pub hash: String,
    /// Keys for SCRAM.
    pub scram: ScramKeys,
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramKeys(..)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}
