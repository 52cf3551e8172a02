//! The device languages by name.

use serde::{Deserialize, Serialize};

/// A device language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `care/v1/{home}/{device}/{signal}`.
    Native,
    /// zigbee2mqtt with its `bridge/devices`.
    Zigbee2mqtt,
    /// Home Assistant MQTT discovery.
    HomeAssistant,
    /// Tasmota's `tele`, `stat` and discovery topics.
    Tasmota,
    /// Shelly Gen2 and later: RPC notifications and status topics.
    Shelly,
    /// ChirpStack v4 application events with decoded objects.
    Chirpstack,
    /// Frames of alarm panels (SIA DC-09), as their receiver stores them.
    Dc09,
    /// Documents of social alarms (SCAIP), as their receiver stores them.
    Scaip,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Native, Self::Zigbee2mqtt, Self::HomeAssistant, Self::Tasmota, Self::Shelly, Self::Chirpstack, Self::Dc09, Self::Scaip];

    /// The name on the command line and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Zigbee2mqtt => "zigbee2mqtt",
            Self::HomeAssistant => "homeassistant",
            Self::Tasmota => "tasmota",
            Self::Shelly => "shelly",
            Self::Chirpstack => "chirpstack",
            Self::Dc09 => "dc09",
            Self::Scaip => "scaip",
        }
    }

    /// The reverse of [`Language::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }
}
