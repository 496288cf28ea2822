//! The certificate of a server that takes TLS: its flags, and the thread that loads it again.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sockeye_edge::tls::{Loaded, Source, Tls, TlsError, Watch};
use sockeye_socket::Shutdown;

use crate::banner;
use crate::data;
use crate::output;
use crate::signals::Hangups;

/// How often the files of a certificate are looked at.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct CertificateArgs {
    /// Take TLS, with this certificate and those of its issuers (PEM; read again when it changes,
    /// and on SIGHUP)
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls_self_signed")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Take TLS, with a certificate that is made here and kept
    #[arg(long)]
    tls_self_signed: bool,
}

/// Names of this machine that a certificate is made for, besides `localhost` and its addresses.
pub(crate) struct Names(pub(crate) Vec<String>);

impl CertificateArgs {
    /// Tells whether there is TLS.
    pub(crate) fn is_on(&self) -> bool {
        self.tls_self_signed || self.tls_cert.is_some()
    }

    /// Loads what these flags name. `makes`: a certificate may be made, not only read.
    ///
    /// # Errors
    /// The certificate cannot be used.
    pub(crate) fn load(&self, makes: bool) -> anyhow::Result<Option<Tls>> {
        if let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let (certificates, key) = (certificates.clone(), key.clone());
            return load(Source::Files { certificates, key }).map(Some);
        }
        let makes = self.tls_self_signed && makes;
        makes.then(|| self_signed(Names(Vec::new()))).transpose()
    }

    /// What is read again while the server runs: the files, and where they may come to be.
    pub(crate) fn read_later(&self) -> Vec<PathBuf> {
        let files = [&self.tls_cert, &self.tls_key];
        let files = files.into_iter().flatten();
        files.flat_map(|file| [file.clone(), folder_of(file)]).collect()
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes a certificate for this machine, or takes the one that was made before.
///
/// # Errors
/// It cannot be made.
pub(crate) fn self_signed(names: Names) -> anyhow::Result<Tls> {
    let loopback = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let machine = banner::machine();
    let own = banner::own_hosts(&machine).into_iter().chain(names.0).chain(loopback);
    let addresses = banner::addresses().into_iter().map(|ip: IpAddr| ip.to_string());
    let mut names: Vec<String> = own.chain(addresses).filter(|name| is_name(name)).collect();
    names.sort_by_key(|name| name.parse::<IpAddr>().is_ok());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let folder = data::folder().map(|data| data.join("tls"));
    load(Source::SelfSigned { folder, names })
}

/// Whether a certificate can be for `name`.
fn is_name(name: &str) -> bool {
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    name.parse::<IpAddr>().is_ok() || (!name.is_empty() && name.chars().all(is_host))
}

fn load(source: Source) -> anyhow::Result<Tls> {
    let (tls, loaded) = Tls::load(source)?;
    for warning in &loaded.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(tls)
}

/// Tells the person how the certificate is known.
pub(crate) fn greet(tls: &Tls) {
    output::note(format_args!("certificate SHA-256 {}", tls.fingerprint()));
}

/// Starts the thread that loads the certificate again: on SIGHUP, and when its files have changed.
///
/// # Errors
/// The system has no thread left.
pub(crate) fn keep_fresh(tls: &Tls, hangups: &Hangups, shutdown: &Shutdown) -> anyhow::Result<()> {
    let (mut watch, hangups, shutdown) =
        (Watch::new(tls.clone()), hangups.clone(), shutdown.clone());
    let mut seen = hangups.count();
    let run = move || {
        while !shutdown.wait(Some(LOOK)) {
            let asked = hangups.count() != std::mem::replace(&mut seen, hangups.count());
            if let Some(result) = watch.look(asked) {
                report(result);
            }
        }
    };
    std::thread::Builder::new().name("certificate".into()).spawn(run)?;
    Ok(())
}

fn report(result: Result<Loaded, TlsError>) {
    match result {
        Ok(Loaded { fingerprint, warnings }) => {
            tracing::info!(fingerprint, "the certificate was loaded again");
            for warning in warnings {
                tracing::warn!(%warning, "the certificate was loaded again");
            }
        }
        Err(error) => {
            let error = output::with_causes(&error);
            tracing::error!(error, "the new certificate cannot be used: the old one goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_for_hosts_and_addresses() {
        for good in ["anna-laptop.local", "127.0.0.1", "::1", "under_score"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "grün", "a b", "*"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_without_a_folder_is_here() {
        assert_eq!(folder_of(Path::new("a.pem")), Path::new("."));
        assert_eq!(folder_of(Path::new("/etc/a.pem")), Path::new("/etc"));
    }
}
