//! Measurements for charts. Lossy by contract: never in the alarm's way, never read by the console.

#[cfg(feature = "influxdb")]
mod influx;

#[cfg(feature = "influxdb")]
pub use influx::{InfluxError, InfluxSettings, InfluxSink};

use care::Timestamp;

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The series: `reading`, `battery`, ...
    pub series: &'static str,
    /// Home and device as tags: identifiers, never names.
    pub tags: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
    /// When.
    pub at: Timestamp,
}

/// The port. `offer` never blocks and never fails: what does not fit is dropped and counted.
pub trait TelemetrySink: Send + Sync {
    /// Offers a measurement.
    fn offer(&self, point: Point);

    /// How many were dropped since the start.
    fn dropped(&self) -> u64;
}

/// The sink that keeps nothing.
#[derive(Debug, Default)]
pub struct NoTelemetry;

impl TelemetrySink for NoTelemetry {
    fn offer(&self, _point: Point) {}

    fn dropped(&self) -> u64 {
        0
    }
}
