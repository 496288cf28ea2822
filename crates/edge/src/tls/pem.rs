//! Certificates and a key from PEM files, and whether they belong together.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{PEM_BYTES_MAX, TlsError, Warning};

/// What everyone else may do with a file.
const OTHERS: u32 = 0o007;

/// Certificates and a key, and where they are from.
#[derive(Debug)]
pub(super) struct Material {
    /// Never empty; the server's own is the first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) certificates_path: PathBuf,
    pub(super) key_path: PathBuf,
}

impl Material {
    /// Checks that they belong together.
    pub(super) fn certified(self) -> Result<CertifiedKey, TlsError> {
        let Material { chain, key, certificates_path, key_path } = self;
        CertifiedKey::from_der(chain, key, &super::provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificates: certificates_path, key: key_path }
            }
            rustls::Error::InvalidCertificate(error) => {
                let why = format!("the first certificate is malformed: {error}");
                TlsError::Malformed { path: certificates_path, why }
            }
            error => {
                let why = format!("the key cannot be used: {error}");
                TlsError::Malformed { path: key_path, why }
            }
        })
    }
}

/// Reads both files.
pub(super) fn read(certificates: &Path, key: &Path) -> Result<(Material, Vec<Warning>), TlsError> {
    let (text, _) = content(certificates)?;
    let chain = chain(certificates, &text)?;
    let (text, mode) = content(key)?;
    let is_public = mode & OTHERS != 0;
    let warning = is_public.then(|| Warning::KeyIsPublic { path: key.to_owned() });
    let material = Material {
        chain,
        key: private_key(key, &text)?,
        certificates_path: certificates.to_owned(),
        key_path: key.to_owned(),
    };
    Ok((material, warning.into_iter().collect()))
}

/// Reads both of one file.
pub(super) fn read_both(path: &Path) -> Result<Material, TlsError> {
    let (text, _) = content(path)?;
    both(path, &text)
}

/// Takes both of one text.
pub(super) fn both(path: &Path, text: &[u8]) -> Result<Material, TlsError> {
    Ok(Material {
        chain: chain(path, text)?,
        key: private_key(path, text)?,
        certificates_path: path.to_owned(),
        key_path: path.to_owned(),
    })
}

/// What is in a file, and its mode.
fn content(path: &Path) -> Result<(Vec<u8>, u32), TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode();
    let mut text = Vec::new();
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= PEM_BYTES_MAX) {
        return Ok((text, mode));
    }
    let why = "it is too large for certificates or a key".to_owned();
    Err(TlsError::Malformed { path: path.to_owned(), why })
}

fn chain(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let malformed = |error: rustls::pki_types::pem::Error| TlsError::Malformed {
        path: path.to_owned(),
        why: format!("malformed PEM: {error}"),
    };
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(malformed)?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let hint = match text {
        [0x30, ..] => "it looks like DER: `openssl x509 -inform der -in FILE` writes PEM",
        _ if has(text, "PRIVATE KEY-----") => "it has a key: are the two files exchanged?",
        _ => "expected PEM, with -----BEGIN CERTIFICATE-----",
    };
    Err(TlsError::NoCertificate { path: path.to_owned(), hint })
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    // PKCS #8 says so in the label, the older forms in a header.
    if has(text, "BEGIN ENCRYPTED PRIVATE KEY") || has(text, "Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::EncryptedKey { path: path.to_owned() });
    }
    let error = match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    if !matches!(error, rustls::pki_types::pem::Error::NoItemsFound) {
        let why = format!("malformed PEM: {error}");
        return Err(TlsError::Malformed { path: path.to_owned(), why });
    }
    let hint = match text {
        [0x30, ..] => "it looks like DER: `openssl pkey -inform der -in FILE` writes PEM",
        _ if has(text, "BEGIN CERTIFICATE") => "it has a certificate: are the two files exchanged?",
        _ => "expected PEM, with -----BEGIN PRIVATE KEY-----",
    };
    Err(TlsError::NoKey { path: path.to_owned(), hint })
}

fn has(text: &[u8], words: &str) -> bool {
    text.windows(words.len()).any(|window| window == words.as_bytes())
}
