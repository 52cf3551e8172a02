//! TLS for the door: rustls on ring, from PEM, with client certificates where an authority for them is given.

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A server's certificate and key. The key never shows in debug output.
#[derive(Clone)]
pub struct Tls {
    /// The certificate chain, PEM, the server's own first.
    pub chain_pem: Vec<u8>,
    /// The private key, PEM.
    pub key_pem: Vec<u8>,
    /// The authorities whose client certificates are taken, PEM. A client with such a certificate may come
    /// without a password, if the keys say so; one with a certificate of another authority may not come at all.
    pub client_authorities_pem: Option<Vec<u8>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls { .. }")
    }
}

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM, or nothing in it.
    #[error("reading {what}: {reason}")]
    Pem {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The parts do not fit together.
    #[error("the certificate, the key and the client authorities do not make a server: {0}")]
    Unfit(String),
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError::Pem { what, reason: "no certificate in it".to_owned() }),
        Ok(all) => Ok(all),
        Err(error) => Err(TlsError::Pem { what, reason: error.to_string() }),
    }
}

impl Tls {
    /// A server configuration of these parts.
    ///
    /// # Errors
    /// If they cannot be read or do not fit together.
    pub fn server(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let unfit = |error: &dyn std::fmt::Display| TlsError::Unfit(error.to_string());
        let chain = certificates("the certificate chain", &self.chain_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key_pem)
            .map_err(|error| TlsError::Pem { what: "the private key", reason: error.to_string() })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unfit(&error))?;
        let builder = match &self.client_authorities_pem {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("the client authorities", pem)? {
                    roots.add(certificate).map_err(|error| unfit(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| unfit(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| unfit(&error))?;
        Ok(Arc::new(config))
    }

    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        Ok(TlsAcceptor::from(self.server()?))
    }
}

/// TLS of a client towards a server that one of these authorities vouches for.
pub(crate) fn client_config(authorities_pem: &[u8]) -> Result<ClientConfig, TlsError> {
    let unfit = |error: &dyn std::fmt::Display| TlsError::Unfit(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates("the authorities", authorities_pem)? {
        roots.add(certificate).map_err(|error| unfit(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// One element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 3 {
            return None;
        }
        let bytes = rest.get(..count)?;
        rest = rest.get(count..)?;
        length = bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
    }
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

/// The common name of a certificate's subject. The certificate has been verified before: this only reads.
pub(crate) fn common_name(certificate: &[u8]) -> Option<String> {
    const SEQUENCE: u8 = 0x30;
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    // version (optional), serial number, signature, issuer, validity, subject
    let (tag, _, after_version) = element(signed)?;
    let mut rest = if tag == 0xa0 { after_version } else { signed };
    for _ in 0..4 {
        (_, _, rest) = element(rest)?;
    }
    let (_, mut names, _) = element(rest)?;
    while let Some((_, set, after)) = element(names) {
        let (tag, pair, _) = element(set)?;
        let (_, kind, after_kind) = element(pair)?;
        if tag == SEQUENCE && kind == COMMON_NAME {
            let (_, value, _) = element(after_kind)?;
            return std::str::from_utf8(value).ok().map(str::to_owned);
        }
        names = after;
    }
    None
}
