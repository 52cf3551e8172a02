//! TLS towards the platform: the authorities that vouch for it, and the hub's own certificate where it has one.

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// A certificate and its key, PEM. The key never shows in debug output.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain, the hub's own first.
    pub chain_pem: Vec<u8>,
    /// The private key.
    pub key_pem: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity { .. }")
    }
}

/// The parts do not make a client.
#[derive(Debug, thiserror::Error)]
#[error("preparing TLS towards the platform: {0}")]
pub struct TlsError(String);

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError("no certificate in the PEM".to_owned())),
        Ok(all) => Ok(all),
        Err(error) => Err(TlsError(error.to_string())),
    }
}

/// A client that takes only servers which these authorities vouch for.
///
/// # Errors
/// If the parts cannot be read or do not fit together.
pub fn client(
    authorities_pem: &[u8],
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let unfit = |error: &dyn std::fmt::Display| TlsError(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities_pem)? {
        roots.add(certificate).map_err(|error| unfit(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&error))?
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key =
                PrivateKeyDer::from_pem_slice(&identity.key_pem).map_err(|error| unfit(&error))?;
            builder
                .with_client_auth_cert(certificates(&identity.chain_pem)?, key)
                .map_err(|error| unfit(&error))?
        }
    };
    Ok(Arc::new(config))
}
