//! Measurements for charts, by the configuration. Lossy by contract, and never in an alarm's way.

use crate::config::Config;
use std::sync::Arc;
use store::TelemetrySink;
use store::telemetry::NoTelemetry;

/// The sink that the configuration names; the one that keeps nothing if it names none.
///
/// # Errors
/// If the settings cannot work.
pub fn sink(config: &Config) -> anyhow::Result<Arc<dyn TelemetrySink>> {
    match &config.telemetry {
        Some(settings) => influx(settings),
        None => Ok(Arc::new(NoTelemetry)),
    }
}

#[cfg(feature = "influxdb")]
fn influx(settings: &crate::config::TelemetryConfig) -> anyhow::Result<Arc<dyn TelemetrySink>> {
    use anyhow::Context;
    use store::telemetry::{InfluxSettings, InfluxSink};
    let token = match &settings.token_file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?,
        None => String::new(),
    };
    let sink = Arc::new(InfluxSink::new(InfluxSettings::new(&settings.url, &settings.org, &settings.bucket, token.trim()))?);
    tokio::spawn({
        let sink = sink.clone();
        async move { sink.run().await }
    });
    Ok(sink)
}

#[cfg(not(feature = "influxdb"))]
fn influx(_settings: &crate::config::TelemetryConfig) -> anyhow::Result<Arc<dyn TelemetrySink>> {
    anyhow::bail!("this program was built without the feature `influxdb`")
}
