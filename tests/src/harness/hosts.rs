//! Hosts of their own on one machine: network namespaces on a bridge, each of which can be cut off from all others as by a pulled
//! cable: nothing is refused, nothing arrives. The test itself stands in the hall, at the bridge. Needs root.

use std::path::Path;
use std::process::{Command, Stdio};

/// The hosts; they go with this handle.
pub struct Hosts {
    net: u32,
    tag: u32,
    count: usize,
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Hosts {
    /// So many hosts, or `None` where network namespaces are not to be had; then it says so.
    pub fn new(count: usize) -> Option<Self> {
        let tag = std::process::id();
        let hosts = Self { net: tag % 250, tag, count };
        if hosts.build() {
            return Some(hosts);
        }
        println!("NOT TRIED: a cut of the network, for network namespaces cannot be made here (ip netns, as root)");
        None
    }

    fn build(&self) -> bool {
        let (bridge, hall) = (self.bridge(), format!("{}/24", self.hall()));
        let mut good =
            ip(&["link", "add", &bridge, "type", "bridge"]) && ip(&["addr", "add", &hall, "dev", &bridge]) && ip(&["link", "set", &bridge, "up"]);
        for host in 0..self.count {
            let (name, cable, address) = (self.name(host), self.cable(host), format!("{}/24", self.address(host)));
            good = good
                && ip(&["netns", "add", &name])
                && ip(&["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &name])
                && ip(&["link", "set", &cable, "master", &bridge, "up"])
                && ip(&["-n", &name, "addr", "add", &address, "dev", "eth0"])
                && ip(&["-n", &name, "link", "set", "eth0", "up"])
                && ip(&["-n", &name, "link", "set", "lo", "up"]);
        }
        good
    }

    fn bridge(&self) -> String {
        format!("hlb{}", self.tag)
    }

    fn name(&self, host: usize) -> String {
        format!("hl{}-{host}", self.tag)
    }

    fn cable(&self, host: usize) -> String {
        format!("hlc{}x{host}", self.tag)
    }

    /// The address of the hall.
    pub fn hall(&self) -> String {
        format!("10.213.{}.254", self.net)
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> String {
        format!("10.213.{}.{}", self.net, host + 1)
    }

    /// A command that runs a program on a host: the process is the program itself.
    pub fn on(&self, host: usize, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host)]).arg(program);
        command
    }

    /// Pulls a host's cable.
    pub fn cut(&self, host: usize) {
        assert!(ip(&["link", "set", &self.cable(host), "down"]), "the cable of host {host} is pulled");
    }

    /// Puts it in again.
    pub fn mend(&self, host: usize) {
        assert!(ip(&["link", "set", &self.cable(host), "up"]), "the cable of host {host} is in again");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in 0..self.count {
            ip(&["netns", "del", &self.name(host)]);
        }
        ip(&["link", "del", &self.bridge()]);
    }
}
