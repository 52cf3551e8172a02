//! baresip: a real telephone program that records what it hears and presses keys when it is told to.

use crate::sipp::{Dir, PATIENCE, ports, until_bound};
use alerts::voice::audio::read_wav;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Baresip {
    child: Child,
    pub(crate) port: u16,
    ctrl: u16,
    dir: Dir,
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Baresip {
    /// As the phone of this number; answers every call by itself. `pem`: key and certificate for TLS on the next port, if any.
    pub(crate) fn start_as(number: &str, pem: &str) -> Self {
        let dir = Dir::new("baresip");
        let at = dir.0.display();
        let port = ports(8);
        let (ctrl, rtp) = (port + 4, ports(64));
        std::fs::create_dir_all(dir.0.join("rec")).unwrap();
        let tls = if pem.is_empty() { String::new() } else { format!("sip_certificate {at}/key.pem\n") };
        std::fs::write(dir.0.join("key.pem"), pem).unwrap();
        std::fs::write(dir.0.join("source.wav"), alerts::voice::audio::write_wav(&vec![0; 8_000 * 60])).unwrap();
        let config = format!(
            "sip_listen 127.0.0.1:{port}\n{tls}audio_player aufile,{at}/out.wav\naudio_source aufile,{at}/source.wav\n\
             audio_alert aufile,{at}/alert.wav\naudio_srate 8000-8000\naudio_channels 1-1\nrtp_ports {rtp}-{}\nnet_interface 127.0.0.1\n\
             module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule_tmp account.so\nmodule_app menu.so\n\
             module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{ctrl}\nsnd_path {at}/rec\n",
            rtp + 60
        );
        std::fs::write(dir.0.join("config"), config).unwrap();
        std::fs::write(dir.0.join("accounts"), format!("<sip:{number}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs=PCMA\n")).unwrap();
        let log = std::fs::File::create(dir.0.join("log")).unwrap();
        let mut child = Command::new("baresip").arg("-f").arg(&dir.0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        until_bound(port, &mut child);
        Self { child, port, ctrl, dir }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.0.join("log")).unwrap_or_default()).into_owned()
    }

    pub(crate) fn until(&self, words: &str) {
        let start = Instant::now();
        while !self.log().contains(words) {
            assert!(start.elapsed() < PATIENCE, "baresip never says {words:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The person at it presses a key.
    pub(crate) fn press(&self, key: char) {
        let start = Instant::now();
        let mut stream = loop {
            match std::net::TcpStream::connect(("127.0.0.1", self.ctrl)) {
                Ok(stream) => break stream,
                Err(error) => assert!(start.elapsed() < PATIENCE, "baresip takes no orders: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let order = format!("{{\"command\":\"sndcode\",\"params\":\"{key}\"}}");
        stream.write_all(format!("{}:{order},", order.len()).as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _its_answer = stream.read(&mut [0; 512]);
    }

    /// What it heard, once the file is whole.
    pub(crate) fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.dir.0.join("rec")).unwrap();
        let file = files.map(|f| f.unwrap().path()).find(|p| p.to_string_lossy().ends_with("-dec.wav")).expect("baresip has recorded nothing");
        read_wav(&std::fs::read(file).unwrap()).unwrap()
    }
}

/// The best correlation of a prompt with a part of what was heard.
pub(crate) fn correlation(prompt: &[i16], heard: &[i16]) -> f64 {
    let at = |lag: usize, step: usize| {
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in prompt.iter().zip(heard.get(lag..).unwrap_or_default()).step_by(step) {
            let (x, y) = (f64::from(*x), f64::from(*y));
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        if xx == 0.0 || yy == 0.0 { 0.0 } else { xy / (xx * yy).sqrt() }
    };
    let lags = heard.len().saturating_sub(prompt.len() / 2);
    let rough = (0..lags).map(|lag| (lag, at(lag, 61))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(lag, _)| lag);
    (rough.saturating_sub(40)..rough + 40).map(|lag| at(lag, 1)).fold(0.0, f64::max)
}
