//! What went over the wire, for `voice test-call`: readable, without what would let somebody else call at our cost.

use rsipstack::sip::SipMessage;
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Where messages are shown, while somebody looks.
#[derive(Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Option<mpsc::UnboundedSender<String>>>>);

impl Trace {
    /// Shows all messages from now on.
    pub(super) fn show_to(&self, sender: mpsc::UnboundedSender<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }

    fn show(&self, arrow: &str, message: &SipMessage, peer: Option<&SipAddr>) {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = guard.as_ref() else { return };
        let peer = peer.map(ToString::to_string).unwrap_or_default();
        if sender.send(format!("{arrow} {peer}\n{}", redacted(&message.to_string()))).is_err() {
            tracing::trace!("nobody looks at the trace any more");
        }
    }
}

/// The message without answers to challenges, indented.
fn redacted(message: &str) -> String {
    let secret = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(name.as_str(), "authorization" | "proxy-authorization")
    };
    message
        .lines()
        .map(|line| if secret(line) { format!("    {}: (hidden)\n", line.split(':').next().unwrap_or_default()) } else { format!("    {}\n", line.trim_end()) })
        .collect()
}

impl MessageInspector for Trace {
    fn before_send(&self, message: SipMessage, to: Option<&SipAddr>) -> SipMessage {
        self.show("-->", &message, to);
        message
    }

    fn after_received(&self, message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        self.show("<--", &message, from);
        message
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_trace_hides_the_answer_to_a_challenge() {
        let shown = super::redacted("INVITE sip:1@x SIP/2.0\r\nProxy-Authorization: Digest username=\"a\", response=\"b\"\r\nTo: x\r\n");
        assert_eq!(shown, "    INVITE sip:1@x SIP/2.0\n    Proxy-Authorization: (hidden)\n    To: x\n");
    }
}
