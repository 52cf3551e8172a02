//! How the binary itself asks others over HTTP: TLS by rustls with ring, no redirect followed.

use anyhow::Context;
use std::time::Duration;

/// A client whose answers come within a time.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn client(within: Duration) -> anyhow::Result<reqwest::Client> {
    alerts::tls::provide();
    reqwest::Client::builder().timeout(within).redirect(reqwest::redirect::Policy::none()).build().context("the HTTP client")
}
