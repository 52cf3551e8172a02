//! One provider of TLS for the whole program.

/// Installs rustls' ring unless a provider is installed already. To be called before whatever builds a client of its own.
pub fn provide() {
    if rustls::crypto::CryptoProvider::get_default().is_none() && rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("another TLS provider was installed first");
    }
}
