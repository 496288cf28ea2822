//! TLS for clients: whom to believe, and the configuration that follows from it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::{TlsError, fingerprint, provider};

/// SHA-256 of a certificate, with or without colons.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 digits of hexadecimal, with or without colons (SHA-256)")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let good = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        good.then(|| Fingerprint(digits.to_ascii_uppercase())).ok_or(FingerprintError)
    }
}

impl Fingerprint {
    fn is_of(&self, certificate: &[u8]) -> bool {
        fingerprint(certificate).replace(':', "") == self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which servers to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's roots vouch for.
    System,
    /// The one with this certificate, whoever vouches for it.
    Fingerprint(Fingerprint),
    /// Everyone: what is sent can be read by whoever is on the way.
    Anyone,
}

/// The configuration of a client, TLS 1.2 and 1.3.
///
/// # Errors
/// The system has no roots, or the library refuses its own defaults.
pub fn client_config(trust: Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let failed = |source| TlsError::Library { source };
    let provider = provider();
    let roots = match trust {
        Trust::System => Some(system_verifier(&provider)?),
        Trust::Fingerprint(_) | Trust::Anyone => None,
    };
    let verifier = Verifier { trust, roots, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn system_verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let why = || found.errors.first().map_or("none was found".to_owned(), ToString::to_string);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| TlsError::NoRoots { why: why() })
}

/// Judges a server's certificate; where it is not believed, says its fingerprint.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    roots: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let print = || fingerprint(end_entity);
        match (&self.trust, &self.roots) {
            (Trust::Anyone, _) => Ok(ServerCertVerified::assertion()),
            (Trust::Fingerprint(wanted), _) if wanted.is_of(end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            (Trust::System, Some(roots)) => roots
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|why| {
                    let why = in_words(&why);
                    Error::General(format!("{why}; its fingerprint is {}", print()))
                }),
            _ => Err(Error::General(format!(
                "the certificate is not the expected one; its fingerprint is {}",
                print()
            ))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn in_words(why: &Error) -> String {
    use CertificateError::{Other, UnknownIssuer};
    match why {
        // The second is what a certificate is called that is signed by itself.
        Error::InvalidCertificate(UnknownIssuer | Other(_)) => {
            "nobody whom this system trusts vouches for the certificate".to_owned()
        }
        why => why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, Tls};
    use super::*;
    use rustls::{ClientConnection, ServerConnection};

    /// Shakes hands with a server that has a certificate of its own making.
    fn shake(trust: impl FnOnce(&str) -> Trust) -> Result<(), Error> {
        let names = vec!["localhost".to_owned()];
        let (tls, loaded) = Tls::load(Source::SelfSigned { folder: None, names }).unwrap();
        let config = client_config(trust(&loaded.fingerprint)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(config, name).unwrap();
        let mut server = ServerConnection::new(tls.server_config(&[]).unwrap()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_certificate_is_believed_by_its_fingerprint_or_not_judged() {
        assert_eq!(shake(|print| Trust::Fingerprint(print.parse().unwrap())), Ok(()));
        assert_eq!(shake(|_| Trust::Anyone), Ok(()));
    }

    #[test]
    fn another_one_is_refused_and_its_fingerprint_told() {
        let other: Fingerprint = "ab".repeat(32).parse().unwrap();
        let refused = shake(|_| Trust::Fingerprint(other)).unwrap_err().to_string();
        assert!(refused.contains("its fingerprint is "), "{refused}");
    }

    #[test]
    fn fingerprints_are_read_with_colons_and_without() {
        let plain: Fingerprint = "0a".repeat(32).parse().unwrap();
        let colons: Fingerprint = ["0A"; 32].join(":").parse().unwrap();
        assert_eq!(plain, colons);
        assert!("0a".parse::<Fingerprint>().is_err());
        assert!("zz".repeat(32).parse::<Fingerprint>().is_err());
    }
}
