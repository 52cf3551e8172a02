//! Other ways in than MQTT: what alarm panels and dispersed alarms speak. The same promise holds: nothing is acknowledged that
//! the log has not stored (ACK-1), and what comes twice is one event (ACK-2). Off until configured.

/// What a receiver counts; the words of each counter are those of `/metrics`.
macro_rules! counters {
    ($of:ident { $(#[doc = $words:literal] $name:ident,)* }) => {
        /// What it has counted. Everything only grows.
        #[derive(Debug, Default)]
        pub struct $of {
            $(#[doc = $words] pub $name: std::sync::atomic::AtomicU64,)*
        }

        impl $of {
            /// Each counter: its name, what it counts, how many there are.
            pub fn named(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), $words.trim_ascii(), self.$name.load(std::sync::atomic::Ordering::Relaxed)),)*]
            }
        }
    };
}

pub mod dc09;
pub mod scaip;
