//! A runtime for sound and signalling alone: what keeps the rest of the platform busy must not make a packet late.

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads of its own.
const THREADS: usize = 2;

/// The runtime; ends without waiting when dropped, wherever that is.
#[derive(Debug)]
pub struct VoiceRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl VoiceRuntime {
    /// Starts it.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("voice").enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Where work is given to.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// A number that nobody can guess; 0 if the system has none, which RTP and SDP can live with.
pub(super) fn random() -> u64 {
    let mut bytes = [0u8; 8];
    match rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes) {
        Ok(()) => u64::from_be_bytes(bytes),
        Err(_) => 0,
    }
}

impl Drop for VoiceRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
