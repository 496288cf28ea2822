//! TLS for servers: a certificate and its key from PEM files or made here, and exchanged while the
//! server runs (feature `tls`).
//!
//! Rules:
//! 1. A server starts with a certificate and a key that belong together, or not at all.
//! 2. What cannot be used at a reload changes nothing: the old certificate goes on, and the error
//!    says so.
//! 3. A reload is seen by the next handshake, and by no connection that exists.

mod certified;
mod client;
mod error;
mod own;
mod pem;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

pub use certified::client_fingerprint;
pub use client::{Fingerprint, FingerprintError, Trust, client_config};
pub use error::{TlsError, Warning};
pub use rustls::ServerConfig;
pub use watch::Watch;

/// The largest file of certificates or keys in bytes.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Where certificate and key come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// PEM files. The server's own certificate is the first, those of its issuers follow.
    Files {
        /// Certificates.
        certificates: PathBuf,
        /// The key of the first.
        key: PathBuf,
    },
    /// Made here, and signed by itself.
    SelfSigned {
        /// The folder that keeps it, so that its fingerprint stays; else it goes with the server.
        folder: Option<PathBuf>,
        /// Host names and addresses that it is for.
        names: Vec<String>,
    },
}

/// What was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` writes it.
    pub fingerprint: String,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
}

/// A certificate that can be exchanged. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    source: Source,
    current: Arc<Current>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("source", &self.0.source).finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads what `source` names.
    ///
    /// # Errors
    /// [`TlsError`], which says what is wrong with which file.
    pub fn load(source: Source) -> Result<(Tls, Loaded), TlsError> {
        // The first draw may take a while; the first client shall not wait for it.
        let draw = || aws_lc_rs::default_provider().secure_random.fill(&mut [0; 32]);
        // Where there is no thread for it, the first client waits after all.
        let _ = std::thread::Builder::new().name("tls-random".to_owned()).spawn(draw);
        let (certified, loaded) = certified(&source)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(certified))));
        Ok((Tls(Arc::new(Shared { source, current })), loaded))
    }

    /// Loads it again. New handshakes get the new certificate. One that was made here stays as long
    /// as it will do: its folder may be out of reach by now.
    ///
    /// # Errors
    /// As [`Tls::load`]; the old certificate then stays.
    pub fn reload(&self) -> Result<Loaded, TlsError> {
        if let Source::SelfSigned { names, .. } = &self.0.source
            && self.0.current.get().cert.first().is_some_and(|first| own::is_good(first, names))
        {
            return Ok(Loaded { fingerprint: self.fingerprint(), warnings: Vec::new() });
        }
        let (certified, loaded) = certified(&self.0.source)?;
        let mut current = self.0.current.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(certified);
        Ok(loaded)
    }

    /// Whether both share one certificate.
    #[must_use]
    pub fn is_same(&self, other: &Tls) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The fingerprint of the certificate that new handshakes get.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let certified = self.0.current.get();
        certified.cert.first().map(|first| fingerprint(first)).unwrap_or_default()
    }

    /// The configuration of a server that speaks `protocols` (by ALPN, the dearest first), TLS 1.2
    /// and 1.3. It follows every reload.
    ///
    /// # Errors
    /// The library refuses its own defaults.
    pub fn server_config(&self, protocols: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
        self.config(WebPkiClientVerifier::no_client_auth(), protocols)
    }

    /// The same for a server that asks clients for a certificate, and takes any or none:
    /// [`client_fingerprint`] tells which.
    ///
    /// # Errors
    /// As [`Tls::server_config`].
    pub fn asking_server_config(&self, protocols: &[&str]) -> Result<Arc<ServerConfig>, TlsError> {
        let algorithms = provider().signature_verification_algorithms;
        self.config(Arc::new(certified::AnyCertificate { algorithms }), protocols)
    }

    fn config(
        &self,
        verifier: Arc<dyn ClientCertVerifier>,
        protocols: &[&str],
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let failed = |source| TlsError::Library { source };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::<Current>::clone(&self.0.current));
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(failed)?;
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificate that handshakes get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

fn certified(source: &Source) -> Result<(CertifiedKey, Loaded), TlsError> {
    let (material, mut warnings) = match source {
        Source::Files { certificates, key } => pem::read(certificates, key)?,
        Source::SelfSigned { folder, names } => own::read_or_make(folder.as_deref(), names)?,
    };
    let first = material.chain[0].clone();
    let certified = material.certified()?;
    if let Ok((_, parsed)) = X509Certificate::from_der(&first) {
        warnings.extend(warning_of_time(&parsed));
    }
    Ok((certified, Loaded { fingerprint: fingerprint(&first), warnings }))
}

fn warning_of_time(certificate: &X509Certificate<'_>) -> Option<Warning> {
    let (validity, now) = (certificate.validity(), own::now());
    if validity.not_after.timestamp() < now {
        return Some(Warning::Expired { since: validity.not_after.to_string() });
    }
    let early = validity.not_before.timestamp() > now;
    early.then(|| Warning::NotYetValid { until: validity.not_before.to_string() })
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = Sha256::digest(certificate);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests;
