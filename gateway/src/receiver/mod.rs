//! Other ways in than MQTT: what alarm panels and dispersed alarms speak. The same promise holds: nothing is acknowledged that
//! the log has not stored (ACK-1), and what comes twice is one event (ACK-2). Off until configured.

pub mod dc09;
pub mod scaip;
