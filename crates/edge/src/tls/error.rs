//! What can be wrong with certificates and keys, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no certificate where one should be.
    #[error("{path} has no certificate; {hint}", path = .path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
        /// What to look for.
        hint: &'static str,
    },
    /// There is no key where one should be.
    #[error("{path} has no private key; {hint}", path = .path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// What to look for.
        hint: &'static str,
    },
    /// A key is protected by a passphrase.
    #[error(
        "the key in {path} is encrypted, and a server cannot type its passphrase; decrypt it \
         with `openssl pkey -in {path} -out plain.pem` and let only the server read that",
        path = .path.display()
    )]
    EncryptedKey {
        /// Which file.
        path: PathBuf,
    },
    /// A file, or what stands in it, is malformed.
    #[error("{path}: {why}", path = .path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Certificate and key do not belong together.
    #[error(
        "the key in {key} does not belong to the first certificate in {certificates}; the \
         server's own certificate stands first, and its issuers after it",
        key = .key.display(), certificates = .certificates.display()
    )]
    Mismatch {
        /// The file of certificates.
        certificates: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// No certificate can be made.
    #[error("cannot make a self-signed certificate")]
    Make {
        /// What the library says.
        source: rcgen::Error,
    },
    /// The system has no certificates to judge a server by.
    #[error("the system has no root certificates: {why}")]
    NoRoots {
        /// What was found instead.
        why: String,
    },
    /// The library refuses.
    #[error("cannot prepare TLS")]
    Library {
        /// What it says.
        source: rustls::Error,
    },
}

/// Something that is no reason not to serve, and that clients may stumble over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The certificate's time is over.
    #[error("the certificate expired on {since}: clients will refuse it")]
    Expired {
        /// Since when.
        since: String,
    },
    /// The certificate's time has not come.
    #[error("the certificate is not valid before {until}: clients will refuse it")]
    NotYetValid {
        /// Until when.
        until: String,
    },
    /// Everyone on the machine can read the key.
    #[error(
        "everyone on this machine can read the key in {path}; `chmod o-rwx` it",
        path = .path.display()
    )]
    KeyIsPublic {
        /// Which file.
        path: PathBuf,
    },
    /// The certificate cannot be kept, so that the next start makes another one.
    #[error("the certificate is not kept in {folder}: {why}", folder = .folder.display())]
    NotKept {
        /// Where it was to be kept.
        folder: PathBuf,
        /// What the system says.
        why: String,
    },
}
