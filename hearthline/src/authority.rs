//! `hearthline authority`: an authority of the platform's own, whose certificates stand for passwords at the devices' door. It is
//! two files: the certificate, which the door is told of (`client_authority`), and the key, which need not lie on the machine that
//! runs the door. A certificate is in the name of a credential: who revokes the credential has revoked the certificate.

use crate::secret::write_file;
use anyhow::{Context, bail};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use clap::Subcommand;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::path::{Path, PathBuf};

/// The files of an authority.
const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority.key";
/// How long an authority is good for, days.
const AUTHORITY_DAYS: i64 = 3_650;
/// The longest name that a certificate takes (X.509 ub-common-name).
const NAME_BYTES_MAX: usize = 64;

/// The platform's own authority for devices' certificates.
#[derive(Debug, Subcommand)]
pub enum Authority {
    /// Make an authority: `authority.pem` for the door, `authority.key` to be kept safe.
    Init {
        /// The directory.
        dir: PathBuf,
    },
    /// Make a key and a certificate in the name of a credential: `NAME.key`, `NAME.pem`.
    Issue {
        /// The authority's directory.
        dir: PathBuf,
        /// The credential's name, as a device's page shows it.
        name: String,
        /// Where the two files go.
        #[arg(long)]
        to: PathBuf,
        /// Good for so many days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1825))]
        days: u32,
    },
}

/// Does what is asked for.
///
/// # Errors
/// If a file is there already, is missing, or cannot be written.
pub fn run(what: &Authority, now: DateTime<Utc>) -> anyhow::Result<()> {
    match what {
        Authority::Init { dir } => init(dir, now),
        Authority::Issue { dir, name, to, days } => issue(dir, name, to, now, now + TimeDelta::days(i64::from(*days))),
    }
}

/// The authority's own certificate; its name and its key make it the same each time.
fn parameters(from: DateTime<Utc>, to: DateTime<Utc>) -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new()).context("the authority's parameters")?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.distinguished_name.push(DnType::CommonName, "Hearthline devices");
    between(&mut parameters, from, to)?;
    Ok(parameters)
}

fn between(parameters: &mut CertificateParams, from: DateTime<Utc>, to: DateTime<Utc>) -> anyhow::Result<()> {
    let day = |at: DateTime<Utc>| -> anyhow::Result<_> {
        let (month, day) = (u8::try_from(at.month())?, u8::try_from(at.day())?);
        Ok(rcgen::date_time_ymd(at.year(), month, day))
    };
    parameters.not_before = day(from)?;
    // to the end of the last day
    parameters.not_after = day(to + TimeDelta::days(1))?;
    Ok(())
}

fn fresh(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    write_file(path, bytes).with_context(|| format!("writing {}", path.display()))
}

fn init(dir: &Path, now: DateTime<Utc>) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let key = KeyPair::generate().context("making a key")?;
    let certificate = parameters(now, now + TimeDelta::days(AUTHORITY_DAYS))?.self_signed(&key).context("signing the authority")?;
    fresh(&dir.join(KEY), key.serialize_pem().as_bytes())?;
    fresh(&dir.join(CERTIFICATE), certificate.pem().as_bytes())?;
    println!("{}", dir.join(CERTIFICATE).display());
    Ok(())
}

fn issue(dir: &Path, name: &str, to: &Path, now: DateTime<Utc>, until: DateTime<Utc>) -> anyhow::Result<()> {
    if !care::id::well_formed(name) || name.len() > NAME_BYTES_MAX {
        bail!("a certificate's name has 1 to {NAME_BYTES_MAX} letters, digits or - _ . :");
    }
    let file = dir.join(KEY);
    let pem = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let authority = KeyPair::from_pem(&pem).with_context(|| format!("{} is no key", file.display()))?;
    let issuer = Issuer::new(parameters(now, until)?, authority);
    let mut certificate = CertificateParams::new(Vec::new()).context("the certificate's parameters")?;
    certificate.distinguished_name.push(DnType::CommonName, name);
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    certificate.use_authority_key_identifier_extension = true;
    between(&mut certificate, now, until)?;
    let key = KeyPair::generate().context("making a key")?;
    let certificate = certificate.signed_by(&key, &issuer).context("signing the certificate")?;
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    fresh(&to.join(format!("{name}.key")), key.serialize_pem().as_bytes())?;
    fresh(&to.join(format!("{name}.pem")), certificate.pem().as_bytes())?;
    println!("{}", to.join(format!("{name}.pem")).display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, UnixTime};
    use rustls::server::WebPkiClientVerifier;
    use std::sync::Arc;
    use std::time::Duration;

    fn taken(authority: &Path, certificate: &Path, at: DateTime<Utc>) -> bool {
        let read = |file: &Path| CertificateDer::from_pem_file(file).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(read(authority)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.timestamp()).unwrap()));
        verifier.verify_client_cert(&read(certificate), &[], at).is_ok()
    }

    #[test]
    fn a_certificate_is_taken_while_it_is_good_and_only_where_its_authority_is_known() {
        let here = tempfile::tempdir().unwrap();
        let (ours, theirs, out) = (here.path().join("ours"), here.path().join("theirs"), here.path().join("out"));
        let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().unwrap();
        init(&ours, now).unwrap();
        init(&theirs, now).unwrap();
        issue(&ours, "home-1.button.1", &out, now, now + TimeDelta::days(30)).unwrap();
        let certificate = out.join("home-1.button.1.pem");
        assert!(taken(&ours.join(CERTIFICATE), &certificate, now + TimeDelta::days(29)));
        assert!(!taken(&ours.join(CERTIFICATE), &certificate, now + TimeDelta::days(32)), "expired");
        assert!(!taken(&theirs.join(CERTIFICATE), &certificate, now), "of another authority");
    }

    #[test]
    fn nothing_is_overwritten_and_keys_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().unwrap();
        init(here.path(), now).unwrap();
        assert!(init(here.path(), now).is_err());
        issue(here.path(), "a", here.path(), now, now + TimeDelta::days(1)).unwrap();
        assert!(issue(here.path(), "a", here.path(), now, now + TimeDelta::days(1)).is_err());
        assert!(issue(here.path(), "a b", here.path(), now, now + TimeDelta::days(1)).is_err());
        for file in [KEY, "a.key"] {
            assert_eq!(std::fs::metadata(here.path().join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        }
    }
}
