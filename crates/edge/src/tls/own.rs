//! A certificate that is made here and signed by itself. It is kept, with its key, in one file that
//! nobody else may read, so that its fingerprint stays from one start to the next.
//!
//! A new one is made where there is none, where it is nearly over, and where it lacks a host name.
//! Addresses come and go, so that one that it lacks is no reason for another fingerprint.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::pem::{self, Material};
use super::{TlsError, Warning};

/// The file in the folder.
const FILE: &str = "self-signed.pem";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is good for; some clients refuse longer ones.
const DAYS: u32 = 397;
/// With so much time left it is made anew.
const DAYS_LEFT_MIN: u32 = 30;

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The certificate that is kept in `folder`, or a new one.
pub(super) fn read_or_make(
    folder: Option<&Path>,
    names: &[String],
) -> Result<(Material, Vec<Warning>), TlsError> {
    if let Some(kept) = folder.and_then(|folder| pem::read_both(&folder.join(FILE)).ok())
        && is_good(&kept.chain[0], names)
    {
        return Ok((kept, Vec::new()));
    }
    let text = make(names).map_err(|source| TlsError::Make { source })?;
    let material = pem::both(Path::new(FILE), text.as_bytes())?;
    let kept = folder.map(|folder| (folder, keep(folder, &text)));
    let warning = kept.and_then(|(folder, kept)| {
        let why = kept.err()?.to_string();
        Some(Warning::NotKept { folder: folder.to_owned(), why })
    });
    Ok((material, warning.into_iter().collect()))
}

/// Whether it lasts for a while and has every host name.
pub(super) fn is_good(certificate: &[u8], names: &[String]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let least = now() + i64::from(DAYS_LEFT_MIN) * i64::try_from(DAY.as_secs()).unwrap_or(0);
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let general_names = alternatives.map_or(&[][..], |found| &found.value.general_names);
    let has = |name: &String| {
        let is_it =
            |general: &GeneralName<'_>| matches!(general, GeneralName::DNSName(dns) if dns == name);
        name.parse::<IpAddr>().is_ok() || general_names.iter().any(is_it)
    };
    certificate.validity().not_after.timestamp() > least && names.iter().all(has)
}

/// Makes a certificate and its key, as PEM.
fn make(names: &[String]) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    let common = names.first().map_or("sockeye", String::as_str);
    params.distinguished_name.push(DnType::CommonName, common);
    // Clocks differ.
    let start = SystemTime::now().checked_sub(DAY).unwrap_or(UNIX_EPOCH);
    params.not_before = start.into();
    params.not_after = (start + DAY * DAYS).into();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok(params.self_signed(&key)?.pem() + &key.serialize_pem())
}

/// Writes a new file in place of the old one, for its owner's eyes only.
fn keep(folder: &Path, text: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = folder.join(format!(".{FILE}.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, folder.join(FILE)));
    if written.is_err() {
        // What is left of it is of no use.
        let _ = fs::remove_file(&temporary);
    }
    written
}
